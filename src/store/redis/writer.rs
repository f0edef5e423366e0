//! The task that writes. Some tens of commands are under way at once, but of each page one: they take effect in the order in
//! which they were asked for.
//!
//! What fails is dropped and counted, never tried again: the response is in memory, and the next fetch brings another.

use super::clearing;
use super::queue::{Change, Order, Queue, Room, Write};
use super::shared::Shared;
use crate::store::StoreError;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::task::{Id, JoinSet};

/// Commands under way, at most, and their bytes: also on a slow way they must all arrive within the time that one may take.
const UNDER_WAY_MAX: usize = 32;
const UNDER_WAY_BYTES_MAX: u64 = 1024 * 1024;

/// Writes until the queue is closed and empty.
pub(super) async fn keep(shared: Arc<Shared>, queue: Arc<Queue>) {
    let _abandon = AbandonAtEnd(queue.clone());
    let mut under_way = UnderWay::default();
    let mut clearings = JoinSet::new();
    while let Some((write, room)) = queue.next().await {
        match write {
            Write::Change(change) => under_way.begin(&shared, change, room).await,
            Write::Order(order) => {
                under_way.all_done().await;
                give(&shared, order, &mut clearings).await;
            }
        }
    }
    under_way.all_done().await;
    clearings.join_all().await;
}

/// Does what comes after all that was written.
async fn give(shared: &Arc<Shared>, order: Order, clearings: &mut JoinSet<()>) {
    match order {
        Order::Flush { done } => {
            let unconnected = || shared.writing.trouble().map(|error| error.to_string());
            let trouble = shared.writes.trouble().or_else(unconnected).map(StoreError::Unavailable);
            // Whoever waited may have gone.
            let _ = done.send(trouble.map_or(Ok(()), Err));
        }
        // When it begins is settled now; what is written while it goes on is newer, and stays.
        Order::Clear { caches, done } => match clearing::begin(shared).await {
            Ok(masters) => {
                let shared = shared.clone();
                while clearings.try_join_next().is_some() {}
                clearings.spawn(async move {
                    let _ = done.send(clearing::clear(&shared, masters, &caches).await);
                });
            }
            Err(error) => {
                let _ = done.send(Err(error));
            }
        },
    }
}

/// The commands under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    /// Each task's page and bytes.
    known: HashMap<Id, (String, u64)>,
    busy: HashSet<String>,
    bytes: u64,
}

impl UnderWay {
    /// Begins a change as soon as it may be.
    async fn begin(&mut self, shared: &Arc<Shared>, change: Change, room: Room) {
        let page = change.page(&shared.names);
        while self.tasks.len() >= UNDER_WAY_MAX || self.bytes >= UNDER_WAY_BYTES_MAX || self.busy.contains(&page) {
            self.one_done().await;
        }
        let (shared, bytes, own) = (shared.clone(), room.bytes, page.clone());
        let task = self.tasks.spawn(async move {
            change.make(&shared, &own).await;
            drop(room);
        });
        self.bytes += bytes;
        self.busy.insert(page.clone());
        self.known.insert(task.id(), (page, bytes));
    }

    async fn all_done(&mut self) {
        while !self.tasks.is_empty() {
            self.one_done().await;
        }
    }

    async fn one_done(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return,
        };
        if let Some((page, bytes)) = self.known.remove(&id) {
            self.busy.remove(&page);
            self.bytes -= bytes;
        }
    }
}

/// When the writer ends, by whatever way, nobody may wait for it any more.
struct AbandonAtEnd(Arc<Queue>);

impl Drop for AbandonAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
