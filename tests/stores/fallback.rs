//! The embedded store carries on while Redis is away.

use crate::backends::Sqlite;
use crate::battery::{get, page, put_all};
use crate::parts::redis::Server;
use crate::samples::START;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::store::redis::{RedisStore, Settings};
use vitrine::store::{Fallback, Queued, Store};

const ROOMY: [u64; 3] = [64 << 20; 3];

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(20), "still waiting until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_comes_while_redis_is_away_is_kept_here_and_redis_is_asked_when_it_is_back() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let embedded = Sqlite::open(&folder);
    let settings = Settings::parse(&server.url(), None).unwrap();
    let redis = Arc::new(RedisStore::open(settings, ROOMY, Clock::held(START).0));
    let both = Fallback::new(redis.clone(), embedded.store.clone());
    let (shared, own) = (page("/shared"), page("/own"));
    until("Redis is there", async || redis.put(page("/x")) == Queued::Accepted && redis.flush().await.is_ok()).await;
    put_all(&both, [shared.clone()]).await;
    assert!(get(&*embedded.store, CacheName::Default, &shared).await.is_empty(), "nothing is copied");

    server.kill();
    until("Redis is known to be away", async || redis.put(page("/y")) == Queued::Unavailable).await;
    assert_eq!(both.put(own.clone()), Queued::Accepted);
    embedded.store.flush().await.unwrap();
    assert_eq!(get(&both, CacheName::Default, &own).await.len(), 1);
    assert!(get(&both, CacheName::Default, &shared).await.is_empty());
    assert!(both.figures().trouble.is_some(), "an operator is told nevertheless");

    server.restart();
    until("Redis is back", async || redis.get(CacheName::Default, &own.key().to_key()).await.is_ok()).await;
    assert!(get(&both, CacheName::Default, &own).await.is_empty(), "Redis is asked, and knows nothing of it");
    both.remove(CacheName::Default, &own.key().to_key(), own.generation);
    embedded.store.flush().await.unwrap();
    assert!(get(&*embedded.store, CacheName::Default, &own).await.is_empty());
}

#[tokio::test]
async fn both_are_cleared() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let embedded = Sqlite::open(&folder);
    let settings = Settings::parse(&server.url(), None).unwrap();
    let redis = Arc::new(RedisStore::open(settings, ROOMY, Clock::held(START).0));
    let both = Fallback::new(redis.clone(), embedded.store.clone());
    let own = page("/own");
    put_all(&*embedded.store, [own.clone()]).await;
    until("Redis is there", async || redis.put(own.clone()) == Queued::Accepted && redis.flush().await.is_ok()).await;
    both.clear(None).await.unwrap();
    assert!(get(&both, CacheName::Default, &own).await.is_empty());
    assert!(get(&*embedded.store, CacheName::Default, &own).await.is_empty());
}
