//! The ledger as the rest of the proxy sees it: one value, cheap to clone.
//!
//! Reading never waits for a disk: the locks here are held for look-ups in memory, never across an await, and a hit does not
//! take one at all.

use super::deliveries::{self, Deliveries};
use super::durable::DurableHead;
use super::recent::Recent;
use super::retention::Retention;
use super::sharing::Sharing;
use super::trust::Lease;
use super::unshared::Unshared;
use super::{Bounds, Epoch, Gone, Index, Journal, OnIsolation, Opened, Position, Record, Stamp, Standing, Subject};
use crate::clock::{Clock, Timestamp, millis};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::watch;

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The longest that any response is kept, whatever the origin says; records are kept as long.
    pub max_keep: Duration,
    /// How long an append waits for its commit before it is called not durable.
    pub commit_wait: Duration,
    /// How much is remembered.
    pub bounds: Bounds,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_keep: Duration::from_hours(7 * 24),
            commit_wait: Duration::from_secs(10),
            bounds: Bounds::default(),
        }
    }
}

/// The figures of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Its name.
    pub epoch: Epoch,
    /// What bears an older stamp is gone.
    pub floor: Position,
    /// The newest durable position.
    pub durable: Position,
    /// The newest position.
    pub head: Position,
    /// Distinct scopes that are remembered.
    pub scopes: usize,
    /// Commits in flight.
    pub commits: usize,
    /// Records that wait in the outbox for a shared ledger to come back.
    pub waiting: usize,
}

/// The ledger.
#[derive(Clone)]
pub struct Ledger(pub(super) Arc<Shared>);

pub(super) struct Shared {
    /// Grows with every change that could make a stored response worse; only ever written under the state's lock.
    version: AtomicU64,
    state: RwLock<State>,
    /// Held from the choice of positions until their commit is called for, so that both have the same order.
    turn: Mutex<()>,
    deliveries: Mutex<Deliveries>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) news: watch::Sender<Position>,
    pub(super) lease: Lease,
    /// None where this proxy shares its ledger with nobody.
    pub(super) sharing: Option<Sharing>,
}

pub(super) struct State {
    pub(super) epoch: Epoch,
    pub(super) index: Index,
    pub(super) durable: DurableHead,
    pub(super) recent: Recent,
    pub(super) retention: Retention,
    /// Empty where this proxy shares its ledger with nobody.
    pub(super) unshared: Unshared,
}

impl Ledger {
    /// Goes on with a ledger as it was found.
    pub fn open(opened: Opened, journal: Arc<dyn Journal>, settings: Settings, clock: Clock) -> Ledger {
        Ledger::build(opened, journal, None, settings, clock)
    }

    pub(super) fn build(
        opened: Opened,
        journal: Arc<dyn Journal>,
        sharing: Option<(Sharing, OnIsolation)>,
        settings: Settings,
        clock: Clock,
    ) -> Ledger {
        let Opened { epoch, floor, head, mut records, deliveries } = opened;
        records.sort_by_key(|record| record.position);
        let mut state = State {
            epoch,
            index: Index::new(floor, settings.bounds),
            durable: DurableHead::new(floor),
            recent: Recent::default(),
            retention: Retention::new(settings.max_keep),
            unshared: Unshared::new(settings.bounds),
        };
        let (wall, now) = (clock.wall(), clock.now());
        for record in records {
            state.retention.note(record.time, record.position);
            state.index.apply(&record, rest_of_settle(&record, wall, now));
            state.recent.push(record);
        }
        state.index.skip_to(head);
        state.durable.jump(state.index.head());
        let mut known = Deliveries::default();
        for delivery in deliveries {
            known.remember(delivery);
        }
        let (sharing, lease) = match sharing {
            None => (None, Lease::endless()),
            Some((sharing, on_isolation)) => (Some(sharing), Lease::none(on_isolation)),
        };
        let ledger = Ledger(Arc::new(Shared {
            // Not 0: that is what a stored response bears that was never looked at.
            version: AtomicU64::new(1),
            news: watch::Sender::new(state.index.head()),
            state: RwLock::new(state),
            turn: Mutex::default(),
            deliveries: Mutex::new(known),
            journal,
            clock,
            settings,
            lease,
            sharing,
        }));
        ledger.sweep();
        ledger
    }

