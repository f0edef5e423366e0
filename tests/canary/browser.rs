//! A browser's tab: a connection to each proxy that is kept, and what comes back on it.

use crate::parts::proxy::Proxy;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Past it an answer is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A tab. Its requests go out one after the other.
pub(crate) struct Tab {
    links: Vec<Option<Link>>,
}

struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// The proxy's count when it was made: what was connected to a process that is gone is of no use.
    outs: u64,
}

/// What comes back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: HeaderMap,
    pub(crate) body: String,
}

impl Tab {
    pub(crate) fn new(proxies: usize) -> Tab {
        Tab { links: (0..proxies).map(|_| None).collect() }
    }

    /// Asks a proxy; none where no whole answer comes. As browsers do, it asks once more on a new connection if nothing can
    /// have been changed by the first time.
    pub(crate) async fn ask(&mut self, proxy: &Proxy, request: &Request<Full<Bytes>>) -> Option<Answer> {
        let place = &mut self.links[usize::from(proxy.number)];
        let kept = place.take().filter(|link| !link.sender.is_closed() && link.outs == proxy.outs());
        let had_one = kept.is_some();
        let mut link = match kept {
            Some(link) => link,
            None => connect(proxy).await?,
        };
        let mut answered = exchange(&mut link, request.clone()).await;
        if answered.as_ref().is_err_and(|was_sent| had_one && (!was_sent || request.method() == Method::GET)) {
            link = connect(proxy).await?;
            answered = exchange(&mut link, request.clone()).await;
        }
        let answer = answered.ok()?;
        *place = Some(link);
        Some(answer)
    }
}

async fn connect(proxy: &Proxy) -> Option<Link> {
    let outs = proxy.outs();
    let stream = TcpStream::connect(proxy.public).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // It ends when the link is dropped, or the proxy closes it.
    tokio::spawn(connection);
    Some(Link { sender, outs })
}

/// The error tells whether the proxy may have got the request.
async fn exchange(link: &mut Link, request: Request<Full<Bytes>>) -> Result<Answer, bool> {
    link.sender.ready().await.map_err(|_| false)?;
    let whole = async {
        let response = link.sender.send_request(request).await.map_err(|error| !error.is_canceled())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| true)?.to_bytes();
        Ok(Answer {
            status: head.status.as_u16(),
            fields: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    timeout(ANSWER_TIMEOUT, whole).await.unwrap_or(Err(true))
}

impl Answer {
    /// A field; empty where there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether it came out of a cache.
    pub(crate) fn is_hit(&self) -> bool {
        ["HIT", "STALE"].contains(&self.field("x-cache"))
    }

    /// The cookies that it sets, with their values; an empty one deletes.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.fields.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.filter_map(|line| line.split(';').next()?.split_once('='))
    }

    /// All of it, to be searched.
    pub(crate) fn text(&self) -> String {
        let lines =
            self.fields.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        lines.chain([self.body.clone()]).collect::<Vec<_>>().join("\n")
    }
}
