//! RFC 9111 3, 4.2 and 5.2, clause by clause: what is stored, for how long it is good, and what is refused under which name.

use super::exchanges::{CAREFUL, Lines, NOON, cookies, decide, exchange, fields, rule, terms};
use http::{HeaderMap, header};
use proptest::prelude::*;
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::outcome::Reason;
use vitrine::policy::directives::CacheControl;
use vitrine::policy::{Exchange, Framing, LifetimeRule, age, storing};
use vitrine::stored::LifetimeFrom;

/// The lifetime in seconds of a 200 with these fields, without a rule.
fn fresh(lines: Lines<'_>) -> Result<u64, Reason> {
    let all = [&[("etag", "\"1\"")], lines].concat();
    decide(200, &all, &rule(None)).map(|plan| plan.lifetime.fresh.as_secs())
}

#[test]
fn freshness_is_read_as_5_2_and_4_2_1_say() {
    let cc = |value: &'static str| [("cache-control", value)];
    let table: &[(Lines<'_>, Result<u64, Reason>)] = &[
        (&cc("max-age=3600"), Ok(3600)),
        (&cc("MAX-AGE=3600"), Ok(3600)),
        (&cc("max-age=\"3600\""), Ok(3600)),
        (&cc("max-age=007"), Ok(7)),
        (&cc("max-age=10, max-age=20"), Ok(10)),
        (&[("cache-control", "max-age=10"), ("cache-control", "max-age=20")], Ok(10)),
        (&cc("max-age=10, s-maxage=60"), Ok(60)),
        (&cc("s-maxage=60, max-age=10"), Ok(60)),
        (&cc("max-age=2147483649"), Ok(1 << 31)),
        (&cc("max-age=99999999999999999999"), Ok(1 << 31)),
        (&cc("max-age=-1"), Ok(0)),
        (&cc("max-age='3600'"), Ok(0)),
        (&cc("max-age=3600.5"), Ok(0)),
        (&cc("max-age=3600a"), Ok(0)),
        (&cc("max-age =3600"), Ok(0)),
        (&cc("max-age= 3600"), Ok(0)),
        (&cc("max-age=+5"), Ok(0)),
        (&cc("s-maxage=abc, max-age=60"), Ok(0)),
        (&cc("max-age="), Ok(0)),
        (&cc("max-age"), Ok(0)),
        (&cc("foo=\"max-age=3600\""), Err(Reason::NoLifetime)),
        (&cc("foo=\"a, max-age=3600\""), Err(Reason::NoLifetime)),
        (&cc("unknown, max-age=5, unknown=7"), Ok(5)),
        (&cc(",, max-age=5 ,"), Ok(5)),
        // Pragma means nothing in a response.
        (&[("pragma", "no-cache"), ("cache-control", "max-age=5")], Ok(5)),
        // 5.2.2.3: who understands the status overlooks what is for those who do not.
        (&cc("no-store, must-understand, max-age=5"), Ok(5)),
        (&cc("no-cache=\"x-a\", max-age=5"), Ok(5)),
        (&cc("private=\"x-a, x-b\", max-age=5"), Ok(5)),
        (&[], Err(Reason::NoLifetime)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT"), ("date", "Tue, 24 Nov 2026 12:00:00 GMT")], Ok(3600)),
        // Less Date, not less now: a slow origin's clock.
        (&[("expires", "Tue, 24 Nov 2026 12:30:00 GMT"), ("date", "Tue, 24 Nov 2026 11:30:00 GMT")], Ok(3600)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT")], Ok(3600)),
        (&[("expires", "Tuesday, 24-Nov-26 13:00:00 GMT")], Ok(3600)),
        (&[("expires", "Tue Nov 24 13:00:00 2026")], Ok(3600)),
        (&[("expires", "Tue Dec  1 12:00:00 2026")], Ok(7 * 86_400)),
        (&[("expires", "tue, 24 NOV 2026 13:00:00 gmt")], Ok(3600)),
        (&[("expires", "TUESDAY, 24-nov-26 13:00:00 Gmt")], Ok(3600)),
        (&[("expires", "Tue, 19 Jan 2038 03:14:08 GMT"), ("date", "Tue, 19 Jan 2038 03:14:07 GMT")], Ok(1)),
        (&[("expires", "Sat, 20 Nov 2286 17:46:40 GMT"), ("date", "Sat, 20 Nov 2286 17:46:39 GMT")], Ok(1)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT"), ("date", "yesterday")], Ok(3600)),
        (&[("expires", "Tue, 24 Nov 2026 11:00:00 GMT")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 UTC")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 +0000")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 26 13:00:00 GMT")], Ok(0)),
        (&[("expires", "Tue 24 Nov 2026 13:00:00 GMT")], Ok(0)),
        (&[("expires", "Tue,  24 Nov 2026 13:00:00 GMT")], Ok(0)),
        (&[("expires", "Tue, 24-Nov-2026 13:00:00 GMT")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 2026 13.00.00 GMT")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 2026 9:00:00 GMT")], Ok(0)),
        (&[("expires", "Tuesday, 24-Nov-26\"13:00:00 GMT")], Ok(0)),
        (&[("expires", "")], Ok(0)),
        (&[("expires", "0")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT"), ("expires", "Tue, 24 Nov 2026 13:00:00 GMT")], Ok(0)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT"), ("cache-control", "max-age=5")], Ok(5)),
        // RFC 9213: the targeted field alone counts where it is valid.
        (&[("cdn-cache-control", "max-age=7"), ("cache-control", "no-store")], Ok(7)),
        (&[("cdn-cache-control", "max-age=7"), ("expires", "0")], Ok(7)),
        (&[("cdn-cache-control", "no-store"), ("cache-control", "max-age=5")], Err(Reason::NoStore)),
        (&[("cdn-cache-control", "max-age=1, &&&"), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", "max-age=\"1\""), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", "Max-Age=1"), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", ""), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", "max-age=1234567890123456"), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", "max-age=123456789012345"), ("cache-control", "max-age=5")], Ok(1 << 31)),
        (&[("cdn-cache-control", "max-age=-5"), ("cache-control", "max-age=5")], Ok(0)),
        (&[("cdn-cache-control", "max-age=(1 2)"), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", "no-store=5, max-age=9"), ("cache-control", "max-age=5")], Ok(5)),
        (&[("cdn-cache-control", "no-store=?0, max-age=9"), ("cache-control", "max-age=5")], Ok(9)),
        (&[("cdn-cache-control", "max-age=9;why=x, odd=(a b)"), ("cache-control", "max-age=5")], Ok(9)),
        (&[("cdn-cache-control", "max-age=9"), ("cdn-cache-control", "s-maxage=8")], Ok(8)),
        (&[("cdn-cache-control", "private=\"x-a\", max-age=9")], Ok(9)),
        (&[("cdn-cache-control", "private, max-age=9"), ("cache-control", "max-age=5")], Err(Reason::Private)),
        // It alone counts, so that what says nothing of a lifetime leaves none.
        (&[("cdn-cache-control", "public"), ("cache-control", "max-age=5")], Err(Reason::NoLifetime)),
    ];
    for (lines, expected) in table {
        assert_eq!(fresh(lines), *expected, "{lines:?}");
    }
}

#[test]
fn what_is_not_stored_has_a_name() {
    let ok = ("cache-control", "max-age=60");
    let cc = |value| vec![ok, ("cache-control", value)];
    let and = |name, value| vec![ok, (name, value)];
    let table = [
        (200, cc("no-store"), Reason::NoStore),
        (200, cc("NO-STORE"), Reason::NoStore),
        (200, cc("no-store=\"x\""), Reason::NoStore),
        (200, cc("no-store, must-understand=x"), Reason::NoStore),
        (299, cc("no-store, must-understand"), Reason::Status),
        (200, cc("Private"), Reason::Private),
        (200, cc("private=\"\""), Reason::Private),
        (200, cc("private=\"a"), Reason::Private),
        (200, cc("private = \"a\""), Reason::Private),
        (200, cc("must-understand, no-store, private"), Reason::Private),
        (200, cc("no-cache"), Reason::NoCache),
        (200, cc("no-cache=\"\""), Reason::NoCache),
        // Nothing may hide a veto: not a quote that does not end, not a blank or semicolon in place of a comma.
        (200, cc("\u{e9}"), Reason::BadCacheControl),
        (200, cc("a=\"b, private"), Reason::BadCacheControl),
        (200, cc("a\"b, no-store, c\"d"), Reason::BadCacheControl),
        (200, cc("private max-age=60"), Reason::BadCacheControl),
        (200, cc("public private"), Reason::BadCacheControl),
        (200, cc("max-age=60; private"), Reason::BadCacheControl),
        (200, cc("max-age=60 no-store"), Reason::BadCacheControl),
        (200, cc("=5"), Reason::BadCacheControl),
        (200, and("set-cookie", "a=1"), Reason::SetCookie),
        (200, and("set-cookie", "sessionid=1"), Reason::SetCookie),
        (200, and("set-cookie2", "seen=1"), Reason::SetCookie),
        (200, vec![ok, ("set-cookie", "seen=1"), ("set-cookie", "a=1")], Reason::SetCookie),
        (200, vec![("cache-control", "public, max-age=60"), ("set-cookie", "a=1")], Reason::SetCookie),
        (401, and("www-authenticate", "Basic realm=x"), Reason::Authorization),
        (200, and("authentication-info", "nextnonce=x"), Reason::Authorization),
        (200, and("vary", "accept, *"), Reason::VaryStar),
        (200, vec![("vary", ""), ("vary", "*"), ok], Reason::VaryStar),
        (200, and("vary", "accept cookie"), Reason::VaryStar),
        (200, and("vary", "\u{e9}"), Reason::VaryStar),
        (101, vec![ok], Reason::Partial),
        (206, vec![ok], Reason::Partial),
        (304, vec![ok], Reason::Partial),
        (200, and("age", "60"), Reason::StaleOnArrival),
        (200, and("date", "Tue, 24 Nov 2026 10:00:00 GMT"), Reason::StaleOnArrival),
        (200, vec![("cache-control", "max-age=0")], Reason::StaleOnArrival),
    ];
    for (status, lines, expected) in &table {
        assert_eq!(decide(*status, lines, &rule(None)).err(), Some(*expected), "{status} {lines:?}");
        // No lifetime of a rule, forced or not, turns a veto round.
        let forced = LifetimeRule { override_origin: true, ..rule(Some(300)) };
        let is_veto = !matches!(expected, Reason::NoCache | Reason::StaleOnArrival);
        assert!(!is_veto || decide(*status, lines, &forced).err() == Some(*expected), "{status} {lines:?}");
    }
}

#[test]
fn explicit_freshness_makes_every_final_status_storable() {
    for status in [
        200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 451, 499, 500, 501, 502, 503, 504,
        599,
    ] {
        assert!(decide(status, &[("cache-control", "max-age=60")], &rule(None)).is_ok(), "{status}");
    }
}

#[test]
fn no_cache_alone_keeps_what_may_be_kept_without_a_lifetime() {
    let reason =
        |status, directives| decide(status, &[("etag", "\"1\""), ("cache-control", directives)], &rule(None)).err();
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(reason(status, "no-cache"), None, "{status}");
    }
    for status in [299, 302, 303, 307, 400, 451, 500, 503] {
        assert_eq!(reason(status, "no-cache"), Some(Reason::NoLifetime), "{status}");
        assert_eq!(reason(status, "no-cache, public"), None, "{status}");
        assert_eq!(reason(status, "no-cache, max-age=0"), None, "{status}");
    }
}

#[test]
fn s40_s41_only_what_told_its_end_is_stored() {
    let (request, response) = (HeaderMap::new(), fields(&[("cache-control", "max-age=60")]));
    let framed = |framing| {
        let exchange = Exchange { framing, ..exchange(200, &request, &response) };
        storing::decide(&exchange, &terms(&rule(None), &cookies())).err()
    };
    assert_eq!(framed(Framing::Length(4)), None);
    assert_eq!(framed(Framing::Chunked), None);
    assert_eq!(framed(Framing::UntilClose), Some(Reason::CloseDelimited));
    assert_eq!(framed(Framing::Contradictory), Some(Reason::BadFraming));
}

#[test]
fn named_fields_are_left_out_and_the_response_is_kept() {
    let omit = |value| {
        let plan = decide(200, &[("cache-control", value), ("etag", "\"1\"")], &rule(None)).unwrap();
        plan.omit.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(omit("max-age=5, private=\"X-A, x-b\", no-cache=\"x-c\""), ["x-a", "x-b", "x-c"]);
    assert_eq!(omit("max-age=5, private=x-a"), ["x-a"]);
    assert_eq!(omit("max-age=5"), Vec::<String>::new());
}

#[test]
fn what_is_useless_is_not_kept_and_what_can_be_validated_is_kept_longer() {
    let keep = |lines: Lines<'_>, rule: &LifetimeRule| decide(200, lines, rule).unwrap().lifetime.keep;
    let hours = Duration::from_hours;
    assert_eq!(keep(&[("cache-control", "max-age=3600")], &rule(None)), hours(1));
    assert_eq!(keep(&[("cache-control", "max-age=3600"), ("age", "1800")], &rule(None)), Duration::from_mins(30));
    assert_eq!(keep(&[("cache-control", "max-age=3600, stale-if-error=7200")], &rule(None)), hours(3));
    assert_eq!(keep(&[("cache-control", "max-age=3600"), ("last-modified", "x")], &rule(None)), hours(25));
    assert_eq!(keep(&[("cache-control", "max-age=99999999")], &rule(None)), hours(7 * 24));
    let validated = decide(200, &[("cache-control", "no-cache"), ("etag", "\"1\"")], &rule(None)).unwrap().lifetime;
    assert!(validated.validate_always && validated.fresh == Duration::ZERO && validated.keep > hours(1));
}

#[test]
fn a_rule_speaks_where_the_origin_does_not_and_never_against_its_veto() {
    let plan = |status, lines: Lines<'_>, rule: &LifetimeRule| {
        decide(status, lines, rule).map(|plan| (plan.lifetime.fresh.as_secs(), plan.lifetime.from))
    };
    let by_rule = rule(Some(300));
    let forced = LifetimeRule { override_origin: true, ..rule(Some(300)) };
    let negative = LifetimeRule { negative_ttl: Some(Duration::from_secs(30)), ..rule(Some(300)) };
    let listed = LifetimeRule { statuses: Some([http::StatusCode::OK].into()), ..rule(Some(300)) };
    assert_eq!(plan(200, &[], &by_rule), Ok((300, LifetimeFrom::Rule)));
    assert_eq!(plan(200, &[("cache-control", "max-age=5")], &by_rule), Ok((5, LifetimeFrom::Origin)));
    assert_eq!(plan(200, &[("cache-control", "max-age=5")], &forced), Ok((300, LifetimeFrom::Rule)));
    assert_eq!(plan(200, &[("cache-control", "no-cache")], &forced), Ok((300, LifetimeFrom::Rule)));
    assert_eq!(plan(200, &[("cache-control", "private")], &forced), Err(Reason::Private));
    assert_eq!(plan(200, &[("cache-control", "no-store")], &forced), Err(Reason::NoStore));
    assert_eq!(plan(200, &[("set-cookie", "sessionid=1")], &forced), Err(Reason::SetCookie));
    assert_eq!(plan(200, &[("set-cookie", "seen=1")], &by_rule), Ok((300, LifetimeFrom::Rule)));
    assert_eq!(plan(404, &[], &by_rule), Ok((10, LifetimeFrom::RuleNegative)));
    assert_eq!(plan(410, &[], &negative), Ok((30, LifetimeFrom::RuleNegative)));
    assert_eq!(plan(404, &[], &listed), Err(Reason::Status));
    assert_eq!(plan(302, &[], &listed), Err(Reason::Status));
}

#[test]
fn stale_windows_come_from_the_response_or_the_rule_unless_forbidden() {
    let lenient = LifetimeRule {
        stale_while_revalidate: Some(Duration::from_secs(10)),
        stale_if_error: Some(Duration::from_secs(20)),
        ..rule(Some(300))
    };
    let windows = |value: &str| {
        let lifetime = decide(200, &[("cache-control", value)], &lenient).unwrap().lifetime;
        (lifetime.stale_while_revalidate.as_secs(), lifetime.stale_if_error.as_secs())
    };
    assert_eq!(windows("max-age=5"), (10, 20));
    assert_eq!(windows("max-age=5, stale-while-revalidate=1, stale-if-error=2"), (1, 2));
    for forbids in ["must-revalidate", "proxy-revalidate", "s-maxage=5"] {
        assert_eq!(windows(&format!("max-age=5, {forbids}, stale-if-error=9")), (0, 0), "{forbids}");
    }
}

#[test]
fn age_is_what_date_and_age_say_and_garbage_says_nothing() {
    let request = HeaderMap::new();
    let initial = |lines: Lines<'_>, took_ms| {
        let response = fields(lines);
        let received = Timestamp(NOON.0 + took_ms);
        age::corrected_initial_age(&Exchange { received, ..exchange(200, &request, &response) })
    };
    let table: &[(Lines<'_>, u64)] = &[
        (&[], 0),
        (&[("age", "7200")], 7200),
        (&[("age", "7200, 5")], 7200),
        (&[("age", "7200"), ("age", "5")], 7200),
        (&[("age", "7200.0")], 0),
        (&[("age", "-7200")], 0),
        (&[("age", "+7200")], 0),
        (&[("age", "abc")], 0),
        (&[("age", "abc, 7200")], 0),
        (&[("age", "99999999999999999999")], 1 << 31),
        (&[("date", "Tue, 24 Nov 2026 10:00:00 GMT")], 7200),
        (&[("date", "Tue, 24 Nov 2026 14:00:00 GMT")], 0),
        (&[("date", "Tue, 24 Nov 2026 10:00:00 GMT"), ("age", "9000")], 9000),
        (&[("date", "yesterday")], 0),
    ];
    for (lines, expected) in table {
        assert_eq!(initial(lines, 0).as_secs(), *expected, "{lines:?}");
    }
    assert_eq!(initial(&[("age", "5")], 1_500), Duration::from_millis(6_500));
}

/// Texts made of what directives are made of, in any order.
fn garbage() -> impl Strategy<Value = String> {
    let pieces =
        ["max-age", "s-maxage", "public", "private", "x", "=", "60", "\"", "\\", ",", ";", " ", "\t", "'", "*", "("];
    prop_oneof![
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat()),
        "[ -~\t\u{e9}]{0,60}",
    ]
}

