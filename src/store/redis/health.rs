//! How reading, or writing, goes: a breaker, and what was wrong last. The two fail apart; a full server still reads.

use super::breaker::Breaker;
use crate::clock::Timestamp;
use crate::store::StoreError;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One of the two.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    breaker: Breaker,
    trouble: Option<String>,
}

impl Health {
    /// An error where it is of no use to try.
    pub(super) fn admit(&self) -> Result<(), StoreError> {
        let inside = self.lock();
        if !inside.breaker.is_open() {
            return Ok(());
        }
        Err(StoreError::Unavailable(inside.trouble.clone().unwrap_or_default()))
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().breaker.is_open()
    }

    /// What was wrong last, until something goes well.
    pub(super) fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    pub(super) fn succeeded(&self, now: Timestamp) {
        let mut inside = self.lock();
        if inside.breaker.is_open() {
            tracing::info!("Redis answers again");
        }
        inside.breaker.succeeded(now);
        inside.trouble = None;
    }

    pub(super) fn failed(&self, now: Timestamp, why: String) {
        let mut inside = self.lock();
        if inside.breaker.failed(now) {
            tracing::warn!(why, "Redis is left alone until it answers again");
        }
        inside.trouble = Some(why);
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // What it guards is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
