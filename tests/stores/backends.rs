//! The stores that the battery is run on. A further one needs a function here and a line in `main.rs`.

use crate::parts::redis::Server;
use crate::samples::START;
use std::sync::Arc;
use tempfile::TempDir;
use vitrine::cache_name::CacheName;
use vitrine::clock::{Clock, HeldClock};
use vitrine::key::Key;
use vitrine::ledger::{Opened, Scope};
use vitrine::store::redis::{self, RedisStore};
use vitrine::store::sqlite::{Settings, SqliteStore};
use vitrine::store::{Answer, MemoryTier, Queued, Store, StoreFigures};
use vitrine::stored::StoredResponse;

/// A store for one test, and what it stands on.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    _stands_on: Option<Box<dyn Send + Sync>>,
}

/// The hot tier, as a store behind nothing.
pub(crate) fn memory(caches_max: [u64; 3]) -> Fixture {
    Fixture { store: Arc::new(Memory(MemoryTier::new(u64::MAX, caches_max))), _stands_on: None }
}

/// The embedded store in a folder of its own.
pub(crate) fn sqlite(caches_max: [u64; 3]) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::in_folder(&folder, |settings| settings.caches_max = caches_max);
    Fixture { store: sqlite.store, _stands_on: Some(Box::new(folder)) }
}

/// The shared store in a server of its own.
pub(crate) fn redis(caches_max: [u64; 3]) -> Fixture {
    let server = Server::start(&[]);
    let store = RedisStore::open(patient(&server), caches_max, Clock::held(START).0);
    Fixture { store: Arc::new(Counted(store)), _stands_on: Some(Box::new(server)) }
}

/// Settings that give a machine under load its time.
pub(crate) fn patient(server: &Server) -> redis::Settings {
    let mut settings = redis::Settings::parse(&server.url(), None).unwrap();
    settings.read_timeout = std::time::Duration::from_secs(10);
    settings.write_timeout = settings.read_timeout;
    settings.connect_timeout = settings.read_timeout;
    settings
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

/// The shared store, which knows what it holds only after a census.
struct Counted(RedisStore);

impl Store for Counted {
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        self.0.get(cache, key)
    }

    fn put(&self, response: Arc<StoredResponse>) -> Queued {
        self.0.put(response)
    }

    fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        self.0.remove(cache, key, generation);
    }

    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()> {
        self.0.clear(cache)
    }

    fn count<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Option<u64>> {
        self.0.count(scope)
    }

    fn figures(&self) -> StoreFigures {
        self.0.figures()
    }

    fn flush(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.0.flush().await?;
            self.0.census().await.map(drop)
        })
    }
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
