//! RFC 9111 4: what a stored response is good for at which moment, what may stand in for an origin that failed, and which
//! of several variants a request selects.

use super::exchanges::{Lines, NOON, RULE, decide, fields, rule, stored};
use http::{HeaderName, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Gone, Standing, Trust};
use vitrine::outcome::Reason;
use vitrine::policy::{Reuse, Wishes, reuse, stale, vary};
use vitrine::stored::{Lifetime, Parts, RuleFingerprint, StoredResponse, VaryKey};

const ETAG: Lines<'_> = &[("etag", "\"1\"")];

/// Fresh for 60 s, then stale for up to 10 s while it is refreshed and up to 20 s where the origin fails; kept for 100 s.
fn lifetime() -> Lifetime {
    Lifetime {
        stale_while_revalidate: Duration::from_secs(10),
        stale_if_error: Duration::from_secs(20),
        keep: Duration::from_secs(100),
        ..stored(ETAG, "").lifetime()
    }
}

fn with(lines: Lines<'_>, lifetime: Lifetime) -> StoredResponse {
    StoredResponse::of(Parts { lifetime, ..stored(lines, "").to_parts() })
}

fn after_ms(ms: u64) -> Timestamp {
    Timestamp(NOON.0 + ms)
}

#[test]
fn each_moment_has_its_use() {
    let (plain, bare) = (with(ETAG, lifetime()), with(&[], lifetime()));
    let strict = with(ETAG, Lifetime { stale_while_revalidate: Duration::ZERO, ..lifetime() });
    let aged = with(ETAG, Lifetime { initial_age: Duration::from_secs(50), ..lifetime() });
    let asked = with(ETAG, Lifetime { validate_always: true, ..lifetime() });
    let long = with(ETAG, Lifetime { fresh: Duration::from_secs(1 << 31), ..lifetime() });
    let table = [
        (&plain, Standing::Valid, 0, Reuse::Serve),
        (&plain, Standing::Valid, 59_999, Reuse::Serve),
        (&plain, Standing::Valid, 60_000, Reuse::ServeStale(Reason::StaleWhileRevalidate)),
        (&plain, Standing::Valid, 70_000, Reuse::ServeStale(Reason::StaleWhileRevalidate)),
        (&plain, Standing::Valid, 70_001, Reuse::Validate(Reason::Stale)),
        (&plain, Standing::Valid, 99_999, Reuse::Validate(Reason::Stale)),
        (&plain, Standing::Valid, 100_000, Reuse::Fetch(Reason::Stale)),
        (&bare, Standing::Valid, 70_001, Reuse::Fetch(Reason::Stale)),
        (&strict, Standing::Valid, 60_000, Reuse::Validate(Reason::Stale)),
        (&aged, Standing::Valid, 9_999, Reuse::Serve),
        (&aged, Standing::Valid, 10_000, Reuse::ServeStale(Reason::StaleWhileRevalidate)),
        (&asked, Standing::Valid, 0, Reuse::Validate(Reason::NoCache)),
        (&asked, Standing::Valid, 60_000, Reuse::Validate(Reason::NoCache)),
        // However long a lifetime the origin stated, nothing is used past its keeping.
        (&long, Standing::Valid, 99_999, Reuse::Serve),
        (&long, Standing::Valid, 100_000, Reuse::Fetch(Reason::Stale)),
        (&plain, Standing::Soft, 0, Reuse::ServeStale(Reason::StaleWhileRevalidate)),
        (&strict, Standing::Soft, 0, Reuse::Validate(Reason::SoftInvalidated)),
        (&plain, Standing::Soft, 70_001, Reuse::Validate(Reason::SoftInvalidated)),
        (&plain, Standing::Gone(Gone::Invalidated), 0, Reuse::Fetch(Reason::Invalidated)),
        (&plain, Standing::Gone(Gone::Unknown), 0, Reuse::Fetch(Reason::LedgerUnknown)),
        (&plain, Standing::Gone(Gone::Ahead), 0, Reuse::Fetch(Reason::LedgerBehind)),
    ];
    for (place, (response, standing, ms, expected)) in table.into_iter().enumerate() {
        let got = reuse::decide(response, Trust::Whole, standing, RULE, &Wishes::NONE, after_ms(ms));
        assert_eq!(got, expected, "row {place}: {standing:?} after {ms} ms");
    }
    let other = RuleFingerprint(RULE.0 + 1);
    assert_eq!(
        reuse::decide(&plain, Trust::Whole, Standing::Valid, other, &Wishes::NONE, NOON),
        Reuse::Fetch(Reason::RuleChanged)
    );
}

