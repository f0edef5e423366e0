//! What is counted, and what is wrong.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How answers came, by `X-Cache`; the last is for those without.
pub(crate) const KINDS: [&str; 8] = ["HIT", "STALE", "REVALIDATED", "COLLAPSED", "MISS", "BYPASS", "ERROR", "none"];
/// Violations that are kept to be told; all are counted.
const TOLD_MAX: usize = 20;

/// What went on; shared by all.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicU64,
    pub(crate) kinds: [AtomicU64; KINDS.len()],
    pub(crate) logins: AtomicU64,
    pub(crate) logouts: AtomicU64,
    /// Names and baskets.
    pub(crate) changes: AtomicU64,
    pub(crate) edits: AtomicU64,
    /// Own pages that were read right after one of these.
    pub(crate) after_change: AtomicU64,
    /// Requests that bore the session that had just ended.
    pub(crate) ghosts: AtomicU64,
    pub(crate) restarts: AtomicU64,
    /// Changes whose answer never came, for a proxy was killed.
    pub(crate) lost: AtomicU64,
    /// Account pages of those who are signed in, and how many of them came from the cache.
    pub(crate) own: Share,
    /// All pages of those who are signed in.
    pub(crate) signed_in: Share,
    pub(crate) foreign_bytes: AtomicU64,
    pub(crate) violations: AtomicU64,
    told: Mutex<Vec<Violation>>,
    failed: Mutex<Vec<String>>,
}

/// Page loads, and how many came from the cache.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub(crate) all: AtomicU64,
    pub(crate) hits: AtomicU64,
}

/// What must not be.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "told to whoever reads why the test failed")]
pub(crate) struct Violation {
    pub(crate) wrong: Wrong,
    pub(crate) visitor: usize,
    pub(crate) at_ms: u128,
    /// How many requests had been sent by all visitors.
    pub(crate) after_requests: u64,
    /// With the proxy that it was for; another took its place if that one was away.
    pub(crate) request: String,
    /// The visitor's last change, and when it was answered.
    pub(crate) last_change: String,
    pub(crate) cache_status: String,
    pub(crate) seen: String,
    pub(crate) right: String,
}

/// Which promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Somebody else's secret.
    Foreign,
    /// A cookie out of a cache, or a session id that was handed out before.
    Replayed,
    /// A page that does not show what it should.
    Stale,
    /// A page of one visitor's own that others may keep.
    Open,
}

impl Tally {
    pub(crate) fn count_kind(&self, kind: &str) {
        let place = KINDS.iter().position(|own| *own == kind).unwrap_or(KINDS.len() - 1);
        add(&self.kinds[place]);
    }

    pub(crate) fn tell(&self, violation: Violation) {
        add(&self.violations);
        let mut told = self.told.lock().unwrap();
        if told.len() < TOLD_MAX {
            told.push(violation);
        }
    }

    /// A request that failed although nothing was done to its proxy.
    pub(crate) fn fail(&self, what: String) {
        let mut failed = self.failed.lock().unwrap();
        if failed.len() < TOLD_MAX {
            failed.push(what);
        }
    }

    pub(crate) fn told(&self) -> Vec<Violation> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) fn failed(&self) -> Vec<String> {
        self.failed.lock().unwrap().clone()
    }
}

impl Share {
    pub(crate) fn count(&self, is_hit: bool) {
        add(&self.all);
        if is_hit {
            add(&self.hits);
        }
    }

    pub(crate) fn per_cent(&self) -> f64 {
        // Far below what a float counts exactly.
        #[expect(clippy::cast_precision_loss)]
        let (hits, all) = (get(&self.hits) as f64, get(&self.all).max(1) as f64);
        hits * 100.0 / all
    }
}

pub(crate) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
