//! The writer's housework, in slices between two rounds: clearing, evicting, letting go of what is past its time, noting
//! what was asked for, giving room back to the disk, checkpoints.
//!
//! Recency is coarse on purpose: a read writes nothing, a row that was asked for is noted within a minute and at most every
//! ten. What is hot in memory is not asked for here, but it is stored anew each time it was fetched or validated.

use super::connection::BUSY_STORING;
use super::fault::Fault;
use super::open;
use super::queue::Done;
use super::rows::{self, Change, Doomed, column_ms};
use super::tables::statements;
use super::writer::Writer;
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::store::StoreError;
use rusqlite::{Connection, Result, TransactionBehavior};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Rows in one slice, at most, and the sum of their bytes.
const SLICE_ROWS: usize = 500;
const SLICE_BYTES: u64 = 32 * 1024 * 1024;
/// A cache that is over its size is brought down to this part of it, so that not every response that comes evicts another.
const FILLED_PERCENT: u64 = 95;
/// How often rows past their time are looked for and recency is noted.
const PERIOD: Duration = Duration::from_mins(1);
/// Written bytes after which the write-ahead log is checkpointed, and idle rounds after which it is anyway.
const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;
const CHECKPOINT_IDLE_ROUNDS: u32 = 10;
/// A log of more pages than this is worth waiting for readers, to begin it anew.
const LOG_PAGES_MAX: i64 = 8192;
/// What a transaction writes beside its responses: pages of the indexes.
const TRANSACTION_BYTES: u64 = 64 * 1024;
/// Free pages that are given back to the disk at once, and how many a file may have: they are used again before it grows.
const VACUUM_PAGES: i64 = 256;
const FREE_PAGES_MAX: i64 = 1024;

/// What there is to do.
#[derive(Debug)]
pub(super) struct House {
    clearing: VecDeque<Clearing>,
    flushes: Vec<Done>,
    evicting: [bool; 3],
    sweeping: [bool; 3],
    noting: bool,
    vacuuming: bool,
    due: Timestamp,
    written_bytes: u64,
    idle_rounds: u32,
}

/// A clearing under way: of each cache the rows up to a number. What came after it was asked for is above, and stays.
#[derive(Debug)]
struct Clearing {
    left: Vec<(CacheName, i64)>,
    done: Done,
}

impl House {
    /// Past their time may be many rows after a long rest, so the first look is at once.
    pub(super) fn new(now: Timestamp) -> House {
        House {
            clearing: VecDeque::new(),
            flushes: Vec::new(),
            evicting: [false; 3],
            sweeping: [false; 3],
            noting: false,
            vacuuming: false,
            due: now,
            written_bytes: 0,
            idle_rounds: 0,
        }
    }

    pub(super) fn flush(&mut self, done: Done) {
        self.flushes.push(done);
    }

    pub(super) fn is_flushing(&self) -> bool {
        !self.flushes.is_empty()
    }

    pub(super) fn wrote(&mut self, bytes: u64) {
        self.written_bytes += bytes + TRANSACTION_BYTES;
        self.idle_rounds = 0;
    }
}

impl Writer {
    /// Begins to clear. The numbers are read now: what is stored while others are cleared must stay.
    pub(super) fn begin_clearing(&mut self, caches: &[CacheName], done: Done) {
        let last_id = |cache: &CacheName| {
            let mut statement = self.connection.prepare_cached(&statements(*cache).last_id)?;
            Ok((*cache, statement.query_row((), |row| row.get(0))?))
        };
        match caches.iter().map(last_id).collect::<Result<Vec<_>>>() {
            Ok(left) => self.house.clearing.push_back(Clearing { left, done }),
            Err(error) => {
                self.state.failed(Fault::of(&error), "clearing", &error);
                let _ = done.send(Err(StoreError::Unavailable(error.to_string())));
            }
        }
    }

