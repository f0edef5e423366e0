//! The writer's queue. Commits to the ledger overtake everything; what is to be stored is bounded by the bytes it holds.
//!
//! Nobody waits to get in: what does not fit is turned away. Whoever asked for an answer gets one, or sees its channel
//! closed, also when the writer's thread is gone.

use super::state::lock;
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::key::Key;
use crate::ledger::{Arrival, Batch, JournalError, Position};
use crate::store::StoreError;
use crate::stored::StoredResponse;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// Batches that wait to be committed, at most: far more than share one commit, far fewer than hurt.
const COMMITS_MAX: usize = 4096;
/// Rows in one transaction, at most, and their bytes: a commit to the ledger may wait for it.
const ROUND_WRITES_MAX: usize = 64;
const ROUND_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What a write that holds no response counts for.
const SMALL_WRITE_BYTES: u64 = 512;

/// What clearing and flushing may take beyond the queue's bound: some two thousand of them.
const ORDERS_BYTES_MAX: u64 = 1024 * 1024;

/// Something to do for the caches.
#[derive(Debug)]
pub(super) enum Write {
    Put(Arc<StoredResponse>),
    Remove { cache: CacheName, key: Key, generation: u64 },
    Damaged { cache: CacheName, id: i64, generation: i64 },
    Keep(Arc<Arrival>),
    Forget { arrivals_up_to: u64 },
    Clear { caches: Vec<CacheName>, done: Done },
    Flush { done: Done },
}

/// Where the answer to a [`Write`] goes.
pub(super) type Done = oneshot::Sender<Result<(), StoreError>>;

impl Write {
    fn bytes(&self) -> u64 {
        match self {
            Write::Put(response) => response.weight() as u64,
            Write::Keep(arrival) => arrival.weight() as u64,
            _ => SMALL_WRITE_BYTES,
        }
    }

    /// Whether it is for the writer itself, not for a transaction.
    fn ends_round(&self) -> bool {
        matches!(self, Write::Clear { .. } | Write::Flush { .. })
    }
}

/// A batch and where its answer goes.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), JournalError>>,
}

/// What the writer does next.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) commits: Vec<Commit>,
    pub(super) writes: Vec<Write>,
    /// Asked for since the last round: the largest of each.
    pub(super) trim: Option<(Position, Timestamp)>,
    /// Nothing comes any more, and nothing is left.
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    inside: Mutex<Inside>,
    filled: Condvar,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Inside {
    commits: VecDeque<Commit>,
    writes: VecDeque<Write>,
    bytes: u64,
    trim: Option<(Position, Timestamp)>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(bytes_max: u64) -> Queue {
        Queue { inside: Mutex::default(), filled: Condvar::new(), bytes_max }
    }

    /// Takes a write, or gives it back.
    pub(super) fn push(&self, write: Write) -> Result<(), Refused> {
        let mut inside = lock(&self.inside);
        let bytes = write.bytes();
        if inside.closed {
            return Err(Refused::Closed);
        }
        // A full queue is when an operator wants it cleared, or a shutdown wants it written.
        let bytes_max = self.bytes_max.saturating_add(if write.ends_round() { ORDERS_BYTES_MAX } else { 0 });
        if inside.bytes + bytes > bytes_max {
            return Err(Refused::Full);
        }
        inside.bytes += bytes;
        inside.writes.push_back(write);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes a batch to be committed, in the order of the calls.
    pub(super) fn commit(&self, commit: Commit) -> Result<(), Refused> {
        let mut inside = lock(&self.inside);
        if inside.closed {
            return Err(Refused::Closed);
        }
        if inside.commits.len() >= COMMITS_MAX {
            return Err(Refused::Full);
        }
        inside.commits.push_back(commit);
        self.filled.notify_one();
        Ok(())
    }

    pub(super) fn trim(&self, floor: Position, deliveries_before: Timestamp) {
        let mut inside = lock(&self.inside);
        let (old_floor, old_before) = inside.trim.unwrap_or_default();
        inside.trim = Some((old_floor.max(floor), old_before.max(deliveries_before)));
        self.filled.notify_one();
    }

    /// Bytes that wait to be stored.
    pub(super) fn bytes(&self) -> u64 {
        lock(&self.inside).bytes
    }

    /// The next round: all commits that wait, or else some writes up to and with the first that is no row's; nothing after
    /// `patience`. Without `writes` these stay where they are.
    pub(super) fn take(&self, patience: Duration, writes: bool) -> Round {
        let inside = lock(&self.inside);
        let idle = |inside: &mut Inside| {
            let work = !inside.commits.is_empty() || inside.trim.is_some() || (writes && !inside.writes.is_empty());
            !work && !inside.closed
        };
        let waited = self.filled.wait_timeout_while(inside, patience, idle);
        let mut inside = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(inside, _)| inside);
        let mut round = Round { trim: inside.trim.take(), ..Round::default() };
        round.commits.extend(inside.commits.drain(..));
        if round.commits.is_empty() && writes {
            inside.take_writes(&mut round.writes);
        }
        round.ended = inside.closed && round.commits.is_empty() && round.writes.is_empty() && inside.writes.is_empty();
        round
    }

    /// Lets nothing in any more; what is inside is still done.
    pub(super) fn close(&self) {
        lock(&self.inside).closed = true;
        self.filled.notify_one();
    }

    /// Closes, and drops what is inside: whoever waits for an answer learns that there will be none.
    pub(super) fn abandon(&self) {
        let abandoned = {
            let mut inside = lock(&self.inside);
            std::mem::replace(&mut *inside, Inside { closed: true, ..Inside::default() })
        };
        drop(abandoned);
    }
}

