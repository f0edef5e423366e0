//! RFC 9111 4.3: what the origin is asked, and what its 304 makes of a stored response.

use super::exchanges::{Lines, NOON, cookies, exchange, fields, rule, stored, terms};
use http::{HeaderMap, HeaderName, header};
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Epoch, Stamp};
use vitrine::outcome::Reason;
use vitrine::policy::validation::Told;
use vitrine::policy::{Exchange, LifetimeRule, groups, validation, vary};
use vitrine::stored::{LifetimeFrom, Parts, StoredResponse, VaryKey};

const LATER: Stamp = Stamp::of(Epoch(1), 9);
const MODIFIED: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
/// A day after noon.
const NEXT_NOON: Timestamp = Timestamp(NOON.0 + 86_400_000);

/// A 304 with these fields a day after the response was stored.
fn freshened(own: &StoredResponse, lines: Lines<'_>, rule: &LifetimeRule) -> Result<StoredResponse, Reason> {
    let (request, response) = (fields(&[("accept-language", "de")]), fields(lines));
    let exchange = Exchange {
        requested: NEXT_NOON,
        received: NEXT_NOON,
        received_wall: NEXT_NOON,
        ..exchange(304, &request, &response)
    };
    let tags = groups::tags_of(&response).map_err(|_| Reason::BadTags)?;
    let cookies = cookies();
    let terms = terms(rule, &cookies);
    let told = Told { exchange: &exchange, terms: &terms, tags, stamp: LATER, generation: 12 };
    validation::freshen(own, told)
}

fn value(stored: &StoredResponse, name: &HeaderName) -> Option<String> {
    stored.fields().get(name).map(|value| value.to_str().unwrap().to_string())
}

#[test]
fn the_origins_own_validators_are_sent() {
    let conditions = |lines: Lines<'_>| {
        let pairs = validation::conditions(&stored(lines, "x"));
        HeaderMap::from_iter(pairs)
    };
    assert_eq!(conditions(&[("etag", "W/\"1\"")]), fields(&[("if-none-match", "W/\"1\"")]));
    assert_eq!(conditions(&[("last-modified", MODIFIED)]), fields(&[("if-modified-since", MODIFIED)]));
    assert_eq!(conditions(&[("etag", "odd"), ("last-modified", MODIFIED)]).len(), 2);
    assert!(conditions(&[]).is_empty(), "the tag that we made means nothing to the origin");
}

