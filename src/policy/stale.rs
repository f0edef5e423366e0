//! Serving stale responses (RFC 9111 4.2.4, RFC 5861).

use super::directives::CacheControl;
use crate::clock::Timestamp;
use crate::ledger::Standing;
use crate::stored::{RuleFingerprint, StoredResponse};
use http::StatusCode;
use std::time::Duration;

/// A window for stale use: what the response says, else what the rule says; none at all where the response forbids it.
pub(super) fn window(directives: &CacheControl, said: Option<Duration>, of_rule: Option<Duration>) -> Duration {
    // `s-maxage` means proxy-revalidate as well (5.2.2.10).
    if directives.must_revalidate || directives.s_maxage.is_some() || directives.no_cache {
        return Duration::ZERO;
    }
    said.or(of_rule).unwrap_or_default()
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
