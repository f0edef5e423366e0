//! The origin's own answer to this visitor's own request: nothing is looked up, nothing is kept.

use super::ask::Carried;
use super::failure::Failure;
use super::filling::count_exchange;
use super::reply::Reply;
use super::{Ask, Proxy, Rules};
use crate::body::Body;
use crate::fetch::{Answered, Tunnel, join_upgrades, pass_fields};
use crate::headers::end_to_end;
use crate::key::UrlText;
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
    pub rules: &'a Rules,
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
    let path_and_query = ask.target.path_and_query();
    let answered = proxy.origin.send(&ask.method, &path_and_query, &fields, carried.body).await;
    count_exchange(under.figures, &answered);
    if !ask.method.is_safe() {
        // Before the answer is delivered, so that who made the change sees it. No answer counts as one: the change may
        // have been made.
        let answer = answered.as_ref().ok().map(|answered| (answered.status, &answered.fields));
        let may_be_stored = |url: &UrlText| under.rules.may_store(&ask.target, url);
        proxy.invalidator.unsafe_method(&ask.method, &ask.target, answer, may_be_stored).await;
    }
    Ok(reply(proxy, ask, answered?, tunnel, reason))
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
