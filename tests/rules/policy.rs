//! RFC 9111 clause by clause: what is stored for how long, and what it is then good for.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use proptest::prelude::*;
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::key::{CookieClasses, Globs};
use vitrine::outcome::Reason;
use vitrine::policy::directives::CacheControl;
use vitrine::policy::storing::{self, Plan};
use vitrine::policy::{Exchange, Framing, LifetimeRule, age, groups, vary};
use vitrine::stored::LifetimeFrom;

/// Noon of 24 November 2026.
const NOON: Timestamp = Timestamp(1_795_521_600_000);

fn fields(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn rule(ttl: Option<u64>) -> LifetimeRule {
    LifetimeRule {
        ttl: ttl.map(Duration::from_secs),
        negative_ttl: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        statuses: None,
        override_origin: false,
        max_keep: Duration::from_hours(7 * 24),
    }
}

fn decide(status: u16, response: &HeaderMap, framing: Framing, rule: &LifetimeRule) -> Result<Plan, Reason> {
    let request = HeaderMap::new();
    let cookies = CookieClasses { drop: Globs::new(&["seen"]).unwrap(), ..CookieClasses::default() };
    let exchange = Exchange {
        request: &request,
        status: StatusCode::from_u16(status).unwrap(),
        response,
        framing,
        requested: NOON,
        received: NOON,
        received_wall: NOON,
    };
    storing::decide(&exchange, rule, &cookies, false)
}

/// The lifetime in seconds of a 200 with these fields, without a rule.
fn fresh(lines: &[(&str, &str)]) -> Result<u64, Reason> {
    let mut all = vec![("etag", "\"1\"")];
    all.extend(lines);
    let plan = decide(200, &fields(&all), Framing::Length(4), &rule(None));
    plan.map(|plan| plan.lifetime.fresh.as_secs())
}

#[test]
fn freshness_is_read_as_5_2_and_4_2_1_say() {
    let cc = |value: &'static str| [("cache-control", value)];
    #[expect(clippy::type_complexity, reason = "a row is what it holds")]
    let table: &[(&[(&str, &str)], Result<u64, Reason>)] = &[
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
        (&cc("max-age="), Ok(0)),
        (&cc("max-age"), Ok(0)),
        (&cc("foo=\"max-age=3600\""), Err(Reason::NoLifetime)),
        (&cc("foo=\"a, max-age=3600\""), Err(Reason::NoLifetime)),
        (&cc("unknown, max-age=5, unknown=7"), Ok(5)),
        (&[], Err(Reason::NoLifetime)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT"), ("date", "Tue, 24 Nov 2026 12:00:00 GMT")], Ok(3600)),
        // Less Date, not less now: a slow origin's clock.
        (&[("expires", "Tue, 24 Nov 2026 12:30:00 GMT"), ("date", "Tue, 24 Nov 2026 11:30:00 GMT")], Ok(3600)),
        (&[("expires", "Tue, 24 Nov 2026 13:00:00 GMT")], Ok(3600)),
        (&[("expires", "Tuesday, 24-Nov-26 13:00:00 GMT")], Ok(3600)),
        (&[("expires", "Tue Nov 24 13:00:00 2026")], Ok(3600)),
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
    ];
    for (lines, expected) in table {
        assert_eq!(fresh(lines), *expected, "{lines:?}");
    }
}

#[test]
fn what_is_not_stored_has_a_name() {
    let ok = [("cache-control", "max-age=60")];
    let with = |line| [ok[0], line];
    #[expect(clippy::type_complexity, reason = "a row is what it holds")]
    let table: &[(u16, &[(&str, &str)], Framing, Reason)] = &[
        (200, &with(("cache-control", "no-store")), Framing::Length(1), Reason::NoStore),
        (200, &with(("cache-control", "NO-STORE")), Framing::Length(1), Reason::NoStore),
        (200, &with(("cache-control", "Private")), Framing::Length(1), Reason::Private),
        (200, &with(("cache-control", "private=\"\"")), Framing::Length(1), Reason::Private),
        (200, &with(("cache-control", "private=\"a")), Framing::Length(1), Reason::Private),
        (200, &with(("cache-control", "no-cache")), Framing::Length(1), Reason::NoCache),
        (200, &with(("cache-control", "\u{e9}")), Framing::Length(1), Reason::BadCacheControl),
        (200, &with(("set-cookie", "a=1")), Framing::Length(1), Reason::SetCookie),
        (200, &with(("vary", "accept, *")), Framing::Length(1), Reason::VaryStar),
        (200, &[("vary", ""), ("vary", "*"), ok[0]], Framing::Length(1), Reason::VaryStar),
        (200, &ok, Framing::UntilClose, Reason::CloseDelimited),
        (200, &ok, Framing::Contradictory, Reason::BadFraming),
        (206, &ok, Framing::Length(1), Reason::Partial),
        (304, &ok, Framing::Length(0), Reason::Partial),
        (200, &with(("content-range", "bytes 0-0/5")), Framing::Length(1), Reason::Partial),
        (200, &with(("age", "60")), Framing::Length(1), Reason::StaleOnArrival),
        (200, &with(("date", "Tue, 24 Nov 2026 10:00:00 GMT")), Framing::Length(1), Reason::StaleOnArrival),
        (200, &[("cache-control", "max-age=0")], Framing::Length(1), Reason::StaleOnArrival),
    ];
    for (status, lines, framing, expected) in table {
        assert_eq!(decide(*status, &fields(lines), *framing, &rule(None)).err(), Some(*expected), "{status} {lines:?}");
    }
    for status in [
        200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 451, 499, 500, 501, 502, 503, 504,
        599,
    ] {
        assert!(decide(status, &fields(&ok), Framing::Length(1), &rule(None)).is_ok(), "{status}");
    }
}

#[test]
fn a_rule_speaks_where_the_origin_does_not_and_never_against_its_veto() {
    let plan = |status, lines: &[(&str, &str)], rule: &LifetimeRule| {
        let plan = decide(status, &fields(lines), Framing::Chunked, rule);
        plan.map(|plan| (plan.lifetime.fresh.as_secs(), plan.lifetime.from))
    };
    let by_rule = rule(Some(300));
    let forced = LifetimeRule { override_origin: true, ..rule(Some(300)) };
    let negative = LifetimeRule { negative_ttl: Some(Duration::from_secs(30)), ..rule(Some(300)) };
    let listed = LifetimeRule { statuses: Some([StatusCode::OK].into()), ..rule(Some(300)) };
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
        let lifetime = decide(200, &fields(&[("cache-control", value)]), Framing::Chunked, &lenient).unwrap().lifetime;
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
    let initial = |lines: &[(&str, &str)], took_ms| {
        let response = fields(lines);
        age::corrected_initial_age(&Exchange {
            request: &request,
            status: StatusCode::OK,
            response: &response,
            framing: Framing::Chunked,
            requested: NOON,
            received: Timestamp(NOON.0 + took_ms),
            received_wall: NOON,
        })
    };
    let table: &[(&[(&str, &str)], u64)] = &[
        (&[], 0),
        (&[("age", "7200")], 7200),
        (&[("age", "7200, 5")], 7200),
        (&[("age", "7200"), ("age", "5")], 7200),
        (&[("age", "7200.0")], 0),
        (&[("age", "-7200")], 0),
        (&[("age", "abc")], 0),
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

#[test]
fn vary_is_one_list_and_compares_what_was_sent() {
    let vary_of = |lines: &[(&str, &str)]| {
        let mut all = vec![("cache-control", "max-age=60")];
        all.extend(lines);
        let plan = decide(200, &fields(&all), Framing::Chunked, &rule(None)).unwrap();
        plan.vary.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(vary_of(&[("vary", "Accept, ,Cookie"), ("vary", "HX-Request")]), ["accept", "cookie", "hx-request"]);
    assert_eq!(vary_of(&[("content-encoding", "gzip")]), ["accept-encoding"]);
    let same = |a: &[(&str, &str)], b: &[(&str, &str)], name: HeaderName| {
        vary::normalised(&fields(a), &name) == vary::normalised(&fields(b), &name)
    };
    let accept = header::ACCEPT;
    assert!(same(&[("accept", "a"), ("accept", "b")], &[("accept", "a ,  b")], accept.clone()));
    assert!(!same(&[("accept", "A")], &[("accept", "a")], accept.clone()));
    assert!(!same(&[("accept", "")], &[], accept));
    assert!(same(&[("accept-language", "DE-at")], &[("accept-language", "de-AT")], header::ACCEPT_LANGUAGE));
}

#[test]
fn tags_come_from_every_field_and_a_bad_one_spoils_the_list() {
    let tags = |lines: &[(&str, &str)]| {
        groups::tags_of(&fields(lines)).map(|tags| tags.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let all = [("surrogate-key", "a b"), ("cache-tag", "c, d"), ("xkey", "e f,g"), ("cache-groups", "\"h\", \"i\"")];
    assert_eq!(tags(&all).unwrap(), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    assert_eq!(tags(&[("cache-groups", "h, i")]).unwrap(), Vec::<String>::new());
    assert!(tags(&[("surrogate-key", &"x".repeat(200))]).is_err());
    assert!(tags(&[("cache-tag", "\u{e9}")]).is_err());
}

proptest! {
    #[test]
    fn no_text_panics_and_no_garbage_makes_a_response_more_cacheable(garbage in ".{0,80}") {
        let Ok(value) = HeaderValue::from_str(&garbage) else { return Ok(()) };
        let mut response = HeaderMap::new();
        response.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        response.append(header::CACHE_CONTROL, value.clone());
        prop_assert!(CacheControl::of(&response).private);
        for name in [header::AGE, header::DATE, header::EXPIRES, header::VARY] {
            let mut response = fields(&[("cache-control", "max-age=60")]);
            response.insert(name, value.clone());
            if let Ok(plan) = decide(200, &response, Framing::Chunked, &rule(None)) {
                prop_assert!(plan.lifetime.fresh <= Duration::from_mins(1));
            }
        }
    }

    #[test]
    fn nothing_is_fresh_at_or_past_its_lifetime(max_age in 0_u64..5_000, age in 0_u64..5_000, wait in 0_u64..5_000) {
        let lines = [("cache-control", format!("max-age={max_age}")), ("age", age.to_string()), ("etag", "\"1\"".into())];
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Ok(plan) = decide(200, &fields(&lines), Framing::Chunked, &rule(None)) {
            let now = Timestamp(NOON.0 + wait * 1_000);
            prop_assert_eq!(plan.lifetime.is_fresh(now), age + wait < max_age);
        }
    }
}
