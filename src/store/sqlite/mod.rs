//! The embedded store: one SQLite file with the three caches and the ledger, one thread that writes, a few that read.
//!
//! Callers never touch the file. A read goes to a reader's thread and has a deadline; a write goes to a queue that is bounded
//! in bytes and turns away what does not fit; a commit to the ledger overtakes both and is answered after an fsync. What is
//! damaged is never served: each row bears a checksum over all of it, and a file that SQLite cannot read is put aside. Not
//! for network file systems: a write-ahead log needs shared memory.

mod arrivals;
mod connection;
mod error;
mod fault;
mod files;
mod house;
mod ledger_rows;
mod lookup;
mod open;
mod queue;
mod readers;
mod record_row;
mod rows;
mod settings;
mod state;
mod tables;
mod writer;

pub use error::OpenError;
pub use settings::Settings;

use super::{Answer, Queued, Store, StoreError, StoreFigures};
use crate::cache_name::CacheName;
use crate::clock::{Clock, Timestamp};
use crate::key::Key;
use crate::ledger::{Arrival, Batch, Journal, JournalError, Opened, Position, Scope, Shelf};
use crate::stored::StoredResponse;
use files::Files;
use lookup::Lookup;
use open::Ready;
use queue::{Commit, Done, Queue, Refused, Write};
use readers::Readers;
use state::{State, lock};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;
use writer::Writer;

/// How long a read that no client waits for may take.
const BACKGROUND_READ: Duration = Duration::from_secs(30);
/// Rows that warming memory reads at once, so that requests get their turn in between.
const WARM_ROWS: usize = 32;

/// The embedded store and journal.
#[derive(Debug)]
pub struct SqliteStore {
    state: Arc<State>,
    queue: Arc<Queue>,
    readers: Arc<Readers>,
    threads: Mutex<Threads>,
    quarantined: Option<PathBuf>,
    arrivals: Mutex<Vec<Arrival>>,
}

#[derive(Debug, Default)]
struct Threads {
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the file, or makes it, and starts the threads. Waits for the disk, so it is for the start of the process.
    ///
    /// # Errors
    /// [`OpenError`]; never because of what the file holds, unless it is somebody else's.
    pub fn open(settings: Settings, clock: Clock) -> Result<(SqliteStore, Opened), OpenError> {
        let files = Files::claim(&settings.path)?;
        let Ready { writer, ledger, opened, arrivals, sums, quarantined } = open::open(&files, &settings, &clock)?;
        let mut connections = Vec::with_capacity(settings.readers.max(1));
        for _ in 0..settings.readers.max(1) {
            let path = settings.path.clone();
            connections
                .push(connection::reader(&path, &settings).map_err(|source| OpenError::Sqlite { path, source })?);
        }
        let queue = Arc::new(Queue::new(settings.queue_bytes_max));
        let state = Arc::new(State::new(settings, clock, files));
        for (at, (entries, bytes)) in sums.into_iter().enumerate() {
            state.entries[at].store(entries, Ordering::Relaxed);
            state.bytes[at].store(bytes, Ordering::Relaxed);
        }
        let arrivals = Mutex::new(arrivals);
        let (readers, threads) = (Arc::default(), Mutex::default());
        let store = SqliteStore { state, queue, readers, threads, quarantined, arrivals };
        let writer = Writer::new(store.state.clone(), store.queue.clone(), writer, ledger);
        store.start(writer, connections).map_err(|source| OpenError::Io { path: store.path().into(), source })?;
        Ok((store, opened))
    }

    /// Where a former file was put that was of no use at the start.
    pub fn quarantined(&self) -> Option<&Path> {
        self.quarantined.as_deref()
    }

