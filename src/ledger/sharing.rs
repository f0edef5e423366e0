//! A ledger that several proxies share.
//!
//! What is asked of this proxy is in force here at once, then placed in the shared log, then read back from it like
//! everybody's. Only then does the log's record speak for it. While the log cannot be reached it waits in the outbox, a
//! journal of this proxy's own, and is placed when the log is back: until then nothing older is served here, whoever stored
//! it.

use super::append::{check, committed};
use super::placements::Placements;
use super::service::{Ledger, Shared, State, rest_of_settle};
use super::shared_log::{Confirmation, LogError, Placed, SharedLog};
use super::unshared::Waiting;
use super::{
    Batch, Epoch, Invalidation, Journal, LedgerError, OnIsolation, Opened, Position, Receipt, Record, Settings, Trust,
};
use crate::clock::{Clock, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long an append waits for its own record to come back from the log; it comes within a millisecond, or the connection
/// is lost, and then it is in the log all the same.
const READ_BACK_WAIT: Duration = Duration::from_secs(1);

/// What a ledger knows of its being shared.
pub(super) struct Sharing {
    log: Arc<dyn SharedLog>,
    placements: Placements,
    outbox_head: Mutex<Position>,
    redelivering: tokio::sync::Mutex<()>,
}

/// The shared log as this proxy found it.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Its name.
    pub epoch: Epoch,
    /// Records up to this position are no longer kept.
    pub floor: Position,
    /// All that are, in order and without a gap.
    pub records: Vec<Record>,
}

impl Ledger {
    /// A ledger that is shared through `log`. Until that is adopted, nothing that was stored before counts, and this proxy
    /// has no lease. `opened` is what the outbox held: it is in force from here on.
    ///
    /// # Errors
    /// When the system has no randomness for the name of a ledger that nobody has seen yet.
    pub fn shared(
        opened: &Opened,
        outbox: Arc<dyn Journal>,
        log: Arc<dyn SharedLog>,
        on_isolation: OnIsolation,
        settings: Settings,
        clock: Clock,
    ) -> Result<Ledger, std::io::Error> {
        let sharing = Sharing {
            log,
            placements: Placements::default(),
            outbox_head: Mutex::new(opened.head),
            redelivering: tokio::sync::Mutex::default(),
        };
        let unknown =
            Opened { epoch: Epoch::random()?, floor: 0, head: 0, records: Vec::new(), deliveries: Vec::new() };
        let ledger = Ledger::build(unknown, outbox, Some((sharing, on_isolation)), settings, clock);
        ledger.0.restore(&opened.records);
        Ok(ledger)
    }

    /// The epoch and the position up to which this proxy knows it.
    pub fn known(&self) -> (Epoch, Position) {
        let state = self.0.read();
        (state.epoch, state.index.head())
    }

    /// Takes the shared log over as it was found: a new epoch, in which nothing stored before counts, in no tier.
    pub fn adopt(&self, adopted: Adopted) {
        let Adopted { epoch, floor, records } = adopted;
        let (wall, now) = (self.0.clock.wall(), self.0.clock.now());
        self.0.change(|state| {
            state.restart(epoch, floor, self.0.settings.max_keep);
            for record in records {
                state.take_in(record, wall, now);
            }
            (true, ())
        });
        self.0.tell_news();
    }

    /// Takes in what came from the log, in its order and without a gap.
    pub fn receive(&self, records: Vec<Record>) {
        let (wall, now) = (self.0.clock.wall(), self.0.clock.now());
        self.0.change(|state| {
            let worse = !records.is_empty();
            for record in records {
                state.take_in(record, wall, now);
            }
            (worse, ())
        });
        self.0.tell_news();
    }

    /// Records up to `floor` are no longer kept by anybody.
    pub fn forget(&self, floor: Position) {
        self.0.change(|state| {
            let worse = floor > state.index.floor();
            state.index.raise_floor(floor);
            state.durable.jump(state.index.head());
            (worse, ())
        });
    }

