//! What this proxy was asked to let go of and the others cannot know yet: in force here from the first moment, until the
//! shared log has it and this proxy has read it there.
//!
//! It counts positions of its own, which mean nothing to other proxies and nothing after a restart: a stored response bears
//! the one at its fetch's beginning in memory alone, and what comes from a store bears 0, before all of them.

use super::{Bounds, Index, Invalidation, Position, Record, Standing, Subject};
use crate::clock::Timestamp;
use std::collections::{BTreeSet, VecDeque};

/// Records that may wait for the log to come back. Past it a purge is in force here and told as not durable.
const WAITING_MAX: usize = 100_000;

/// Invalidations that the shared log does not have yet.
#[derive(Debug)]
pub(super) struct Unshared {
    index: Index,
    /// The first position of each batch that is on its way or waits.
    batches: BTreeSet<Position>,
    waiting: VecDeque<Waiting>,
    waiting_records: usize,
}

/// A batch that waits for the log to come back.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// The first position, as the batch was held under.
    pub(super) first: Position,
    /// The position of its last record in the outbox.
    pub(super) last_in_outbox: Position,
    pub(super) records: Vec<Record>,
}

impl Unshared {
    pub(super) fn new(bounds: Bounds) -> Unshared {
        Unshared {
            index: Index::new(0, bounds),
            batches: BTreeSet::new(),
            waiting: VecDeque::new(),
            waiting_records: 0,
        }
    }

    pub(super) fn head(&self) -> Position {
        self.index.head()
    }

    /// Records that wait for the log to come back.
    pub(super) fn waiting_records(&self) -> usize {
        self.waiting_records
    }

    /// The batch that has waited longest.
    pub(super) fn longest_waiting(&self) -> Option<Waiting> {
        self.waiting.front().cloned()
    }

    pub(super) fn standing(&self, subject: &Subject<'_>, position: Position) -> Standing {
        // Nothing on its way is the usual case.
        if self.batches.is_empty() { Standing::Valid } else { self.index.standing(subject, position) }
    }

    pub(super) fn settling(&self, subject: &Subject<'_>, fetch_began: Timestamp) -> bool {
        !self.batches.is_empty() && self.index.settling(subject, fetch_began)
    }

    /// Puts a batch in force. Its records have the positions that [`Unshared::release`] knows them by.
    pub(super) fn hold(&mut self, asked: Vec<Invalidation>, time: Timestamp, now: Timestamp) -> Vec<Record> {
        let first = self.head() + 1;
        let records = (first..).zip(asked).map(|(position, asked)| {
            let record = Record::new(position, time, asked);
            self.index.apply(&record, record.invalidation.settle_until(now));
            record
        });
        let records: Vec<Record> = records.collect();
        if !records.is_empty() {
            self.batches.insert(first);
        }
        records
    }

    /// Whether a batch is on its way or waits, by its first position.
    pub(super) fn holds(&self, first: Position) -> bool {
        self.batches.contains(&first)
    }

    /// Lets a batch wait for the log to come back, if there is room.
    pub(super) fn wait(&mut self, batch: Waiting) -> bool {
        let has_room = self.waiting_records + batch.records.len() <= WAITING_MAX;
        if has_room {
            self.waiting_records += batch.records.len();
            self.waiting.push_back(batch);
        }
        has_room
    }

    /// This proxy has read the batch in the log: that speaks for it from now on.
    pub(super) fn release(&mut self, first: Position) {
        if let Some(batch) = self.waiting.pop_front_if(|longest| longest.first == first) {
            self.waiting_records -= batch.records.len();
        }
        self.batches.remove(&first);
        let shared = self.batches.first().map_or(self.head(), |oldest| oldest - 1);
        self.index.retire(shared);
    }
}
