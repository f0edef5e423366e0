//! The shared ledger: a stream that every proxy reads, beside a hash with the epoch, the log's end and the proxies.
//!
//! Positions are the stream's ids, one after the other without a gap, given by the script that appends. An epoch belongs to
//! one process of one server while it is the master: a restart that may have lost records, a failover, a flush or an eviction
//! of what is here begins a new one, and what was stored under the old counts no more. That costs a cold cache and never a
//! wrong page.

mod control;
mod entry;
mod isolation;
mod keys;
mod proxies;
mod replicas;
mod session;
mod tenure;

pub use proxies::ProxyFigures;

use super::Settings;
use crate::clock::{Clock, Timestamp};
use crate::crypto;
use crate::ledger::{
    Confirmation, Epoch, Later, Ledger, LogError, OnIsolation, Placed, Position, ProxyStanding, Record, SharedLog,
};
use control::{Control, Identity};
use keys::Keys;
use proxies::{LEASE, MARGIN, Proxies};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tenure::Tenure;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long after a connection was lost a purge waits for the next one, instead of going to the outbox.
const CONNECTION_WAIT: Duration = Duration::from_millis(300);
/// Between two looks at who has applied a record: at first, and at most.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(50);

/// What stands against a confirmation, and a lease.
const TOO_FEW_REPLICAS: &str = "too few replicas have it";

/// The shared ledger, as one proxy takes part in it.
#[derive(Clone)]
pub struct RedisLog(Arc<Shared>);

/// How a proxy takes part in a shared ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The same through restarts.
    pub id: String,
    /// For people; blanks become dashes.
    pub name: String,
    /// What it does when its lease has run out; none: `serve` while it is the only one, else `revalidate`.
    pub on_isolation: Option<OnIsolation>,
    /// Replicas that must have a purge before it is confirmed, and a renewal before the lease counts. Without, a master that
    /// was cut off from its replicas goes on confirming while its successor serves. At least half of all that there are, so
    /// that two masters never have enough of them at once; the same for every proxy.
    pub replicas: usize,
}

/// The figures of a shared ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFigures {
    /// Whether a session is up.
    pub is_connected: bool,
    /// Why not, or why the last one ended.
    pub trouble: Option<String>,
    /// How long this proxy's lease still runs.
    pub lease_left: Duration,
    /// Records that this proxy had not read yet when it last looked where the log ends.
    pub lag: u64,
    /// How often the log was found and followed anew, since the start.
    pub sessions: u64,
    /// Everybody, this proxy too.
    pub proxies: Vec<ProxyFigures>,
}

pub(super) struct Shared {
    settings: Settings,
    keys: Keys,
    clock: Clock,
    identity: Identity,
    /// None: as the number of proxies says.
    on_isolation: Option<OnIsolation>,
    replicas: usize,
    live: watch::Sender<Option<Live>>,
    /// A command found that the session's epoch is over.
    kick: Notify,
    proxies: Mutex<Proxies>,
    tenure: Mutex<Tenure>,
    floor: AtomicU64,
    lag: AtomicU64,
    sessions: AtomicU64,
    /// When the last session ended, or this was made.
    lost_at: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// An open session, for commands.
#[derive(Clone)]
struct Live {
    control: Control,
    epoch: Epoch,
}

impl RedisLog {
    /// A log that nobody follows yet.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(settings: Settings, membership: Membership, clock: Clock) -> Result<RedisLog, io::Error> {
        let incarnation: [u8; 8] = crypto::random()?;
        let name = membership.name.split_whitespace().collect::<Vec<_>>().join("-");
        Ok(RedisLog(Arc::new(Shared {
            keys: Keys::new(&settings.prefix),
            replicas: membership.replicas,
            settings,
            identity: Identity {
                id: membership.id,
                incarnation: format!("{:016x}", u64::from_le_bytes(incarnation)),
                name: if name.is_empty() { "-".into() } else { name },
                lease: LEASE,
            },
            on_isolation: membership.on_isolation,
            live: watch::Sender::new(None),
            kick: Notify::new(),
            proxies: Mutex::default(),
            tenure: Mutex::new(Tenure::new(membership.replicas > 0)),
            floor: AtomicU64::new(0),
            lag: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            lost_at: AtomicU64::new(clock.now().0),
            trouble: Mutex::default(),
            clock,
        })))
    }

    /// Follows the log on behalf of a ledger until `stop`, then leaves.
    pub async fn follow(self, ledger: Ledger, stop: CancellationToken) {
        session::follow(self.0, ledger, stop).await;
    }

    /// How things stand.
    pub fn figures(&self) -> LogFigures {
        let now = self.0.clock.now();
        let (epoch, lease_left) = {
            let tenure = lock(&self.0.tenure);
            (tenure.epoch().unwrap_or(Epoch(0)), tenure.left(now))
        };
        LogFigures {
            is_connected: self.0.live.borrow().is_some(),
            trouble: lock(&self.0.trouble).clone(),
            lag: self.0.lag.load(Ordering::Relaxed),
            sessions: self.0.sessions.load(Ordering::Relaxed),
            lease_left,
            proxies: self.0.proxies().figures(epoch, now),
        }
    }
}

