//! Counts that no two threads write at once, so that counting neither waits nor takes a cache line from another core.
//!
//! Each of the first threads that count has a shard to itself for as long as the process runs, and adds without a locked
//! instruction; all later ones share the last shard, and add as atomics do. Whoever reads sums over the shards. No count ever
//! goes back: each is written forward only, and what is read twice was at least as large the second time.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Shards, the shared one among them: one for each thread of the runtime on all but the largest machines. A shard takes
/// memory only once its thread counts.
pub(super) const SHARDS: usize = 32;

/// The shard that later threads share.
const SHARED: usize = SHARDS - 1;

/// Threads that have counted so far.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's lane; past the last until it has one. It has no destructor, so that whatever is counted while a thread
    /// ends is counted too.
    static LANE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Which shard the calling thread counts into. It stays on its thread: another one's adding would be lost.
#[derive(Clone, Copy)]
pub(super) struct Lane {
    index: usize,
    stays_here: PhantomData<*const ()>,
}

impl Lane {
    /// The calling thread's.
    pub(super) fn own() -> Lane {
        let mut index = LANE.get();
        if index == usize::MAX {
            // Nothing hangs on this number but that no two threads get the same one.
            index = THREADS.fetch_add(1, Ordering::Relaxed).min(SHARED);
            LANE.set(index);
        }
        Lane { index, stays_here: PhantomData }
    }
}

/// A number that only grows.
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) const fn new() -> Count {
        Count(AtomicU64::new(0))
    }

    /// Adds to it. It must be in the lane's own shard.
    pub(super) fn add(&self, lane: Lane, by: u64) {
        if lane.index == SHARED {
            self.0.fetch_add(by, Ordering::Relaxed);
        } else {
            // Nobody else writes it.
            self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
        }
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Count {
    fn default() -> Count {
        Count::new()
    }
}

/// One `T` for each lane that counts.
pub(super) struct Shards<T>([OnceLock<Box<Padded<T>>>; SHARDS]);

/// Begins on a cache line of its own and leaves the rest of its last one empty.
#[derive(Default)]
#[repr(align(64))]
struct Padded<T>(T);

impl<T> Default for Shards<T> {
    fn default() -> Shards<T> {
        Shards([const { OnceLock::new() }; SHARDS])
    }
}

impl<T: Default> Shards<T> {
    /// The lane's own.
    pub(super) fn of(&self, lane: Lane) -> &T {
        &self.0[lane.index].get_or_init(Box::default).0
    }

    /// What all shards together hold of one count.
    pub(super) fn sum(&self, count: impl Fn(&T) -> u64) -> u64 {
        self.0.iter().filter_map(OnceLock::get).fold(0, |sum, shard| sum.wrapping_add(count(&shard.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_however_many_threads_count() {
        const EACH: u64 = 20_000;
        let shards = Shards::<Count>::default();
        let threads = SHARDS + 4;
        std::thread::scope(|scope| {
            let counting = || {
                for _ in 0..EACH {
                    let lane = Lane::own();
                    shards.of(lane).add(lane, 1);
                }
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(counting)).collect();
            // Read while they count: never less than before.
            let mut before = 0;
            while threads.iter().any(|thread| !thread.is_finished()) {
                let now = shards.sum(Count::get);
                assert!(now >= before, "{now} after {before}");
                before = now;
            }
        });
        assert_eq!(shards.sum(Count::get), EACH * threads as u64);
        assert!(shards.0[SHARED].get().is_some(), "more threads than shards have counted");
    }
}
