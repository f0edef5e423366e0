//! The threads that read, each with a connection of its own, and the short queue before them.
//!
//! A read has a deadline: late is as good as absent, because the origin can be asked. A read that nobody waits for any more
//! is skipped; dropping the future is all it takes.

use super::fault::Fault;
use super::state::{State, lock};
use crate::clock::millis;
use crate::store::StoreError;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// Reads that wait, at most: with more, the last would not make its deadline.
const WAITING_MAX: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Reads that wait.
#[derive(Default)]
pub(super) struct Readers {
    inside: Mutex<Inside>,
    filled: Condvar,
}

#[derive(Default)]
struct Inside {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Readers {
    /// Has some thread read, and waits for it until `deadline` from now.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        state: &Arc<State>,
        deadline: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        state.readable()?;
        let (answer, wait) = oneshot::channel();
        let shared = state.clone();
        let job = move |connection: &Connection| {
            if !answer.is_closed() {
                let _ = answer.send(read(connection).map_err(|error| failed(&shared, &error)));
            }
        };
        if !self.push(Box::new(job)) {
            state.errors.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Unavailable("too many reads wait, or it is closed".into()));
        }
        match tokio::time::timeout(deadline, wait).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(StoreError::Unavailable("it is closed".into())),
            Err(_) => {
                state.errors.fetch_add(1, Ordering::Relaxed);
                Err(StoreError::Timeout(millis(deadline)))
            }
        }
    }

    /// One thread's life: reads until it is closed.
    pub(super) fn serve(&self, connection: &Connection) {
        while let Some(job) = self.next() {
            job(connection);
        }
    }

    /// Ends the threads after what they are at; what waits is dropped, and its askers see it.
    pub(super) fn close(&self) {
        let waiting = {
            let mut inside = lock(&self.inside);
            inside.closed = true;
            std::mem::take(&mut inside.jobs)
        };
        self.filled.notify_all();
        drop(waiting);
    }

    fn push(&self, job: Job) -> bool {
        let mut inside = lock(&self.inside);
        if inside.closed || inside.jobs.len() >= WAITING_MAX {
            return false;
        }
        inside.jobs.push_back(job);
        self.filled.notify_one();
        true
    }

    fn next(&self) -> Option<Job> {
        let inside = lock(&self.inside);
        let empty = |inside: &mut Inside| inside.jobs.is_empty() && !inside.closed;
        let waited = self.filled.wait_while(inside, empty);
        let mut inside = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
        inside.jobs.pop_front()
    }
}

fn failed(state: &State, error: &rusqlite::Error) -> StoreError {
    match Fault::of(error) {
        // A read that met a lock is late, and no sign of anything.
        Fault::Busy => {
            state.errors.fetch_add(1, Ordering::Relaxed);
            StoreError::Timeout(millis(state.settings.read_timeout))
        }
        fault => {
            state.failed(fault, "reading", error);
            StoreError::Unavailable(error.to_string())
        }
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("waiting", &lock(&self.inside).jobs.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::store::sqlite::{Files, Settings};
    use std::sync::mpsc;
    use std::thread::{JoinHandle, spawn};

    const LONG: Duration = Duration::from_mins(1);

    /// One reader, held up by a read that ends when the sender is dropped.
    async fn held_up(folder: &tempfile::TempDir) -> (Arc<Readers>, Arc<State>, mpsc::Sender<()>, JoinHandle<()>) {
        let settings = Settings::new(folder.path().join("cache.db"), [0; 3]);
        let files = Files::claim(&settings.path).unwrap();
        let state = Arc::new(State::new(settings, Clock::held(Timestamp(0)).0, files));
        let readers: Arc<Readers> = Arc::default();
        let (serving, (hold, release)) = (readers.clone(), mpsc::channel::<()>());
        let (begun, beginning) = oneshot::channel();
        let thread = spawn(move || serving.serve(&Connection::open_in_memory().unwrap()));
        let blocking = move |_: &Connection| {
            let _ = (begun.send(()), release.recv());
        };
        assert!(readers.push(Box::new(blocking)));
        beginning.await.unwrap();
        (readers, state, hold, thread)
    }

    #[tokio::test]
    async fn a_read_is_late_and_not_forever_and_then_it_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, state, hold, thread) = held_up(&folder).await;
        let late =
            readers.ask(&state, Duration::from_millis(5), |_| -> rusqlite::Result<()> { panic!("nobody waits") });
        assert!(matches!(late.await, Err(StoreError::Timeout(5))));
        assert_eq!(state.figures(0).errors, 1);
        drop(hold);
        assert!(matches!(readers.ask(&state, LONG, |_| Ok(7)).await, Ok(7)));
        readers.close();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn too_many_reads_and_reads_after_the_end_are_turned_away() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, state, hold, thread) = held_up(&folder).await;
        while readers.push(Box::new(|_| ())) {}
        assert_eq!(lock(&readers.inside).jobs.len(), WAITING_MAX);
        assert!(matches!(readers.ask(&state, LONG, |_| Ok(())).await, Err(StoreError::Unavailable(_))));
        readers.close();
        drop(hold);
        thread.join().unwrap();
        assert!(matches!(readers.ask(&state, LONG, |_| Ok(())).await, Err(StoreError::Unavailable(_))));
    }
}