    /// One slice of each kind of work that there is; tells whether there is more. Whoever waits for a flush is answered
    /// when there is none.
    pub(super) fn keep_house(&mut self, idle: bool, ending: bool) -> bool {
        let busy = match self.state.damage() {
            Some(why) => {
                let why = StoreError::Unavailable(why.into());
                for clearing in self.house.clearing.drain(..) {
                    let _ = clearing.done.send(Err(why.clone()));
                }
                false
            }
            None => self.work(idle, ending).unwrap_or_else(|error| {
                self.state.failed(Fault::of(&error), "keeping house", &error);
                false
            }),
        };
        if !busy {
            let answer = self.state.readable();
            for done in self.house.flushes.drain(..) {
                let _ = done.send(answer.clone());
            }
        }
        busy
    }

    /// The last of everything, before the connection is closed.
    pub(super) fn finish(mut self) {
        if self.state.damage().is_none() {
            self.house.noting = true;
            let last = (|| {
                while self.note_asked()? {}
                checkpoint(&self.connection, "TRUNCATE").map(drop)
            })();
            if let Err(error) = last {
                self.state.failed(Fault::of(&error), "closing", &error);
            }
        }
    }

    /// Frees some room at once, whatever it takes: the disk is full, and somebody waits.
    pub(super) fn make_room(&mut self) {
        let by_bytes = |cache: &CacheName| self.state.bytes[cache.index()].load(Ordering::Relaxed);
        let fullest = CacheName::ALL.into_iter().max_by_key(by_bytes).unwrap_or(CacheName::Default);
        let freed = (|| {
            // The log is the one file that can shrink without growing first.
            checkpoint(&self.connection, "TRUNCATE")?;
            self.evict(fullest, u64::MAX)?;
            vacuum(&self.connection)?;
            checkpoint(&self.connection, "TRUNCATE")
        })();
        if let Err(error) = freed {
            tracing::warn!(%error, "the store could not make room");
        }
    }

    fn work(&mut self, idle: bool, ending: bool) -> Result<bool> {
        self.connection.busy_timeout(BUSY_STORING)?;
        let now = self.state.clock.now();
        if now >= self.house.due {
            self.house.due = now.plus(PERIOD);
            (self.house.noting, self.house.vacuuming, self.house.sweeping) = (true, true, [true; 3]);
        }
        let mut busy = self.clear_some()?;
        for cache in CacheName::ALL {
            busy |= self.evict_some(cache)? | self.sweep_some(cache, now)?;
        }
        busy |= self.note_asked()?;
        if !ending && !busy && self.house.vacuuming {
            self.house.vacuuming = vacuum(&self.connection)?;
            busy |= self.house.vacuuming;
        }
        self.checkpoint_if_due(idle)?;
        Ok(busy)
    }

    fn clear_some(&mut self) -> Result<bool> {
        let Some(mut clearing) = self.house.clearing.pop_front() else { return Ok(false) };
        match self.clear_slice(&mut clearing) {
            Ok(true) => self.house.clearing.push_front(clearing),
            Ok(false) => {
                self.house.vacuuming = true;
                let _ = clearing.done.send(Ok(()));
            }
            Err(error) => {
                let _ = clearing.done.send(Err(StoreError::Unavailable(error.to_string())));
                return Err(error);
            }
        }
        Ok(true)
    }

    fn clear_slice(&mut self, clearing: &mut Clearing) -> Result<bool> {
        let Some((cache, up_to_id)) = clearing.left.last().copied() else { return Ok(false) };
        let mut statement = self.connection.prepare_cached(&statements(cache).up_to_id)?;
        let parameters = (up_to_id, SLICE_ROWS.cast_signed());
        let slice = rows::list(&mut statement, parameters, |_, bytes| bytes >= SLICE_BYTES)?;
        drop(statement);
        if slice.is_empty() {
            clearing.left.pop();
        }
        self.let_go(cache, &slice, false)?;
        Ok(true)
    }