#[test]
fn a_proxy_that_is_cut_off_from_the_ledger_asks_the_origin_or_passes() {
    let (plain, bare) = (with(ETAG, lifetime()), with(&[], lifetime()));
    let decide = |stored, trust, standing, rule| reuse::decide(stored, trust, standing, rule, &Wishes::NONE, NOON);
    let other = RuleFingerprint(RULE.0 + 1);
    let gone = Standing::Gone(Gone::Invalidated);
    let isolated = Reuse::Validate(Reason::Isolated);
    assert_eq!(decide(&plain, Trust::Revalidate, Standing::Valid, RULE), isolated);
    assert_eq!(decide(&plain, Trust::Revalidate, Standing::Soft, RULE), isolated);
    assert_eq!(decide(&bare, Trust::Revalidate, Standing::Valid, RULE), Reuse::Fetch(Reason::Isolated));
    assert_eq!(decide(&plain, Trust::Revalidate, gone, RULE), Reuse::Fetch(Reason::Invalidated));
    assert_eq!(decide(&plain, Trust::Revalidate, Standing::Valid, other), Reuse::Fetch(Reason::RuleChanged));
    assert_eq!(decide(&plain, Trust::None, Standing::Valid, RULE), Reuse::Pass(Reason::Isolated));
}

#[test]
fn an_etag_of_our_own_is_no_validator() {
    let ours = with(&[], Lifetime { stale_while_revalidate: Duration::ZERO, ..lifetime() });
    assert!(ours.etag().as_bytes().starts_with(b"\"v-"));
    assert_eq!(
        reuse::decide(&ours, Trust::Whole, Standing::Soft, RULE, &Wishes::NONE, NOON),
        Reuse::Fetch(Reason::SoftInvalidated)
    );
    let dated = with(&[("last-modified", "Mon, 23 Nov 2026 12:00:00 GMT")], ours.lifetime());
    assert_eq!(
        reuse::decide(&dated, Trust::Whole, Standing::Soft, RULE, &Wishes::NONE, NOON),
        Reuse::Validate(Reason::SoftInvalidated)
    );
}

#[test]
fn what_stands_in_for_a_failed_origin() {
    let may =
        |response: &StoredResponse, standing, ms| stale::may_answer_failure(response, standing, RULE, after_ms(ms));
    let plain = with(ETAG, lifetime());
    assert!(may(&plain, Standing::Valid, 80_000));
    assert!(!may(&plain, Standing::Valid, 80_001));
    assert!(may(&plain, Standing::Soft, 0));
    assert!(!may(&plain, Standing::Gone(Gone::Invalidated), 0));
    assert!(!may(&plain, Standing::Gone(Gone::Unknown), 0));
    assert!(!stale::may_answer_failure(&plain, Standing::Valid, RuleFingerprint(0), NOON));
    assert!(!may(&with(ETAG, Lifetime { validate_always: true, ..lifetime() }), Standing::Valid, 0));
    assert!(!may(&with(ETAG, Lifetime { stale_if_error: Duration::ZERO, ..lifetime() }), Standing::Valid, 60_000));
    let short = Lifetime { keep: Duration::from_secs(70), ..lifetime() };
    assert!(!may(&with(ETAG, short), Standing::Valid, 70_000), "past its keeping");
    for status in 200..600 {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(stale::is_failure(status), [500, 502, 503, 504].contains(&status.as_u16()), "{status}");
    }
}

