//! Whether this proxy knows everything that the shared ledger says.
//!
//! A proxy may trust what it has stored while its lease runs: whoever purges waits for those with a lease. The lease is
//! counted on this proxy's steady clock from *before* its renewal was sent, so that it ends here before it ends for others.
//! Ask first, look at the ledger afterwards: in that order a lease that is won back in between cannot hide a record.

use crate::clock::Timestamp;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a proxy does with what it has stored while it is cut off from the shared ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnIsolation {
    /// Goes on. For a shop with one proxy; past it no purge is confirmed.
    Serve,
    /// Asks the origin whether it still holds.
    #[default]
    Revalidate,
    /// Sends requests on as they are.
    Pass,
}

impl OnIsolation {
    /// All of them.
    pub const ALL: [OnIsolation; 3] = [OnIsolation::Serve, OnIsolation::Revalidate, OnIsolation::Pass];

    /// The word in the configuration and in `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            OnIsolation::Serve => "serve",
            OnIsolation::Revalidate => "revalidate",
            OnIsolation::Pass => "pass",
        }
    }

    /// What a word means.
    pub fn parse(word: &str) -> Option<OnIsolation> {
        OnIsolation::ALL.into_iter().find(|own| own.as_str() == word)
    }
}

/// How far what is stored may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// As the ledger says.
    Whole,
    /// Only after the origin has said that it still holds.
    Revalidate,
    /// Not at all.
    None,
}

/// The lease of this proxy.
#[derive(Debug)]
pub(super) struct Lease {
    /// Steady time; what has no end needs no lease.
    until: AtomicU64,
    on_isolation: AtomicU8,
}

impl Lease {
    /// A proxy that shares its ledger with nobody.
    pub(super) fn endless() -> Lease {
        Lease { until: AtomicU64::new(u64::MAX), on_isolation: AtomicU8::default() }
    }

    /// A proxy that has yet to win one.
    pub(super) fn none(on_isolation: OnIsolation) -> Lease {
        let lease = Lease { until: AtomicU64::new(0), on_isolation: AtomicU8::default() };
        lease.set_on_isolation(on_isolation);
        lease
    }

    pub(super) fn extend(&self, until: Timestamp) {
        self.until.fetch_max(until.0, Ordering::AcqRel);
    }

    pub(super) fn end(&self) {
        self.until.store(0, Ordering::Release);
    }

    pub(super) fn set_on_isolation(&self, on_isolation: OnIsolation) {
        self.on_isolation.store(on_isolation as u8, Ordering::Release);
    }

    pub(super) fn on_isolation(&self) -> OnIsolation {
        OnIsolation::ALL[usize::from(self.on_isolation.load(Ordering::Acquire)) % OnIsolation::ALL.len()]
    }

    pub(super) fn runs(&self, now: Timestamp) -> bool {
        now.0 < self.until.load(Ordering::Acquire)
    }

    pub(super) fn trust(&self, now: Timestamp) -> Trust {
        if self.runs(now) {
            return Trust::Whole;
        }
        match self.on_isolation() {
            OnIsolation::Serve => Trust::Whole,
            OnIsolation::Revalidate => Trust::Revalidate,
            OnIsolation::Pass => Trust::None,
        }
    }
}