    /// Places what waits in the outbox, and again what was placed shortly before a new epoch began.
    ///
    /// # Errors
    /// The log cannot be reached; the rest goes on waiting.
    pub async fn redeliver(&self, new_epoch: bool) -> Result<(), LogError> {
        let Some(sharing) = &self.0.sharing else { return Ok(()) };
        let _turn = sharing.redelivering.lock().await;
        if new_epoch {
            for records in sharing.placements.lately(self.0.clock.now()) {
                sharing.log.place(records, None).await?;
            }
        }
        loop {
            let Some(batch) = self.0.read().unshared.longest_waiting() else { return Ok(()) };
            let placed = sharing.log.place(batch.records.clone(), None).await?;
            sharing.placements.remember(self.0.clock.now(), placed, batch.records);
            self.0.read_back(placed).await;
            self.0.release(batch.first);
            self.0.journal.trim(batch.last_in_outbox, Timestamp::default());
        }
    }

    /// This proxy holds a lease until then, on its steady clock.
    pub fn extend_lease(&self, until: Timestamp) {
        self.0.lease.extend(until);
    }

    /// What this proxy does when its lease has run out.
    pub fn set_on_isolation(&self, on_isolation: OnIsolation) {
        self.0.lease.set_on_isolation(on_isolation);
    }

    /// This proxy holds no lease: it knows that it may miss records.
    pub fn end_lease(&self) {
        self.0.lease.end();
    }

    /// How far what is stored may be trusted. Ask this before [`Ledger::standing`], not after.
    pub fn trust(&self, now: Timestamp) -> Trust {
        self.0.lease.trust(now)
    }

    /// Whether this proxy knows all that was confirmed.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.0.lease.runs(now)
    }

    /// Waits until every proxy has let go of what a receipt is about; at most for `wait`. What waits in the outbox may be placed
    /// meanwhile; where the log stays away for longer than anybody's lease, that is not waited for.
    pub async fn confirm(&self, mut receipt: Receipt, wait: Duration) -> Receipt {
        let Some(sharing) = &self.0.sharing else { return receipt };
        let asked = self.0.clock.now();
        if let Some(held) = receipt.held {
            let placed = timeout(wait.min(sharing.log.patience()), sharing.placements.of(held)).await;
            receipt = placed.map_or(receipt, Receipt::of);
        }
        if receipt.recorded {
            let left = wait.saturating_sub(self.0.clock.now().since(asked));
            receipt.confirmation = sharing.log.confirm(receipt.epoch, receipt.last, left).await;
        }
        receipt
    }

    /// Where that is now which a receipt is about: in the log of now, or on its way there. None where it is not known any more.
    pub(super) fn found(&self, sharing: &Sharing, receipt: Receipt) -> Option<Receipt> {
        let placed = receipt.held.and_then(|held| sharing.placements.find(held));
        let receipt = placed.map_or(receipt, Receipt::of);
        let state = self.0.read();
        let is_there = if receipt.recorded {
            receipt.epoch == state.epoch
        } else {
            receipt.held.is_some_and(|held| state.unshared.holds(held))
        };
        is_there.then_some(receipt)
    }

    /// Appends where the ledger is shared; tells also whether the webhook had been placed before.
    pub(super) async fn append_shared(
        &self,
        sharing: &Sharing,
        asked: Vec<Invalidation>,
        delivery: Option<&str>,
    ) -> Result<(Receipt, bool), LedgerError> {
        check(&asked)?;
        committed(self.0.settings.commit_wait, self.0.share(sharing.log.clone(), asked, delivery)).await
    }
}

impl Sharing {
    pub(super) fn trim(&self, floor: Position) {
        self.log.trim(floor);
    }
}

impl Shared {
    /// Puts in force what the outbox kept through a restart.
    fn restore(&self, records: &[Record]) {
        let (wall, now) = (self.clock.wall(), self.clock.now());
        for batch in records.chunks(super::APPEND_MAX) {
            let asked = batch.iter().map(|record| {
                let settle = rest_of_settle(record, wall, now).since(now);
                Invalidation { settle, ..record.invalidation.clone() }
            });
            let last_in_outbox = batch.last().map_or(0, |record| record.position);
            self.change(|state| {
                let first = state.unshared.head() + 1;
                let records = state.unshared.hold(asked.collect(), wall, now);
                (true, state.unshared.wait(Waiting { first, last_in_outbox, records }))
            });
        }
    }

