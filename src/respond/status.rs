//! `Cache-Status` (RFC 9211), and `X-Cache` for people and old tools.

use crate::digits::{put_decimal, put_signed};
use crate::outcome::{Kind, Outcome, Reason};
use bytes::BufMut;
use http::HeaderValue;

/// Room for the longest member there can be: every parameter, the longest reason, a number of 20 digits.
const CACHE_STATUS_BYTES_MAX: usize = 192;

/// The member for this response: `vitrine; hit; ttl=293`, `vitrine; fwd=uri-miss; fwd-status=200; stored`.
pub fn cache_status(outcome: &Outcome) -> HeaderValue {
    // Made in place and copied once into an allocation of its size.
    let mut room = [0; CACHE_STATUS_BYTES_MAX];
    let mut rest = &mut room[..];
    put_cache_status(&mut rest, outcome);
    let bytes = CACHE_STATUS_BYTES_MAX - rest.len();
    // Tokens and numbers only: always a field value.
    HeaderValue::from_bytes(&room[..bytes]).unwrap_or_else(|_| HeaderValue::from_static("vitrine"))
}

/// Writes the same into a buffer, without an allocation but what that needs to grow. At most 192 bytes.
pub fn put_cache_status(out: &mut impl BufMut, outcome: &Outcome) {
    out.put_slice(b"vitrine");
    match (outcome.kind, outcome.fwd) {
        (Kind::Hit | Kind::Stale, None) => out.put_slice(b"; hit"),
        // RFC 9211 2.1: what was forwarded is no hit, also where what is stored answers for an origin that failed.
        (_, Some(fwd)) => {
            out.put_slice(b"; fwd=");
            out.put_slice(fwd.as_str().as_bytes());
        }
        // What failed before it was forwarded, or was forwarded and failed, is told by its detail.
        (_, None) => {}
    }
    if let Some(status) = outcome.fwd_status {
        out.put_slice(b"; fwd-status=");
        put_decimal(out, u64::from(status));
    }
    if let Some(ttl) = outcome.ttl_secs {
        out.put_slice(b"; ttl=");
        put_signed(out, ttl);
    }
    if outcome.storing == Some(Reason::Stored) {
        out.put_slice(b"; stored");
    }
    if outcome.collapsed {
        out.put_slice(b"; collapsed");
    }
    if let Some(reason) = detail(outcome) {
        out.put_slice(b"; detail=");
        out.put_slice(reason.as_str().as_bytes());
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
    use crate::outcome::Fwd;

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
                Outcome { ttl_secs: Some(-7), ..outcome(Kind::Stale, Reason::StaleWhileRevalidate) },
                "vitrine; hit; ttl=-7; detail=stale-while-revalidate",
            ),
            (
                Outcome {
                    ttl_secs: Some(-7),
                    fwd: Some(Fwd::Stale),
                    fwd_status: Some(503),
                    ..outcome(Kind::Stale, Reason::StaleIfError)
                },
                "vitrine; fwd=stale; fwd-status=503; ttl=-7; detail=stale-if-error",
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
            let mut behind = b"Cache-Status: ".to_vec();
            put_cache_status(&mut behind, &outcome);
            assert_eq!(behind, format!("Cache-Status: {expected}").as_bytes());
        }
    }

    #[test]
    fn the_longest_member_has_room() {
        let longest = Reason::ALL.iter().max_by_key(|reason| reason.as_str().len()).unwrap();
        let outcome = Outcome {
            fwd: Some(Fwd::VaryMiss),
            fwd_status: Some(u16::MAX),
            ttl_secs: Some(i64::MIN),
            storing: Some(*longest),
            collapsed: true,
            ..Outcome::new(Kind::Miss, Reason::NotStored)
        };
        let text = cache_status(&outcome);
        assert!(text.to_str().unwrap().ends_with(&format!("; collapsed; detail={longest}")), "{text:?}");
        assert!(text.len() + "; stored".len() <= CACHE_STATUS_BYTES_MAX);
    }
}
