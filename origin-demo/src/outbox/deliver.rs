//! One attempt to deliver one message: connect, post, read the status.
//!
//! A connection for each attempt: a receiver that was restarted is never met through a dead one.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Webhook;
use crate::database::Message;

/// How long a receiver may take from connecting to its status line.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

const PORT_DEFAULT: u16 = 80;

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Undelivered {
    Refused(StatusCode),
    TimedOut,
    Unreachable(String),
}

/// Posts `message` to `webhook`; anything but a 2xx is a failure. Cancelled, it may or may not
/// have arrived, which is the same as a failure.
pub(super) async fn deliver(webhook: &Webhook, message: &Message, now_ms: i64) -> Result<(), Undelivered> {
    let attempt = post(webhook, message, now_ms / 1000);
    let status = tokio::time::timeout(ATTEMPT_TIMEOUT, attempt)
        .await
        .map_err(|_| Undelivered::TimedOut)?
        .map_err(|error| Undelivered::Unreachable(error.to_string()))?;
    if status.is_success() { Ok(()) } else { Err(Undelivered::Refused(status)) }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn post(webhook: &Webhook, message: &Message, seconds: i64) -> Result<StatusCode, AnyError> {
    let request = signed(webhook, message, seconds)?;
    let host = webhook.url().host().unwrap_or_default();
    // An IPv6 address is in brackets in a URL and without them anywhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = webhook.url().port_u16().unwrap_or(PORT_DEFAULT);
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    // Both are polled here, so that a cancelled attempt leaves no task behind. A connection that
    // ends may have brought the answer with its last breath.
    let answer = tokio::select! {
        answer = answer.as_mut() => answer?,
        _ = connection => answer.await?,
    };
    Ok(answer.status())
}

fn signed(webhook: &Webhook, message: &Message, seconds: i64) -> http::Result<Request<Full<Bytes>>> {
    let url = webhook.url();
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let host = url.authority().map_or("", |authority| authority.as_str());
    Request::post(target)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "origin-demo")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", webhook.signature(&message.id, seconds, &message.payload))
        .body(Full::from(message.payload.clone()))
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "answered {status}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreachable(error) => f.write_str(error),
        }
    }
}
