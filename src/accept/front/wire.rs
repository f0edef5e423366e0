//! One connection's socket, which the front and hyper use in turn.
//!
//! hyper is handed one message at a time: it sees exactly the bytes of the requests that the front did not answer, one after the
//! other, as if nothing had stood between them. What the client sends beyond the message under way waits here.

use super::chunks::Chunks;
use super::head::Framing;
use crate::accept::Refusal;
use bytes::BytesMut;
use std::any::Any;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read ahead of hyper at most, while it is at work on a message: as much as hyper itself would.
const AHEAD_BYTES: usize = 8 * 1024;

thread_local! {
    /// Room that a thread's connections read into one after the other: hyper asks often, and room of its own would be cleared each time.
    static AHEAD: RefCell<[u8; AHEAD_BYTES]> = const { RefCell::new([0; AHEAD_BYTES]) };
}

/// A socket with what was read from it and is nobody's yet.
#[derive(Debug)]
pub(in crate::accept) struct Wire<S> {
    pub(in crate::accept) socket: S,
    /// What has come and belongs to no message that was handed on.
    pub(super) ahead: BytesMut,
    /// What hyper has yet to read of what was handed to it.
    feed: BytesMut,
    /// What of the message under way has yet to come.
    rest: Rest,
    /// Whether the client has ended its side.
    has_ended: bool,
    stage: Stage,
    /// Whether the last message had a body: whoever answers one may still be reading it.
    has_body: bool,
    /// Why the message under way is refused.
    refusal: Option<Refusal>,
    /// Who reads beyond a message: woken when the connection becomes a tunnel.
    reader: Option<Waker>,
    /// Kept for as long as the socket is, tunnels included.
    _held: Box<dyn Any + Send>,
}

/// What hyper is handed.
#[derive(Debug)]
pub(super) struct Message {
    rest: Rest,
    refusal: Option<Refusal>,
}

impl Message {
    /// A request that ends as its head says; where that cannot be told, everything that comes.
    pub(super) fn framed(framing: Option<Framing>) -> Message {
        let rest = match framing {
            Some(Framing::None) => Rest::Bytes(0),
            Some(Framing::Length(bytes)) => Rest::Bytes(bytes),
            Some(Framing::Chunked) => Rest::Chunks(Chunks::default()),
            None => Rest::Everything,
        };
        Message { rest, refusal: None }
    }

    /// Something that is no request: everything that comes.
    pub(super) fn unknown() -> Message {
        Message::framed(None)
    }

    /// A head that is to be answered with a refusal, and nothing of what follows is read.
    pub(super) fn refused(refusal: Refusal) -> Message {
        Message { rest: Rest::Bytes(0), refusal: Some(refusal) }
    }
}

/// What of a message has yet to come.
#[derive(Debug)]
enum Rest {
    Bytes(u64),
    Chunks(Chunks),
    /// There are no messages any more: everything is hyper's, or the tunnel's.
    Everything,
}

/// How far hyper is with the message it was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is at work on it.
    AtWork,
    /// Its answer has been put together whole.
    Answered,
    /// And written.
    Written,
}

/// A share of the wire.
#[derive(Debug)]
pub(in crate::accept) struct Shared<S>(Arc<Mutex<Wire<S>>>);

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Shared<S> {
        Shared(self.0.clone())
    }
}

impl<S> Shared<S> {
    pub(in crate::accept) fn new(socket: S, held: impl Send + 'static) -> Shared<S> {
        Shared(Arc::new(Mutex::new(Wire {
            socket,
            ahead: BytesMut::new(),
            feed: BytesMut::new(),
            rest: Rest::Bytes(0),
            has_ended: false,
            stage: Stage::Written,
            has_body: false,
            refusal: None,
            reader: None,
            _held: Box::new(held),
        })))
    }

    pub(in crate::accept) fn lock(&self) -> MutexGuard<'_, Wire<S>> {
        // No code of ours panics under the lock; a poisoned one ends with its connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether hyper is done with what it was handed.
    pub(in crate::accept) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// Whether hyper may have something left to do for the last message, although its answer is written.
    pub(in crate::accept) fn has_body(&self) -> bool {
        self.lock().has_body
    }

    /// Why the message under way is refused, if it is.
    pub(in crate::accept) fn refusal(&self) -> Option<Refusal> {
        self.lock().refusal.take()
    }

    /// hyper is done with the connection. Whoever has it now (a tunnel) gets everything.
    pub(in crate::accept) fn give_all(&self) {
        let mut wire = self.lock();
        (wire.rest, wire.stage) = (Rest::Everything, Stage::AtWork);
        if let Some(reader) = wire.reader.take() {
            reader.wake();
        }
    }

