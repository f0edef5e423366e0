//! The origin's own answer to this visitor's own request: nothing is looked up, nothing is kept.

use super::admit::asks_for_other_method;
use super::ask::Carried;
use super::failure::Failure;
use super::filling::count_exchange;
use super::reply::Reply;
use super::{Ask, Proxy, Rules};
use crate::body::Body;
use crate::fetch::{Answered, FetchFailure, Outgoing, Tunnel, join_upgrades, pass_fields};
use crate::headers::{end_to_end, end_to_end_of};
use crate::interim::Outlet;
use crate::invalidate::ChangedSessions;
use crate::key::{SessionHash, Target, UrlText, sets_one_of};
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
    let forwards_left = forwards_left(ask);
    if forwards_left == Some(0) {
        return Ok(last_hop());
    }
    let tunnel = carried.tunnel.filter(|_| under.rule.pass);
    let upgrades = tunnel.is_some();
    let fields = || {
        let mut fields = pass_fields(&ask.fields, ask.forwarded_by());
        if let Some(left) = forwards_left {
            fields.insert(header::MAX_FORWARDS, HeaderValue::from(left - 1));
        }
        if upgrades {
            ask_for_upgrade(&mut fields, &ask.fields);
        }
        fields
    };
    let sessions = under.rules.sessions.all_of(&ask.fields);
    let answered = if ask.method.is_safe() && sessions.is_empty() {
        let target = ask.target.path_and_query();
        let outgoing = Outgoing::new(&ask.method, &target, &fields).relaying(&carried.interim);
        proxy.origins.send(&under.rule.origin, outgoing, carried.body).await
    } else {
        let change = Change {
            proxy: proxy.clone(),
            rules: under.rules.clone(),
            origin: under.rule.origin.clone(),
            method: ask.method.clone(),
            target: ask.target.clone(),
            is_unsafe: !ask.method.is_safe() || asks_for_other_method(&ask.fields),
            sessions,
        };
        // A task of its own: a visitor who leaves before the answer may have changed what they asked to change.
        proxy.tasks.spawn(change.make(carried.interim, fields(), carried.body)).await.unwrap_or(Err(FetchFailure::Lost))
    };
    count_exchange(under.figures, &answered);
    Ok(reply(proxy, ask, answered?, tunnel, reason))
}

/// How often an OPTIONS may still be forwarded (RFC 9110 7.6.2). TRACE is not served.
fn forwards_left(ask: &Ask) -> Option<u64> {
    let field = ask.fields.get(header::MAX_FORWARDS).filter(|_| ask.method == Method::OPTIONS);
    field.and_then(|count| count.to_str().ok()?.parse().ok())
}

/// The answer to a request that goes no further.
fn last_hop() -> Reply {
    let outcome = Outcome::new(Kind::Bypass, Reason::MaxForwards);
    Reply::new(respond::streaming(StatusCode::OK, HeaderMap::new(), Body::empty(), &outcome, None), outcome)
}

/// A request that may change something: by its method, or because it ends or begins a session.
struct Change {
    proxy: Arc<Proxy>,
    rules: Arc<Rules>,
    origin: Arc<str>,
    method: Method,
    target: Target,
    /// Whether it may change something by itself.
    is_unsafe: bool,
    /// Every session that it could be of.
    sessions: Vec<SessionHash>,
}

impl Change {
    /// Sends it, and lets go of what it changed before its answer is delivered, so that who made the change sees it. No answer
    /// counts as one: the change may have been made. What never left changed nothing, and must not take away what covers for a
    /// shop that is down.
    async fn make(self, interim: Outlet, fields: HeaderMap, body: Body) -> Result<Answered, FetchFailure> {
        let proxy = &self.proxy;
        let (target, fields) = (self.target.path_and_query(), || fields.clone());
        let outgoing = Outgoing::new(&self.method, &target, &fields).relaying(&interim);
        let answered = proxy.origins.send(&self.origin, outgoing, body).await;
        if answered.as_ref().is_err_and(FetchFailure::is_before_sending) {
            return answered;
        }
        let answer = answered.as_ref().ok().map(|answered| (answered.status, &answered.fields));
        let is_answered = answer.is_some_and(|(status, _)| !may_go_on(status));
        let tags = if self.changes_session(answer) {
            proxy.tags_of_changed(&self.sessions, is_answered).await
        } else {
            Vec::new()
        };
        let sessions = ChangedSessions { tags, is_answered };
        if self.method.is_safe() {
            proxy.invalidator.sessions_changed(&format!("{} {}", self.method, self.target.path), sessions).await;
        } else {
            let may_be_stored = |url: &UrlText| self.rules.may_store(&self.target, url);
            proxy.invalidator.unsafe_method(&self.method, &self.target, answer, may_be_stored, sessions).await;
        }
        answered
    }

    /// A basket, a profile; a login or logout, whatever its method and status. Only what the shop turns away (4xx) has surely
    /// changed nothing.
    fn changes_session(&self, answer: Option<(StatusCode, &HeaderMap)>) -> bool {
        let refused = answer.is_some_and(|(status, _)| status.is_client_error());
        let touches = answer.is_some_and(|(_, fields)| sets_one_of(&self.rules.sessions.cookies, fields));
        touches || (self.is_unsafe && !refused)
    }
}

/// Whether a status says that somebody before the shop did not wait for it: it may be at work still.
fn may_go_on(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
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
            let mut fields = end_to_end_of(&answered.fields, respond::OWN_FIELDS, |_| true);
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
