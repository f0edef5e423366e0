//! Servers that fail in each way there is: nobody waits, the words name the remedy, and it is well again by itself.

use super::{ROOMY, open, open_with, until, usual};
use crate::battery::{page, put_all};
use crate::parts::redis::Server;
use crate::samples::{START, key, noise, response, shared, vary};
use std::time::{Duration, Instant};
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::store::redis::RedisStore;
use vitrine::store::{Queued, Store, StoreError};
use vitrine::stored::Parts;

/// What is put is there.
async fn is_well(store: &RedisStore, url: &str) {
    until("well again", async || {
        store.put(page(url)) == Queued::Accepted
            && store.flush().await.is_ok()
            && store.get(CacheName::Default, &key(url)).await.is_ok_and(|found| found.len() == 1)
            && store.figures().trouble.is_none()
    })
    .await;
}

/// It says that it cannot be used, in these words, after having been used for a while.
async fn is_out_of_order(store: &RedisStore, words: &str) {
    let mut answer = None;
    until(words, async || {
        let _ = store.get(CacheName::Default, &key("/a")).await;
        answer = Some(store.put(page("/a")));
        answer == Some(Queued::Unavailable) && store.figures().trouble.is_some_and(|trouble| trouble.contains(words))
    })
    .await;
}

#[tokio::test]
async fn missing_at_the_start() {
    let mut server = Server::start(&[]);
    server.kill();
    let (store, _) = open_with(usual(&server));
    is_out_of_order(&store, "is Redis running?").await;
    assert!(matches!(store.get(CacheName::Default, &key("/a")).await, Err(StoreError::Unavailable(_))));
    assert!(store.clear(None).await.is_err() && store.flush().await.is_err() && store.census().await.is_err());
    server.restart();
    is_well(&store, "/b").await;
}

#[tokio::test]
async fn killed_and_started_again() {
    let mut server = Server::start(&[]);
    let (store, _) = open_with(usual(&server));
    is_well(&store, "/a").await;
    server.kill();
    is_out_of_order(&store, "is Redis running?").await;
    server.restart();
    is_well(&store, "/b").await;
    assert!(store.get(CacheName::Default, &key("/a")).await.unwrap().is_empty());
}

