//! Taking invalidations in.
//!
//! The order of things is what makes a purge exact. Positions are assigned and the records matched from now on, under one
//! lock; then they are made durable; then the durable head moves; then the asker is told. From the first step to the last
//! nothing hangs on the asker: a dropped future stops neither the commit nor the head.

use super::deliveries::{Claim, Open, Outcome};
use super::durable::Ticket;
use super::scope::BadShape;
use super::service::{Ledger, Shared, State};
use super::sharing::Sharing;
use super::{Batch, Confirmation, Delivery, Epoch, Invalidation, JournalError, Placed, Position, Record};
use crate::clock::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Invalidations in one append, at most; they are applied under one lock.
pub const APPEND_MAX: usize = 1_000;
/// The longest settle time: it outlasts every replica that is worth waiting for, and stops nobody from caching for long.
pub const SETTLE_MAX: Duration = Duration::from_hours(1);
/// Bytes of a reason that are kept.
pub const REASON_BYTES_MAX: usize = 200;
/// Bytes of a delivery's id, at most.
pub const DELIVERY_ID_BYTES_MAX: usize = 512;

/// An append that is in force and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The position of its first record.
    pub first: Position,
    /// The position of its last; before `first` where nothing was asked for.
    pub last: Position,
    /// The ledger these are positions of.
    pub epoch: Epoch,
    /// When it was taken in, by the wall's clock.
    pub time: Timestamp,
    /// Whether it is in the ledger. If not, it waits in this proxy's outbox until the shared ledger can be reached, and the
    /// positions say nothing.
    pub recorded: bool,
    /// The position that it is held under while it waits there.
    pub(super) held: Option<Position>,
    /// Who has let go. One proxy that shares its ledger with nobody has, once it is in force.
    pub confirmation: Confirmation,
}

impl Receipt {
    /// What was placed in a shared log, and nobody has confirmed yet.
    pub(super) fn of(placed: Placed) -> Receipt {
        let Placed { first, last, epoch, time, .. } = placed;
        Receipt { first, last, epoch, time, recorded: true, held: None, confirmation: Confirmation::default() }
    }
}

/// A webhook's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The answer's body.
    pub answer: Box<str>,
    /// Whether it is about an earlier delivery of the same id, and this one changed nothing.
    pub repeat: bool,
}

/// Why an append is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// More than [`APPEND_MAX`] at once.
    #[error("{count} invalidations at once; at most {APPEND_MAX} are taken")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// Longer than [`SETTLE_MAX`].
    #[error("a settle time of {0:?}; at most {SETTLE_MAX:?} is taken")]
    Settle(Duration),
    /// A prefix or pattern is none.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Longer than [`DELIVERY_ID_BYTES_MAX`].
    #[error("a delivery's id has {bytes} bytes; at most {DELIVERY_ID_BYTES_MAX} are taken")]
    Id {
        /// Its length.
        bytes: usize,
    },
    /// The journal failed.
    #[error("in force, but not durable: {0}")]
    Journal(#[from] JournalError),
    /// Too many commits are in flight.
    #[error("in force, but not durable: too many commits are waiting for the disk")]
    Busy,
    /// The commit takes longer than [`Settings::commit_wait`](super::Settings::commit_wait); it may still come.
    #[error("in force, but not known to be durable: the commit took longer than {0:?}")]
    Slow(Duration),
    /// The commit's task ended without a result.
    #[error("in force, but not known to be durable: the commit was broken off")]
    Lost,
}

impl LedgerError {
    /// Whether the invalidations are in force in this process nevertheless: the fault is ours, the answer 503, and the asker
    /// should ask again. Else they were refused whole and the fault is the asker's.
    pub fn in_force(&self) -> bool {
        match self {
            LedgerError::TooMany { .. } | LedgerError::Settle(_) | LedgerError::Shape(_) | LedgerError::Id { .. } => {
                false
            }
            LedgerError::Journal(_) | LedgerError::Busy | LedgerError::Slow(_) | LedgerError::Lost => true,
        }
    }
}

impl Ledger {
    /// Takes invalidations in, all or none: in force when this future was first polled, durable when it is done.
    ///
    /// If they cannot be made durable, they stay in force until a restart. What is fetched afterwards is still stored, for
    /// the durable head moves over them: a journal goes on after every position that any stored response bears
    /// ([`Opened::head`](super::Opened::head)), so that theirs are not given away twice.
    ///
    /// Dropping the future changes nothing once it was polled. It must be polled on a tokio runtime with a timer.
    ///
    /// Where the ledger is shared it is placed in the shared log as well, or in the outbox; see [`Ledger::confirm`].
    pub async fn append(&self, asked: Vec<Invalidation>) -> Result<Receipt, LedgerError> {
        if let Some(sharing) = &self.0.sharing {
            return self.append_shared(sharing, asked, None).await.map(|(receipt, _)| receipt);
        }
        check(&asked)?;
        committed(self.0.settings.commit_wait, self.0.begin(asked, None)?).await
    }

