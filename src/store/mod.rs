//! Where stored responses are kept. Stores store: keys, stored responses and bytes go in and out, never requests, never
//! directives, and no store knows what fresh means.
//!
//! Nothing here is allowed to make a client wait or fail: a read is bounded in time, a write goes to a bounded queue and is
//! dropped when that is full, and "broken" is another answer than "not there".

mod fallback;
mod files;
mod memory;
mod nothing;
pub mod redis;
mod settings;
pub mod sqlite;

pub use fallback::Fallback;
pub use files::{FILE_BYTES_MIN, Files};
pub use memory::{MemoryTier, Variants};
pub use nothing::Nothing;
pub use settings::{Backend, Settings};

use crate::cache_name::CacheName;
use crate::key::Key;
use crate::ledger::Scope;
use crate::stored::StoredResponse;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future of a store's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Variants of one key that are kept, at most; the oldest gives way.
pub const VARIANTS_MAX: usize = 32;

/// The tier behind memory.
pub trait Store: Send + Sync + 'static {
    /// Every variant that is stored under the key, newest first; none is not an error.
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>>;

    /// Takes a response for writing, in place of one with the same key and Vary key, and never waits.
    fn put(&self, response: Arc<StoredResponse>) -> Queued;

    /// Lets go of exactly this generation of a response; a successor stays.
    fn remove(&self, cache: CacheName, key: &Key, generation: u64);

    /// Erases a cache, or all. The ledger has already made what was there unusable: this gives the room back.
    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()>;

    /// How many stored responses a scope matches, where an index tells it; none where only a scan would.
    fn count<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Option<u64>>;

    /// What is stored, by cache.
    fn figures(&self) -> StoreFigures;

    /// Waits until what was queued before is written.
    fn flush(&self) -> Answer<'_, ()>;
}

/// What became of a response that was handed to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It will be written.
    Accepted,
    /// The queue is full; it was dropped and counted.
    Full,
    /// It is larger than what this store keeps.
    TooLarge,
    /// The store is out of order for now.
    Unavailable,
}

/// The figures of one cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Stored responses.
    pub entries: u64,
    /// Their bytes, heads included.
    pub bytes: u64,
    /// What they may be, at most.
    pub bytes_max: u64,
    /// Let go to make room, since the start.
    pub evictions: u64,
}

/// The figures of a store.
#[derive(Clone, Debug, Default)]
pub struct StoreFigures {
    /// One for each cache, by [`CacheName::index`].
    pub caches: [CacheFigures; 3],
    /// Bytes waiting to be written.
    pub queued_bytes: u64,
    /// Responses that were dropped because the queue was full, since the start.
    pub dropped: u64,
    /// Reads and writes that failed, since the start.
    pub errors: u64,
    /// Stored responses that were found damaged and deleted, since the start.
    pub corrupt: u64,
    /// What is wrong with the store now, in words for an operator; none when it is well.
    pub trouble: Option<String>,
}

/// A store could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer in time.
    #[error("the store did not answer within {0} ms")]
    Timeout(u64),
    /// It is broken, or gone.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}