impl SharedLog for RedisLog {
    fn place(&self, records: Vec<Record>, delivery: Option<Box<str>>) -> Later<'_, Result<Placed, LogError>> {
        Box::pin(async move {
            let live = self.0.live().await?;
            let nonce: [u8; 8] = crypto::random().map_err(|error| LogError(error.to_string()))?;
            let nonce = format!("{:016x}", u64::from_le_bytes(nonce));
            let floor = self.0.floor.load(Ordering::Relaxed);
            let placed = live.control.append(live.epoch, &records, &nonce, floor, delivery.as_deref()).await;
            placed.map_err(|error| {
                // Whatever went wrong, a new session finds out.
                self.0.kick.notify_waiters();
                LogError(error.to_string())
            })
        })
    }

    fn confirm(&self, epoch: Epoch, position: Position, wait: Duration) -> Later<'_, Confirmation> {
        Box::pin(async move {
            let asked = self.0.clock.now();
            let mut pause = LOOK_FIRST;
            loop {
                let (confirmation, may_come) = self.0.look(epoch, position).await;
                let waited = self.0.clock.now().since(asked);
                if confirmation.confirmed || !may_come || waited >= wait {
                    return confirmation;
                }
                sleep(pause.min(wait.saturating_sub(waited))).await;
                pause = (pause * 2).min(LOOK_MAX);
            }
        })
    }

    fn patience(&self) -> Duration {
        let lease = LEASE + MARGIN;
        if self.0.live.borrow().is_some() { lease } else { lease.saturating_sub(self.0.lost_for()) }
    }

    fn trim(&self, floor: Position) {
        // It goes with the next append: a log that nobody adds to needs no trimming.
        self.0.floor.fetch_max(floor, Ordering::Relaxed);
    }
}

impl Shared {
    async fn live(&self) -> Result<Live, LogError> {
        let mut live = self.live.subscribe();
        // With no time left it still looks once.
        let wait = timeout(CONNECTION_WAIT.saturating_sub(self.lost_for()), live.wait_for(Option::is_some)).await;
        let found = wait.ok().and_then(Result::ok).and_then(|live| live.clone());
        found.ok_or_else(|| LogError(lock(&self.trouble).clone().unwrap_or_else(|| "it was never reached".into())))
    }

    /// How long ago the last session ended, or this was made.
    fn lost_for(&self) -> Duration {
        self.clock.now().since(Timestamp(self.lost_at.load(Ordering::Relaxed)))
    }

    /// Who has come to a position now, and whether waiting may change the answer.
    async fn look(&self, epoch: Epoch, position: Position) -> (Confirmation, bool) {
        let not =
            |obstacle: String, proxies| Confirmation { confirmed: false, proxies, obstacle: Some(obstacle.into()) };
        let live = match self.live().await {
            Ok(live) => live,
            Err(error) => return (not(error.to_string(), Vec::new()), true),
        };
        let (in_force, entries) = match live.control.proxies().await {
            Ok(proxies) => proxies,
            Err(error) => return (not(error.to_string(), Vec::new()), true),
        };
        if in_force != epoch {
            return (
                not("a new epoch of the ledger has begun; purge again to have it confirmed".into(), Vec::new()),
                false,
            );
        }
        let now = self.clock.now();
        let standings: Vec<ProxyStanding> = {
            let mut proxies = self.proxies();
            proxies.see(entries, now);
            proxies.standings(epoch, position, now)
        };
        if !lock(&self.tenure).is_settled(epoch, now) {
            let why = match live.control.is_replicated().await {
                Ok(false) => TOO_FEW_REPLICAS,
                _ => "the ledger's epoch is new to this proxy, and nothing is confirmed for one lease",
            };
            return (not(why.into(), standings), true);
        }
        if !standings.iter().all(|proxy| proxy.reached.is_safe()) {
            return (Confirmation { confirmed: false, proxies: standings, obstacle: None }, true);
        }
        match live.control.is_replicated().await {
            Ok(true) => (Confirmation { confirmed: true, proxies: standings, obstacle: None }, false),
            Ok(false) => (not(TOO_FEW_REPLICAS.into(), standings), true),
            Err(error) => (not(error.to_string(), standings), true),
        }
    }

    fn proxies(&self) -> MutexGuard<'_, Proxies> {
        lock(&self.proxies)
    }

    /// This proxy has read up to a position of a log that ends at `head`.
    fn reached(&self, position: Position, head: Position) {
        self.lag.store(head.saturating_sub(position), Ordering::Relaxed);
    }

    /// A session is up.
    fn follows(&self, live: Live) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        self.live.send_replace(Some(live));
    }

    fn recovered(&self) {
        *lock(&self.trouble) = None;
    }

    /// A session has ended, or could not be opened.
    fn lost(&self, trouble: &str) {
        if self.live.send_replace(None).is_some() {
            self.lost_at.store(self.clock.now().0, Ordering::Relaxed);
        }
        self.ails(trouble);
    }

    /// Something keeps the lease from being renewed; told once.
    fn ails(&self, trouble: &str) {
        let mut known = lock(&self.trouble);
        if known.as_deref() != Some(trouble) {
            tracing::warn!(trouble, "the shared ledger is not followed");
            *known = Some(trouble.into());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