    /// The same for a webhook, once for each id: whoever brings an id that is known, or on its way, gets the first one's
    /// answer and changes nothing. `answer` makes it, from the receipt; it is kept in the same transaction as the records.
    /// An outcome that is an error is not remembered, so that a delivery that is sent again is taken. Where the ledger is
    /// shared, the answer is made when every proxy has let go, or after `wait`; a repeat of what was not confirmed then is
    /// looked at again, and `answer` also gets what the first was told.
    pub async fn deliver(
        &self,
        id: &str,
        asked: Vec<Invalidation>,
        wait: Duration,
        answer: impl FnOnce(&Receipt, Option<&str>) -> Box<str> + Send,
    ) -> Result<Delivered, LedgerError> {
        check(&asked)?;
        if id.len() > DELIVERY_ID_BYTES_MAX {
            return Err(LedgerError::Id { bytes: id.len() });
        }
        // Bound to a name of its own: a guard in the match's head would live through its arms.
        let claim = self.0.deliveries().claim(id);
        let (earlier, others) = match claim {
            Claim::Done(answer) => return Ok(Delivered { answer, repeat: true }),
            Claim::Running(first) => {
                return self.outcome_of(first).await.map(|answer| Delivered { answer, repeat: true });
            }
            Claim::Open(earlier, others) => (Some(earlier), others),
            Claim::First(others) => (None, others),
        };
        let outcome = others.subscribe();
        let pending = Pending { id: id.into(), answer: None, open: None, others };
        let repeat = if let Some(sharing) = &self.0.sharing {
            self.deliver_shared(sharing, pending, earlier, asked, wait, answer).await?
        } else {
            let commit = self.0.begin(asked, Some((pending, Box::new(|receipt: &Receipt| answer(receipt, None)))))?;
            committed(self.0.settings.commit_wait, commit).await?;
            false
        };
        self.outcome_of(outcome).await.map(|answer| Delivered { answer, repeat })
    }

    /// Tells whether it had been taken before. What is open is looked at where it was placed, and placed again only where that
    /// is no longer known.
    async fn deliver_shared(
        &self,
        sharing: &Sharing,
        mut pending: Pending,
        earlier: Option<Open>,
        asked: Vec<Invalidation>,
        wait: Duration,
        answer: impl FnOnce(&Receipt, Option<&str>) -> Box<str> + Send,
    ) -> Result<bool, LedgerError> {
        let id = pending.id.clone();
        let asked_at = self.0.clock.now();
        let found = earlier.and_then(|Open { delivery, receipt }| Some((self.found(sharing, receipt)?, delivery)));
        let (mut result, mut told) = (Err(LedgerError::Lost), None);
        if let Some((receipt, delivery)) = &found {
            // Broken off, it is as it was.
            (result, told) = (Ok(()), Some(delivery.answer.clone()));
            (pending.answer, pending.open) = (Some(delivery.clone()), Some(receipt.clone()));
        }
        let mut commit = Commit { shared: self.0.clone(), ticket: None, pending: Some(pending), result };
        let (receipt, repeat) = if let Some((receipt, _)) = found {
            (receipt, true)
        } else {
            let shared = self.append_shared(sharing, asked, Some(&*id)).await;
            shared.inspect_err(|error| commit.result = Err(error.clone()))?
        };
        let left = wait.saturating_sub(self.0.clock.now().since(asked_at));
        let receipt = self.confirm(receipt, left).await;
        if let Some(pending) = &mut commit.pending {
            let answer = answer(&receipt, told.as_deref());
            pending.answer = Some(Delivery { id, time: receipt.time, answer });
            pending.open = (!receipt.confirmation.confirmed).then_some(receipt);
        }
        commit.result = Ok(());
        Ok(repeat)
    }

    async fn outcome_of(&self, mut first: watch::Receiver<Option<Outcome>>) -> Outcome {
        let wait = self.0.settings.commit_wait;
        let told = tokio::time::timeout(wait, first.wait_for(Option::is_some)).await;
        let outcome = told.map_err(|_| LedgerError::Slow(wait))?.map_err(|_| LedgerError::Lost)?;
        outcome.clone().unwrap_or(Err(LedgerError::Lost))
    }
}

