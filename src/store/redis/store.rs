//! The store itself: what callers see of the tasks behind it.

use super::census;
use super::link::jittered;
use super::lookup::Lookup;
use super::probe;
use super::queue::{Change, Done, Order, Queue, Refused, Write};
use super::settings::Settings;
use super::shared::{Shared, lock};
use super::status::{self, RedisFigures};
use super::writer;
use crate::cache_name::CacheName;
use crate::clock::{Clock, millis};
use crate::key::Key;
use crate::ledger::Scope;
use crate::store::{Answer, CacheFigures, Queued, Store, StoreError, StoreFigures};
use crate::stored::StoredResponse;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// How long a flush waits, and how long closing does: what is not written then is in nobody's way.
const FLUSH_MAX: Duration = Duration::from_secs(10);
const CLOSE_MAX: Duration = Duration::from_secs(5);
/// Between two looks at how much there is and how the server is; the second is after one that failed.
const LOOK_EVERY: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Stored responses in Redis.
#[derive(Debug)]
pub struct RedisStore {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    tasks: Mutex<Tasks>,
}

/// They end when they are dropped.
#[derive(Debug, Default)]
struct Tasks {
    writer: Option<AbortOnDropHandle<()>>,
    others: Vec<AbortOnDropHandle<()>>,
}

impl RedisStore {
    /// The store in these servers. It neither fails nor waits: tasks of the runtime that this is called on connect, and until
    /// they have, nothing is there.
    pub fn open(settings: Settings, caches_max: [u64; 3], clock: Clock) -> RedisStore {
        let queue = Arc::new(Queue::new(settings.queue_bytes_max));
        let shared = Arc::new(Shared::new(settings, caches_max, clock));
        let of = |task: fn(Arc<Shared>) -> LastingTask| AbortOnDropHandle::new(tokio::spawn(task(shared.clone())));
        let others = vec![
            of(|shared| Box::pin(async move { shared.reading.keep().await })),
            of(|shared| Box::pin(async move { shared.writing.keep().await })),
            of(|shared| Box::pin(async move { shared.bulk.keep().await })),
            of(|shared| Box::pin(probe::keep(shared))),
            of(|shared| Box::pin(look_around(shared))),
        ];
        let writer = AbortOnDropHandle::new(tokio::spawn(writer::keep(shared.clone(), queue.clone())));
        RedisStore { shared, queue, tasks: Mutex::new(Tasks { writer: Some(writer), others }) }
    }

    /// Counts what is stored, and lets go of what is more than may be; or learns what another proxy has counted just now. The
    /// store does this by itself each minute.
    ///
    /// # Errors
    /// The servers could not be asked; the figures stay as they were.
    pub async fn census(&self) -> Result<[CacheFigures; 3], StoreError> {
        census::take(&self.shared).await?;
        Ok(self.figures().caches)
    }

    /// How the servers are, as of the last minute; none until they were asked.
    pub fn redis(&self) -> Option<RedisFigures> {
        let figures = lock(&self.shared.redis).clone()?;
        let (reads, writes) = (self.shared.reads.is_open(), self.shared.writes.is_open());
        Some(RedisFigures { reading_pauses: reads, writing_pauses: writes, ..figures })
    }

    /// Writes what is queued, as far as that goes in a bounded time, and ends the tasks. Without it, dropping the store drops what is
    /// queued.
    pub async fn close(&self) {
        self.queue.close();
        let writer = lock(&self.tasks).writer.take();
        if let Some(writer) = writer {
            // Whether it ended or was ended, nothing is left to do about it.
            let _ = timeout(CLOSE_MAX, writer).await;
        }
        self.queue.abandon();
        lock(&self.tasks).others.clear();
    }

    /// Queues something whose end somebody waits for. Now, not when the answer is first polled: the order is that of the calls.
    fn order(
        &self,
        order: impl FnOnce(Done) -> Order,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (done, wait) = oneshot::channel();
        let queued = self.queue.push(Write::Order(order(done)));
        queued.map(|()| wait).map_err(|refused| StoreError::Unavailable(refused.to_string()))
    }
}

type LastingTask = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Store for RedisStore {
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        Box::pin(async move { Lookup::new(&self.shared, &self.queue, cache, key).variants().await })
    }

    fn put(&self, response: Arc<StoredResponse>) -> Queued {
        let max = self.shared.caches_max[response.cache.index()].min(self.shared.settings.object_bytes_max);
        if response.weight() as u64 > max {
            return Queued::TooLarge;
        }
        if self.shared.writes.is_open() || self.shared.writing.trouble().is_some() {
            return Queued::Unavailable;
        }
        match self.queue.push(Write::Change(Change::Put(response))) {
            Ok(()) => Queued::Accepted,
            Err(Refused::Closed) => Queued::Unavailable,
            Err(Refused::Full) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                Queued::Full
            }
        }
    }

    fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        // Turned away by a full queue, it stays until it ends by itself: the ledger keeps it from being served.
        let _ = self.queue.push(Write::Change(Change::Remove { cache, key: key.clone(), generation }));
    }

    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()> {
        let caches = cache.map_or(CacheName::ALL.to_vec(), |cache| vec![cache]);
        let queued = self.order(|done| Order::Clear { caches, done });
        Box::pin(async move { queued?.await.unwrap_or_else(|_| Err(closed())) })
    }

    /// No index tells it.
    fn count<'a>(&'a self, _: &'a Scope) -> Answer<'a, Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    /// How much there is, is known as of the last census.
    fn figures(&self) -> StoreFigures {
        self.shared.figures(self.queue.bytes())
    }

    fn flush(&self) -> Answer<'_, ()> {
        let queued = self.order(|done| Order::Flush { done });
        Box::pin(async move {
            let late = || StoreError::Timeout(millis(FLUSH_MAX));
            timeout(FLUSH_MAX, queued?).await.map_err(|_| late())?.unwrap_or_else(|_| Err(closed()))
        })
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".into())
}

/// Counts and looks at the servers now and then; never ends.
async fn look_around(shared: Arc<Shared>) {
    loop {
        let looked = async {
            status::remember(&shared, status::look(&shared).await?);
            census::take(&shared).await
        };
        let pause = match looked.await {
            Ok(_) => LOOK_EVERY,
            Err(failure) => {
                tracing::debug!(%failure, "Redis could not be looked over");
                LOOK_AGAIN
            }
        };
        sleep(jittered(pause)).await;
    }
}
