//! The census, the size of caches, what the server is warned about.

use super::{ROOMY, names, open, until};
use crate::battery::put_all;
use crate::parts::redis::Server;
use crate::samples::{START, key, noise, response, shared};
use std::sync::Arc;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::store::Store;
use vitrine::store::redis::RedisStore;
use vitrine::stored::StoredResponse;

fn pages(count: u64) -> Vec<Arc<StoredResponse>> {
    (0..count).map(|n| shared(response(CacheName::Default, &format!("/{n}"), noise(20_000, n)))).collect()
}

fn small(server: &Server, bytes_max: u64) -> RedisStore {
    RedisStore::open(crate::backends::patient(server), [bytes_max; 3], Clock::held(START).0)
}

/// Makes a key look as if nobody had asked for it for so long.
fn age(server: &Server, name: &str, seconds: u64) {
    let content: Vec<u8> = server.run(&["DUMP", name]);
    let left: u64 = server.run(&["PEXPIRETIME", name]);
    let mut restore = redis::cmd("RESTORE");
    restore.arg(name).arg(left).arg(content).arg("REPLACE").arg("ABSTTL").arg("IDLETIME").arg(seconds);
    restore.exec(&mut server.connection()).unwrap();
}

#[tokio::test]
async fn one_counts_for_all() {
    let server = Server::start(&[]);
    let (one, _) = open(&server);
    put_all(&one, pages(10)).await;
    let counted = one.census().await.unwrap();
    let (other, _) = open(&server);
    put_all(&other, [shared(response(CacheName::Products, "/new", "x"))]).await;
    // The minute is the first one's: the other learns, and does not look.
    assert_eq!(other.census().await.unwrap()[..2], counted[..2]);
    assert_eq!(one.census().await.unwrap()[1].entries, 1);
    assert_eq!(other.census().await.unwrap()[1].entries, 1);
    assert_eq!(other.figures().caches, one.figures().caches);
    let _: () = server.run(&["DEL", "ecommerce:{census}:lock", "ecommerce:{census}"]);
    assert_eq!(other.census().await.unwrap(), one.figures().caches);
}

#[tokio::test]
async fn counting_makes_nothing_look_used() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    put_all(&store, pages(3)).await;
    for name in names(&server) {
        age(&server, &name, 5_000);
    }
    assert_eq!(store.census().await.unwrap()[0].entries, 3);
    for name in names(&server) {
        assert!(server.run::<u64>(&["OBJECT", "IDLETIME", &name]) >= 5_000);
    }
}

#[tokio::test]
async fn what_was_not_asked_for_longest_goes_first() {
    let server = Server::start(&[]);
    put_all(&small(&server, 64 << 20), pages(40)).await;
    let old: Vec<String> = names(&server).into_iter().step_by(2).collect();
    for (number, name) in old.iter().enumerate() {
        age(&server, name, 1_000 + number as u64);
    }
    let store = small(&server, 700_000);
    let _: () = server.run(&["DEL", "ecommerce:{census}:lock"]);
    until("evicted", async || store.census().await.unwrap()[0].evictions > 0).await;
    let [figures, ..] = store.figures().caches;
    assert_eq!(figures.entries + figures.evictions, 40);
    assert!(figures.bytes <= 700_000 && figures.bytes > 600_000, "{figures:?}");
    let left = names(&server);
    let gone: Vec<&String> = old.iter().filter(|name| !left.contains(name)).collect();
    assert_eq!(gone.len() as u64, figures.evictions);
    // Of those the ones that are older still.
    assert!(old.iter().rev().take(gone.len()).all(|name| !left.contains(name)));
}

#[tokio::test]
async fn where_the_server_counts_uses_the_least_used_goes() {
    let server = Server::start(&["--maxmemory", "1gb", "--maxmemory-policy", "volatile-lfu", "--lfu-log-factor", "0"]);
    let store = small(&server, 700_000);
    put_all(&store, pages(24)).await;
    for n in 0..24 {
        for _ in 0..if n % 3 == 0 { 60 } else { 0 } {
            assert_eq!(store.get(CacheName::Default, &key(&format!("/{n}"))).await.unwrap().len(), 1);
        }
    }
    put_all(&store, pages(40).split_off(24)).await;
    until("evicted", async || store.census().await.unwrap()[0].evictions > 0).await;
    for n in (0..24).step_by(3) {
        assert_eq!(store.get(CacheName::Default, &key(&format!("/{n}"))).await.unwrap().len(), 1, "{n}");
    }
}

#[tokio::test]
async fn bodies_that_are_kept_apart_are_counted_and_go_with_their_pages() {
    let server = Server::start(&[]);
    let store = small(&server, 8 << 20);
    // The first look is over before anything comes: one that meets bodies whose pages are still to come counts amiss.
    store.census().await.unwrap();
    let large = (0..8).map(|n| shared(response(CacheName::Products, &format!("/{n}.pdf"), noise(2 << 20, n))));
    put_all(&store, large).await;
    until("evicted", async || store.census().await.unwrap()[1].evictions > 0).await;
    let [_, figures, _] = store.figures().caches;
    assert_eq!(names(&server).len() as u64, 2 * figures.entries);
    assert!(figures.entries >= 2 && figures.entries + figures.evictions == 8, "{figures:?}");
    assert!(figures.bytes <= 8 << 20);
}

#[tokio::test]
async fn the_server_is_described_and_what_will_hurt_is_said() {
    let table: [(&[&str], Option<&str>); 4] = [
        (&["--maxmemory", "1gb", "--maxmemory-policy", "volatile-lru"], None),
        (&["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"], Some("volatile-lru")),
        (&["--maxmemory", "1gb", "--maxmemory-policy", "noeviction"], Some("volatile-lru")),
        (&["--maxmemory", "0", "--appendonly", "no"], Some("set maxmemory")),
    ];
    for (arguments, warning) in table {
        let server = Server::start(arguments);
        let store = RedisStore::open(crate::backends::patient(&server), ROOMY, Clock::held(START).0);
        until("looked at", async || store.redis().is_some()).await;
        let found = store.redis().unwrap();
        assert!(found.version.as_deref().is_some_and(|version| version.starts_with("Redis 7.")), "{found:?}");
        assert_eq!((found.role.as_deref(), found.reading_pauses, found.writing_pauses), (Some("master"), false, false));
        assert!(found.memory_bytes.is_some() && found.evicted == Some(0) && found.hits.is_some(), "{found:?}");
        assert_eq!(found.warnings.len(), usize::from(warning.is_some()), "{found:?}");
        assert!(warning.is_none_or(|words| found.warnings[0].contains(words)), "{found:?}");
    }
}
