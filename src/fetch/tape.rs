//! A tape: one body is written to it once and read by many, each from the start and at its own pace.
//!
//! While it is *kept*, everything written stays for later readers. Once it is *let run* (the body turned out too large to
//! keep), only a window behind the writer remains: nobody can begin to read, the writer waits for the fastest reader, and
//! a reader that falls out of the window sees a break.

use crate::body::BodyError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes of a running tape that its fastest reader may be behind the writer.
const AHEAD_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a running tape that its slowest reader may be behind the writer.
const WINDOW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The writer's end; dropping it without [`Tape::end`] breaks the body for its readers.
#[derive(Debug, Default)]
pub struct Tape(Arc<Mutex<State>>);

/// A reader's end, as a body.
#[derive(Debug)]
pub struct TapeReader {
    state: Arc<Mutex<State>>,
    /// The next chunk to read, counted from the tape's start.
    next: usize,
    bytes_read: u64,
    length: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Bytes>,
    /// Chunks that were let go at the front.
    gone: usize,
    bytes_written: u64,
    window_bytes: usize,
    running: bool,
    /// How far the fastest reader has come.
    bytes_read_max: u64,
    readers: usize,
    end: Option<Result<(), BodyError>>,
    wakers: Vec<Waker>,
}

impl State {
    fn wake_all(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn wait(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }

    fn trim(&mut self) {
        while self.running && self.window_bytes > WINDOW_BYTES_MAX {
            let Some(chunk) = self.chunks.pop_front() else { return };
            self.window_bytes -= chunk.len();
            self.gone += 1;
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // No code that can panic runs under the lock; a poisoned one holds sound data.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tape {
    /// A reader from the start; none once the tape runs.
    pub fn reader(&self) -> Option<TapeReader> {
        let mut state = lock(&self.0);
        if state.running {
            return None;
        }
        state.readers += 1;
        Some(TapeReader { state: self.0.clone(), next: 0, bytes_read: 0, length: None })
    }

    /// Writes a chunk. Never waits.
    pub fn write(&self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        let mut state = lock(&self.0);
        state.bytes_written += chunk.len() as u64;
        state.window_bytes += chunk.len();
        state.chunks.push_back(chunk);
        state.trim();
        state.wake_all();
    }

    /// Stops keeping: from here on the tape is a window.
    pub fn let_run(&self) {
        let mut state = lock(&self.0);
        state.running = true;
        state.trim();
    }

    /// Waits until a running tape has room, or until nobody reads it any more; answers whether to go on.
    pub async fn room(&self) -> bool {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.readers == 0 {
                return Poll::Ready(false);
            }
            if state.bytes_written.saturating_sub(state.bytes_read_max) < AHEAD_BYTES_MAX as u64 {
                return Poll::Ready(true);
            }
            state.wait(cx);
            Poll::Pending
        })
        .await
    }

    /// Everything that was written to a kept tape, and `last` behind it, in one allocation of its size.
    pub fn contents(&self, last: &[u8]) -> Bytes {
        let state = lock(&self.0);
        let mut whole = Vec::with_capacity(state.window_bytes + last.len());
        for chunk in &state.chunks {
            whole.extend_from_slice(chunk);
        }
        whole.extend_from_slice(last);
        whole.into()
    }

    /// Ends the body, well or broken.
    pub fn end(&self, end: Result<(), BodyError>) {
        let mut state = lock(&self.0);
        state.end.get_or_insert(end);
        state.wake_all();
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.end(Err(BodyError::Abandoned));
    }
}

impl TapeReader {
    /// The same reader, knowing what length the body's head announced.
    #[must_use]
    pub fn announced(mut self, length: Option<u64>) -> TapeReader {
        self.length = length;
        self
    }
}

impl Body for TapeReader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let mut state = lock(&this.state);
        let Some(at) = this.next.checked_sub(state.gone) else {
            return Poll::Ready(Some(Err(BodyError::Lagged)));
        };
        if let Some(chunk) = state.chunks.get(at).cloned() {
            this.next += 1;
            this.bytes_read += chunk.len() as u64;
            if this.bytes_read > state.bytes_read_max {
                state.bytes_read_max = this.bytes_read;
                if state.running {
                    state.wake_all();
                }
            }
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match state.end.clone() {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                state.wait(cx);
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let state = lock(&self.state);
        matches!(state.end, Some(Ok(()))) && self.next == state.gone + state.chunks.len()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.length.map(|length| length.saturating_sub(self.bytes_read));
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for TapeReader {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.readers -= 1;
        if state.readers == 0 {
            state.wake_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn read(reader: TapeReader) -> Result<Bytes, BodyError> {
        reader.collect().await.map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn every_reader_gets_all_of_it_whenever_it_came() {
        let tape = Tape::default();
        let early = tokio::spawn(read(tape.reader().unwrap()));
        tape.write(Bytes::from_static(b"one "));
        let late = tokio::spawn(read(tape.reader().unwrap()));
        tape.write(Bytes::from_static(b"two"));
        tape.end(Ok(()));
        for reader in [early, late] {
            assert_eq!(reader.await.unwrap().unwrap(), "one two");
        }
        assert_eq!(tape.contents(b"!"), "one two!");
    }

    #[tokio::test]
    async fn a_break_and_a_lost_writer_are_never_an_end() {
        let tape = Tape::default();
        let (broken, lost) = (tape.reader().unwrap(), Tape::default());
        let abandoned = lost.reader().unwrap();
        tape.write(Bytes::from_static(b"half"));
        tape.end(Err(BodyError::Origin("reset".into())));
        drop(lost);
        assert!(matches!(read(broken).await, Err(BodyError::Origin(_))));
        assert!(matches!(read(abandoned).await, Err(BodyError::Abandoned)));
    }

    #[tokio::test]
    async fn a_running_tape_holds_a_window_and_breaks_who_falls_out_of_it() {
        let tape = Tape::default();
        let mut slow = tape.reader().unwrap();
        let mut fast = tape.reader().unwrap();
        tape.let_run();
        assert!(tape.reader().is_none());
        let chunk = Bytes::from(vec![0; AHEAD_BYTES_MAX]);
        for _ in 0..=WINDOW_BYTES_MAX / AHEAD_BYTES_MAX {
            assert!(tape.room().await);
            tape.write(chunk.clone());
            fast.frame().await.unwrap().unwrap();
        }
        assert!(matches!(slow.frame().await, Some(Err(BodyError::Lagged))));
        drop((slow, fast));
        assert!(!tape.room().await);
    }
}
