//! RFC 9111 5.2.1: what a request's own directives ask of the cache, where the configuration has them asked.

use super::exchanges::{Lines, NOON, RULE, fields, stored};
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Gone, Standing, Trust};
use vitrine::outcome::Reason;
use vitrine::policy::{Reuse, Wishes, reuse};
use vitrine::stored::{Lifetime, Parts, StoredResponse};

fn wishes(value: &str) -> Wishes {
    Wishes::of(&fields(&[("cache-control", value)]))
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn directives_are_read_and_what_is_no_number_asks_for_more_of_the_origin() {
    let none = Wishes::NONE;
    let table = [
        ("max-age=60", Wishes { max_age: Some(secs(60)), ..none }),
        ("MAX-AGE=\"60\", Min-Fresh=5", Wishes { max_age: Some(secs(60)), min_fresh: Some(secs(5)), ..none }),
        ("max-age=1, max-age=9", Wishes { max_age: Some(secs(1)), ..none }),
        ("max-age=99999999999", Wishes { max_age: Some(secs(1 << 31)), ..none }),
        ("max-age", Wishes { max_age: Some(secs(0)), ..none }),
        ("max-age=x", Wishes { max_age: Some(secs(0)), ..none }),
        ("max-age=-1", Wishes { max_age: Some(secs(0)), ..none }),
        ("min-fresh=x", Wishes { min_fresh: Some(Duration::MAX), ..none }),
        ("max-stale", Wishes { max_stale: Some(Duration::MAX), ..none }),
        ("max-stale=7", Wishes { max_stale: Some(secs(7)), ..none }),
        ("max-age =60", Wishes { max_age: Some(secs(0)), ..none }),
        ("max-stale= 7, no-cache =x", Wishes { no_cache: true, ..none }),
        ("max-stale=x", none),
        ("max-stale=", none),
        ("no-cache, no-store, only-if-cached", Wishes { no_cache: true, no_store: true, only_if_cached: true, ..none }),
        ("x=\"no-cache\", unheard-of", none),
        ("", none),
    ];
    for (value, expected) in table {
        assert_eq!(wishes(value), expected, "{value}");
    }
}

#[test]
fn pragma_counts_only_without_cache_control() {
    let of = |lines: Lines<'_>| Wishes::of(&fields(lines)).no_cache;
    assert!(of(&[("pragma", "no-cache")]));
    assert!(of(&[("pragma", "x, No-Cache")]));
    assert!(!of(&[("pragma", "no-cache"), ("cache-control", "max-age=60")]));
    assert!(!of(&[("pragma", "cache")]));
}

/// Fresh for 60 s from noon, with 10 s of age to begin with; may be validated.
fn page(lines: Lines<'_>) -> StoredResponse {
    let lines = [&[("etag", "\"1\"")], lines].concat();
    let own = stored(&lines, "");
    let lifetime = Lifetime { initial_age: Duration::from_secs(10), ..own.lifetime() };
    StoredResponse::of(Parts { lifetime, ..own.to_parts() })
}

fn decided(page: &StoredResponse, standing: Standing, value: &str, after_secs: u64) -> Reuse {
    let now = Timestamp(NOON.0 + after_secs * 1_000);
    reuse::decide(page, Trust::Whole, standing, RULE, &wishes(value), now)
}

#[test]
fn each_wish_is_granted_by_the_age_it_speaks_of() {
    let (ask, old) = (Reuse::Validate(Reason::RequestDirective), Reuse::ServeStale(Reason::MaxStale));
    let stale = Reuse::Validate(Reason::Stale);
    let table = [
        ("max-age=30", 20, Reuse::Serve),
        ("max-age=30", 21, ask),
        ("max-age=0", 1, ask),
        ("min-fresh=20", 30, Reuse::Serve),
        ("min-fresh=20", 31, ask),
        ("min-fresh=x", 0, ask),
        ("no-cache", 0, ask),
        ("max-stale", 51, old),
        ("max-stale=9", 59, old),
        ("max-stale=9", 60, stale),
        ("max-stale, max-age=60", 51, stale),
        ("max-stale=9, no-cache", 55, stale),
        ("max-stale=9, min-fresh=0", 55, stale),
        // What is fresh needs no patience.
        ("max-stale=9", 10, Reuse::Serve),
        ("", 10, Reuse::Serve),
    ];
    for (value, after, expected) in table {
        assert_eq!(decided(&page(&[]), Standing::Valid, value, after), expected, "{value} after {after} s");
    }
}

#[test]
fn no_patience_helps_where_the_origin_or_a_purge_forbids() {
    for value in ["max-age=60, must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"] {
        let strict = page(&[("cache-control", value)]);
        let got = decided(&strict, Standing::Valid, "max-stale", 55);
        assert_eq!(got, Reuse::Validate(Reason::Stale), "{value}");
    }
    let soft = decided(&page(&[]), Standing::Soft, "max-stale", 55);
    assert_eq!(soft, Reuse::Validate(Reason::SoftInvalidated));
    let gone = decided(&page(&[]), Standing::Gone(Gone::Invalidated), "max-stale", 55);
    assert_eq!(gone, Reuse::Fetch(Reason::Invalidated));
}
