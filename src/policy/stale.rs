//! Serving stale responses (RFC 9111 4.2.4, RFC 5861).

use super::Wishes;
use super::directives::CacheControl;
use crate::clock::Timestamp;
use crate::ledger::Standing;
use crate::outcome::Reason;
use crate::stored::{Lifetime, RuleFingerprint, StoredResponse};
use http::StatusCode;
use std::time::Duration;

/// A window for stale use: what the response says, else what the rule says; none at all where the response forbids it.
pub(super) fn window(directives: &CacheControl, said: Option<Duration>, of_rule: Option<Duration>) -> Duration {
    if directives.forbids_stale() { Duration::ZERO } else { said.or(of_rule).unwrap_or_default() }
}

/// Whether a stored response that is stale may answer before the origin is asked, and why: within its own window, or because
/// the request puts up with it, where the origin has not forbidden that (5.2.1.2).
pub(super) fn may_answer(
    stored: &StoredResponse,
    lifetime: &Lifetime,
    is_invalidated: bool,
    wishes: &Wishes,
    now: Timestamp,
) -> Option<Reason> {
    // Whoever bounds the age wants nothing stale, unless they say for how long they put up with it (5.2.1.1).
    let wants_fresh = wishes.min_fresh.is_some() || (wishes.max_age.is_some() && wishes.max_stale.is_none());
    if lifetime.validate_always || wants_fresh || !wishes.allows(lifetime, now) {
        return None;
    }
    let (staleness, window) = (lifetime.staleness(now), lifetime.stale_while_revalidate);
    if window > Duration::ZERO && staleness <= window {
        return Some(Reason::StaleWhileRevalidate);
    }
    let is_put_up_with = !is_invalidated && wishes.max_stale.is_some_and(|max_stale| staleness <= max_stale);
    (is_put_up_with && !is_forbidden(stored)).then_some(Reason::MaxStale)
}

/// Whether its own fields forbid its use when it is stale: any of them, whichever count here.
fn is_forbidden(stored: &StoredResponse) -> bool {
    let fields = stored.fields().to_map();
    let mut names = fields.keys().filter(|name| name.as_str().ends_with("-control"));
    names.any(|name| CacheControl::of(&fields, std::slice::from_ref(name)).forbids_stale())
}

/// Whether a status counts as the origin's failure (RFC 5861 4).
pub fn is_failure(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether a stored response may answer in place of an origin that failed. What is fresh may, if it was only asked about
/// because of a soft purge.
pub fn may_answer_failure(stored: &StoredResponse, standing: Standing, rule: RuleFingerprint, now: Timestamp) -> bool {
    let lifetime = stored.lifetime();
    !matches!(standing, Standing::Gone(_))
        && stored.rule == rule
        && now < lifetime.keep_until()
        && !lifetime.validate_always
        && lifetime.stale_if_error > Duration::ZERO
        && lifetime.staleness(now) <= lifetime.stale_if_error
}
