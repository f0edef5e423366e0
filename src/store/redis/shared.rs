//! What the store's tasks and its callers share: settings, connections, counts, and how the store is.

use super::census::Tally;
use super::health::Health;
use super::link::Link;
use super::names::{Field, Names};
use super::script::Program;
use super::settings::Settings;
use super::status::RedisFigures;
use super::trouble::Failure;
use crate::cache_name::CacheName;
use crate::clock::Clock;
use crate::crypto;
use crate::store::{CacheFigures, StoreFigures};
use redis::{Cmd, Value, from_redis_value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The store's common knowledge.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) caches_max: [u64; 3],
    pub(super) clock: Clock,
    pub(super) names: Names,
    /// Tells this store from all others that use the same Redis.
    pub(super) name: String,
    /// For pages alone: nothing that is large or slow goes before a read.
    pub(super) reading: Link,
    pub(super) writing: Link,
    /// For bodies that are kept apart: what is long holds up only its like.
    pub(super) bulk: Link,
    pub(super) reads: Health,
    pub(super) writes: Health,
    /// Something has failed: see [`super::probe`].
    pub(super) failed: Notify,
    /// One walk over all keys at a time.
    pub(super) walking: tokio::sync::Mutex<()>,
    pub(super) tally: Mutex<Tally>,
    pub(super) redis: Mutex<Option<RedisFigures>>,
    pub(super) evictions: [AtomicU64; 3],
    pub(super) dropped: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) corrupt: AtomicU64,
}

impl Shared {
    pub(super) fn new(settings: Settings, caches_max: [u64; 3], clock: Clock) -> Shared {
        let link = || Link::new(settings.clone());
        Shared {
            names: Names::new(&settings.prefix),
            name: crypto::random::<8>().map_or_else(|_| std::process::id().to_string(), |name| crypto::hex(&name)),
            reading: link(),
            writing: link(),
            bulk: link(),
            settings,
            caches_max,
            clock,
            reads: Health::default(),
            writes: Health::default(),
            failed: Notify::new(),
            walking: tokio::sync::Mutex::default(),
            tally: Mutex::default(),
            redis: Mutex::default(),
            evictions: Default::default(),
            dropped: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
        }
    }

    /// Sends a command and waits for its answer, no longer than `limit`, the connecting included.
    pub(super) async fn ask(
        &self,
        link: &Link,
        health: &Health,
        limit: Duration,
        command: &Cmd,
    ) -> Result<Value, Failure> {
        let mut used = None;
        let asking = async {
            let live = used.insert(link.live().await?);
            Ok(live.query(command).await?)
        };
        let answer = timeout(limit, asking).await.unwrap_or(Err(Failure::Late(limit)));
        let now = self.clock.now();
        match &answer {
            Ok(_) => health.succeeded(now),
            Err(failure) if failure.is_about_data() => health.succeeded(now),
            // The link knows, and says so: this is no news.
            Err(Failure::Connect(_)) => {}
            Err(failure) => {
                health.failed(now, failure.to_string());
                self.failed.notify_one();
                self.let_go(link, used.map(|live| (live.number, live.is_many())), failure);
            }
        }
        answer
    }

    /// Runs a script on a page, and answers with the fields that went.
    pub(super) async fn run(
        &self,
        program: &Program,
        page: &str,
        arguments: &[&[u8]],
        limit: Duration,
    ) -> Result<Vec<String>, Failure> {
        let mut answer = self.ask(&self.writing, &self.writes, limit, &program.by_name(page, arguments)).await;
        if answer.as_ref().is_err_and(Failure::is_no_script) {
            answer = self.ask(&self.writing, &self.writes, limit, &program.by_text(page, arguments)).await;
        }
        from_redis_value(answer?).map_err(|error| Failure::Redis(error.into()))
    }

    /// Lets the bodies go that were kept apart for these fields of a page. One that stays ends by itself.
    pub(super) async fn unlink_bodies(&self, page: &str, fields: &[String]) {
        let apart =
            fields.iter().filter_map(|name| Field::parse(name.as_bytes())).filter(|field| field.apart.is_some());
        for field in apart {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(Names::body(page, field.generation));
            if self.ask(&self.bulk, &self.writes, self.settings.write_timeout, &unlink).await.is_err() {
                return;
            }
        }
    }

    /// Why the store is of no use, or of less; none where it is well.
    pub(super) fn trouble(&self) -> Option<String> {
        let links = [&self.reading, &self.writing, &self.bulk];
        let unconnected = links.into_iter().find_map(Link::trouble).map(|error| error.to_string());
        unconnected.or_else(|| self.reads.trouble()).or_else(|| self.writes.trouble())
    }

    pub(super) fn figures(&self, queued_bytes: u64) -> StoreFigures {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tally = *lock(&self.tally);
        StoreFigures {
            caches: CacheName::ALL.map(CacheName::index).map(|at| CacheFigures {
                entries: tally.entries[at],
                bytes: tally.bytes[at],
                bytes_max: self.caches_max[at],
                evictions: load(&self.evictions[at]),
            }),
            queued_bytes,
            dropped: load(&self.dropped),
            errors: load(&self.errors),
            corrupt: load(&self.corrupt),
            trouble: self.trouble(),
        }
    }

    fn let_go(&self, link: &Link, used: Option<(u64, bool)>, failure: &Failure) {
        if failure.is_about_role() {
            for link in [&self.reading, &self.writing, &self.bulk] {
                link.let_go(None);
            }
            return;
        }
        // A cluster's connection finds its way by itself, and one server that is late leaves the others.
        if let Some((number, false)) = used
            && failure.ends_connection()
        {
            link.let_go(Some(number));
        }
    }
}

/// A lock that outlives a panic: what these guard is whole at every moment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
