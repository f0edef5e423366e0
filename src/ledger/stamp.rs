//! What a stored response knows of the ledger, and what the ledger says of it.

use super::Position;
use crate::crypto;

/// A ledger's random name. Positions of two epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// A name for a new ledger.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Epoch, std::io::Error> {
        crypto::random().map(|bytes| Epoch(u64::from_le_bytes(bytes)))
    }
}

/// The ledger position that was known when a fetch (or a validation) began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The ledger it speaks of.
    pub epoch: Epoch,
    /// The newest record that was durable then.
    pub position: Position,
}

/// Where a stored response stands with the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No newer record matches it.
    Valid,
    /// A soft record does: it is stale, but good for stale-while-revalidate, stale-if-error and validation.
    Soft,
    /// It must not be used for anything, validation included.
    Gone(Gone),
}

/// Why a stored response is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// A hard record matches it.
    Invalidated,
    /// It was stored under another epoch, before what the ledger remembers, or after what it knows.
    Unknown,
}