/// Why the queue took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("its queue is full")]
    Full,
    #[error("it is closed")]
    Closed,
}

impl Inside {
    fn take_writes(&mut self, round: &mut Vec<Write>) {
        let mut bytes = 0;
        while round.len() < ROUND_WRITES_MAX && bytes < ROUND_BYTES_MAX {
            let Some(write) = self.writes.pop_front() else { break };
            bytes += write.bytes();
            round.push(write);
            if round.last().is_some_and(Write::ends_round) {
                break;
            }
        }
        self.bytes -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal() -> Write {
        let key = Key::from_bytes(b"\x01h\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
        Write::Remove { cache: CacheName::Default, key, generation: 1 }
    }

    #[test]
    fn bytes_bound_the_queue_and_are_given_back() {
        let queue = Queue::new(3 * SMALL_WRITE_BYTES);
        for _ in 0..3 {
            queue.push(removal()).unwrap();
        }
        assert_eq!(queue.push(removal()), Err(Refused::Full));
        // Whoever wants a full queue written, or the store cleared, is not turned away by it.
        assert_eq!(queue.push(Write::Flush { done: oneshot::channel().0 }), Ok(()));
        assert_eq!(queue.take(Duration::ZERO, true).writes.len(), 4);
        assert_eq!(queue.bytes(), 0);
        assert_eq!(queue.push(removal()), Ok(()));
    }

    #[test]
    fn commits_overtake_writes_and_a_flush_ends_its_round() {
        let queue = Queue::new(u64::MAX);
        queue.push(removal()).unwrap();
        queue.push(Write::Flush { done: oneshot::channel().0 }).unwrap();
        queue.push(removal()).unwrap();
        queue.commit(Commit { batch: Batch::default(), done: oneshot::channel().0 }).unwrap();
        let first = queue.take(Duration::ZERO, true);
        assert_eq!((first.commits.len(), first.writes.len()), (1, 0));
        assert_eq!(queue.take(Duration::ZERO, false).writes.len(), 0);
        assert_eq!(queue.take(Duration::ZERO, true).writes.len(), 2);
        queue.close();
        assert_eq!(queue.push(removal()), Err(Refused::Closed));
        assert!(!queue.take(Duration::ZERO, true).ended);
        assert!(queue.take(Duration::ZERO, true).ended);
    }

    #[test]
    fn abandoned_askers_are_told() {
        let queue = Queue::new(u64::MAX);
        let (done, mut answer) = oneshot::channel();
        queue.commit(Commit { batch: Batch::default(), done }).unwrap();
        queue.abandon();
        assert!(answer.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    }
}
