//! What keeps one ledger for several proxies. A store provides it; the ledger only knows this much of it.
//!
//! The log assigns positions, in one order for all. What any proxy places in it comes back to each of them by
//! [`Ledger::receive`](super::Ledger::receive), in that order and without a gap; a log that cannot promise that begins a new
//! epoch by [`Ledger::adopt`](super::Ledger::adopt).

use super::{Epoch, Position, Record};
use crate::clock::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The log of several proxies.
pub trait SharedLog: Send + Sync + 'static {
    /// Places records at the log's end, in one piece; what positions they bear does not matter. `delivery` is a webhook's
    /// id: if it is known, nothing is placed and the first one's place is told.
    ///
    /// Bounded in time. After an error the records may have been placed nevertheless: to place them again does no harm.
    fn place(&self, records: Vec<Record>, delivery: Option<Box<str>>) -> Later<'_, Result<Placed, LogError>>;

    /// Waits until every proxy has applied everything up to a position, or is known to trust what it stores no more; at
    /// most for `wait`.
    fn confirm(&self, epoch: Epoch, position: Position, wait: Duration) -> Later<'_, Confirmation>;

    /// For how long at most it is worth a wait that a log comes back which cannot be reached: as long as another proxy may trust
    /// what it last heard before the log was lost.
    fn patience(&self) -> Duration;

    /// Forgets records up to `floor`, some time soon.
    fn trim(&self, floor: Position);
}

/// Where records were placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The log they are in.
    pub epoch: Epoch,
    /// The position of the first.
    pub first: Position,
    /// The position of the last; before `first` where there were none.
    pub last: Position,
    /// When, by the log's own clock.
    pub time: Timestamp,
    /// Whether a webhook of that id had been placed before.
    pub repeat: bool,
}

/// Who has let go, and who has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// Whether no proxy can serve any more what was fetched before.
    pub confirmed: bool,
    /// Every proxy that was registered when the records were placed.
    pub proxies: Vec<ProxyStanding>,
    /// What stands against it, where that is not a proxy: a log that is new or not on enough servers.
    pub obstacle: Option<Box<str>>,
}

/// One proxy and a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStanding {
    /// Its id, which it keeps through restarts.
    pub id: Box<str>,
    /// Its name, for people.
    pub name: Box<str>,
    /// Whether it has come to the position.
    pub reached: Reached,
}

/// Whether a proxy has come to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It has applied it.
    Applied,
    /// Its lease has run out: it asks the origin about everything it has stored.
    Lapsed,
    /// It has left.
    Left,
    /// Its lease has run out and it serves what it has stored nevertheless, as `on_isolation: serve` says.
    Serving,
    /// It has not come to it yet, and its lease runs for so long at most.
    Waiting(Duration),
}

impl Reached {
    /// Whether it can serve no more what was fetched before.
    pub const fn is_safe(self) -> bool {
        matches!(self, Reached::Applied | Reached::Lapsed | Reached::Left)
    }

    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reached::Applied => "applied",
            Reached::Lapsed => "lapsed",
            Reached::Left => "left",
            Reached::Serving => "isolated-serving",
            Reached::Waiting(_) => "waiting",
        }
    }
}

/// Records could not be placed, or are not known to have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared ledger cannot be reached: {0}")]
pub struct LogError(pub String);