#[test]
fn a_304_replaces_what_it_says_and_leaves_the_rest() {
    let own = [
        ("etag", "\"1\""),
        ("cache-control", "max-age=60"),
        ("content-type", "text/html"),
        ("content-encoding", "gzip"),
        ("age", "40"),
        ("date", "Tue, 24 Nov 2026 12:00:00 GMT"),
        ("link", "a"),
        ("link", "b"),
        ("x-kept", "old"),
    ];
    let own = stored(&own, "body");
    let told = [
        ("etag", "\"1\""),
        ("cache-control", "max-age=120"),
        ("content-type", "text/plain"),
        ("content-encoding", "br"),
        ("content-length", "999"),
        ("content-range", "bytes 0-0/1"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("link", "c"),
        ("x-new", "1"),
        ("set-cookie", "seen=1"),
        ("surrogate-key", "t"),
    ];
    let fresh = freshened(&own, &told, &rule(None)).unwrap();
    let expected = [
        ("etag", "\"1\""),
        ("cache-control", "max-age=120"),
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("date", "Wed, 25 Nov 2026 12:00:00 GMT"),
        ("link", "c"),
        ("x-kept", "old"),
        ("x-new", "1"),
    ];
    assert_eq!(fresh.fields().to_map(), fields(&expected));
    assert_eq!((fresh.stamp, fresh.generation, &fresh.body, fresh.rule), (LATER, 12, &own.body, own.rule));
    assert_eq!((fresh.lifetime().fresh, fresh.lifetime().received), (Duration::from_mins(2), NEXT_NOON));
    assert!(fresh.tags.contains("t"));
}

#[test]
fn its_directives_begin_a_new_lifetime() {
    let own = stored(&[("etag", "\"1\""), ("cache-control", "max-age=60"), ("date", MODIFIED)], "x");
    let fresh = freshened(&own, &[], &rule(None)).unwrap().lifetime();
    // The Date of the old exchange does not age the new one.
    assert_eq!((fresh.fresh, fresh.initial_age), (Duration::from_mins(1), Duration::ZERO));
    assert!(fresh.is_fresh(NEXT_NOON));
    let aged = freshened(&own, &[("age", "30")], &rule(None)).unwrap().lifetime();
    assert_eq!(aged.initial_age, Duration::from_secs(30));
    let silent = stored(&[("etag", "\"1\"")], "x");
    let ruled = freshened(&silent, &[], &rule(Some(300))).unwrap().lifetime();
    assert_eq!((ruled.fresh, ruled.from), (Duration::from_mins(5), LifetimeFrom::Rule));
    for (veto, reason) in [("no-store", Reason::NoStore), ("private", Reason::Private)] {
        assert_eq!(freshened(&own, &[("cache-control", veto)], &rule(None)).err(), Some(reason));
    }
    assert_eq!(freshened(&own, &[("set-cookie", "sessionid=1")], &rule(None)).err(), Some(Reason::SetCookie));
    assert_eq!(freshened(&own, &[("surrogate-key", &"x".repeat(129))], &rule(None)).err(), Some(Reason::BadTags));
}

#[test]
fn a_304_that_speaks_of_another_response_updates_nothing() {
    let (tagged, weak, dated) = ([("etag", "\"1\"")], [("etag", "W/\"1\"")], [("last-modified", MODIFIED)]);
    let other = "Mon, 23 Nov 2026 12:00:01 GMT";
    let table: &[(Lines<'_>, Lines<'_>, bool)] = &[
        (&tagged, &[], true),
        (&tagged, &tagged, true),
        (&tagged, &weak, true),
        (&weak, &tagged, true),
        (&tagged, &[("etag", "\"2\"")], false),
        (&tagged, &[("etag", "1")], false),
        (&dated, &[], true),
        (&dated, &dated, true),
        (&dated, &[("last-modified", other)], false),
        (&dated, &tagged, false),
        (&[tagged[0], dated[0]], &[tagged[0], ("last-modified", other)], true),
    ];
    for (own, told, fits) in table {
        let result = freshened(&stored(own, "x"), told, &rule(Some(60)));
        assert_eq!(result.is_ok(), *fits, "{own:?} {told:?}");
    }
    // What was weak for these bytes stays so; what was strong and is now called weak is weak.
    for (own, told) in [(weak, tagged), (tagged, weak)] {
        let fresh = freshened(&stored(&own, "x"), &told, &rule(Some(60))).unwrap();
        assert_eq!(value(&fresh, &header::ETAG).as_deref(), Some("W/\"1\""));
        assert_eq!(fresh.etag(), "W/\"1\"");
    }
    let ours = stored(&dated, "x");
    assert_eq!(freshened(&ours, &dated, &rule(Some(60))).unwrap().etag(), ours.etag(), "our own tag stays");
}

#[test]
fn a_vary_that_a_304_adds_narrows_and_none_widens() {
    let request = fields(&[("accept", "text/html")]);
    let vary = VaryKey::of(&[header::ACCEPT], |name| vary::normalised(&request, name));
    let own = stored(&[("etag", "\"1\""), ("vary", "accept")], "x");
    let own = StoredResponse::of(Parts { vary, ..own.to_parts() });
    let names = |lines: Lines<'_>| {
        let fresh = freshened(&own, lines, &rule(Some(60))).unwrap();
        let text = |value: &[u8]| String::from_utf8_lossy(value).to_string();
        fresh.vary.pairs().map(|(name, value)| (name.to_string(), value.map(text))).collect::<Vec<_>>()
    };
    let accept = ("accept".to_string(), Some("text/html".to_string()));
    let language = ("accept-language".to_string(), Some("de".to_string()));
    assert_eq!(names(&[("vary", "Accept-Language")]), [accept.clone(), language]);
    assert_eq!(names(&[]), [accept]);
    assert_eq!(freshened(&own, &[("vary", "*")], &rule(Some(60))).err(), Some(Reason::VaryStar));
}
