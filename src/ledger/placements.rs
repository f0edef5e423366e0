//! What this proxy placed in the shared log a short while ago: to be placed again where the log has lost its end, and for those
//! who wait until a batch has come out of the outbox.

use super::shared_log::Placed;
use super::{Position, Record};
use crate::clock::Timestamp;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What was placed so lately is placed again when a new epoch begins: a log that lost its end has lost it too.
const PLACED_AGAIN: Duration = Duration::from_mins(1);
/// Batches that are remembered for it.
const PLACED_MAX: usize = 10_000;

/// Batches, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Placements {
    batches: Mutex<VecDeque<Placement>>,
    news: watch::Sender<()>,
}

#[derive(Debug)]
struct Placement {
    when: Timestamp,
    placed: Placed,
    /// With the positions that they were held under until then.
    records: Vec<Record>,
}

impl Placements {
    /// Takes note of a batch.
    pub(super) fn remember(&self, now: Timestamp, placed: Placed, records: Vec<Record>) {
        let mut batches = self.batches();
        let is_old = |oldest: &Placement| now.since(oldest.when) > PLACED_AGAIN;
        while batches.len() >= PLACED_MAX || batches.front().is_some_and(is_old) {
            batches.pop_front();
        }
        batches.push_back(Placement { when: now, placed, records });
        drop(batches);
        self.news.send_replace(());
    }

    /// What is to be placed again in a new epoch.
    pub(super) fn lately(&self, now: Timestamp) -> Vec<Vec<Record>> {
        let batches = self.batches();
        let lately = batches.iter().filter(|batch| now.since(batch.when) <= PLACED_AGAIN);
        lately.map(|batch| batch.records.clone()).collect()
    }

    /// Waits until the batch is placed whose first record was held under a position.
    pub(super) async fn of(&self, held: Position) -> Placed {
        let mut news = self.news.subscribe();
        loop {
            if let Some(placed) = self.find(held) {
                return placed;
            }
            if news.changed().await.is_err() {
                // Its sender lives as long as this.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Where the batch was placed a short while ago whose first record was held under a position.
    pub(super) fn find(&self, held: Position) -> Option<Placed> {
        let batches = self.batches();
        let first = |batch: &Placement| batch.records.first().map(|record| record.position);
        batches.iter().rev().find(|batch| first(batch) == Some(held)).map(|batch| batch.placed)
    }

    fn batches(&self) -> MutexGuard<'_, VecDeque<Placement>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
