//! HEAD of what is stored but may not be used as it is: the origin is asked the same, and what it says is taken into what is
//! stored (RFC 9111 4.3.5).

use super::coding;
use super::errand::Errand;
use super::failure::Failure;
use super::filling::{as_exchange, count_exchange, keep};
use super::lookup::standing;
use super::miss::{instead_of_failure, stale_reply};
use super::reply::Reply;
use super::{Ask, Proof, Proxy};
use crate::body::Body;
use crate::fetch::{Answered, Outgoing};
use crate::headers::end_to_end;
use crate::ledger::{Stamp, Standing};
use crate::outcome::{Kind, Outcome, Reason};
use crate::policy;
use crate::policy::validation::Told;
use crate::respond::{self, Keeper};
use crate::stored::StoredResponse;
use http::{Method, header};
use std::sync::Arc;

/// Asks the origin, and answers with what it says.
pub(super) async fn ask(proxy: &Arc<Proxy>, ask: &Ask, errand: Errand, reason: Reason) -> Result<Reply, Failure> {
    let stamp = proxy.ledger.stamp();
    // Judged after the stamp was taken: what was invalidated must not come back, and a HEAD alone proves nothing to a soft purge.
    let stored = errand
        .fallback
        .clone()
        .filter(|stored| standing(proxy, stored) == Standing::Valid && is_kept(proxy, &errand, stored));
    let fields = || errand.as_sent.clone();
    let outgoing = Outgoing::new(&Method::HEAD, &errand.path_and_query, &fields);
    let answered = proxy.origins.send(&errand.rule.origin, outgoing, Body::empty()).await;
    count_exchange(errand.figures(), &answered);
    let answered = match answered {
        Ok(answered) => answered,
        Err(failure) => return stale_reply(proxy, ask, &errand, reason, None).unwrap_or(Err(failure.into())),
    };
    if let Some(reply) = instead_of_failure(proxy, ask, &errand, reason, answered.status) {
        return reply;
    }
    if let Some(stored) = stored {
        take_in(proxy, &errand, &stored, &answered, stamp);
    }
    Ok(reply(&errand, &answered, reason))
}

/// Whether it may be used at all: by its rule, and by its time. A GET would not ask about another one.
fn is_kept(proxy: &Proxy, errand: &Errand, stored: &StoredResponse) -> bool {
    stored.rule == errand.rule.fingerprint && proxy.clock.now() < stored.lifetime().keep_until()
}

fn take_in(proxy: &Arc<Proxy>, errand: &Errand, stored: &StoredResponse, answered: &Answered, stamp: Stamp) {
    let is_proven = matches!(errand.rules.guards.proof(errand.place), None | Some(Proof::Proven { .. }));
    let Some(tags) = errand.told_tags(&answered.fields).ok().filter(|_| is_proven) else { return };
    // What was fetched meanwhile knows better.
    let variants = proxy.memory.get(errand.cache, &errand.key);
    let succeeds = |other: &Arc<StoredResponse>| other.vary == stored.vary && other.generation != stored.generation;
    if variants.iter().flat_map(|variants| variants.iter()).any(succeeds) {
        return;
    }
    let (exchange, generation) = (as_exchange(errand, answered), proxy.new_generation());
    let told = Told { exchange: &exchange, terms: &errand.terms(), tags, stamp, generation };
    if let Some(known) = policy::head::taken_in(stored, told) {
        // What was invalidated meanwhile is not kept; it is not the client's matter.
        let _ = keep(proxy, errand, &Arc::new(coding::as_told(proxy, errand, known)), answered.requested);
    }
}

fn reply(errand: &Errand, answered: &Answered, reason: Reason) -> Reply {
    let mut outcome = Outcome::new(Kind::Miss, reason);
    outcome.fwd_status = Some(answered.status.as_u16());
    let mut fields = end_to_end(&answered.fields);
    // It was asked for everybody.
    if !errand.keeps_cookies() {
        fields.remove(header::SET_COOKIE);
    }
    if let Some(length) = answered.fields.get(header::CONTENT_LENGTH) {
        fields.insert(header::CONTENT_LENGTH, length.clone());
    }
    // What a GET of the same page would tell those on the way (RFC 9110 9.3.2).
    let page = errand.fallback.as_ref().filter(|page| page.status == answered.status);
    if page.is_some_and(|page| page.is_negotiated()) {
        respond::vary_on_coding(&mut fields);
    }
    let keeper = page.map(|page| Keeper::of(page, page.lifetime().from));
    let response = respond::streaming(answered.status, fields, Body::empty(), &outcome, keeper);
    Reply { origin_time: Some(answered.took), ..Reply::new(response, outcome) }
}