    /// Grows with every record, and with everything else that could make a stored response worse. What was found valid at
    /// this version, read *before* it was looked at, still is while the version stays the same.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    /// The stamp for a fetch or validation that begins now.
    ///
    /// It is the newest *durable* position, although newer records may already be in force: what is fetched meanwhile is
    /// refused by them later, at the price of one more fetch. A response must not bear a position that a power cut could
    /// still take back: the next record would be given that position again, and the response would pass for newer than it.
    pub fn stamp(&self) -> Stamp {
        let state = self.0.read();
        let unshared = state.unshared.head();
        Stamp { epoch: state.epoch, position: state.durable.position(), unshared }
    }

    /// Where a stored response stands.
    pub fn standing(&self, subject: &Subject<'_>, stamp: Stamp) -> Standing {
        let state = self.0.read();
        if stamp.epoch != state.epoch {
            return Standing::Gone(Gone::Unknown);
        }
        state.index.standing(subject, stamp.position).and(state.unshared.standing(subject, stamp.unshared))
    }

    /// Whether what was fetched or validated must be served but not kept, because its fetch began within the settle time of
    /// an invalidation that matches. `fetch_began` is steady time ([`Clock::now`]): a jump of the wall's clock shortens no
    /// settle time. Ask when the response is complete or its tags are known, not before: the invalidation may come later.
    pub fn settling(&self, subject: &Subject<'_>, fetch_began: Timestamp) -> bool {
        let state = self.0.read();
        state.index.settling(subject, fetch_began) || state.unshared.settling(subject, fetch_began)
    }

    /// What a webhook of that id was answered; none where it is unknown or still on its way.
    pub fn delivery(&self, id: &str) -> Option<Box<str>> {
        self.0.deliveries().answer(id)
    }

    /// The oldest `limit` records after a position, of those that are still in memory: the newest 10,000 or 4 MiB.
    pub fn recent(&self, after: Position, limit: usize) -> Vec<Record> {
        self.0.read().recent.after(after, limit)
    }

    /// Tells the head whenever it moves.
    pub fn follow(&self) -> watch::Receiver<Position> {
        self.0.news.subscribe()
    }

    /// How things stand.
    pub fn figures(&self) -> LedgerFigures {
        let state = self.0.read();
        LedgerFigures {
            epoch: state.epoch,
            floor: state.index.floor(),
            durable: state.durable.position(),
            head: state.index.head(),
            scopes: state.index.scopes(),
            commits: state.durable.waiting(),
            waiting: state.unshared.waiting_records(),
        }
    }

    /// Drops what is older than anything kept. Called every minute or so.
    pub fn sweep(&self) {
        let wall = self.0.clock.wall();
        let floor = self.0.change(|state| {
            state.retention.note(wall, state.index.head());
            let raised = state.retention.floor(wall);
            if let Some(floor) = raised {
                state.index.raise_floor(floor);
            }
            (raised.is_some(), state.index.floor())
        });
        let before = Timestamp(wall.0.saturating_sub(millis(deliveries::KEPT)));
        self.0.deliveries().trim(before);
        match &self.0.sharing {
            // The journal is the outbox, which is trimmed when what waited in it has been placed.
            Some(sharing) => sharing.trim(floor),
            None => self.0.journal.trim(floor, before),
        }
    }

    /// The journal was replaced and its successor bears this name: everything that was stored before is gone, in all tiers.
    pub fn new_epoch(&self, epoch: Epoch) {
        self.0.change(|state| {
            let head = state.index.head();
            state.epoch = epoch;
            // What was recorded speaks of nothing that is left, but settle times go on.
            state.index.raise_floor(head);
            // A commit in flight may have gone to the old journal. Stamps of the new epoch are from after its record anyway.
            state.durable.jump(head);
            (true, ())
        });
    }
}

impl Shared {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and the version if the change says so. Both happen under one lock: who sees the new version finds
    /// the new state, and who found the old state has read the old version.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> (bool, T)) -> T {
        let mut state: RwLockWriteGuard<'_, State> = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let (worse, result) = change(&mut state);
        if worse {
            self.version.fetch_add(1, Ordering::Release);
        }
        result
    }

    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the settle time of a record that was found ends, on the steady scale. It never lasts longer than was asked for, so
/// that a record from a future the clock was set back from does not settle until then.
pub(super) fn rest_of_settle(record: &Record, wall: Timestamp, now: Timestamp) -> Timestamp {
    let rest = record.invalidation.settle.saturating_sub(wall.since(record.time));
    if rest.is_zero() { Timestamp::default() } else { now.plus(rest) }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.figures().fmt(f)
    }
}
