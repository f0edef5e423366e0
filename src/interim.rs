//! Interim responses (1xx, RFC 9110 15.2) on their way to a client: from whoever hears them, which may be another task, to the
//! connection, which alone knows when it may write them.
//!
//! A connection has one [`Interims`], and each of its requests an [`Outlet`]. What comes for a request whose final response is
//! at hand is dropped, and so is what is too much. Nothing here waits, and a request that has none costs no lock and no
//! allocation.

use http::{HeaderMap, StatusCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// Interim responses that a request is told of; the rest are dropped. Real shops send one or two.
pub const COUNT_MAX: usize = 16;
/// Bytes that their fields have together, each counted with what it takes beside: what common clients take as one head.
pub const BYTES_MAX: usize = 16 * 1024;
/// What a field is counted beside its name and value, as HTTP/2 does (RFC 9113 10.5.1): many short ones take room too.
const FIELD_BYTES: usize = 32;

/// An interim response.
#[derive(Clone, Debug)]
pub struct Interim {
    /// 102, 103 or another of their class.
    pub status: StatusCode,
    /// What it says.
    pub fields: HeaderMap,
}

impl Interim {
    fn bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES).sum()
    }
}

/// The interim responses of one connection. Its requests come one after the other; only the connection's own task begins and
/// ends them.
#[derive(Debug, Default)]
pub struct Interims {
    /// The request under way.
    current: AtomicU64,
    /// Whether something may be waiting: what is asked before the lock is taken.
    is_waiting: AtomicBool,
    state: Mutex<State>,
}

/// What has come for one request.
#[derive(Debug, Default)]
struct State {
    request: u64,
    waiting: Vec<Interim>,
    /// How many have come, and their bytes.
    count: usize,
    bytes: usize,
    /// The connection's.
    waker: Option<Waker>,
}

impl Interims {
    /// Where the interim responses of the request that begins now go.
    pub fn begin(self: &Arc<Interims>) -> Outlet {
        Outlet(Some((self.clone(), self.current.load(Ordering::Acquire))))
    }

    /// The request's final response is at hand: nothing is taken for it any more, and what waits is dropped.
    pub fn end(&self) {
        self.current.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether something is to be written before the final response.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Acquire)
    }

    /// Wakes this task when the next one comes.
    pub fn wake_at_next(&self, cx: &Context<'_>) {
        let mut state = self.state();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
    }

    /// What waits, in the order it came; empty if that is for a request that has ended.
    pub fn take(&self) -> Vec<Interim> {
        let mut state = self.state();
        self.is_waiting.store(false, Ordering::Release);
        let waiting = std::mem::take(&mut state.waiting);
        if state.request == self.current.load(Ordering::Acquire) { waiting } else { Vec::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock; a poisoned one holds sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes one in, if there is room.
    fn take_in(&mut self, request: u64, interim: Interim) -> bool {
        if self.request != request {
            *self = State { request, waker: self.waker.take(), ..State::default() };
        }
        let bytes = self.bytes + interim.bytes();
        if self.count == COUNT_MAX || bytes > BYTES_MAX {
            return false;
        }
        (self.count, self.bytes) = (self.count + 1, bytes);
        self.waiting.push(interim);
        true
    }
}

/// Where one request's interim responses go. Copies may be kept for as long as one likes: they lead nowhere once the request
/// has ended.
#[derive(Clone, Debug, Default)]
pub struct Outlet(Option<(Arc<Interims>, u64)>);

impl Outlet {
    /// For a client that gets none.
    pub fn nowhere() -> Outlet {
        Outlet(None)
    }

    /// Whether nothing that is put here arrives anywhere.
    pub fn leads_nowhere(&self) -> bool {
        self.0.is_none()
    }

    /// Sends one on at once, or drops it: when there were too many, or the final response is at hand.
    pub fn put(&self, interim: Interim) {
        let Some((interims, request)) = &self.0 else { return };
        let mut state = interims.state();
        if interims.current.load(Ordering::Acquire) != *request || !state.take_in(*request, interim) {
            return;
        }
        interims.is_waiting.store(true, Ordering::Release);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    fn hint(text: &str) -> Interim {
        let fields = HeaderMap::from_iter([(header::LINK, HeaderValue::from_str(text).unwrap())]);
        Interim { status: StatusCode::EARLY_HINTS, fields }
    }

    fn links(interims: &Interims) -> Vec<String> {
        interims.take().iter().map(|interim| interim.fields[header::LINK].to_str().unwrap().to_string()).collect()
    }

    #[test]
    fn what_is_put_is_taken_once_and_in_order() {
        let interims = Arc::new(Interims::default());
        let outlet = interims.begin();
        assert!(!interims.is_waiting());
        outlet.put(hint("a"));
        outlet.clone().put(hint("b"));
        assert!(interims.is_waiting());
        assert_eq!(links(&interims), ["a", "b"]);
        assert!(!interims.is_waiting());
        assert!(links(&interims).is_empty());
    }

    #[test]
    fn nothing_is_taken_for_a_request_that_has_ended_nor_given_to_the_next() {
        let interims = Arc::new(Interims::default());
        let first = interims.begin();
        first.put(hint("before"));
        interims.end();
        first.put(hint("late"));
        assert!(links(&interims).is_empty());
        let second = interims.begin();
        first.put(hint("too late"));
        second.put(hint("own"));
        assert_eq!(links(&interims), ["own"]);
        Outlet::nowhere().put(hint("nobody's"));
    }

    #[test]
    fn s43_too_many_and_too_large_ones_are_dropped_and_the_next_request_has_room_again() {
        let interims = Arc::new(Interims::default());
        for _ in 0..2 {
            let outlet = interims.begin();
            (0..50).for_each(|number| outlet.put(hint(&number.to_string())));
            assert_eq!(links(&interims).len(), COUNT_MAX);
            outlet.put(hint("more"));
            assert!(links(&interims).is_empty());
            interims.end();
        }
        let outlet = interims.begin();
        let half = "x".repeat(BYTES_MAX / 2 - "link".len() - FIELD_BYTES);
        for text in [&*half, &*half, ""] {
            outlet.put(hint(text));
        }
        assert_eq!(links(&interims).len(), 2);
    }

    #[test]
    fn the_connection_is_woken_by_what_comes_and_not_by_what_is_dropped() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Count>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let interims = Arc::new(Interims::default());
        let outlet = interims.begin();
        interims.wake_at_next(&Context::from_waker(&waker));
        outlet.put(hint("a"));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        interims.wake_at_next(&Context::from_waker(&waker));
        interims.end();
        outlet.put(hint("late"));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}