#[test]
fn vary_is_one_list_of_names() {
    let names = |lines: Lines<'_>| {
        let all = [&[("cache-control", "max-age=60")], lines].concat();
        let plan = decide(200, &all, &rule(None)).unwrap();
        plan.vary.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&[("vary", "Accept, ,Cookie"), ("vary", "HX-Request")]), ["accept", "cookie", "hx-request"]);
    assert_eq!(names(&[("content-encoding", "gzip")]), ["accept-encoding"]);
    assert_eq!(names(&[("content-encoding", "gzip"), ("vary", "Accept-Encoding")]), ["accept-encoding"]);
    assert_eq!(names(&[]), Vec::<String>::new());
}

#[test]
fn values_are_compared_with_blanks_folded_and_nothing_else() {
    let same = |name: HeaderName, a: &[&str], b: &[&str]| {
        let lines = |values: &[&str]| {
            let lines: Vec<(&str, &str)> = values.iter().map(|value| (name.as_str(), *value)).collect();
            vary::normalised(&fields(&lines), &name)
        };
        lines(a) == lines(b)
    };
    let accept = || header::ACCEPT;
    assert!(same(accept(), &["a", "b"], &["a ,  b"]));
    assert!(same(accept(), &["a\t,b"], &["a, b"]));
    assert!(same(accept(), &[], &[]));
    assert!(!same(accept(), &["a, b"], &["b, a"]));
    assert!(!same(accept(), &["A"], &["a"]));
    assert!(!same(accept(), &[""], &[]), "empty is not absent");
    assert!(!same(accept(), &["a,,b"], &["a,b"]), "an origin may tell them apart");
    assert!(!same(accept(), &["\"a, b\""], &["\"a,b\""]), "blanks in a quoted string are its own");
    assert!(same(header::ACCEPT_LANGUAGE, &["DE-at, de"], &["de-AT,de"]));
}

#[test]
fn a_request_selects_the_variant_that_was_made_for_it() {
    let variant = |generation, names: &[HeaderName], lines: Lines<'_>| {
        let request = fields(lines);
        let vary = VaryKey::of(names, |name| vary::normalised(&request, name));
        Arc::new(StoredResponse::of(Parts { vary, generation, ..stored(ETAG, "").to_parts() }))
    };
    let language = [header::ACCEPT_LANGUAGE];
    let variants = [
        variant(4, &language, &[("accept-language", "de")]),
        variant(3, &language, &[("accept-language", "en")]),
        variant(2, &language, &[("accept-language", "de")]),
        variant(1, &language, &[]),
    ];
    let select = |variants: &[Arc<StoredResponse>], lines: Lines<'_>| {
        let request = fields(lines);
        vary::select(variants, |name| vary::normalised(&request, name)).map(|stored| stored.generation)
    };
    assert_eq!(select(&variants, &[("accept-language", "DE")]), Ok(4), "the newest of those that match");
    assert_eq!(select(&variants, &[("accept-language", "en")]), Ok(3));
    assert_eq!(select(&variants, &[]), Ok(1), "absent on both sides");
    assert_eq!(select(&variants, &[("accept-language", "")]), Err(Reason::VaryMismatch));
    assert_eq!(select(&variants, &[("accept-language", "fr")]), Err(Reason::VaryMismatch));
    assert_eq!(select(&[], &[]), Err(Reason::NotStored));
    let coded = [variant(2, &[], &[]), variant(1, &[header::ACCEPT_ENCODING], &[("accept-encoding", "gzip")])];
    assert_eq!(select(&coded, &[("accept-encoding", "gzip")]), Ok(1), "made for the codings that are accepted");
    assert_eq!(select(&coded, &[]), Ok(2));
}
