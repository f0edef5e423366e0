//! The one thread that writes: commits to the ledger first, then what is to be stored, then a slice of housework.
//!
//! It is the only place that ever waits for the disk, and nobody on the request path waits for it. A transaction is kept
//! small, because a commit to the ledger may have to wait for one; a failure costs what was in it, never the thread.

use super::arrivals;
use super::connection::{BUSY_COMMITTING, BUSY_STORING};
use super::fault::Fault;
use super::house::House;
use super::ledger_rows::{self, LedgerRows};
use super::queue::{Commit, Queue, Write};
use super::rows::{self, Change};
use super::state::State;
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::ledger::{JournalError, Position};
use rusqlite::{Connection, Result, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long an idle writer sleeps before it looks whether housework is due.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// The writer's own.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) state: Arc<State>,
    pub(super) queue: Arc<Queue>,
    pub(super) connection: Connection,
    pub(super) ledger: LedgerRows,
    pub(super) house: House,
    trim: Option<(Position, Timestamp)>,
}

impl Writer {
    pub(super) fn new(state: Arc<State>, queue: Arc<Queue>, connection: Connection, ledger: LedgerRows) -> Writer {
        let house = House::new(state.clock.now());
        Writer { state, queue, connection, ledger, house, trim: None }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _abandon = AbandonAtEnd(self.queue.clone());
        let mut busy = false;
        loop {
            let patience = if busy { Duration::ZERO } else { IDLE_WAIT };
            // While somebody waits for a flush only commits get in, or he would wait for what came after him too.
            let round = self.queue.take(patience, !self.house.is_flushing());
            let idle = round.commits.is_empty() && round.writes.is_empty();
            self.commit(round.commits);
            self.store(round.writes);
            self.trim = round.trim.or(self.trim);
            busy = self.trim_some() | self.keep_house(idle, round.ended);
            if round.ended && !busy {
                return self.finish();
            }
        }
    }

    fn commit(&mut self, commits: Vec<Commit>) {
        if commits.is_empty() {
            return;
        }
        let answer = self.try_commit(&commits);
        for commit in commits {
            // An asker who has gone away leaves his record; it was committed with the others.
            let _ = commit.done.send(answer.clone());
        }
    }

    fn try_commit(&mut self, commits: &[Commit]) -> Result<(), JournalError> {
        if let Some(why) = self.state.damage() {
            return Err(JournalError(why.into()));
        }
        let mut appended = self.append(commits);
        if appended.as_ref().is_err_and(|error| Fault::of(error) == Fault::Full) {
            // Stored responses make way for a purge.
            self.make_room();
            appended = self.append(commits);
        }
        appended.map_err(|error| {
            self.state.failed(Fault::of(&error), "committing to the ledger", &error);
            JournalError(error.to_string())
        })
    }

    fn append(&mut self, commits: &[Commit]) -> Result<()> {
        self.connection.busy_timeout(BUSY_COMMITTING)?;
        self.house.wrote(0);
        self.ledger.append(&mut self.connection, commits.iter().map(|commit| &commit.batch))
    }

    fn store(&mut self, writes: Vec<Write>) {
        let mut rows = Vec::with_capacity(writes.len());
        let mut clearing = None;
        for write in writes {
            match write {
                Write::Clear { caches, done } => clearing = Some((caches, done)),
                Write::Flush { done } => self.house.flush(done),
                row => rows.push(row),
            }
        }
        self.store_or_drop(&rows);
        // After the rows, which came before it.
        if let Some((caches, done)) = clearing {
            self.begin_clearing(&caches, done);
        }
    }

    fn store_or_drop(&mut self, rows: &[Write]) {
        if rows.is_empty() {
            return;
        }
        let puts = rows.iter().filter(|row| matches!(row, Write::Put(_))).count() as u64;
        if self.state.trouble().is_some() {
            self.state.dropped.fetch_add(puts, Ordering::Relaxed);
        } else if let Err(error) = self.store_rows(rows) {
            self.state.dropped.fetch_add(puts, Ordering::Relaxed);
            self.state.failed(Fault::of(&error), "storing", &error);
            if Fault::of(&error) == Fault::Full {
                self.make_room();
            }
        }
    }

    fn store_rows(&mut self, rows: &[Write]) -> Result<()> {
        self.connection.busy_timeout(BUSY_STORING)?;
        let now = self.state.clock.now();
        let whole = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut changes = [Change::default(); 3];
        let mut damaged = 0;
        for row in rows {
            let (cache, change) = match row {
                Write::Put(response) => (response.cache, rows::put(&whole, response, now)?),
                Write::Remove { cache, key, generation } => (*cache, rows::remove(&whole, *cache, key, *generation)?),
                Write::Damaged { cache, id, generation } => {
                    let change = rows::remove_damaged(&whole, *cache, *id, *generation)?;
                    damaged += change.removed;
                    (*cache, change)
                }
                Write::Keep(arrival) => {
                    arrivals::keep(&whole, arrival)?;
                    continue;
                }
                Write::Forget { arrivals_up_to } => {
                    arrivals::forget(&whole, *arrivals_up_to)?;
                    continue;
                }
                Write::Clear { .. } | Write::Flush { .. } => continue,
            };
            changes[cache.index()].and(change);
        }
        let stamps =
            rows.iter().filter_map(|row| if let Write::Put(response) = row { Some(response.stamp) } else { None });
        let stamp_max = self.ledger.stamp(&whole, stamps)?;
        whole.commit()?;
        self.ledger.stamped(stamp_max);
        self.state.corrupt.fetch_add(damaged, Ordering::Relaxed);
        for cache in CacheName::ALL {
            self.count(cache, changes[cache.index()]);
        }
        Ok(())
    }

    /// Takes a committed change into the figures.
    pub(super) fn count(&mut self, cache: CacheName, change: Change) {
        let at = cache.index();
        // Added first: only this thread writes, so neither goes below zero.
        self.state.entries[at].fetch_add(change.added, Ordering::Relaxed);
        self.state.entries[at].fetch_sub(change.removed, Ordering::Relaxed);
        self.state.bytes[at].fetch_add(change.added_bytes, Ordering::Relaxed);
        self.state.bytes[at].fetch_sub(change.removed_bytes, Ordering::Relaxed);
        self.state.evictions[at].fetch_add(change.evicted, Ordering::Relaxed);
        self.house.wrote(change.added_bytes);
    }

    /// One slice of forgetting records; tells whether there is more.
    fn trim_some(&mut self) -> bool {
        let Some((floor, before)) = self.trim.filter(|_| self.state.damage().is_none()) else { return false };
        match ledger_rows::trim(&mut self.connection, floor, before) {
            Ok(true) => return true,
            Ok(false) => {}
            // The ledger asks again, so nothing is lost by letting it be.
            Err(error) => self.state.failed(Fault::of(&error), "trimming the ledger", &error),
        }
        self.trim = None;
        false
    }
}

/// When the writer ends, by whatever way, nobody may wait for it any more.
struct AbandonAtEnd(Arc<Queue>);

impl Drop for AbandonAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
