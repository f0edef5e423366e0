//! The stores that the battery is run on. A further one needs a function here and a line in `main.rs`.

use crate::samples::START;
use std::sync::Arc;
use tempfile::TempDir;
use vitrine::cache_name::CacheName;
use vitrine::clock::{Clock, HeldClock};
use vitrine::key::Key;
use vitrine::ledger::{Opened, Scope};
use vitrine::store::sqlite::{Settings, SqliteStore};
use vitrine::store::{Answer, MemoryTier, Queued, Store, StoreFigures};
use vitrine::stored::StoredResponse;

/// A store for one test, and what it stands on.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

/// The hot tier, as a store behind nothing.
pub(crate) fn memory(caches_max: [u64; 3]) -> Fixture {
    Fixture { store: Arc::new(Memory(MemoryTier::new(u64::MAX, caches_max))), _folder: None }
}

/// The embedded store in a folder of its own.
pub(crate) fn sqlite(caches_max: [u64; 3]) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::in_folder(&folder, |settings| settings.caches_max = caches_max);
    Fixture { store: sqlite.store, _folder: Some(folder) }
}

/// An opened embedded store.
pub(crate) struct Sqlite {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) opened: Opened,
    pub(crate) hand: HeldClock,
}

impl Sqlite {
    /// Opens the store in a folder, with other settings than the usual.
    pub(crate) fn in_folder(folder: &TempDir, change: impl FnOnce(&mut Settings)) -> Sqlite {
        let mut settings = settings(folder);
        change(&mut settings);
        let (clock, hand) = Clock::held(START);
        let (store, opened) = SqliteStore::open(settings, clock).unwrap();
        Sqlite { store: Arc::new(store), opened, hand }
    }

    pub(crate) fn open(folder: &TempDir) -> Sqlite {
        Sqlite::in_folder(folder, |_| {})
    }
}

/// Roomy in size and in time: what a test wants small it makes small.
pub(crate) fn settings(folder: &TempDir) -> Settings {
    let mut settings = Settings::new(folder.path().join("cache.db"), [64 << 20; 3]);
    settings.read_timeout = std::time::Duration::from_secs(10);
    settings
}

/// The hot tier behind the trait, for the battery alone: the proxy asks it directly, and never waits for it.
struct Memory(MemoryTier);

impl Store for Memory {
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        Box::pin(async move { Ok(self.0.get(cache, key).map(|variants| variants.to_vec()).unwrap_or_default()) })
    }

    fn put(&self, response: Arc<StoredResponse>) -> Queued {
        self.0.insert(response)
    }

    fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        self.0.remove(cache, key, generation);
    }

    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()> {
        self.0.clear(cache);
        Box::pin(async { Ok(()) })
    }

    fn count<'a>(&'a self, _: &'a Scope) -> Answer<'a, Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures { caches: self.0.figures(), ..StoreFigures::default() }
    }

    fn flush(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
