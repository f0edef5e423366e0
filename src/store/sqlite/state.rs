//! What the store's threads and its callers share: settings, counts, and how the store is.

use super::Settings;
use super::fault::Fault;
use super::files::Files;
use crate::cache_name::CacheName;
use crate::clock::{Clock, Timestamp};
use crate::store::{CacheFigures, StoreError, StoreFigures};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// For how long nothing is stored after the disk was full or failed: trying again at once would only fail again, and each
/// try costs the disk.
const PAUSE: Duration = Duration::from_secs(30);
/// Rows that were asked for and whose `seen` is still to be written, in each cache at most. What comes after is forgotten:
/// it will be asked for again.
const TOUCHED_MAX: usize = 16_384;

/// The store's common knowledge.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) files: Files,
    pub(super) entries: [AtomicU64; 3],
    pub(super) bytes: [AtomicU64; 3],
    pub(super) evictions: [AtomicU64; 3],
    pub(super) dropped: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) corrupt: AtomicU64,
    damage: OnceLock<String>,
    pause: Mutex<Option<(Timestamp, String)>>,
    touched: Mutex<[HashSet<i64>; 3]>,
}

impl State {
    pub(super) fn new(settings: Settings, clock: Clock, files: Files) -> State {
        State {
            settings,
            clock,
            files,
            entries: Default::default(),
            bytes: Default::default(),
            evictions: Default::default(),
            dropped: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            damage: OnceLock::new(),
            pause: Mutex::default(),
            touched: Mutex::default(),
        }
    }

    /// Takes in that something failed: counts it, and stops what would only fail again.
    pub(super) fn failed(&self, fault: Fault, doing: &str, error: &rusqlite::Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        match fault {
            Fault::Damaged => self.damaged(&format!("the file is damaged ({doing}: {error})")),
            Fault::Full | Fault::Disk => self.paused(format!("nothing is stored for now ({doing}: {error})")),
            Fault::Busy | Fault::Other => tracing::warn!(doing, %error, "the store failed"),
        }
    }

    /// The file cannot be trusted any more. Nothing is read from it or written to it until a restart has put it aside, which
    /// a mark beside the file makes sure of: its ledger went with it, and a new one needs a new epoch from the start.
    pub(super) fn damaged(&self, why: &str) {
        if self.damage.set(why.into()).is_ok() {
            tracing::error!(path = %self.files.database.display(), why, "the store is out of use until a restart");
            if let Err(error) = self.files.mark_damaged() {
                tracing::error!(%error, "the damaged store could not be marked; it will be found out again when read");
            }
        }
    }

    fn paused(&self, why: String) {
        tracing::error!(path = %self.files.database.display(), why, "storing pauses");
        *lock(&self.pause) = Some((self.clock.now().plus(PAUSE), why));
    }

    /// Why nothing can be read or committed; none where it can.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// Why nothing is stored at present; none where it is.
    pub(super) fn trouble(&self) -> Option<String> {
        if let Some(why) = self.damage() {
            return Some(why.into());
        }
        lock(&self.pause).as_ref().filter(|(until, _)| self.clock.now() < *until).map(|(_, why)| why.clone())
    }

    /// An error where nothing can be read.
    pub(super) fn readable(&self) -> Result<(), StoreError> {
        self.damage().map_or(Ok(()), |why| Err(StoreError::Unavailable(why.into())))
    }

    /// Remembers that a row was asked for.
    pub(super) fn touch(&self, cache: CacheName, id: i64) {
        let touched = &mut lock(&self.touched)[cache.index()];
        if touched.len() < TOUCHED_MAX {
            touched.insert(id);
        }
    }

    /// Some rows of one cache that were asked for, removed from what is remembered.
    pub(super) fn take_touched(&self, at_most: usize) -> Option<(CacheName, Vec<i64>)> {
        let mut touched = lock(&self.touched);
        let cache = CacheName::ALL.into_iter().find(|cache| !touched[cache.index()].is_empty())?;
        let own = &mut touched[cache.index()];
        let ids: Vec<i64> = own.iter().copied().take(at_most).collect();
        for id in &ids {
            own.remove(id);
        }
        Some((cache, ids))
    }

    pub(super) fn figures(&self, queued_bytes: u64) -> StoreFigures {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StoreFigures {
            caches: CacheName::ALL.map(CacheName::index).map(|at| CacheFigures {
                entries: load(&self.entries[at]),
                bytes: load(&self.bytes[at]),
                bytes_max: self.settings.caches_max[at],
                evictions: load(&self.evictions[at]),
            }),
            queued_bytes,
            dropped: load(&self.dropped),
            errors: load(&self.errors),
            corrupt: load(&self.corrupt),
            trouble: self.trouble(),
        }
    }
}

/// A lock that outlives a panic: what these guard is whole at every moment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
