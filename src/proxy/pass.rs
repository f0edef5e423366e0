//! The origin's own answer to this visitor's own request: nothing is looked up, nothing is kept.

use super::ask::Carried;
use super::failure::Failure;
use super::filling::count_exchange;
use super::reply::Reply;
use super::{Ask, Proxy, Rules};
use crate::body::Body;
use crate::fetch::{Answered, FetchFailure, Tunnel, join_upgrades, pass_fields};
use crate::headers::end_to_end;
use crate::key::{Target, UrlText};
use crate::observe::RouteFigures;
use crate::outcome::{Kind, Outcome, Reason};
use crate::respond;
use crate::route::Rule;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

/// What a request falls under.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// All of them.
    pub rules: &'a Arc<Rules>,
    /// Where it is counted.
    pub figures: &'a RouteFigures,
}

/// Sends the request on as it is and answers with what comes back.
pub(super) async fn pass(
    proxy: &Arc<Proxy>,
    ask: &Ask,
    under: Under<'_>,
    reason: Reason,
    carried: Carried,
) -> Result<Reply, Failure> {
    let mut fields = pass_fields(&ask.fields, ask.forwarded_by());
    let tunnel = carried.tunnel.filter(|_| under.rule.pass);
    if tunnel.is_some() {
        ask_for_upgrade(&mut fields, &ask.fields);
    }
    let answered = if ask.method.is_safe() {
        proxy.origin.send(&ask.method, &ask.target.path_and_query(), &fields, carried.body).await
    } else {
        let change =
            change(proxy.clone(), under.rules.clone(), ask.method.clone(), ask.target.clone(), fields, carried.body);
        // A task of its own: a visitor who leaves before the answer may have changed what they asked to change.
        proxy.tasks.spawn(change).await.unwrap_or(Err(FetchFailure::Lost))
    };
    count_exchange(under.figures, &answered);
    Ok(reply(proxy, ask, answered?, tunnel, reason))
}

/// Sends a request that may change something, and lets go of what it changed before its answer is delivered, so that who made
/// the change sees it. No answer counts as one: the change may have been made. What never left changed nothing, and must not
/// take away what covers for a shop that is down.
async fn change(
    proxy: Arc<Proxy>,
    rules: Arc<Rules>,
    method: Method,
    target: Target,
    fields: HeaderMap,
    body: Body,
) -> Result<Answered, FetchFailure> {
    let answered = proxy.origin.send(&method, &target.path_and_query(), &fields, body).await;
    if answered.as_ref().is_err_and(FetchFailure::is_before_sending) {
        return answered;
    }
    let answer = answered.as_ref().ok().map(|answered| (answered.status, &answered.fields));
    let may_be_stored = |url: &UrlText| rules.may_store(&target, url);
    proxy.invalidator.unsafe_method(&method, &target, answer, may_be_stored).await;
    answered
}

fn reply(proxy: &Arc<Proxy>, ask: &Ask, answered: Answered, tunnel: Option<Tunnel>, reason: Reason) -> Reply {
    let mut outcome = Outcome::new(if reason.fwd().is_some() { Kind::Bypass } else { Kind::Miss }, reason);
    outcome.fwd_status = Some(answered.status.as_u16());
    let origin_time = answered.took;
    let response = match (answered.status, tunnel, answered.upgrade) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(client), Some(origin)) => {
            proxy.tasks.spawn(join_upgrades(client, origin));
            let mut fields = end_to_end(&answered.fields);
            copy(&answered.fields, &mut fields, &header::UPGRADE);
            fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            respond::streaming(answered.status, fields, Body::empty(), &outcome, None)
        }
        (status, ..) => {
            let mut fields = end_to_end(&answered.fields);
            if ask.method == Method::HEAD {
                // It speaks of the body that a GET would have; no other tells it.
                copy(&answered.fields, &mut fields, &header::CONTENT_LENGTH);
            }
            respond::streaming(status, fields, Body::streamed(answered.body), &outcome, None)
        }
    };
    Reply { origin_time: Some(origin_time), ..Reply::new(response, outcome) }
}

fn ask_for_upgrade(fields: &mut HeaderMap, client: &HeaderMap) {
    copy(client, fields, &header::UPGRADE);
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, name: &header::HeaderName) {
    for value in from.get_all(name) {
        to.append(name, value.clone());
    }
}
