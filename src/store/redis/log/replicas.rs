//! Whether enough replicas have what was written.
//!
//! The server answers no other command of a connection while that one waits for replicas, and they may be gone: so this has
//! a connection of its own. One question is on its way at a time, and whoever comes meanwhile shares the next; else many
//! purges at once would wait for each other until all of them have failed.
//!
//! A server answers for what the asking connection wrote. So something is written first, which replicas have only if they
//! have all that the server took in before.

use super::control::{ControlError, within};
use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// For replicas to say that they have what was written. They say so within a round trip, or are gone.
const WAIT: Duration = Duration::from_millis(100);

/// What is asked of a server about its replicas.
pub(super) struct Replicas {
    /// How many must have it.
    enough: usize,
    connection: MultiplexedConnection,
    /// The hash that the ledger has on this server.
    state: String,
    /// Questions that were begun.
    begun: AtomicU64,
    last: Mutex<Answer>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    /// To which question.
    number: u64,
    is_enough: bool,
}

impl Replicas {
    pub(super) fn new(enough: usize, connection: MultiplexedConnection, state: String) -> Replicas {
        Replicas { enough, connection, state, begun: AtomicU64::new(0), last: Mutex::default() }
    }

    /// Whether enough replicas have all that the server has answered by now.
    pub(super) async fn have_it(&self) -> Result<bool, ControlError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        // That question was asked after this caller came, and so it was about what this caller wrote, too.
        if last.number > begun {
            return Ok(last.is_enough);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let mut connection = self.connection.clone();
        let mut question = Pipeline::new();
        question.cmd("HSET").arg(&self.state).arg("asked").arg(number).ignore();
        question.cmd("WAIT").arg(self.enough).arg(WAIT.as_millis().to_string());
        let (have,): (usize,) = within(question.query_async(&mut connection)).await?;
        *last = Answer { number, is_enough: have >= self.enough };
        Ok(last.is_enough)
    }
}
