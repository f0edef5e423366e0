//! What all visitors share: the proxies, what is counted, and the gate at which crowds gather.

use crate::parts::proxy::Proxy;
use crate::secrets::Ids;
use crate::setup::Setup;
use crate::shop::Product;
use crate::tally::{Tally, get};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Visitors who ask for one page at the same moment.
const CROWD: usize = 40;
/// For the rest of a crowd, which may be fewer than a whole one.
const CROWD_PATIENCE: Duration = Duration::from_millis(300);
/// While no proxy is there, its place is not to be hammered.
const OUT_PAUSE: Duration = Duration::from_millis(5);
/// Requests of all visitors between two crowds.
const CROWD_EVERY: u64 = 2_500;

/// How long it is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    pub(crate) requests: u64,
    /// It ends then, whatever is missing.
    pub(crate) at_most: Duration,
    pub(crate) seed: u64,
    /// Whether the first violation ends it.
    pub(crate) stops_when_caught: bool,
}

/// What a conductor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// So many requests have been sent that something is to be done to a proxy.
    Restart,
    /// All visitors have left.
    End,
}

/// What all share.
pub(crate) struct Scene {
    pub(crate) setup: Setup,
    pub(crate) length: Length,
    pub(crate) ids: Ids,
    pub(crate) tally: Tally,
    pub(crate) gate: Gate,
    pub(crate) start: Instant,
    pub(crate) cues: Mutex<Sender<Cue>>,
    pub(crate) restart_every: u64,
}

impl Scene {
    pub(crate) fn proxies(&self) -> &[Proxy] {
        &self.setup.proxies
    }

    pub(crate) fn products(&self) -> &[Product] {
        &self.setup.shop.products
    }

    pub(crate) fn goes_on(&self) -> bool {
        let is_caught = self.length.stops_when_caught && get(&self.tally.violations) > 0;
        get(&self.tally.requests) < self.length.requests && self.start.elapsed() < self.length.at_most && !is_caught
    }

    /// Counts a request that is about to be sent.
    pub(crate) fn count_request(&self) {
        let number = self.tally.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if number.is_multiple_of(self.restart_every) && number < self.length.requests {
            self.cue(Cue::Restart);
        }
    }

    pub(crate) fn cue(&self, cue: Cue) {
        // The conductor stays to the end, unless something broke.
        let _ = self.cues.lock().unwrap().send(cue);
    }

    /// This proxy, or one that is there in its place; waits for one where none is.
    pub(crate) async fn reachable(&self, wanted: usize) -> &Proxy {
        loop {
            let in_turn = self.proxies().iter().cycle().skip(wanted).take(self.proxies().len());
            if let Some(proxy) = in_turn.into_iter().find(|proxy| proxy.outs() % 2 == 0) {
                return proxy;
            }
            sleep(OUT_PAUSE).await;
        }
    }

    /// The number of the crowd that is due.
    pub(crate) fn crowd(&self) -> u64 {
        get(&self.tally.requests) / CROWD_EVERY
    }
}

/// Lets visitors through in groups.
#[derive(Debug)]
pub(crate) struct Gate {
    arrived: AtomicUsize,
    opened: watch::Sender<usize>,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate { arrived: AtomicUsize::new(0), opened: watch::Sender::new(0) }
    }

    /// Waits for a whole group, and tells which it is.
    pub(crate) async fn pass(&self) -> usize {
        let place = self.arrived.fetch_add(1, Ordering::SeqCst);
        let group = place / CROWD;
        if place % CROWD == CROWD - 1 {
            self.opened.send_replace(group + 1);
        }
        let mut opened = self.opened.subscribe();
        // Who waits for visitors that have left goes on alone.
        let _ = timeout(CROWD_PATIENCE, opened.wait_for(|open| *open > group)).await;
        group
    }
}
