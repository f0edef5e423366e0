//! RFC 9111 4.3.5: what an answer to HEAD makes of the stored response to GET.

use super::exchanges::{Lines, NOON, cookies, exchange, fields, rule, stored, terms};
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Epoch, Stamp};
use vitrine::policy::validation::Told;
use vitrine::policy::{Exchange, head};
use vitrine::stored::{Lifetime, Parts, StoredResponse};

const MODIFIED: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
const LATER: Timestamp = Timestamp(NOON.0 + 30_000);

/// Five bytes, fresh for a minute from noon, good for ten more while it is validated.
fn page() -> StoredResponse {
    let own = stored(&[("etag", "\"1\""), ("last-modified", MODIFIED), ("x-kept", "a"), ("x-told", "a")], "hello");
    let lifetime = Lifetime { stale_while_revalidate: Duration::from_secs(10), ..own.lifetime() };
    StoredResponse::of(Parts { lifetime, ..own.to_parts() })
}

/// What an answer half a minute later makes of it.
fn taken_in(status: u16, lines: Lines<'_>) -> Option<StoredResponse> {
    let (request, response) = (fields(&[]), fields(lines));
    let exchange =
        Exchange { requested: LATER, received: LATER, received_wall: LATER, ..exchange(status, &request, &response) };
    let (stamp, rule, cookies) = (Stamp::of(Epoch(1), 9), rule(None), cookies());
    let terms = terms(&rule, &cookies);
    head::taken_in(&page(), Told { exchange: &exchange, terms: &terms, tags: Vec::new(), stamp, generation: 12 })
}

#[test]
fn what_agrees_freshens() {
    let fresh = ("cache-control", "max-age=300");
    for lines in [
        &[fresh, ("etag", "\"1\""), ("x-told", "b")][..],
        &[fresh, ("last-modified", MODIFIED), ("x-told", "b")],
        &[fresh, ("etag", "\"1\""), ("last-modified", MODIFIED), ("content-length", "5"), ("x-told", "b")],
    ] {
        let own = taken_in(200, lines).expect("it says something");
        assert_eq!(own.lifetime().fresh, Duration::from_mins(5), "{lines:?}");
        assert_eq!((own.lifetime().received, own.stamp.position), (LATER, 9), "{lines:?}");
        let told = own.fields().to_map();
        assert_eq!((&told["x-kept"], &told["x-told"]), (&"a".parse().unwrap(), &"b".parse().unwrap()), "{lines:?}");
        assert_eq!(own.body, page().body);
    }
}

#[test]
fn what_disagrees_makes_stale() {
    let fresh = ("cache-control", "max-age=300");
    for lines in [
        &[fresh, ("etag", "\"2\"")][..],
        &[fresh, ("etag", "W/\"1\"")],
        &[fresh, ("last-modified", "Tue, 24 Nov 2026 12:00:00 GMT")],
        &[fresh, ("etag", "\"1\""), ("content-length", "6")],
        &[fresh, ("etag", "\"1\""), ("last-modified", "Tue, 24 Nov 2026 12:00:00 GMT")],
        &[fresh, ("content-length", "6")],
        // It agrees, and is for a visitor alone from now on.
        &[("cache-control", "private"), ("etag", "\"1\"")],
    ] {
        let own = taken_in(200, lines).expect("it says something").lifetime();
        assert!(!own.is_fresh(LATER), "{lines:?}");
        assert_eq!(own.stale_while_revalidate, Duration::ZERO, "{lines:?}");
        assert_eq!(own.keep_until(), page().lifetime().keep_until(), "{lines:?}");
    }
}

#[test]
fn what_says_nothing_of_the_content_changes_nothing() {
    assert!(taken_in(200, &[("cache-control", "max-age=300")]).is_none());
    // As long is not the same.
    assert!(taken_in(200, &[("cache-control", "max-age=300"), ("content-length", "5")]).is_none());
    for status in [204, 301, 304, 404, 500] {
        assert!(taken_in(status, &[("etag", "\"2\"")]).is_none(), "{status}");
    }
}
