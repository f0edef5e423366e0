//! What a stored response knows of the ledger, and what the ledger says of it.

use super::Position;
use crate::crypto;

/// A ledger's random name. Positions of two epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Standing {
    /// The worse of two.
    #[must_use]
    pub fn and(self, other: Standing) -> Standing {
        match (self, other) {
            (Standing::Gone(gone), _) | (_, Standing::Gone(gone)) => Standing::Gone(gone),
            (Standing::Soft, _) | (_, Standing::Soft) => Standing::Soft,
            (Standing::Valid, Standing::Valid) => Standing::Valid,
        }
    }
}

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
    /// How many invalidations of this process's own, still on their way to a shared ledger, were in force then. Means
    /// nothing to other processes, so it is never stored.
    pub unshared: Position,
}

impl Stamp {
    /// The stamp of what was stored: before everything that is still on its way.
    pub const fn of(epoch: Epoch, position: Position) -> Stamp {
        Stamp { epoch, position, unshared: 0 }
    }
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
    /// It was stored under another epoch, or before what the ledger remembers.
    Unknown,
    /// It was stored after what this proxy knows. Another proxy may have stored it that is ahead of this one: it is of no use
    /// here now, and may be in a moment.
    Ahead,
}