    /// To be dropped with the body of hyper's answer.
    pub(in crate::accept) fn mark(&self) -> Mark<S> {
        Mark(self.clone())
    }
}

/// Dropping it says that an answer has been put together whole.
#[derive(Debug)]
pub(in crate::accept) struct Mark<S>(Shared<S>);

impl<S> Drop for Mark<S> {
    fn drop(&mut self) {
        let mut wire = self.0.lock();
        if wire.stage == Stage::AtWork {
            wire.stage = Stage::Answered;
        }
    }
}

impl<S> Wire<S> {
    /// Hands a message to hyper, of which these are the first bytes.
    pub(super) fn hand(&mut self, first: &[u8], message: Message) {
        self.stage = Stage::AtWork;
        self.feed.extend_from_slice(first);
        self.has_body = !message.rest.is_nothing();
        (self.rest, self.refusal) = (message.rest, message.refusal);
    }

    /// Whether hyper is done with what it was handed: it has been given all of it, and its answer is written.
    fn is_idle(&self) -> bool {
        self.stage == Stage::Written && self.feed.is_empty() && self.rest.is_nothing()
    }

    /// Moves what has come to the beginning of `room`, which has room for it; how many bytes that is.
    pub(super) fn take_ahead(&mut self, room: &mut [u8]) -> usize {
        let bytes = self.ahead.len();
        if bytes > 0 {
            room[..bytes].copy_from_slice(&self.ahead);
            self.ahead = BytesMut::new();
        }
        bytes
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// What hyper, or a tunnel, may read.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_idle() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        loop {
            if !self.feed.is_empty() {
                let bytes = self.feed.len().min(buffer.remaining());
                buffer.put_slice(&self.feed.split_to(bytes));
                return Poll::Ready(Ok(()));
            }
            // An empty buffer that nothing is taken from any more needs no room.
            self.feed = BytesMut::new();
            if self.rest.is_nothing() {
                return self.poll_end(cx);
            }
            ready!(self.poll_rest(cx, buffer.remaining()))?;
            if self.feed.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes in more of the message under way; nothing where the client has ended its side.
    fn poll_rest(&mut self, cx: &mut Context<'_>, bytes_max: usize) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            ready!(self.poll_ahead(cx, bytes_max))?;
        }
        let own = match &mut self.rest {
            Rest::Bytes(left) => {
                let own = usize::try_from(*left).unwrap_or(usize::MAX).min(self.ahead.len());
                *left -= own as u64;
                own
            }
            Rest::Chunks(chunks) => {
                let broken = |()| io::Error::new(ErrorKind::InvalidData, "the chunks of the request cannot be read");
                chunks.take(&self.ahead).map_err(broken)?
            }
            Rest::Everything => self.ahead.len(),
        };
        self.feed = self.ahead.split_to(own);
        Poll::Ready(Ok(()))
    }

    /// hyper looks whether the client is still there. What comes meanwhile is the next message, and waits.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reader = Some(cx.waker().clone());
        if self.ahead.is_empty() && !self.has_ended {
            ready!(self.poll_ahead(cx, AHEAD_BYTES))?;
        }
        if self.ahead.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Reads what comes next; nothing where the client has ended its side.
    fn poll_ahead(&mut self, cx: &mut Context<'_>, bytes_max: usize) -> Poll<io::Result<()>> {
        AHEAD.with_borrow_mut(|room| {
            let mut read = ReadBuf::new(&mut room[..bytes_max.clamp(1, AHEAD_BYTES)]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
            self.has_ended = read.filled().is_empty();
            self.ahead.extend_from_slice(read.filled());
            Poll::Ready(Ok(()))
        })
    }
}

impl Rest {
    fn is_nothing(&self) -> bool {
        match self {
            Rest::Bytes(left) => *left == 0,
            Rest::Chunks(chunks) => chunks.have_ended(),
            Rest::Everything => false,
        }
    }
}

/// hyper's side.
#[derive(Debug)]
pub(in crate::accept) struct Link<S>(pub(in crate::accept) Shared<S>);

impl<S: AsyncRead + Unpin> AsyncRead for Link<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Link<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.lock().socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.0.lock();
        ready!(Pin::new(&mut wire.socket).poll_flush(cx))?;
        // hyper flushes its stream only when nothing of its own is left to write.
        if wire.stage == Stage::Answered {
            wire.stage = Stage::Written;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.lock().socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.lock().socket.is_write_vectored()
    }
}