proptest! {
    #[test]
    fn no_text_panics_and_no_garbage_makes_a_response_more_cacheable(garbage in garbage(), at_end in any::<bool>()) {
        for veto in ["private", "no-store"] {
            let lines = [("etag", "\"1\""), ("cache-control", veto), ("cache-control", garbage.as_str())];
            prop_assert!(is_refused(&fields(&lines)), "{lines:?}");
        }
        for name in ["age", "date", "expires", "vary"] {
            let plan = decide(200, &[("cache-control", "max-age=60"), (name, &garbage)], &rule(None));
            prop_assert!(plan.is_err() || plan.is_ok_and(|plan| plan.lifetime.fresh <= Duration::from_mins(1)));
        }
        let line = if at_end { format!("private, {garbage}") } else { format!("{garbage}, private") };
        let response = fields(&[("etag", "\"1\""), ("cache-control", &line)]);
        prop_assert!(is_refused(&response) || has_quoted_veto(&response), "{response:?}");
    }

    #[test]
    fn no_dictionary_panics(garbage in "[a-z0-9=\"?;,() -]{0,60}") {
        CacheControl::of(&fields(&[("cdn-cache-control", garbage.as_str())]), &CAREFUL.targeted);
    }

    #[test]
    fn nothing_is_fresh_at_or_past_its_lifetime(max_age in 0_u64..5_000, age in 0_u64..5_000, wait in 0_u64..5_000) {
        let lines = [("cache-control", format!("max-age={max_age}")), ("age", age.to_string()), ("etag", "\"1\"".into())];
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let lifetime = decide(200, &lines, &rule(None)).unwrap().lifetime;
        prop_assert_eq!(lifetime.is_fresh(Timestamp(NOON.0 + wait * 1_000)), age + wait < max_age);
    }
}

/// Whether a rule that would store everything does not store this.
fn is_refused(response: &HeaderMap) -> bool {
    let forced = LifetimeRule { override_origin: true, ..rule(Some(300)) };
    storing::decide(&exchange(200, &HeaderMap::new(), response), &terms(&forced, &cookies())).is_err()
}

/// Garbage may happen to make a sound quoted string of what follows: `a="x, private"` is no veto.
fn has_quoted_veto(response: &HeaderMap) -> bool {
    !CacheControl::of(response, &CAREFUL.targeted).garbled && response[header::CACHE_CONTROL].as_bytes().contains(&b'"')
}
