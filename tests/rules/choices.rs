//! What the RFCs leave to a cache: each choice made and not made.

use super::exchanges::{CAREFUL, Lines, cookies, exchange, fields, rule, terms};
use std::time::Duration;
use vitrine::outcome::Reason;
use vitrine::policy::storing::{self, Plan};
use vitrine::policy::{Choices, LifetimeRule, Terms};
use vitrine::stored::LifetimeFrom;

/// A day before noon, and noon.
const MODIFIED: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
const DATE: &str = "Tue, 24 Nov 2026 12:00:00 GMT";

fn decide_for(
    status: u16,
    request: Lines<'_>,
    lines: Lines<'_>,
    rule: &LifetimeRule,
    choices: &Choices,
) -> Result<Plan, Reason> {
    let (request, response, cookies) = (fields(request), fields(lines), cookies());
    storing::decide(&exchange(status, &request, &response), &Terms { choices, ..terms(rule, &cookies) })
}

fn decide(status: u16, lines: Lines<'_>, choices: &Choices) -> Result<Plan, Reason> {
    decide_for(status, &[], lines, &rule(None), choices)
}

#[test]
fn heuristics_take_a_tenth_of_the_time_since_it_was_modified() {
    let chosen = Choices { heuristics: true, ..Choices::default() };
    let lines: Lines<'_> = &[("last-modified", MODIFIED), ("date", DATE)];
    assert_eq!(decide(200, lines, &CAREFUL), Err(Reason::NoLifetime));
    let plan = decide(200, lines, &chosen).unwrap();
    assert_eq!((plan.lifetime.fresh, plan.lifetime.from), (Duration::from_mins(144), LifetimeFrom::Heuristic));
    // By when it came, where it does not say when it was made; not by a clock that runs ahead.
    assert_eq!(decide(200, &lines[..1], &chosen).unwrap().lifetime.fresh, Duration::from_mins(144));
    let of_tomorrow = [("last-modified", "Wed, 25 Nov 2026 12:00:00 GMT"), ("date", DATE)];
    assert_eq!(decide(200, &of_tomorrow, &chosen).unwrap().lifetime.fresh, Duration::ZERO);
    assert_eq!(decide(200, &[("etag", "\"1\"")], &chosen), Err(Reason::NoLifetime));
    assert_eq!(decide(200, &[("last-modified", "yesterday")], &chosen), Err(Reason::NoLifetime));
    for status in 200..600 {
        let by_default = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].contains(&status);
        let is_part = [206, 304].contains(&status);
        assert_eq!(decide(status, lines, &chosen).is_ok(), by_default, "{status}");
        let public = [lines, &[("cache-control", "public")]].concat();
        assert_eq!(decide(status, &public, &chosen).is_ok(), !is_part, "{status}, public");
    }
    // Whatever states a lifetime goes before it.
    let stated = [lines, &[("cache-control", "max-age=5")]].concat();
    assert_eq!(decide(200, &stated, &chosen).unwrap().lifetime.fresh, Duration::from_secs(5));
    let of_rule = decide_for(200, &[], lines, &rule(Some(7)), &chosen).unwrap();
    assert_eq!((of_rule.lifetime.fresh, of_rule.lifetime.from), (Duration::from_secs(7), LifetimeFrom::Rule));
}

#[test]
fn cookies_are_stored_by_choice_but_never_a_session() {
    let chosen = Choices { set_cookie: true, ..Choices::default() };
    let with = |cookie: &'static str| [("cache-control", "max-age=60"), ("set-cookie", cookie)];
    assert_eq!(decide(200, &with("theme=dark"), &CAREFUL), Err(Reason::SetCookie));
    assert!(decide(200, &with("theme=dark"), &chosen).is_ok());
    assert_eq!(decide(200, &with("sessionid=1; Path=/"), &chosen), Err(Reason::SetCookie));
}

#[test]
fn an_answer_to_credentials_is_shared_only_where_it_says_so() {
    let chosen = Choices { authorization: true, ..Choices::default() };
    let request: Lines<'_> = &[("authorization", "Basic eA==")];
    for (value, expected) in [
        ("max-age=60", Err(Reason::Authorization)),
        ("max-age=60, public", Ok(())),
        ("max-age=60, must-revalidate", Ok(())),
        ("s-maxage=60", Ok(())),
        ("max-age=60, proxy-revalidate", Err(Reason::Authorization)),
        ("max-age=60, public=x", Err(Reason::Authorization)),
        ("max-age=60, private, public", Err(Reason::Private)),
    ] {
        let got = decide_for(200, request, &[("cache-control", value)], &rule(None), &chosen);
        assert_eq!(got.map(|_| ()), expected, "{value}");
    }
    // Whatever is chosen: a fill of ours never bears any, and if it did it would be nobody else's.
    let got = decide_for(200, request, &[("cache-control", "max-age=60")], &rule(None), &CAREFUL);
    assert_eq!(got, Err(Reason::Authorization));
    // What asks for credentials is one client's matter, unless chosen otherwise; what a proxy is asked for ends here.
    let asks = [("cache-control", "max-age=60"), ("www-authenticate", "Basic")];
    assert_eq!(decide(401, &asks, &CAREFUL), Err(Reason::Authorization));
    assert!(decide(401, &asks, &chosen).is_ok());
    assert!(decide(200, &[("cache-control", "max-age=60"), ("proxy-authenticate", "Basic")], &CAREFUL).is_ok());
}

#[test]
fn l13_what_varies_on_credentials_has_no_variants() {
    let lines = [("cache-control", "public, max-age=60"), ("vary", "Authorization")];
    assert_eq!(decide(200, &lines, &CAREFUL), Err(Reason::Authorization));
}

#[test]
fn the_first_targeted_field_that_is_valid_counts_alone() {
    let names = ["ours-cache-control", "cdn-cache-control"];
    let chosen = Choices { targeted: names.map(|name| name.parse().unwrap()).into(), ..Choices::default() };
    let fresh = |lines: Lines<'_>| decide(200, lines, &chosen).map(|plan| plan.lifetime.fresh.as_secs());
    let cc = ("cache-control", "no-store");
    assert_eq!(fresh(&[cc, ("cdn-cache-control", "max-age=5"), ("ours-cache-control", "max-age=9")]), Ok(9));
    assert_eq!(fresh(&[cc, ("cdn-cache-control", "max-age=5"), ("ours-cache-control", "max-age=\"9\"")]), Ok(5));
    assert_eq!(fresh(&[cc, ("cdn-cache-control", "&"), ("ours-cache-control", "")]), Err(Reason::NoStore));
    let none = Choices { targeted: [].into(), ..Choices::default() };
    let obeyed = decide(200, &[cc, ("cdn-cache-control", "max-age=5")], &none);
    assert_eq!(obeyed, Err(Reason::NoStore));
}

#[test]
fn content_range_means_nothing_on_a_whole_response() {
    assert!(decide(200, &[("cache-control", "max-age=60"), ("content-range", "bytes 0-4/9")], &CAREFUL).is_ok());
    assert_eq!(decide(206, &[("cache-control", "max-age=60")], &CAREFUL), Err(Reason::Partial));
}