#[tokio::test]
async fn hung() {
    let server = Server::start(&[]);
    let (store, _) = open_with(usual(&server));
    is_well(&store, "/a").await;
    server.pause();
    let first = store.get(CacheName::Default, &key("/a")).await;
    assert!(matches!(first, Err(StoreError::Timeout(_))), "{first:?}");
    // Each on its own would take its whole time: two hundred would be twenty seconds.
    let start = Instant::now();
    for _ in 0..200 {
        assert!(store.get(CacheName::Default, &key("/a")).await.is_err());
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    is_out_of_order(&store, "").await;
    assert!(store.figures().errors >= 5);
    server.resume();
    is_well(&store, "/b").await;
}

#[tokio::test]
async fn slow() {
    let server = Server::start(&[]);
    let (store, _) = open_with(usual(&server));
    is_well(&store, "/a").await;
    let _: () = server.run(&["CLIENT", "PAUSE", "1500", "ALL"]);
    let late = store.get(CacheName::Default, &key("/a")).await;
    assert!(matches!(late, Err(StoreError::Timeout(_))), "{late:?}");
    assert!(store.figures().trouble.is_some());
    is_well(&store, "/b").await;
}

#[tokio::test]
async fn full_read_only_or_without_replicas_it_still_reads() {
    let table: [(&str, &[&str], &[&str]); 3] = [
        ("maxmemory-policy volatile-lru", &["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
        ("is a replica", &["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
        (
            "min-replicas-to-write",
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
        ),
    ];
    for (words, spoil, mend) in table {
        let server = Server::start(&[]);
        let (store, _) = open(&server);
        is_well(&store, "/a").await;
        let _: () = server.run(spoil);
        is_out_of_order(&store, words).await;
        until("reads go on", async || {
            store.get(CacheName::Default, &key("/a")).await.is_ok_and(|found| found.len() == 1)
        })
        .await;
        let _: () = server.run(mend);
        is_well(&store, "/b").await;
    }
}

#[tokio::test]
async fn loading() {
    let mut server = Server::start(&["--key-load-delay", "100000", "--loading-process-events-interval-bytes", "1024"]);
    let (store, _) = open_with(usual(&server));
    for n in 0..30 {
        let url = format!("/{n}");
        assert_eq!(store.put(shared(response(CacheName::Default, &url, noise(3_000, n)))), Queued::Accepted);
    }
    store.flush().await.unwrap();
    let _: () = server.run(&["SAVE"]);
    server.launch();
    is_out_of_order(&store, "is loading its data").await;
    is_well(&store, "/b").await;
    assert_eq!(store.get(CacheName::Default, &key("/7")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn flushed_and_without_its_scripts() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    is_well(&store, "/a").await;
    let _: () = server.run(&["FLUSHALL"]);
    let _: () = server.run(&["SCRIPT", "FLUSH"]);
    assert!(store.get(CacheName::Default, &key("/a")).await.unwrap().is_empty());
    is_well(&store, "/a").await;
    let _: () = server.run(&["SCRIPT", "FLUSH"]);
    let own = store.get(CacheName::Default, &key("/a")).await.unwrap().remove(0);
    store.remove(CacheName::Default, &own.key().to_key(), own.generation);
    store.flush().await.unwrap();
    assert!(store.get(CacheName::Default, &key("/a")).await.unwrap().is_empty());
    let figures = store.figures();
    assert_eq!((figures.errors, figures.trouble), (0, None));
}

#[tokio::test]
async fn connections_that_are_cut_are_made_again() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    for n in 0..10 {
        is_well(&store, &format!("/{n}")).await;
        let _: () = server.run(&["CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "yes"]);
    }
    is_well(&store, "/a").await;
}

#[tokio::test]
async fn the_queue_is_bounded_by_bytes() {
    let server = Server::start(&[]);
    let mut settings = crate::backends::patient(&server);
    settings.queue_bytes_max = 1 << 20;
    let (store, _) = open_with(settings);
    is_well(&store, "/a").await;
    server.pause();
    let put = |n| store.put(shared(response(CacheName::Default, &format!("/{n}"), noise(100_000, n))));
    let answers: Vec<Queued> = (0..20).map(put).collect();
    let accepted = answers.iter().filter(|answer| **answer == Queued::Accepted).count();
    assert!((8..=11).contains(&accepted), "{answers:?}");
    assert!(answers[accepted..].iter().all(|answer| *answer == Queued::Full), "{answers:?}");
    assert_eq!(store.figures().dropped, 20 - accepted as u64);
    assert!(store.figures().queued_bytes > 800_000);
    server.resume();
    store.flush().await.unwrap();
    assert_eq!(store.figures().queued_bytes, 0);
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_never_hangs() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    for n in 0..100 {
        store.put(page(&format!("/{n}")));
    }
    store.close().await;
    assert_eq!(super::names(&server).len(), 100);
    assert_eq!(store.put(page("/late")), Queued::Unavailable);
    assert!(store.flush().await.is_err());
    let hung = RedisStore::open(crate::backends::patient(&server), ROOMY, Clock::held(START).0);
    is_well(&hung, "/b").await;
    server.pause();
    hung.put(page("/c"));
    let start = Instant::now();
    hung.close().await;
    assert!(start.elapsed() < super::DEADLINE);
    server.resume();
}

#[tokio::test]
async fn a_large_body_that_cannot_be_read_leaves_the_small_ones() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    let of = |language, body: usize| {
        let page = response(CacheName::Default, "/", noise(body, 1));
        shared(Parts { vary: vary(language), ..page })
    };
    let (small, large) = (of("de", 100), of("en", 2 << 20));
    put_all(&store, [small.clone(), large, shared(response(CacheName::Default, "/large", noise(2 << 20, 1)))]).await;
    let _: () = server.run(&["ACL", "SETUSER", "default", "-get"]);
    let found = store.get(CacheName::Default, &key("/")).await.unwrap();
    assert_eq!((found.len(), found[0].generation), (1, small.generation));
    assert!(store.get(CacheName::Default, &key("/large")).await.is_err());
    assert_eq!(store.figures().errors, 1);
}
