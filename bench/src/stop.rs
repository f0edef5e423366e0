//! A bench that is told to end ends its servers first. Shared with `examples/redis_figures`.

use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Does the work, unless the process is told to end: then what the work holds is dropped, and its servers with it.
pub(crate) async fn unless_told_to_end<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        done = work => Ok(done),
        _ = interrupt.recv() => Err(io::ErrorKind::Interrupted.into()),
        _ = terminate.recv() => Err(io::ErrorKind::Interrupted.into()),
    }
}
