//! The life of a request. `handle` is the outside: arrival, request id, route, log line, metric, and errors turned into
//! responses. `serve` is the inside, and reads as the flow does: admit, look up, decide, then exactly one of hit,
//! stale, validate, miss or pass.
//!
//! Every step is one call into the module that owns it. What is decided here is only what becomes of the answers.

mod admit;
mod ask;
mod coding;
mod course;
mod errand;
mod explain;
mod failure;
mod fill;
mod filling;
mod guard;
mod handle;
mod head;
mod hit;
mod key_shown;
mod lookup;
mod miss;
mod pass;
mod patience;
mod ready;
mod recording;
mod reply;
mod request_id;
mod rules;
mod sampling;
mod serve;
mod sessions;
mod splicing;
mod unstorable;

pub use ask::Ask;
pub use explain::{Examined, Explained, NotExplained};
pub use guard::{GuardSettings, Guards, Proof};
pub use ready::{Plain, Receipt};
pub use request_id::RequestId;
pub use rules::{Rules, SessionRules};

use crate::cache_name::CacheName;
use crate::clock::Clock;
use crate::fetch::{Collapse, OriginFigures, Origins};
use crate::invalidate::Invalidator;
use crate::key::{Key, SessionHash};
use crate::ledger::{Ledger, Scope};
use crate::observe::Observer;
use crate::store::{CacheFigures, Files, MemoryTier, Store, StoreError, StoreFigures};
use crate::stored::StoredResponse;
use crate::tags::Tag;
use arc_swap::ArcSwap;
use coding::Coder;
use errand::Errand;
use fill::Fill;
use request_id::RequestIds;
use sessions::{NoRoom, Sessions};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use unstorable::Unstorable;

/// The parts that answer requests. One for the whole process.
pub struct Proxy {
    /// What the configuration says, swapped whole on reload.
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) origins: Origins,
    pub(crate) memory: MemoryTier,
    files: Files,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ledger: Ledger,
    pub(crate) invalidator: Arc<Invalidator>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) clock: Clock,
    fills: Collapse<Fill>,
    unstorable: Unstorable,
    sessions: Arc<Sessions>,
    /// Bytes that fills under way hold, to bound them all together.
    filling_bytes: AtomicU64,
    limits: FillLimits,
    generations: AtomicU64,
    request_ids: RequestIds,
    /// Places for samples of guarded routes.
    samples: Arc<Semaphore>,
    coder: Coder,
    /// Held by whoever puts something into memory and the store, so that both see the same order.
    order: Mutex<()>,
    /// Fills, samples and tunnels: what goes on when its client has gone.
    tasks: TaskTracker,
}

/// What fills may hold.
#[derive(Clone, Copy, Debug)]
pub struct FillLimits {
    /// Bytes of the largest body that is kept.
    pub object_bytes_max: u64,
    /// Bytes that all fills under way may hold together; past it, what is being fetched streams through unkept.
    pub filling_bytes_max: u64,
    /// Bytes that are kept for one session.
    pub session_bytes_max: u64,
}

/// What a proxy is made of.
pub struct Parts {
    /// What the configuration says.
    pub rules: Rules,
    /// Where misses go.
    pub origins: Origins,
    /// The hot tier.
    pub memory: MemoryTier,
    /// Its large contents, as the system sends them.
    pub files: Files,
    /// The tier behind it.
    pub store: Arc<dyn Store>,
    /// What has been invalidated.
    pub ledger: Ledger,
    /// What turns unsafe methods into invalidations.
    pub invalidator: Arc<Invalidator>,
    /// Logs and metrics.
    pub observer: Arc<Observer>,
    /// The time.
    pub clock: Clock,
    /// What fills may hold.
    pub limits: FillLimits,
    /// A random number: the first generation, and the name in request ids.
    pub seed: u64,
}

