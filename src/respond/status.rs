//! `Cache-Status` (RFC 9211), and `X-Cache` for people and old tools.

use crate::outcome::{Kind, Outcome, Reason};
use http::HeaderValue;
use std::fmt::Write;

/// Room for every member that is usual, so that a hit allocates once.
const CACHE_STATUS_BYTES: usize = 80;

/// The member for this response: `vitrine; hit; ttl=293`, `vitrine; fwd=uri-miss; fwd-status=200; stored`.
pub fn cache_status(outcome: &Outcome) -> HeaderValue {
    let mut text = String::with_capacity(CACHE_STATUS_BYTES);
    text.push_str("vitrine");
    // Writing into a String cannot fail.
    let _ = write_parameters(&mut text, outcome);
    // Tokens and numbers only: always a field value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("vitrine"))
}

fn write_parameters(text: &mut String, outcome: &Outcome) -> std::fmt::Result {
    match (outcome.kind, outcome.fwd) {
        (Kind::Hit | Kind::Stale, _) => text.push_str("; hit"),
        (_, Some(fwd)) => write!(text, "; fwd={}", fwd.as_str())?,
        // What failed before it was forwarded, or was forwarded and failed, is told by its detail.
        (_, None) => {}
    }
    if let Some(status) = outcome.fwd_status {
        write!(text, "; fwd-status={status}")?;
    }
    if let Some(ttl) = outcome.ttl_secs {
        write!(text, "; ttl={ttl}")?;
    }
    if outcome.storing == Some(Reason::Stored) {
        text.push_str("; stored");
    }
    if outcome.collapsed {
        text.push_str("; collapsed");
    }
    match detail(outcome) {
        Some(reason) => write!(text, "; detail={reason}"),
        None => Ok(()),
    }
}

/// The reason, where the other parameters do not say it: why it was not kept, else why it was answered so.
fn detail(outcome: &Outcome) -> Option<Reason> {
    let not_kept = outcome.storing.filter(|reason| *reason != Reason::Stored);
    let said_by_the_rest = matches!(outcome.reason, Reason::Fresh | Reason::NotStored | Reason::Validated);
    not_kept.or_else(|| (!said_by_the_rest).then_some(outcome.reason))
}

/// One word for people.
pub fn x_cache(outcome: &Outcome) -> &'static str {
    match outcome.kind {
        Kind::Hit => "HIT",
        Kind::Stale => "STALE",
        Kind::Revalidated => "REVALIDATED",
        Kind::Collapsed => "COLLAPSED",
        Kind::Miss => "MISS",
        Kind::Bypass => "BYPASS",
        Kind::Error => "ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_in_the_words_of_rfc_9211() {
        let outcome = Outcome::new;
        let fetched = |storing| Outcome {
            fwd_status: Some(200),
            storing: Some(storing),
            ..outcome(Kind::Miss, Reason::NotStored)
        };
        let table = [
            (Outcome { ttl_secs: Some(293), ..outcome(Kind::Hit, Reason::Fresh) }, "vitrine; hit; ttl=293"),
            (
                Outcome { ttl_secs: Some(-7), ..outcome(Kind::Stale, Reason::StaleIfError) },
                "vitrine; hit; ttl=-7; detail=stale-if-error",
            ),
            (fetched(Reason::Stored), "vitrine; fwd=uri-miss; fwd-status=200; stored"),
            (fetched(Reason::Private), "vitrine; fwd=uri-miss; fwd-status=200; detail=private"),
            (
                Outcome { collapsed: true, ..outcome(Kind::Collapsed, Reason::Stale) },
                "vitrine; fwd=stale; collapsed; detail=stale",
            ),
            (outcome(Kind::Bypass, Reason::CookieSession), "vitrine; fwd=bypass; detail=cookie-session"),
            (outcome(Kind::Error, Reason::OriginTimeout), "vitrine; detail=origin-timeout"),
        ];
        for (outcome, expected) in table {
            assert_eq!(cache_status(&outcome), expected);
        }
    }
}
