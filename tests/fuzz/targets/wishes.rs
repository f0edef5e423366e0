//! The directives of requests (RFC 9111 5.2.1).

use super::reading::{Member, members};
use super::scene::{NOON, page, under, values};
use http::{HeaderMap, HeaderValue, header};
use std::time::Duration;
use vitrine::ledger::{Standing, Trust};
use vitrine::policy::{Reuse, Wishes, reuse};

/// Values of Cache-Control in a request: garbage never makes the cache serve what it would not serve otherwise, and what is there
/// by the letter is heard.
pub(super) fn wishes(bytes: &[u8]) {
    let lines = values(bytes);
    let own = Wishes::of(&under(&header::CACHE_CONTROL, &lines));
    let read: Option<Vec<Vec<Member>>> =
        lines.iter().map(|line| line.to_str().ok().and_then(members)).collect::<Option<_>>();
    let says = |name: &str| {
        let read = read.iter().flatten().flatten();
        read.filter(|member| member.name == name).count()
    };
    if let Some(read) = &read {
        assert_eq!(own.no_cache, says("no-cache") > 0, "{read:?}");
        assert_eq!(own.no_store, says("no-store") > 0, "{read:?}");
        assert_eq!(own.only_if_cached, says("only-if-cached") > 0, "{read:?}");
        assert_eq!(own.max_age.is_some(), says("max-age") > 0, "{read:?}");
        assert_eq!(own.min_fresh.is_some(), says("min-fresh") > 0, "{read:?}");
        assert!(own.max_stale.is_none() || says("max-stale") > 0, "{read:?}");
    }
    served_no_longer(&own);
    let mut more = lines.clone();
    more.push(HeaderValue::from_static("no-cache"));
    assert!(Wishes::of(&under(&header::CACHE_CONTROL, &more)).no_cache, "a line more is heard");
    assert_eq!(Wishes::of(&HeaderMap::new()), Wishes::NONE);
}

/// Only `max-stale` has something served that would not be without wishes, and never past it.
fn served_no_longer(own: &Wishes) {
    let stored = page(&HeaderMap::new(), "0123456789");
    let lifetime = stored.lifetime();
    for after in [Duration::ZERO, lifetime.fresh, lifetime.fresh + Duration::from_secs(30), lifetime.keep] {
        let now = NOON.plus(after);
        let decide = |wishes: &Wishes| reuse::decide(&stored, Trust::Whole, Standing::Valid, stored.rule, wishes, now);
        match (decide(own), decide(&Wishes::NONE)) {
            (Reuse::Serve, plain) => assert_eq!(plain, Reuse::Serve, "{own:?}"),
            (Reuse::ServeStale(_), Reuse::ServeStale(_)) => {}
            (Reuse::ServeStale(_), _) => {
                assert!(own.max_stale.is_some_and(|max_stale| lifetime.staleness(now) <= max_stale), "{own:?}");
                assert!(!own.no_cache && own.max_age.is_none_or(|max_age| lifetime.age(now) <= max_age), "{own:?}");
            }
            _ => {}
        }
    }
}