/// The end of a commit that goes on behind.
pub(super) async fn committed<T>(wait: Duration, commit: JoinHandle<Result<T, LedgerError>>) -> Result<T, LedgerError> {
    let ended = tokio::time::timeout(wait, commit).await.map_err(|_| LedgerError::Slow(wait))?;
    ended.map_err(|_| LedgerError::Lost)?
}

pub(super) fn check(asked: &[Invalidation]) -> Result<(), LedgerError> {
    if asked.len() > APPEND_MAX {
        return Err(LedgerError::TooMany { count: asked.len() });
    }
    for invalidation in asked {
        invalidation.scope.check()?;
        if invalidation.settle > SETTLE_MAX {
            return Err(LedgerError::Settle(invalidation.settle));
        }
    }
    Ok(())
}

/// A webhook whose commit is in flight.
struct Pending {
    id: Box<str>,
    answer: Option<Delivery>,
    /// How it stands, where a repeat is to look at it again.
    open: Option<Receipt>,
    others: watch::Sender<Option<Outcome>>,
}

type MakeAnswer<'a> = Box<dyn FnOnce(&Receipt) -> Box<str> + Send + 'a>;

impl Shared {
    /// From the choice of positions to the call for their commit, without a pause in which a future could be dropped.
    fn begin(
        self: &Arc<Shared>,
        asked: Vec<Invalidation>,
        webhook: Option<(Pending, MakeAnswer<'_>)>,
    ) -> Result<JoinHandle<Result<Receipt, LedgerError>>, LedgerError> {
        let turn = self.turn();
        let (receipt, records, ticket) = self.put_in_force(asked);
        let (pending, make_answer) = webhook.unzip();
        // From here on an unwinding panic also ends the commit.
        let mut commit = Commit { shared: self.clone(), ticket, pending, result: Err(LedgerError::Lost) };
        if ticket.is_none() {
            commit.result = Err(LedgerError::Busy);
            return Err(LedgerError::Busy);
        }
        let delivery = commit.pending.as_mut().zip(make_answer).map(|(pending, make_answer)| {
            let delivery = Delivery { id: pending.id.clone(), time: receipt.time, answer: make_answer(&receipt) };
            pending.answer.insert(delivery).clone()
        });
        let written = self.journal.commit(Batch { records, delivery });
        drop(turn);
        Ok(tokio::spawn(async move {
            commit.result = written.await.map_err(LedgerError::from);
            let result = commit.result.clone();
            drop(commit);
            result.map(|()| receipt)
        }))
    }

    fn put_in_force(&self, asked: Vec<Invalidation>) -> (Receipt, Vec<Record>, Option<Ticket>) {
        let (time, now) = (self.clock.wall(), self.clock.now());
        let taken = self.change(|state| {
            let first = state.index.head() + 1;
            let records: Vec<Record> = asked.into_iter().map(|asked| state.record(asked, time, now)).collect();
            let last = state.index.head();
            let confirmation = Confirmation { confirmed: true, ..Confirmation::default() };
            let receipt = Receipt { first, last, epoch: state.epoch, time, recorded: true, held: None, confirmation };
            (!records.is_empty(), (receipt, records, state.durable.begin(last)))
        });
        self.news.send_replace(taken.0.last);
        taken
    }
}

impl State {
    fn record(&mut self, invalidation: Invalidation, time: Timestamp, now: Timestamp) -> Record {
        let record = Record::new(self.index.head() + 1, time, invalidation);
        self.index.apply(&record, record.invalidation.settle_until(now));
        self.recent.push(record.clone());
        record
    }
}

/// A commit in flight. However it ends, also by a panic or with its runtime, the durable head moves on and those who wait
/// for the webhook are told.
struct Commit {
    shared: Arc<Shared>,
    ticket: Option<Ticket>,
    pending: Option<Pending>,
    result: Result<(), LedgerError>,
}

impl Drop for Commit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // It makes nothing worse: the version stays.
            self.shared.change(|state| (false, state.durable.end(ticket)));
        }
        let Some(Pending { id, answer, open, others }) = self.pending.take() else { return };
        let mut deliveries = self.shared.deliveries();
        let outcome = match (self.result.clone(), answer) {
            (Ok(()), Some(delivery)) => {
                let answer = delivery.answer.clone();
                match open {
                    Some(receipt) => deliveries.leave_open(Open { delivery, receipt }),
                    None => deliveries.remember(delivery),
                }
                Ok(answer)
            }
            (result, _) => {
                deliveries.release(&id);
                Err(result.err().unwrap_or(LedgerError::Lost))
            }
        };
        drop(deliveries);
        others.send_replace(Some(outcome));
    }
}
