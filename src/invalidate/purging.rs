//! Answers purge clients: PURGE and its kin, and calls of the APIs that some dialects have.

use super::dialect::{self, Asked, Dialect, NotUnderstood};
use super::service::{Invalidator, status};
use super::{Settings, peer};
use crate::accept::PURGE_METHODS;
use crate::body::Body;
use crate::ledger::{Mode, Source};
use crate::observe::PurgeResult;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a call's body: a hundred URLs of a length that browsers take.
const CALL_BYTES_MAX: usize = 256 * 1024;
/// For a call's whole body.
const CALL_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a request of a purge client is not carried out.
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl From<NotUnderstood> for Refused {
    fn from(bad: NotUnderstood) -> Refused {
        let code = match bad.status() {
            StatusCode::METHOD_NOT_ALLOWED => "method",
            StatusCode::UNAUTHORIZED => "not-allowed",
            _ => "not-understood",
        };
        Refused { status: bad.status(), code, message: bad.to_string() }
    }
}

impl Invalidator {
    /// Whether a method is a purge client's, spoken here or not.
    pub fn is_purge_like(&self, method: &Method) -> bool {
        PURGE_METHODS.contains(&method.as_str())
    }

    /// The dialect whose API a request calls, by its method and path.
    pub fn api(&self, method: &Method, path: &str) -> Option<Dialect> {
        self.settings.load().dialects.api(method, path)
    }

    /// Answers PURGE and its kin; 405 where no dialect speaks the method, or PURGE has an address of its own (`here` is
    /// false).
    pub async fn purge(&self, head: &Parts, peer: IpAddr, here: bool) -> Response<Body> {
        let settings = self.settings.load_full();
        self.give_answer(asked_by_purge(&settings, head, peer, here), &settings, None, peer).await
    }

    /// Answers a call of a dialect's API. Who may not call has nothing of theirs read.
    pub async fn answer_call(&self, api: Dialect, head: &Parts, body: Body, peer: IpAddr) -> Response<Body> {
        let settings = self.settings.load_full();
        let asked = asked_by_call(&settings, api, head, body, peer).await;
        self.give_answer(asked, &settings, Some(api), peer).await
    }

    async fn give_answer(
        &self,
        asked: Result<Asked, Refused>,
        settings: &Settings,
        api: Option<Dialect>,
        peer: IpAddr,
    ) -> Response<Body> {
        let asked = match asked {
            Ok(asked) => asked,
            Err(refused) => return self.refuse(&refused, api, peer),
        };
        match self.record(asked.invalidations, asked.wait.unwrap_or(settings.wait)).await {
            Ok(answer) => asked.form.response(answer),
            Err(error) => {
                let refused = Refused { status: status(&error), code: "not-recorded", message: error.to_string() };
                self.refuse(&refused, api, peer)
            }
        }
    }

    fn refuse(&self, refused: &Refused, api: Option<Dialect>, peer: IpAddr) -> Response<Body> {
        let Refused { status, code, message } = refused;
        self.observer.purged(Source::Purge, Mode::Hard, PurgeResult::Refused);
        tracing::warn!(%peer, code, message, "a PURGE was refused");
        dialect::refusal(api, *status, code, message)
    }
}

fn asked_by_purge(settings: &Settings, head: &Parts, peer: IpAddr, here: bool) -> Result<Asked, Refused> {
    if !here {
        let message = "this method is not served here; PURGE goes to the address in invalidation.listen";
        return Err(Refused { status: StatusCode::METHOD_NOT_ALLOWED, code: "method", message: message.into() });
    }
    settings.dialects.check_method(&head.method)?;
    check_peer(settings, head, peer)?;
    Ok(dialect::read(head, settings)?)
}

fn check_peer(settings: &Settings, head: &Parts, peer: IpAddr) -> Result<(), Refused> {
    let refused = |message| Err(Refused { status: StatusCode::FORBIDDEN, code: "not-allowed", message });
    if !peer::may_purge(settings, peer, &head.headers) {
        return refused(format!("you may not send {} here", head.method));
    }
    if peer::is_a_browsers(&head.headers) {
        return refused("a page in a browser may not purge: Origin and Sec-Fetch-Site are not taken here".into());
    }
    Ok(())
}

async fn asked_by_call(
    settings: &Settings,
    api: Dialect,
    head: &Parts,
    body: Body,
    peer: IpAddr,
) -> Result<Asked, Refused> {
    check_peer(settings, head, peer)?;
    dialect::authorize(api, head, settings)?;
    let body = read_body(body).await?;
    Ok(dialect::read_call(api, head, &body, settings)?)
}

async fn read_body(body: Body) -> Result<Bytes, Refused> {
    let refused = |status, message: &str| Refused { status, code: "body", message: message.into() };
    match timeout(CALL_BODY_TIMEOUT, Limited::new(body, CALL_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "the body has more than 256 KiB; nothing was purged"))
        }
        Ok(Err(_)) => Err(refused(StatusCode::BAD_REQUEST, "the body broke off; nothing was purged")),
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time; nothing was purged")),
    }
}