    /// What the inbox held at the start; for the first who asks.
    pub fn arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut *lock(&self.arrivals))
    }

    /// Hands out what was asked for last in a cache, up to `bytes_max`, newest first, to fill memory after a start. Reads in
    /// small slices, between which requests get their turn.
    ///
    /// # Errors
    /// The store could not answer; what was handed out before is good.
    pub async fn newest(
        &self,
        cache: CacheName,
        bytes_max: u64,
        mut each: impl FnMut(Arc<StoredResponse>) + Send,
    ) -> Result<(), StoreError> {
        let listed = move |from: &rusqlite::Connection| lookup::most_seen(from, cache, bytes_max);
        let ids = self.readers.ask(&self.state, BACKGROUND_READ, listed).await?;
        for slice in ids.chunks(WARM_ROWS) {
            let (lookup, slice) = (self.lookup(), slice.to_vec());
            let read = move |from: &rusqlite::Connection| lookup.by_ids(from, cache, &slice);
            for response in self.readers.ask(&self.state, BACKGROUND_READ, read).await? {
                each(response);
            }
        }
        Ok(())
    }

    /// Writes what is queued, ends the threads and closes the file. Waits for the disk, so it is for the end of the process;
    /// dropping the store does the same.
    pub fn close(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        // Readers first: the last connection to close tidies the write-ahead log away, and only the writer's can.
        self.readers.close();
        for reader in threads.readers {
            join(reader);
        }
        self.queue.close();
        if let Some(writer) = threads.writer {
            join(writer);
        }
    }

    fn start(&self, writer: Writer, connections: Vec<rusqlite::Connection>) -> io::Result<()> {
        let mut threads = lock(&self.threads);
        for connection in connections {
            let readers = self.readers.clone();
            let thread = thread::Builder::new().name("store-read".into());
            threads.readers.push(thread.spawn(move || readers.serve(&connection))?);
        }
        let thread = thread::Builder::new().name("store-write".into());
        threads.writer = Some(thread.spawn(move || writer.run())?);
        Ok(())
    }

    fn path(&self) -> &Path {
        &self.state.files.database
    }

    fn lookup(&self) -> Lookup {
        Lookup { state: self.state.clone(), queue: self.queue.clone() }
    }

    /// Queues something whose end somebody waits for. Now, not when the answer is first polled: the order is that of the calls.
    fn wait_for(&self, write: impl FnOnce(Done) -> Write) -> Answer<'_, ()> {
        let (done, wait) = oneshot::channel();
        let push = |()| self.queue.push(write(done)).map_err(|refused| StoreError::Unavailable(refused.to_string()));
        let queued = self.state.readable().and_then(push);
        Box::pin(async move {
            queued?;
            wait.await.unwrap_or_else(|_| Err(StoreError::Unavailable("it is closed".into())))
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        Box::pin(async move {
            let (lookup, key) = (self.lookup(), key.clone());
            let read = move |from: &rusqlite::Connection| lookup.by_key(from, cache, &key);
            self.readers.ask(&self.state, self.state.settings.read_timeout, read).await
        })
    }

    fn put(&self, response: Arc<StoredResponse>) -> Queued {
        let max = self.state.settings.caches_max[response.cache.index()].min(self.state.settings.object_bytes_max);
        if response.weight() as u64 > max {
            return Queued::TooLarge;
        }
        if self.state.trouble().is_some() {
            return Queued::Unavailable;
        }
        match self.queue.push(Write::Put(response)) {
            Ok(()) => Queued::Accepted,
            Err(Refused::Closed) => Queued::Unavailable,
            Err(Refused::Full) => {
                self.state.dropped.fetch_add(1, Ordering::Relaxed);
                Queued::Full
            }
        }
    }

    fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        // Turned away by a full queue, the row stays until it is evicted: the ledger keeps it from being served.
        let _ = self.queue.push(Write::Remove { cache, key: key.clone(), generation });
    }

    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()> {
        let caches = cache.map_or(CacheName::ALL.to_vec(), |cache| vec![cache]);
        self.wait_for(|done| Write::Clear { caches, done })
    }

    fn count<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let entries = |cache: CacheName| self.state.entries[cache.index()].load(Ordering::Relaxed);
            match scope {
                Scope::All => Ok(Some(CacheName::ALL.map(entries).iter().sum())),
                Scope::Cache(cache) => Ok(Some(entries(*cache))),
                _ => {
                    let scope = scope.clone();
                    let read = move |from: &rusqlite::Connection| lookup::count(from, &scope);
                    self.readers.ask(&self.state, self.state.settings.read_timeout, read).await
                }
            }
        })
    }

    fn figures(&self) -> StoreFigures {
        self.state.figures(self.queue.bytes())
    }

    fn flush(&self) -> Answer<'_, ()> {
        self.wait_for(|done| Write::Flush { done })
    }
}

impl Journal for SqliteStore {
    /// Dropping the future does not take the batch back.
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>> {
        let (done, wait) = oneshot::channel();
        // Queued now, not when the future is first polled: the order is that of the calls.
        let queued = self.queue.commit(Commit { batch, done });
        Box::pin(async move {
            queued.map_err(|refused| JournalError(refused.to_string()))?;
            wait.await.unwrap_or_else(|_| Err(JournalError("it is closed".into())))
        })
    }

    fn trim(&self, floor: Position, deliveries_before: Timestamp) {
        self.queue.trim(floor, deliveries_before);
    }
}

impl Shelf for SqliteStore {
    fn keep(&self, arrival: Arc<Arrival>) {
        // Turned away by a full queue, it is kept in memory alone.
        let _ = self.queue.push(Write::Keep(arrival));
    }

    fn forget(&self, up_to: u64) {
        // What stays is forgotten when the next one is.
        let _ = self.queue.push(Write::Forget { arrivals_up_to: up_to });
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}