    /// Puts in force, and goes on behind: dropping the handle stops nothing.
    fn share(
        self: &Arc<Shared>,
        log: Arc<dyn SharedLog>,
        asked: Vec<Invalidation>,
        delivery: Option<&str>,
    ) -> JoinHandle<Result<(Receipt, bool), LedgerError>> {
        let (time, now) = (self.clock.wall(), self.clock.now());
        let records = self.change(|state| {
            let worse = !asked.is_empty();
            (worse, state.unshared.hold(asked, time, now))
        });
        let (shared, delivery) = (self.clone(), delivery.map(Into::into));
        tokio::spawn(async move {
            match log.place(records.clone(), delivery).await {
                Ok(placed) => Ok((shared.placed(placed, records).await, placed.repeat)),
                Err(error) => {
                    tracing::warn!(%error, "an invalidation waits in the outbox");
                    shared.keep(records, time).await.map(|receipt| (receipt, false))
                }
            }
        })
    }

    async fn placed(self: &Arc<Shared>, placed: Placed, records: Vec<Record>) -> Receipt {
        if let Some(held) = records.first().map(|record| record.position) {
            if let Some(sharing) = &self.sharing {
                sharing.placements.remember(self.clock.now(), placed, records);
            }
            if timeout(READ_BACK_WAIT, self.read_back(placed)).await.is_ok() {
                self.release(held);
            } else {
                let shared = self.clone();
                tokio::spawn(async move {
                    shared.read_back(placed).await;
                    shared.release(held);
                });
            }
        }
        Receipt::of(placed)
    }

    /// Waits until this proxy has read up to there, or follows another log.
    async fn read_back(&self, placed: Placed) {
        let mut news = self.news.subscribe();
        let is_read = || {
            let state = self.read();
            state.epoch != placed.epoch || state.index.head() >= placed.last
        };
        while !is_read() {
            if news.changed().await.is_err() {
                return;
            }
        }
    }

    fn release(&self, first: Position) {
        self.change(|state| (false, state.unshared.release(first)));
    }

    /// Makes a batch durable here, to be placed when the log is back.
    async fn keep(&self, records: Vec<Record>, time: Timestamp) -> Result<Receipt, LedgerError> {
        let epoch = self.read().epoch;
        let confirmation = Confirmation {
            obstacle: Some("the shared ledger cannot be reached: it is in force here and waits in the outbox".into()),
            ..Confirmation::default()
        };
        let held = records.first().map(|record| record.position);
        let receipt = Receipt { first: 1, last: 0, epoch, time, recorded: false, held, confirmation };
        if records.is_empty() {
            return Ok(receipt);
        }
        // An empty batch is no reason to touch the disk; any other goes there in the order of the outbox's own positions.
        self.write_outbox(records)?.await?;
        Ok(receipt)
    }

    fn write_outbox(
        &self,
        mut records: Vec<Record>,
    ) -> Result<impl Future<Output = Result<(), super::JournalError>> + Send + use<>, LedgerError> {
        let Some(sharing) = &self.sharing else { return Err(LedgerError::Lost) };
        let mut head = sharing.outbox_head.lock().unwrap_or_else(PoisonError::into_inner);
        let first = records.first().map_or(0, |record| record.position);
        let last_in_outbox = *head + records.len() as u64;
        let waiting = Waiting { first, last_in_outbox, records: records.clone() };
        if !self.change(|state| (false, state.unshared.wait(waiting))) {
            return Err(LedgerError::Busy);
        }
        for record in &mut records {
            *head += 1;
            record.position = *head;
        }
        Ok(self.journal.commit(Batch { records, delivery: None }))
    }

    fn tell_news(&self) {
        self.news.send_replace(self.read().index.head());
    }
}

impl State {
    fn restart(&mut self, epoch: Epoch, floor: Position, max_keep: Duration) {
        self.epoch = epoch;
        self.index.restart(floor);
        self.durable.jump(floor);
        self.recent = super::recent::Recent::default();
        self.retention = super::retention::Retention::new(max_keep);
    }

    fn take_in(&mut self, record: Record, wall: Timestamp, now: Timestamp) {
        self.retention.note(record.time, record.position);
        self.index.apply(&record, rest_of_settle(&record, wall, now));
        self.durable.jump(self.index.head());
        self.recent.push(record);
    }
}
