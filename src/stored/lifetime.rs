//! How long a stored response is good for what (RFC 9111 4.2, RFC 5861). Plain numbers: no headers, no clock of its own.

use crate::clock::{Timestamp, millis};
use std::time::Duration;

/// Who gave the lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifetimeFrom {
    /// The response said it.
    Origin,
    /// Nobody: it was guessed by when it was last modified (RFC 9111 4.2.2).
    Heuristic,
    /// The rule's `ttl`.
    Rule,
    /// The rule's `negative_ttl`, for a status that says that nothing is there.
    RuleNegative,
}

/// How long a stored response is good for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Steady time when the response's head had come.
    pub received: Timestamp,
    /// Its age at that moment: `corrected_initial_age` of RFC 9111 4.2.3.
    pub initial_age: Duration,
    /// The age up to which it is fresh.
    pub fresh: Duration,
    /// For how long after it may be served while it is validated behind.
    pub stale_while_revalidate: Duration,
    /// For how long after it may be served because the origin failed.
    pub stale_if_error: Duration,
    /// For how long after `received` it is kept at all.
    pub keep: Duration,
    /// Who gave `fresh`.
    pub from: LifetimeFrom,
    /// `no-cache`: never used without validation, however fresh.
    pub validate_always: bool,
}

impl Lifetime {
    /// Its `current_age` (RFC 9111 4.2.3).
    pub fn age(&self, now: Timestamp) -> Duration {
        self.initial_age.saturating_add(now.since(self.received))
    }

    /// Milliseconds of freshness left; below zero when stale.
    pub fn ttl_ms(&self, now: Timestamp) -> i64 {
        let signed = |duration| i64::try_from(millis(duration)).unwrap_or(i64::MAX);
        signed(self.fresh).saturating_sub(signed(self.age(now)))
    }

    /// Whether it is fresh: its lifetime is greater than its age.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.ttl_ms(now) > 0
    }

    /// For how long it has been stale; zero while it is fresh.
    pub fn staleness(&self, now: Timestamp) -> Duration {
        self.age(now).saturating_sub(self.fresh)
    }

    /// The steady moment after which it is no longer kept.
    pub fn keep_until(&self) -> Timestamp {
        self.received.plus(self.keep)
    }
}

/// The numbers of a lifetime in half the room: they are whole milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedLifetime {
    pub(super) received: Timestamp,
    initial_age_ms: u64,
    fresh_ms: u64,
    stale_while_revalidate_ms: u64,
    stale_if_error_ms: u64,
    keep_ms: u64,
}

impl PackedLifetime {
    /// Its durations, in the order they are stored in.
    pub(super) fn durations_ms(&self) -> [u64; 5] {
        [self.initial_age_ms, self.fresh_ms, self.stale_while_revalidate_ms, self.stale_if_error_ms, self.keep_ms]
    }

    /// One of stored numbers.
    pub(super) fn of_ms(received: Timestamp, durations_ms: [u64; 5]) -> PackedLifetime {
        let [initial_age_ms, fresh_ms, stale_while_revalidate_ms, stale_if_error_ms, keep_ms] = durations_ms;
        PackedLifetime { received, initial_age_ms, fresh_ms, stale_while_revalidate_ms, stale_if_error_ms, keep_ms }
    }

    pub(super) fn of(lifetime: &Lifetime) -> PackedLifetime {
        PackedLifetime {
            received: lifetime.received,
            initial_age_ms: millis(lifetime.initial_age),
            fresh_ms: millis(lifetime.fresh),
            stale_while_revalidate_ms: millis(lifetime.stale_while_revalidate),
            stale_if_error_ms: millis(lifetime.stale_if_error),
            keep_ms: millis(lifetime.keep),
        }
    }

    pub(super) fn unpacked(self, from: LifetimeFrom, validate_always: bool) -> Lifetime {
        Lifetime {
            received: self.received,
            initial_age: Duration::from_millis(self.initial_age_ms),
            fresh: Duration::from_millis(self.fresh_ms),
            stale_while_revalidate: Duration::from_millis(self.stale_while_revalidate_ms),
            stale_if_error: Duration::from_millis(self.stale_if_error_ms),
            keep: Duration::from_millis(self.keep_ms),
            from,
            validate_always,
        }
    }
}
