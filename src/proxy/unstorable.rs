//! Keys whose responses turned out not to be storable, remembered for a short time so that requests do not queue one behind
//! the other for a fill that none of them can share (row R23).

use crate::clock::Timestamp;
use crate::key::Key;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// For how long: long enough to keep a busy page from queueing, short enough that a page which becomes storable is soon
/// stored.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);
/// Keys that are remembered at most.
const KEYS_MAX: usize = 20_000;

/// The memory of what cannot be stored.
#[derive(Debug, Default)]
pub(super) struct Unstorable(Mutex<HashMap<Key, Timestamp>>);

impl Unstorable {
    /// Remembers a key if that is still so, which is asked under the lock: [`Unstorable::forget_all`] comes before or after.
    pub(super) fn remember(&self, key: &Key, now: Timestamp, is_so: impl FnOnce() -> bool) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_so() {
            return;
        }
        if keys.len() >= KEYS_MAX {
            keys.retain(|_, until| *until > now);
        }
        // Full of live ones, as under a flood of made-up URLs: not remembering costs a wait, never a wrong answer.
        if keys.len() < KEYS_MAX {
            keys.insert(key.clone(), now.plus(REMEMBERED_FOR));
        }
    }

    /// Forgets a key, because a response to it was stored after all.
    pub(super) fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Forgets all, because other rules decide from now on what is stored.
    pub(super) fn forget_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether a key is remembered.
    pub(super) fn remembers(&self, key: &Key, now: Timestamp) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).is_some_and(|until| *until > now)
    }
}
