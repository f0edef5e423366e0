//! What keeps the ledger through a restart. A store provides it; the ledger only knows this much of it.

use super::{Arrival, Epoch, Position, Record, Shelf};
use crate::clock::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Records that are to become durable together, and the webhook delivery that asked for them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In the order of their positions.
    pub records: Vec<Record>,
    /// Remembered in the same transaction.
    pub delivery: Option<Delivery>,
}

/// A webhook that was taken in: its id, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The sender's id for it, prefixed with the webhook's path.
    pub id: Box<str>,
    /// When, by the wall's clock.
    pub time: Timestamp,
    /// The answer's body, given again to a repeat.
    pub answer: Box<str>,
}

/// The ledger as it was found.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its name.
    pub epoch: Epoch,
    /// Records up to this position are no longer kept; what bears an older stamp is gone.
    pub floor: Position,
    /// The newest position that any kept record or stored response bears; the next record comes after it.
    pub head: Position,
    /// What is kept, in order.
    pub records: Vec<Record>,
    /// Deliveries that are remembered.
    pub deliveries: Vec<Delivery>,
}

/// Keeps records through a crash and a power cut.
pub trait Journal: Send + Sync + 'static {
    /// Makes the batch durable. Done means: on disk, through an fsync. Batches are committed in the order of the calls;
    /// calls that wait at the same time share one commit, so that many small records cost few of them.
    ///
    /// The call itself must not wait: it is made while the next append stands behind it. A future that is dropped may or
    /// may not have been carried out; the ledger never drops one.
    ///
    /// # Errors
    /// Nothing of the batch was kept.
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>>;

    /// Forgets records up to `floor` and deliveries before `deliveries_before`, some time soon.
    fn trim(&self, floor: Position, deliveries_before: Timestamp);
}

/// Keeps nothing: for a proxy that stores in memory alone, where a restart forgets what could be wrong as well.
#[derive(Clone, Copy, Debug)]
pub struct Volatile;

impl Volatile {
    /// A new, empty ledger.
    ///
    /// # Errors
    /// When the system has no randomness for its name.
    pub fn opened() -> Result<Opened, std::io::Error> {
        let epoch = Epoch::random()?;
        Ok(Opened { epoch, floor: 0, head: 0, records: Vec::new(), deliveries: Vec::new() })
    }
}

impl Journal for Volatile {
    fn commit(&self, _: Batch) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn trim(&self, _: Position, _: Timestamp) {}
}

impl Shelf for Volatile {
    fn keep(&self, _: Arc<Arrival>) {}

    fn forget(&self, _: u64) {}
}

/// A batch could not be made durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger could not be written: {0}")]
pub struct JournalError(pub String);
