//! From a request to its answer: find the endpoint, see whether the caller may, ask backstage, answer.

use super::backstage::{Backstage, Refusal};
use super::deliveries::deliveries;
use super::explain::Question;
use super::ledger::Waiting;
use super::page::Page;
use super::query::Query;
use super::routes::{self, Endpoint, Missing};
use super::status::Status;
use super::{Settings, answer, auth, health};
use crate::body::Body;
use crate::cache_name::CacheName;
use crate::observe::Observer;
use bytes::Bytes;
use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A purge order names at most some hundred tags; nothing else is as long.
const BODY_BYTES_MAX: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The admin API.
pub struct Admin<B> {
    settings: Settings,
    version: &'static str,
    observer: Arc<Observer>,
    backstage: B,
    waiting: Waiting,
    page: Page,
}

impl<B: Backstage> Admin<B> {
    /// An admin API for that token, over these parts.
    pub fn new(settings: Settings, version: &'static str, observer: Arc<Observer>, backstage: B) -> Admin<B> {
        Admin { settings, version, observer, backstage, waiting: Waiting::new(), page: Page::new() }
    }

    /// The answer to a request of `peer`. It waits for the body and for what is asked, both within bounds; dropped before
    /// its end, it leaves a purge or a reload to whoever carries it out.
    pub async fn answer<R>(&self, peer: IpAddr, head: &Parts, body: R) -> Response<Body>
    where
        R: http_body::Body<Data = Bytes>,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (endpoint, access) = match routes::find(&head.method, head.uri.path()) {
            Ok(found) => found,
            Err(missing) => return missing_answer(&missing),
        };
        let answered = match auth::check(&self.settings, access, peer, head) {
            Ok(()) => self.answer_from(endpoint, head.uri.query(), body).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|refusal| refusal_answer(&refusal))
    }

    async fn answer_from<R>(&self, endpoint: Endpoint, query: Option<&str>, body: R) -> Result<Response<Body>, Refusal>
    where
        R: http_body::Body<Data = Bytes>,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let backstage = &self.backstage;
        let ok = StatusCode::OK;
        Ok(match endpoint {
            Endpoint::Dashboard => self.page.answer(),
            Endpoint::Live => health::live(),
            Endpoint::Ready => health::ready(&backstage.situation(), &backstage.figures()),
            Endpoint::OpenApi => answer::whole(ok, "application/json", include_str!("openapi.json")),
            Endpoint::Metrics => self.metrics()?,
            Endpoint::Status => answer::json(ok, &self.status()),
            Endpoint::Explain => answer::json(ok, &backstage.explain(Question::read(query)?).await?),
            Endpoint::Ledger => answer::json(ok, &self.waiting.records(backstage, query).await?),
            Endpoint::Deliveries => answer::json(ok, &deliveries(backstage, query)?),
            Endpoint::Purge => {
                let told = backstage.purge(with_wait(query, read(body).await?)?).await?;
                // It waits to be recorded, as long as the shared ledger cannot be reached.
                let is_pending = told["status"] == "pending";
                answer::json(if is_pending { StatusCode::ACCEPTED } else { ok }, &told)
            }
            Endpoint::Clear => answer::json(ok, &backstage.clear(which_cache(&read(body).await?)?).await?),
            Endpoint::Reload => answer::json(ok, &backstage.reload().await?),
        })
    }

    fn metrics(&self) -> Result<Response<Body>, Refusal> {
        let text = self.observer.exposition(&self.backstage.figures());
        let text = text.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        Ok(answer::whole(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
    }

    fn status(&self) -> Status {
        Status::of(self.version, &self.backstage.situation(), &self.backstage.figures(), &self.observer.totals())
    }
}

fn missing_answer(missing: &Missing) -> Response<Body> {
    let mut response = answer::refusal(&missing.refusal());
    if let Missing::Method(allow) = missing {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

fn refusal_answer(refusal: &Refusal) -> Response<Body> {
    let mut response = answer::refusal(refusal);
    if refusal.status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"vitrine\""));
    }
    response
}

async fn read<R>(body: R) -> Result<Bytes, Refusal>
where
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {BODY_BYTES_MAX} bytes are read")))
        }
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

/// The order with the query's `wait`, where it says none itself.
fn with_wait(query: Option<&str>, order: Bytes) -> Result<Bytes, Refusal> {
    let Some(wait) = Query::read(query, &["wait"])?.take("wait") else { return Ok(order) };
    match serde_json::from_slice(&order) {
        Ok(serde_json::Value::Object(mut fields)) => {
            fields.entry("wait").or_insert_with(|| wait.into());
            Ok(serde_json::Value::Object(fields).to_string().into())
        }
        // Whoever reads orders says what is wrong with it.
        _ => Ok(order),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClearOrder {
    cache: Option<String>,
}

/// The cache to clear; none for all. An empty body clears all, as the bare command does.
fn which_cache(body: &[u8]) -> Result<Option<CacheName>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    let bad = |detail| Refusal::new(StatusCode::BAD_REQUEST, detail);
    let form = "send {} or {\"cache\": \"products\"}";
    // A derived struct would also be read from an array.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(bad(format!("the body is no JSON object; {form}")));
    }
    let order: ClearOrder = serde_json::from_slice(body).map_err(|error| bad(format!("{error}; {form}")))?;
    let Some(name) = order.cache else { return Ok(None) };
    let names = CacheName::ALL.map(CacheName::as_str).join(", ");
    CacheName::parse(&name).map(Some).ok_or_else(|| bad(format!("there is no cache {name:?}; there are {names}")))
}
