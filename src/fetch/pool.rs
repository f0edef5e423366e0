//! The connections of an origin that wait for the next request, and making new ones.
//!
//! A connection is heard of by the runtime that it was made on, so it is used on that runtime alone: with one for each core it stays
//! on its core. All of them together are bounded, those at work and those that wait: where there are as many as may be, a new
//! one takes the place of whichever has waited longest, on whatever core.

use super::line::Line;
use super::{FetchFailure, Settings};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower_service::Service;

/// Between two looks at what waits, where `idle_timeout` is not shorter.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What waits, and what makes more.
pub(super) struct Pool {
    connector: HttpConnector,
    idle_timeout: Duration,
    connections_max: usize,
    /// Who has waited longest first.
    waiting: Mutex<VecDeque<Waiting>>,
    /// Uploads that go on after their answer has been read.
    uploads: TaskTracker,
}

struct Waiting {
    line: Line,
    server: usize,
    runtime: Id,
    since: Instant,
}

/// Where a connection goes when it is at no exchange any more.
#[derive(Clone)]
pub(super) struct Home {
    pool: Arc<Pool>,
    server: usize,
    runtime: Id,
}

impl Home {
    /// Puts it there, if it can be used again.
    pub(super) fn put(self, mut line: Line) {
        if line.is_done() {
            self.pool.put(Waiting { line, server: self.server, runtime: self.runtime, since: Instant::now() });
        }
    }

    /// Counts an upload whose answer has been read: whoever ends the process waits until this is dropped.
    pub(super) fn upload(&self) -> TaskTrackerToken {
        self.pool.uploads.token()
    }
}

impl Pool {
    pub(super) fn new(settings: &Settings) -> Pool {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(settings.connect_timeout));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(Duration::from_mins(1)));
        Pool {
            connector,
            idle_timeout: settings.idle_timeout,
            connections_max: settings.connections_max,
            waiting: Mutex::default(),
            uploads: TaskTracker::new(),
        }
    }

    /// Where a connection to that server goes, which the caller makes or uses now.
    pub(super) fn home(self: &Arc<Pool>, server: usize) -> Home {
        Home { pool: self.clone(), server, runtime: Handle::current().id() }
    }

    /// The connection to that server which was used last, of those that can be used here.
    pub(super) fn take(&self, home: &Home) -> Option<Line> {
        loop {
            let mut waiting = {
                let mut all = self.lock();
                let is_here = |own: &Waiting| own.server == home.server && own.runtime == home.runtime;
                let place = all.iter().rposition(is_here)?;
                all.remove(place)?
            };
            if waiting.since.elapsed() < self.idle_timeout && waiting.line.is_idle() {
                return Some(waiting.line);
            }
        }
    }

    fn put(&self, waiting: Waiting) {
        self.lock().push_back(waiting);
    }

    /// A new connection. So many are at work, this one among them.
    pub(super) async fn connect(&self, server: &Uri, at_work: usize) -> Result<Line, FetchFailure> {
        let given_up = {
            let mut all = self.lock();
            let count = (all.len() + at_work).saturating_sub(self.connections_max).min(all.len());
            all.drain(..count).collect::<Vec<_>>()
        };
        drop(given_up);
        // It is always ready.
        let stream = self.connector.clone().call(server.clone()).await;
        let stream = stream.map_err(|error| FetchFailure::Unreachable(super::origin::innermost(&error)))?;
        Line::over(stream).await.map_err(|error| FetchFailure::Broken(super::origin::innermost(&error)))
    }

    /// Lets go of what has waited too long or has ended meanwhile.
    fn sweep(&self) {
        let count = self.lock().len();
        for _ in 0..count {
            // One at a time: whoever takes or counts connections meanwhile misses no more than that. Closing is the system's work, and
            // not done under the lock.
            let Some(mut own) = self.lock().pop_front() else { return };
            if own.since.elapsed() < self.idle_timeout && own.line.is_idle() {
                self.lock().push_back(own);
            }
        }
    }

    /// Sweeps for ever.
    pub(super) async fn keep(self: Arc<Pool>) {
        let mut times = interval(SWEEP_EVERY.min(self.idle_timeout).max(Duration::from_millis(100)));
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            self.sweep();
        }
    }

    /// Waits until each upload whose answer has been read is over.
    pub(super) async fn finish(&self) {
        self.uploads.close();
        self.uploads.wait().await;
    }

    /// How many of them there are.
    pub(super) fn uploads(&self) -> usize {
        self.uploads.len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        // No code that can panic runs under the lock; a poisoned one holds sound data.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