    /// Brings a cache that is over its size down, the least recently asked for first.
    fn evict_some(&mut self, cache: CacheName) -> Result<bool> {
        let max = self.state.settings.caches_max[cache.index()];
        let bytes = self.state.bytes[cache.index()].load(Ordering::Relaxed);
        let target = max / 100 * FILLED_PERCENT;
        let evicting = &mut self.house.evicting[cache.index()];
        *evicting = bytes > max || (*evicting && bytes > target);
        if !*evicting {
            return Ok(false);
        }
        if self.evict(cache, bytes.saturating_sub(target))? == 0 {
            // The figures know of rows that are not there. Trusting them would be evicting nothing for ever.
            let (entries, bytes) = open::sum(&self.connection, cache)?;
            self.state.entries[cache.index()].store(entries, Ordering::Relaxed);
            self.state.bytes[cache.index()].store(bytes, Ordering::Relaxed);
        }
        Ok(true)
    }

    fn evict(&mut self, cache: CacheName, excess: u64) -> Result<u64> {
        let sql = statements(cache);
        let limit = SLICE_ROWS.cast_signed();
        let enough = |_, bytes| bytes >= excess.min(SLICE_BYTES);
        let now_ms = column_ms(self.state.clock.now());
        let mut slice = rows::list(&mut *self.connection.prepare_cached(&sql.past_keep)?, (now_ms, limit), enough)?;
        if slice.is_empty() {
            slice = rows::list(&mut *self.connection.prepare_cached(&sql.least_seen)?, [limit], enough)?;
        }
        self.let_go(cache, &slice, true)
    }

    fn sweep_some(&mut self, cache: CacheName, now: Timestamp) -> Result<bool> {
        if !self.house.sweeping[cache.index()] {
            return Ok(false);
        }
        let mut statement = self.connection.prepare_cached(&statements(cache).past_keep)?;
        let parameters = (column_ms(now), SLICE_ROWS.cast_signed());
        let slice = rows::list(&mut statement, parameters, |_, bytes| bytes >= SLICE_BYTES)?;
        drop(statement);
        self.house.sweeping[cache.index()] = self.let_go(cache, &slice, false)? > 0;
        Ok(self.house.sweeping[cache.index()])
    }

    /// Takes rows away in one transaction; answers with how many.
    fn let_go(&mut self, cache: CacheName, slice: &[Doomed], evicted: bool) -> Result<u64> {
        if slice.is_empty() {
            return Ok(0);
        }
        let whole = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let change = rows::remove_all(&whole, cache, slice)?;
        whole.commit()?;
        self.count(cache, Change { evicted: if evicted { change.removed } else { 0 }, ..change });
        Ok(change.removed)
    }

    fn note_asked(&mut self) -> Result<bool> {
        if !self.house.noting {
            return Ok(false);
        }
        let Some((cache, ids)) = self.state.take_touched(SLICE_ROWS) else {
            self.house.noting = false;
            return Ok(false);
        };
        let now_ms = column_ms(self.state.clock.now());
        let whole = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for id in ids {
            whole.prepare_cached(&statements(cache).touch)?.execute((id, now_ms))?;
        }
        whole.commit()?;
        self.house.wrote(0);
        Ok(true)
    }

    fn checkpoint_if_due(&mut self, idle: bool) -> Result<()> {
        self.house.idle_rounds += u32::from(idle);
        let long_idle = self.house.idle_rounds >= CHECKPOINT_IDLE_ROUNDS && self.house.written_bytes > 0;
        if self.house.written_bytes < CHECKPOINT_BYTES && !long_idle {
            return Ok(());
        }
        (self.house.written_bytes, self.house.idle_rounds) = (0, 0);
        if checkpoint(&self.connection, "PASSIVE")? > LOG_PAGES_MAX {
            checkpoint(&self.connection, "TRUNCATE")?;
        }
        Ok(())
    }
}

/// Moves the log's pages to the database; answers with how many pages the log has.
fn checkpoint(connection: &Connection, mode: &str) -> Result<i64> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), (), |row| row.get(1))
}

/// Gives some free pages back; tells whether there are still too many. More than a few rounds of it and none at all are
/// both wrong: a full cache uses its free pages again, an emptied one never will.
fn vacuum(connection: &Connection) -> Result<bool> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (number("freelist_count")?, number("page_count")?);
    if free <= FREE_PAGES_MAX.max(all / 4) {
        return Ok(false);
    }
    // It frees a page at each step, so it must be stepped to its end.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = statement.query(())?;
    while rows.next()?.is_some() {}
    Ok(true)
}
