//! Look-up: memory, then the store; the variant that Vary chooses; where it stands with the ledger; and what policy makes
//! of all that.

use super::admit::Wanted;
use super::coding::AWAITED_MAX;
use super::{Ask, Proxy, Rules};
use crate::clock::Timestamp;
use crate::ledger::{Gone, Standing, Trust};
use crate::outcome::Reason;
use crate::policy::directives::CacheControl;
use crate::policy::{self, Reuse, Wishes, vary};
use crate::route::Rule;
use crate::store::{StoreError, Variants};
use crate::stored::StoredResponse;
use http::{HeaderMap, header};
use std::sync::Arc;

/// What look-up came to.
#[derive(Debug)]
pub(super) struct Found {
    /// What to do.
    pub reuse: Reuse,
    /// With what; may also be there beside [`Reuse::Fetch`], as what answers if the origin fails.
    pub stored: Option<Arc<StoredResponse>>,
    /// The moment for which that holds, in steady time.
    pub at: Timestamp,
}

/// Finds what is stored for a request and decides what it is good for.
pub(super) async fn lookup(proxy: &Proxy, rules: &Rules, rule: &Rule, ask: &Ask, wanted: &Wanted) -> Found {
    // Asked before anything is looked at: see `Ledger::trust`. A lease that ran when the request arrived is enough: what was
    // confirmed only since then was not confirmed before it arrived.
    let trust = proxy.ledger.trust(ask.arrived);
    let nothing = |reuse, at| Found { reuse, stored: None, at };
    if trust == Trust::None {
        return nothing(Reuse::Pass(Reason::Isolated), ask.arrived);
    }
    let as_sent = |name: &_| vary::normalised(wanted.as_sent(rules, rule, &ask.fields, ask.forwarded_by()), name);
    let select = |variants: &Variants| vary::select(variants, as_sent).ok().cloned();
    let Ok((variants, at)) = stored_under(proxy, wanted, ask.arrived, select).await else {
        return nothing(Reuse::Fetch(Reason::StoreUnavailable), ask.arrived);
    };
    match vary::select(&variants, as_sent) {
        Err(reason) => nothing(Reuse::Fetch(reason), at),
        Ok(stored) if !is_for(rule, ask, || stored.fields().to_map()) => {
            nothing(Reuse::Pass(Reason::Authorization), at)
        }
        Ok(stored) => judge(proxy, rule, &wanted.wishes, stored, trust, at),
    }
}

/// Whether a response of these fields may answer a request with credentials, where this is one (RFC 9111 3.5, row L2).
pub(super) fn is_for(rule: &Rule, ask: &Ask, fields: impl FnOnce() -> HeaderMap) -> bool {
    let directives = || CacheControl::of(&fields(), &rule.choices.targeted);
    !ask.fields.contains_key(header::AUTHORIZATION) || directives().shares_authorized()
}

/// What a stored response that Vary chose is good for at that moment.
fn judge(
    proxy: &Proxy,
    rule: &Rule,
    wishes: &Wishes,
    stored: &Arc<StoredResponse>,
    trust: Trust,
    at: Timestamp,
) -> Found {
    let standing = standing(proxy, stored);
    let reuse = policy::reuse::decide(stored, trust, standing, rule.fingerprint, wishes, at);
    if let Standing::Gone(Gone::Ahead) = standing {
        return Found { reuse, stored: None, at };
    }
    if let Standing::Gone(_) = standing {
        // It will never be of use again: give its room back. A successor has another generation and stays.
        let key = stored.key().to_key();
        proxy.memory.remove(stored.cache, &key, stored.generation);
        proxy.store.remove(stored.cache, &key, stored.generation);
        return Found { reuse, stored: None, at };
    }
    Found { reuse, stored: Some(stored.clone()), at }
}

/// Where a stored response stands with the ledger. While nothing was recorded since it was last found valid, this is one
/// integer comparison.
pub(super) fn standing(proxy: &Proxy, stored: &StoredResponse) -> Standing {
    // Read before the look at the records, so that one that comes in between is looked at the next time.
    let version = proxy.ledger.version();
    if stored.checked.covers(version) {
        return Standing::Valid;
    }
    let standing = proxy.ledger.standing(&stored.subject(), stored.stamp);
    if standing == Standing::Valid {
        stored.checked.mark(version);
    }
    standing
}

/// What is stored under a key, and when it was found: at once in memory, or when the store had answered. The store is asked also where
/// none of the variants in memory suits: one that is too large for memory, or that another proxy has stored, is there alone.
///
/// # Errors
/// The store could not answer, and memory has nothing that suits.
pub(super) async fn stored_under(
    proxy: &Proxy,
    wanted: &Wanted,
    asked: Timestamp,
    select: impl Fn(&Variants) -> Option<Arc<StoredResponse>>,
) -> Result<(Variants, Timestamp), StoreError> {
    let in_memory = proxy.memory.get(wanted.cache, &wanted.key);
    if let Some(variants) = in_memory.as_ref().filter(|variants| select(variants).is_some()) {
        return Ok((variants.clone(), asked));
    }
    // Noted before the store is read: a session that changes meanwhile finds it.
    let _filling = wanted.session.as_ref().map(|session| proxy.sessions.filling(session.hashes()));
    let of_store = Variants::of(proxy.store.get(wanted.cache, &wanted.key).await?);
    let now = proxy.clock.now();
    let brought_in = match &in_memory {
        None => of_store.to_vec(),
        // What memory has of the others is no older than what the store has of them.
        Some(_) => select(&of_store).into_iter().collect(),
    };
    // With coded forms under way elsewhere it is about to be replaced in the store: in memory it would stay without them.
    let is_settled =
        |stored: &&Arc<StoredResponse>| !stored.awaits_forms() || stored.lifetime().received.plus(AWAITED_MAX) < now;
    for stored in brought_in.iter().rev().filter(is_settled) {
        proxy.promote(stored.clone());
    }
    match in_memory {
        // What memory has tells why it is a miss.
        Some(variants) if brought_in.is_empty() => Ok((variants, asked)),
        _ => Ok((of_store, now)),
    }
}
