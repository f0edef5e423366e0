//! The embedded store carries on while Redis is away.
//!
//! Neither is copied into the other. What was stored here while Redis was away bears the shared ledger's epoch and position
//! like everything else, and is judged by the ledger when it is read: a proxy that has not caught up has no lease, and asks the
//! origin; one that has knows every record that is newer. A new epoch leaves nothing of it.

use super::redis::RedisStore;
use super::sqlite::SqliteStore;
use super::{Answer, Queued, Store, StoreFigures};
use crate::cache_name::CacheName;
use crate::key::Key;
use crate::ledger::Scope;
use crate::stored::StoredResponse;
use std::sync::Arc;

/// Redis, and the embedded store behind it.
#[derive(Debug)]
pub struct Fallback {
    redis: Arc<RedisStore>,
    embedded: Arc<SqliteStore>,
}

impl Fallback {
    /// A store of these two.
    pub fn new(redis: Arc<RedisStore>, embedded: Arc<SqliteStore>) -> Fallback {
        Fallback { redis, embedded }
    }
}

impl Store for Fallback {
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        Box::pin(async move {
            match self.redis.get(cache, key).await {
                Ok(found) => Ok(found),
                Err(_) => self.embedded.get(cache, key).await,
            }
        })
    }

    fn put(&self, response: Arc<StoredResponse>) -> Queued {
        match self.redis.put(response.clone()) {
            Queued::Unavailable => self.embedded.put(response),
            queued => queued,
        }
    }

    fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        self.redis.remove(cache, key, generation);
        self.embedded.remove(cache, key, generation);
    }

    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()> {
        Box::pin(async move {
            let (shared, own) = tokio::join!(self.redis.clear(cache), self.embedded.clear(cache));
            shared.and(own)
        })
    }

    fn count<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Option<u64>> {
        self.redis.count(scope)
    }

    /// Those of Redis: what is here is of use for the time being.
    fn figures(&self) -> StoreFigures {
        self.redis.figures()
    }

    fn flush(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let (shared, own) = tokio::join!(self.redis.flush(), self.embedded.flush());
            shared.and(own)
        })
    }
}
