//! Reusing stored responses (RFC 9111 4).

use super::{Wishes, stale};
use crate::clock::Timestamp;
use crate::ledger::{Gone, Standing, Trust};
use crate::outcome::Reason;
use crate::stored::{RuleFingerprint, StoredResponse};

/// What a stored response is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Serve it: it is fresh.
    Serve,
    /// Serve it although it is stale, for that reason.
    ServeStale(Reason),
    /// Ask the origin whether it still holds (4.3).
    Validate(Reason),
    /// It is of no use.
    Fetch(Reason),
    /// Nothing stored may be used, and nothing shared.
    Pass(Reason),
}

/// Decides for the response that Vary has chosen.
pub fn decide(
    stored: &StoredResponse,
    trust: Trust,
    standing: Standing,
    rule: RuleFingerprint,
    wishes: &Wishes,
    now: Timestamp,
) -> Reuse {
    if trust == Trust::None {
        return Reuse::Pass(Reason::Isolated);
    }
    match standing {
        Standing::Gone(Gone::Invalidated) => return Reuse::Fetch(Reason::Invalidated),
        Standing::Gone(Gone::Unknown) => return Reuse::Fetch(Reason::LedgerUnknown),
        Standing::Gone(Gone::Ahead) => return Reuse::Fetch(Reason::LedgerBehind),
        Standing::Valid | Standing::Soft => {}
    }
    if stored.rule != rule {
        return Reuse::Fetch(Reason::RuleChanged);
    }
    let lifetime = stored.lifetime();
    // Before freshness: nothing is used for longer than it may be kept, however long a lifetime the origin stated.
    if now >= lifetime.keep_until() {
        return Reuse::Fetch(Reason::Stale);
    }
    if trust == Trust::Revalidate {
        return ask_origin(stored, Reason::Isolated);
    }
    let is_invalidated = standing == Standing::Soft;
    let is_good = lifetime.is_fresh(now) && !is_invalidated && !lifetime.validate_always;
    if is_good && wishes.allows(&lifetime, now) && wishes.finds_fresh_enough(&lifetime, now) {
        return Reuse::Serve;
    }
    if is_good {
        return ask_origin(stored, Reason::RequestDirective);
    }
    if let Some(reason) = stale::may_answer(stored, &lifetime, is_invalidated, wishes, now) {
        return Reuse::ServeStale(reason);
    }
    let reason = match (is_invalidated, lifetime.validate_always) {
        (true, _) => Reason::SoftInvalidated,
        (false, true) => Reason::NoCache,
        (false, false) => Reason::Stale,
    };
    ask_origin(stored, reason)
}

fn ask_origin(stored: &StoredResponse, reason: Reason) -> Reuse {
    if super::validation::conditions(stored).is_empty() { Reuse::Fetch(reason) } else { Reuse::Validate(reason) }
}