impl Proxy {
    /// A proxy of these parts.
    pub fn new(parts: Parts) -> Proxy {
        Proxy {
            rules: ArcSwap::from_pointee(parts.rules),
            origins: parts.origins,
            memory: parts.memory,
            files: parts.files,
            store: parts.store,
            ledger: parts.ledger,
            invalidator: parts.invalidator,
            observer: parts.observer,
            clock: parts.clock,
            fills: Collapse::default(),
            unstorable: Unstorable::default(),
            sessions: Arc::new(Sessions::new(parts.limits.session_bytes_max)),
            filling_bytes: AtomicU64::new(0),
            limits: parts.limits,
            generations: AtomicU64::new(parts.seed),
            // Any 32 of the seed's bits are as random as it is.
            request_ids: RequestIds::new((parts.seed >> 32) as u32),
            samples: Arc::new(Semaphore::new(sampling::SAMPLES_MAX)),
            coder: Coder::default(),
            order: Mutex::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Puts new rules in force for every request that arrives from now on.
    pub fn set_rules(&self, mut rules: Rules) {
        rules.guards.go_on_from(&self.rules.load().guards);
        self.rules.store(Arc::new(rules));
        self.unstorable.forget_all();
    }

    /// A number that tells one stored response from every other: random at its start, then counted.
    fn new_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    /// An id for a request.
    pub fn new_request_id(&self) -> RequestId {
        self.request_ids.next()
    }

    /// Waits for fills and tunnels that are still under way, and for uploads that were answered before they were sent whole, for so
    /// long at most: a tunnel may never end by itself. Call it after the listeners have drained.
    pub async fn finish(&self, within: Duration) {
        self.tasks.close();
        let all = async { tokio::join!(self.tasks.wait(), self.origins.finish()) };
        if timeout(within, all).await.is_err() {
            let left = self.tasks.len() + self.origins.uploads();
            tracing::warn!(left, "fills, tunnels or uploads were given up");
        }
    }

    /// Whether a response under this key turned out not to be storable a short time ago.
    fn knows_unstorable(&self, key: &Key) -> bool {
        self.unstorable.remembers(key, self.clock.now())
    }

    /// Remembers that a response was not storable, unless other rules have come into force since it was asked for.
    fn note_unstorable(&self, errand: &Errand) {
        let is_by_rules_of_now = || Arc::ptr_eq(&errand.rules, &self.rules.load());
        self.unstorable.remember(&errand.key, self.clock.now(), is_by_rules_of_now);
    }

    /// What the memory tier holds, by cache.
    pub fn memory_figures(&self) -> [CacheFigures; 3] {
        self.memory.figures()
    }

    /// What the store behind memory says of itself.
    pub fn store_figures(&self) -> StoreFigures {
        self.store.figures()
    }

    /// What is known of the origins and their servers.
    pub fn origin_figures(&self) -> Vec<OriginFigures> {
        self.origins.figures()
    }

    /// What the origins need done beside the requests; none of it ends by itself.
    pub fn upkeep_of_origins(&self) -> Vec<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.origins.upkeep()
    }

    /// The right to put something into memory and the store. Neither waits for more than a short lock, so nobody waits long for it.
    fn keeping(&self) -> MutexGuard<'_, ()> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a response from the store into memory, where it is of use there.
    pub fn promote(&self, stored: Arc<StoredResponse>) {
        if self.note_for_session(&stored).is_ok() {
            self.memory.promote(stored);
        }
    }

    /// Forgets what is no longer kept of sessions; to be called now and then.
    pub fn tidy_sessions(&self) {
        self.sessions.tidy(self.clock.now());
    }

    /// The guarded routes, and whether each is under suspicion.
    pub fn guards(&self) -> Vec<(Arc<str>, bool)> {
        self.rules.load().guards.standings()
    }

    /// For how many sessions something is kept in memory.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Notes a session's own page that is about to be in memory, and makes room for it.
    fn note_for_session(&self, stored: &StoredResponse) -> Result<(), NoRoom> {
        if stored.cache != CacheName::Sessions {
            return Ok(());
        }
        for gone in self.sessions.keep(stored, self.clock.now())? {
            self.let_go(CacheName::Sessions, &gone.key, gone.generation);
        }
        Ok(())
    }

    fn let_go(&self, cache: CacheName, key: &Key, generation: u64) {
        self.memory.remove(cache, key, generation);
        self.store.remove(cache, key, generation);
    }

    /// Lets go of what is kept for sessions that have changed, and tells the tags by which the ledger has to know it. Where it is
    /// not known whether the change was made it must know in any case: what is fetched meanwhile is not to be kept.
    async fn tags_of_changed(&self, sessions: &[SessionHash], is_answered: bool) -> Vec<Tag> {
        let mut tags = Vec::new();
        for hash in sessions {
            let (ended, tag) = (self.sessions.end(*hash), hash.tag());
            for page in &ended.pages {
                self.let_go(CacheName::Sessions, &page.key, page.generation);
            }
            // Before a restart something may have been stored that nobody knows of here, and by another proxy at any time.
            let is_nowhere = is_answered
                && !ended.is_known
                && self.store.count(&Scope::Tag(tag.clone())).await.is_ok_and(|n| n == Some(0));
            tags.extend((!is_nowhere).then_some(tag));
        }
        tags
    }

    /// Lets go of everything in memory and in the store, of one cache or all. The ledger has already made it unusable.
    ///
    /// # Errors
    /// The store could not be cleared now; its responses stay unusable and make room in time.
    pub async fn clear(&self, cache: Option<CacheName>) -> Result<(), StoreError> {
        self.memory.clear(cache);
        self.files.clear();
        self.store.clear(cache).await
    }
}
