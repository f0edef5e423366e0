//! Proxies that share a ledger: no HTTP, only what each knows.

use crate::parts::redis::Server;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::ledger::{
    Invalidation, Journal, Ledger, Mode, OnIsolation, Opened, Receipt, Scope, Settings, Source, Stamp, Standing,
    Subject, Trust, Volatile,
};
use vitrine::store::redis::Settings as RedisSettings;
use vitrine::store::redis::log::{Membership, RedisLog};
use vitrine::store::sqlite::{Settings as SqliteSettings, SqliteStore};
use vitrine::tags::{Tag, Tags};

/// For anything that is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// One proxy.
pub(crate) struct Member {
    pub(crate) ledger: Ledger,
    pub(crate) log: RedisLog,
    pub(crate) clock: Clock,
    stop: CancellationToken,
    following: Option<JoinHandle<()>>,
}

impl Member {
    /// A proxy that has joined.
    pub(crate) async fn joined(server: &Server, id: &str) -> Member {
        let member = Member::start(server, id, None);
        member.is_current().await;
        member
    }

    /// A proxy that is about to join.
    pub(crate) fn start(server: &Server, id: &str, on_isolation: Option<OnIsolation>) -> Member {
        let role = Membership { on_isolation, ..membership(id, 0) };
        Member::make(by_url(&server.url()), role, &Volatile::opened().unwrap(), Arc::new(Volatile))
    }

    /// A proxy that reaches the server by another port.
    pub(crate) fn by_port(port: u16, id: &str) -> Member {
        Member::with(by_url(&format!("redis://127.0.0.1:{port}/0")), id, 0)
    }

    /// A proxy for which nothing counts that fewer replicas have.
    pub(crate) fn with(settings: RedisSettings, id: &str, replicas: usize) -> Member {
        Member::make(settings, membership(id, replicas), &Volatile::opened().unwrap(), Arc::new(Volatile))
    }

    /// A proxy whose outbox is a file.
    pub(crate) fn with_folder(server: &Server, id: &str, folder: &Path) -> Member {
        let settings = SqliteSettings::new(folder.join("outbox.db"), [1 << 20; 3]);
        let (outbox, opened) = SqliteStore::open(settings, Clock::system()).unwrap();
        Member::make(by_url(&server.url()), membership(id, 0), &opened, Arc::new(outbox))
    }

    fn make(settings: RedisSettings, membership: Membership, opened: &Opened, outbox: Arc<dyn Journal>) -> Member {
        let clock = Clock::system();
        let on_isolation = membership.on_isolation;
        let log = RedisLog::new(settings, membership, clock.clone()).unwrap();
        let shared = Arc::new(log.clone());
        let isolation = on_isolation.unwrap_or_default();
        let ledger = Ledger::shared(opened, outbox, shared, isolation, Settings::default(), clock.clone()).unwrap();
        let stop = CancellationToken::new();
        let following = Some(tokio::spawn(log.clone().follow(ledger.clone(), stop.clone())));
        Member { ledger, log, clock, stop, following }
    }

    /// Waits until it has a lease.
    pub(crate) async fn is_current(&self) {
        eventually("a lease", || self.ledger.is_current(self.clock.now())).await;
    }

    /// Leaves as a proxy does that is shut down.
    pub(crate) async fn leave(mut self) {
        self.stop.cancel();
        self.following.take().unwrap().await.unwrap();
    }

    /// Ends as a proxy does that is killed: nobody is told.
    pub(crate) async fn die(&mut self) {
        let following = self.following.take().unwrap();
        following.abort();
        assert!(following.await.unwrap_err().is_cancelled());
    }

    /// Purges a tag and waits for everybody.
    pub(crate) async fn purge(&self, tag: &str, wait: Duration) -> Receipt {
        let receipt = self.ledger.append(vec![invalidation(tag)]).await.unwrap();
        self.ledger.confirm(receipt, wait).await
    }

    /// What it thinks of a page with a tag that was fetched at a stamp.
    pub(crate) fn standing(&self, tag: &str, stamp: Stamp) -> Standing {
        let tags = Tags::collect([Tag::new(tag).unwrap()]).unwrap();
        let subject = Subject { cache: CacheName::Default, host: "shop", path: "/", query: None, tags: &tags };
        self.ledger.standing(&subject, stamp)
    }

    pub(crate) fn trust(&self) -> Trust {
        self.ledger.trust(self.clock.now())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(following) = &self.following {
            following.abort();
        }
    }
}

/// Settings as a URL tells them.
pub(crate) fn by_url(url: &str) -> RedisSettings {
    RedisSettings::parse(url, None).unwrap()
}

fn membership(id: &str, replicas: usize) -> Membership {
    Membership { id: id.into(), name: format!("shop {id}"), on_isolation: None, replicas }
}

/// A hard purge of a tag.
pub(crate) fn invalidation(tag: &str) -> Invalidation {
    Invalidation {
        scope: Scope::Tag(Tag::new(tag).unwrap()),
        mode: Mode::Hard,
        settle: Duration::ZERO,
        source: Source::Purge,
        reason: "a test".into(),
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
