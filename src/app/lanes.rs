//! The lanes: one thread for each core, each with a runtime of its own. What is accepted on a lane stays on it, with its connection to
//! the origin and its fill, so that a request wakes no other thread. What is not a visitor's has the process' first thread, and
//! waits for none of them.

use std::io;
use std::num::NonZero;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads that serve visitors. Dropping them ends what is left on them, and waits for that.
#[derive(Debug)]
pub struct Lanes(Vec<Lane>);

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    /// Dropped, it ends the lane.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lanes {
    /// Starts so many; without a number, one a core.
    ///
    /// # Errors
    /// The system gives no thread, or nothing to wait with.
    pub fn start(count: Option<NonZero<usize>>) -> io::Result<Lanes> {
        let count = count.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
        (1..=count).map(Lane::start).collect::<Result<_, _>>().map(Lanes)
    }

    /// Their runtimes.
    pub fn runtimes(&self) -> impl Iterator<Item = &Handle> {
        self.0.iter().map(|lane| &lane.runtime)
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Lane> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (end, ended)) = (runtime.handle().clone(), oneshot::channel::<()>());
        let thread = std::thread::Builder::new().name(format!("vitrine-{number}")).spawn(move || {
            // It ends when its sender is dropped.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Lane { runtime: handle, end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        // All at once, so that none waits for another's tasks to end.
        for lane in &mut self.0 {
            lane.end = None;
        }
        for thread in self.0.iter_mut().filter_map(|lane| lane.thread.take()) {
            // A panic there has been told by its own message.
            let _ = thread.join();
        }
    }
}
