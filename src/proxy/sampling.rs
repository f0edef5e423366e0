//! A sample: one page of a guarded route, fetched twice for nobody, one after the other, and compared.
//!
//! It runs behind the requests that start it. What it finds decides for the whole route; what it cannot compare proves
//! nothing.

use super::Proxy;
use super::errand::Errand;
use super::filling::{as_exchange, count_exchange};
use super::guard::{Proof, Sampling, Watched};
use super::recording::{Held, next_part};
use super::splicing;
use crate::body::Body;
use crate::fetch::Outgoing;
use crate::headers::X_FORWARDED_PROTO;
use crate::ledger::{Invalidation, Mode, Scope, Source};
use crate::observe::SampleResult;
use crate::policy::likeness::{Place, Sampled, differences};
use crate::policy::{stale, storing};
use crate::tags::Tag;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Samples under way, over all routes: each holds two pages, and the shop has visitors to answer.
pub(super) const SAMPLES_MAX: usize = 4;
/// For both fetches and the comparison; an origin that trickles would hold the route's place for ever.
const SAMPLE_TIME_MAX: Duration = Duration::from_mins(1);
/// How long the other proxies are waited for when a route's pages are let go: only to tell whether they did.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(2);

/// Starts a sample of what an errand fetches. Where too many are under way, a later request starts it.
pub(super) fn begin(proxy: &Arc<Proxy>, watched: &Arc<Watched>, errand: &Arc<Errand>) {
    let Ok(place) = proxy.samples.clone().try_acquire_owned() else { return };
    let Some(sampling) = Sampling::begin(watched, proxy.clock.now()) else { return };
    let (proxy, errand) = (proxy.clone(), errand.clone());
    proxy.clone().tasks.spawn(async move {
        let _place = place;
        let compared = timeout(SAMPLE_TIME_MAX, compare(&proxy, &errand)).await;
        conclude(&proxy, &errand, sampling, compared.unwrap_or_else(|_| Err("it took too long".into()))).await;
    });
}

/// Where two fetches differ; an error says why nothing was learned.
async fn compare(proxy: &Proxy, errand: &Errand) -> Result<Vec<Place>, String> {
    let (mut held, mut held_too) = (Held::nothing(proxy), Held::nothing(proxy));
    let first = fetch(proxy, errand, &mut held).await?;
    let second = fetch(proxy, errand, &mut held_too).await?;
    let status = first.status;
    let allow = errand.rules.guards.settings().allow.clone();
    // Millions of bytes take a moment: not on a thread that answers requests.
    let compared = tokio::task::spawn_blocking(move || differences(first.sampled(), second.sampled(), &allow)).await;
    let places = compared.map_err(|_| "the comparison was lost".to_string())?;
    if places.is_empty() && status.is_client_error() {
        // A page that is not there says nothing of those that are.
        return Err(format!("{} says nothing of the route's other pages", status.as_u16()));
    }
    Ok(places)
}

/// A whole response.
struct Fetched {
    status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
}

impl Fetched {
    fn sampled(&self) -> Sampled<'_> {
        Sampled { status: self.status, fields: &self.fields, body: &self.body }
    }
}

async fn fetch(proxy: &Proxy, errand: &Errand, held: &mut Held<'_>) -> Result<Fetched, String> {
    let fields = || {
        let mut fields = splicing::to_send(errand);
        fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        fields
    };
    let outgoing = Outgoing::new(&Method::GET, &errand.path_and_query, &fields);
    let answered = proxy.origins.send(&errand.rule.origin, outgoing, Body::empty()).await;
    count_exchange(errand.figures(), &answered);
    let answered = answered.map_err(|failure| failure.to_string())?;
    if stale::is_failure(answered.status) {
        return Err(format!("the origin answered {}", answered.status.as_u16()));
    }
    // What would not be kept cannot leak.
    let may_be_kept = storing::decide(&as_exchange(errand, &answered), &errand.terms()).map(|_| ());
    may_be_kept.and(errand.tags(&answered.fields).map(|_| ())).map_err(|reason| format!("not kept: {reason}"))?;
    if answered.fields.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err("the origin sent a content coding although none was asked for".into());
    }
    let mut body = BytesMut::new();
    let mut incoming = answered.body;
    while let Some(part) = next_part(&mut incoming).await.map_err(|broken| broken.to_string())? {
        if !held.take(part.len() as u64) {
            return Err("the body is larger than what is kept".into());
        }
        body.extend_from_slice(&part);
    }
    let (status, mut fields) = (answered.status, answered.fields);
    // Each fetch has other tokens of one secret.
    let body = splicing::without_tokens(errand, &mut fields, body.freeze());
    let body = body.map_err(|reason| format!("not kept: {reason}"))?;
    Ok(Fetched { status, fields, body })
}

async fn conclude(proxy: &Proxy, errand: &Errand, sampling: Sampling, compared: Result<Vec<Place>, String>) {
    let (route, path) = (errand.rule.name.clone(), errand.key.path());
    match compared {
        Err(why) => {
            tracing::debug!(%route, path, why, "a sample came to nothing");
            sampling.failed(why);
            errand.figures().sampled(SampleResult::Failed);
        }
        Ok(places) if places.is_empty() => {
            sampling.alike(proxy.clock.wall(), errand.rules.guards.settings().every);
            errand.figures().sampled(SampleResult::Alike);
        }
        Ok(places) => {
            let is_in_force = proxy.rules.load().guards.has(&sampling.watched);
            // Where, and not what: that may be a token, or somebody's name. `explain` shows it to whoever may ask.
            let place = places.first().map(|place| place.at.to_string()).unwrap_or_default();
            sampling.differ(Proof::Suspect { since: proxy.clock.wall(), url: url(errand), places });
            errand.figures().sampled(SampleResult::Different);
            tracing::warn!(%route, path, place, "two anonymous fetches differ: nothing under this route is cached \
                until the configuration is loaded again");
            // Another configuration has another view of what may differ, and samples for itself.
            if is_in_force {
                let_go(proxy, errand).await;
            }
        }
    }
}

fn url(errand: &Errand) -> String {
    let scheme = errand.as_sent.get(X_FORWARDED_PROTO).and_then(|scheme| scheme.to_str().ok()).unwrap_or("http");
    format!("{scheme}://{}{}", errand.key.host(), errand.path_and_query)
}

/// What was kept under the route may be somebody's own: it goes, on all proxies. Fills that began before this are older than
/// the record and go with it.
async fn let_go(proxy: &Proxy, errand: &Errand) {
    let Ok(tag) = Tag::new(&format!("route:{}", errand.rule.name)) else { return };
    let asked = Invalidation {
        scope: Scope::Tag(tag),
        mode: Mode::Hard,
        settle: Duration::ZERO,
        source: Source::Guard,
        reason: format!("two anonymous fetches of {} differ", errand.key.path()).into(),
    };
    if let Err(error) = proxy.invalidator.invalidate(&[asked], CONFIRMATION_WAIT).await {
        tracing::error!(%error, route = %errand.rule.name, "what a guarded route had stored would come back after a restart");
    }
}
