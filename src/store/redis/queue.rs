//! What waits to be written, bounded by the bytes it holds until it has been. Nobody waits to get in: what does not fit is
//! turned away.

use super::shared::lock;
use crate::cache_name::CacheName;
use crate::key::Key;
use crate::store::StoreError;
use crate::stored::StoredResponse;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, oneshot};

/// What a write that holds no response counts for.
const SMALL_BYTES: u64 = 512;
/// What clearing and flushing may take beyond the bound, some two thousand of them: a full queue is when an operator wants it
/// cleared, or a shutdown wants it written.
const ORDERS_BYTES_MAX: u64 = 1024 * 1024;

/// Something to do.
#[derive(Debug)]
pub(super) enum Write {
    Change(Change),
    Order(Order),
}

/// Something to do to one page.
#[derive(Debug)]
pub(super) enum Change {
    Put(Arc<StoredResponse>),
    Remove {
        cache: CacheName,
        key: Key,
        generation: u64,
    },
    /// A field that is of no use, by its name, which may be anything.
    Drop {
        page: String,
        field: Vec<u8>,
        damaged: bool,
    },
    /// A key that holds no page at all.
    Unlink {
        page: String,
    },
}

/// Something that comes after all that was there before.
#[derive(Debug)]
pub(super) enum Order {
    Clear { caches: Vec<CacheName>, done: Done },
    Flush { done: Done },
}

/// Where the answer to an [`Order`] goes.
pub(super) type Done = oneshot::Sender<Result<(), StoreError>>;

impl Write {
    fn bytes(&self) -> u64 {
        match self {
            Write::Change(Change::Put(response)) => response.weight() as u64,
            _ => SMALL_BYTES,
        }
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    inside: Mutex<Inside>,
    filled: Notify,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Inside {
    writes: VecDeque<Write>,
    bytes: u64,
    closed: bool,
}

/// Why a write was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the queue is full")]
    Full,
    #[error("it is closed")]
    Closed,
}

/// The room that a write takes in the queue, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    queue: Arc<Queue>,
    pub(super) bytes: u64,
}

impl Queue {
    pub(super) fn new(bytes_max: u64) -> Queue {
        Queue { inside: Mutex::default(), filled: Notify::new(), bytes_max }
    }

    /// Takes a write, or turns it away.
    pub(super) fn push(&self, write: Write) -> Result<(), Refused> {
        let bytes = write.bytes();
        let beyond = if matches!(write, Write::Order(_)) { ORDERS_BYTES_MAX } else { 0 };
        let mut inside = lock(&self.inside);
        if inside.closed {
            return Err(Refused::Closed);
        }
        if inside.bytes + bytes > self.bytes_max.saturating_add(beyond) {
            return Err(Refused::Full);
        }
        inside.bytes += bytes;
        inside.writes.push_back(write);
        drop(inside);
        self.filled.notify_one();
        Ok(())
    }

    /// Bytes that wait to be written, or are being.
    pub(super) fn bytes(&self) -> u64 {
        lock(&self.inside).bytes
    }

    /// The next write and the room it takes; none when it is closed and empty. For one task alone.
    pub(super) async fn next(self: &Arc<Queue>) -> Option<(Write, Room)> {
        loop {
            {
                let mut inside = lock(&self.inside);
                if let Some(write) = inside.writes.pop_front() {
                    let room = Room { queue: self.clone(), bytes: write.bytes() };
                    return Some((write, room));
                }
                if inside.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Takes nothing more; what is there is still handed out.
    pub(super) fn close(&self) {
        lock(&self.inside).closed = true;
        self.filled.notify_one();
    }

    /// Lets go of all that waits, also of those who wait for an answer: nobody will write it.
    pub(super) fn abandon(&self) {
        let left = {
            let mut inside = lock(&self.inside);
            inside.closed = true;
            inside.bytes = 0;
            std::mem::take(&mut inside.writes)
        };
        drop(left);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut inside = lock(&self.queue.inside);
        inside.bytes = inside.bytes.saturating_sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Write {
        Write::Change(Change::Unlink { page: "page".into() })
    }

    #[tokio::test]
    async fn what_is_being_written_takes_room_until_it_has_been() {
        let queue = Arc::new(Queue::new(2 * SMALL_BYTES));
        queue.push(small()).unwrap();
        queue.push(small()).unwrap();
        assert_eq!(queue.push(small()), Err(Refused::Full));
        let (_, room) = queue.next().await.unwrap();
        assert_eq!(queue.push(small()), Err(Refused::Full));
        drop(room);
        assert_eq!((queue.push(small()), queue.bytes()), (Ok(()), 2 * SMALL_BYTES));
    }

    #[tokio::test]
    async fn a_full_queue_takes_orders_and_a_closed_one_nothing() {
        let queue = Arc::new(Queue::new(SMALL_BYTES));
        queue.push(small()).unwrap();
        let (done, wait) = oneshot::channel();
        queue.push(Write::Order(Order::Flush { done })).unwrap();
        queue.close();
        assert_eq!(queue.push(small()), Err(Refused::Closed));
        assert!(matches!(queue.next().await, Some((Write::Change(_), _))));
        queue.abandon();
        assert!(queue.next().await.is_none() && wait.await.is_err());
        assert_eq!(queue.bytes(), 0);
    }
}
