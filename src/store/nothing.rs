//! No store behind memory: nothing is there, and nothing is kept.

use super::{Answer, Queued, Store, StoreFigures};
use crate::cache_name::CacheName;
use crate::key::Key;
use crate::ledger::Scope;
use crate::stored::StoredResponse;
use std::sync::Arc;

/// The backend `memory`: what the memory tier lets go is gone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Store for Nothing {
    fn get<'a>(&'a self, _cache: CacheName, _key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn put(&self, _response: Arc<StoredResponse>) -> Queued {
        Queued::Accepted
    }

    fn remove(&self, _cache: CacheName, _key: &Key, _generation: u64) {}

    fn clear(&self, _cache: Option<CacheName>) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn count<'a>(&'a self, _scope: &'a Scope) -> Answer<'a, Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }

    fn flush(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
