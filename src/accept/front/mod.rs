//! The front of a connection: reads each request's head once, answers what is ready at once, and hands the rest to hyper.
//!
//! A hit costs two system calls, one from a file three, and as little as can be between them: the head is read in place and judged
//! by the same code as everywhere, and what is sent stands ready. Everything else goes to a hyper connection of this socket's own, head and body
//! as they came; it is made when it is first needed and sleeps in between. Until then an idle connection holds no buffers.
//!
//! A front that is off changes nothing but the cost, and what `docs/security.md` lists: it refuses some heads that hyper takes.

mod chunks;
mod head;
mod reading;
mod sending;
mod wire;

pub(super) use head::FIELDS_MAX;
pub use head::{Framing, Head};
pub use reading::{NoChunks, Reading, end_of_chunks, with_reading};
pub use sending::Content;
pub(super) use wire::{Link, Shared};

use super::deadline::WriteDeadline;
use super::{Limits, Service};
use bytes::Bytes;
use head::Read;
use sending::{Places, Rest, Sending, poll_send};
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wire::{Message, Wire};

/// What is read at once: more than a head may have, and than a client sends in one go.
const READ_BYTES: usize = 64 * 1024;

/// An answer that is ready, beside its head.
#[derive(Debug)]
pub struct Ready<R> {
    /// Its content; no bytes where there is none, or it is not sent.
    pub content: Content,
    /// What is to be told of it when it has been sent.
    pub receipt: R,
}

/// What became of an answer that was ready.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The raw target of the request.
    pub target: &'a [u8],
    /// The Host field as it came.
    pub host: &'a [u8],
    /// Bytes of content that were handed to the system.
    pub bytes: u64,
    /// Whether all of it was.
    pub complete: bool,
}

/// Told when the listener begins to drain.
#[derive(Clone, Debug, Default)]
pub(super) struct Draining {
    /// Looked at by each request: no lock is shared by all connections.
    is_on: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Draining {
    pub(super) fn begin(&self) {
        self.is_on.store(true, Ordering::Release);
        self.token.cancel();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// Resolves when it begins.
    pub(super) fn begun(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }
}

/// What is to be done next with a connection.
#[derive(Debug)]
pub(super) enum Next {
    /// hyper has been handed a message.
    Handed,
    /// It has ended.
    End,
}

/// The socket as the front has it.
pub(super) type Socket = WriteDeadline<TcpStream>;

/// One connection's front.
pub(super) struct Front<S: Service> {
    service: Arc<S>,
    limits: Arc<Limits>,
    peer: SocketAddr,
    draining: Draining,
    begun: Pin<Box<WaitForCancellationFutureOwned>>,
    /// When the wait for the next head began.
    waits_since: Instant,
    timer: Pin<Box<Sleep>>,
    /// What could not be sent at once.
    sending: Option<Sending<S::Receipt>>,
}

/// What a look at what has come led to.
enum Step<R> {
    /// More of a head has to come.
    More,
    /// So many bytes were a request, which has been answered.
    Answered { bytes: usize, closes: bool },
    /// So many bytes were a request, and its answer is on its way.
    Sending { bytes: usize, sending: Sending<R> },
    /// So many bytes are hyper's.
    Handed { bytes: usize, message: Message },
    /// The client is gone.
    Gone,
}

/// Room that a thread's connections use one after the other.
struct Scratch {
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch { input: Vec::new(), output: Vec::new() }) };
}

impl<S: Service> Front<S> {
    pub(super) fn new(service: Arc<S>, limits: Arc<Limits>, peer: SocketAddr, draining: Draining) -> Front<S> {
        let now = Instant::now();
        Front {
            begun: Box::pin(draining.begun()),
            timer: Box::pin(sleep_until(now + limits.head_timeout)),
            waits_since: now,
            sending: None,
            service,
            limits,
            peer,
            draining,
        }
    }

    /// Whether an answer is on its way, behind which nothing may be ended.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// hyper has answered: the wait for the next head begins.
    pub(super) fn waits_anew(&mut self) {
        self.waits_since = Instant::now();
    }

    /// Answers what is ready until there is something else to do.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, wire: &Shared<Socket>) -> Poll<Next> {
        let wire = &mut *wire.lock();
        loop {
            if !ready!(self.poll_sending(cx, wire)) {
                return Poll::Ready(Next::End);
            }
            let next = SCRATCH.with_borrow_mut(|scratch| self.poll_heads(cx, wire, scratch));
            if let Some(next) = ready!(next) {
                return Poll::Ready(next);
            }
        }
    }

    /// Reads heads and answers them, until there is something else to do, or an answer (then nothing) is still being sent.
    fn poll_heads(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire<Socket>,
        scratch: &mut Scratch,
    ) -> Poll<Option<Next>> {
        let Scratch { input, output } = scratch;
        input.resize(READ_BYTES.max(self.limits.head_bytes_max + 1), 0);
        let (mut start, mut end) = (0, wire.take_ahead(input));
        loop {
            let step = if start == end { Step::More } else { self.step(cx, wire, &input[start..end], output) };
            match step {
                Step::Answered { bytes, closes } => {
                    start += bytes;
                    self.waits_since = Instant::now();
                    if closes {
                        return Poll::Ready(Some(Next::End));
                    }
                }
                Step::Sending { bytes, sending } => {
                    wire.ahead.extend_from_slice(&input[start + bytes..end]);
                    self.sending = Some(sending);
                    return Poll::Ready(None);
                }
                Step::Handed { bytes, message } => {
                    wire.hand(&input[start..start + bytes], message);
                    wire.ahead.extend_from_slice(&input[start + bytes..end]);
                    return Poll::Ready(Some(Next::Handed));
                }
                Step::Gone => return Poll::Ready(Some(Next::End)),
                Step::More => {
                    input.copy_within(start..end, 0);
                    (start, end) = (0, end - start);
                    let mut room = ReadBuf::new(&mut input[end..]);
                    match Pin::new(&mut wire.socket).poll_read(cx, &mut room) {
                        Poll::Ready(Ok(())) if !room.filled().is_empty() => end += room.filled().len(),
                        Poll::Ready(_) => return Poll::Ready(Some(Next::End)),
                        Poll::Pending => {
                            wire.ahead.extend_from_slice(&input[..end]);
                            return self.poll_patience(cx).map(|()| Some(Next::End));
                        }
                    }
                }
            }
        }
    }

    /// Ready when there is nothing more to wait for: the listener drains, or no whole head came in time (row R7).
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.begun.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // The timer is set anew only when it has gone off: most requests never touch it.
        while self.timer.as_mut().poll(cx).is_ready() {
            let deadline = self.waits_since + self.limits.head_timeout;
            if deadline <= self.timer.deadline() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Looks at what has come.
    fn step(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire<Socket>,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Step<S::Receipt> {
        let mut room = head::room();
        let (head, bytes) = match head::read(input, &mut room, &self.limits) {
            Read::Partial => return Step::More,
            Read::Whole(head, bytes) => (head, bytes),
            Read::Refused(refusal, bytes) => return Step::Handed { bytes, message: Message::refused(refusal) },
            Read::Other => return Step::Handed { bytes: input.len(), message: Message::unknown() },
        };
        output.clear();
        let closes = head.closes().filter(|_| head.is_plain(&self.limits));
        let ready = closes.and_then(|closes| Some((closes, self.service.ready(&head, self.peer, output)?)));
        let Some((closes, Ready { content, receipt })) = ready else {
            return Step::Handed { bytes, message: Message::framed(head.framing()) };
        };
        // Whoever is told beforehand sends no further request into a connection that ends.
        let closes = closes || self.draining.has_begun();
        output.extend_from_slice(if closes { b"connection: close\r\n\r\n" } else { b"\r\n" });
        let places = Places::of(&head, input);
        let mut rest = Rest::behind(output, content);
        let mut head = &output[..];
        match poll_send(cx, wire, &mut head, &mut rest) {
            Poll::Ready(Ok(())) => {
                places.tell(&*self.service, input, receipt, rest.sent(), true);
                Step::Answered { bytes, closes }
            }
            Poll::Ready(Err(_)) => {
                places.tell(&*self.service, input, receipt, rest.sent(), false);
                Step::Gone
            }
            Poll::Pending => {
                let (head, request) = (Bytes::copy_from_slice(head), Bytes::copy_from_slice(&input[..bytes]));
                Step::Sending { bytes, sending: Sending { head, rest, receipt, request, places, closes } }
            }
        }
    }

    /// Sends on what could not be sent at once; whether the connection goes on after it.
    fn poll_sending(&mut self, cx: &mut Context<'_>, wire: &mut Wire<Socket>) -> Poll<bool> {
        let Some(sending) = &mut self.sending else { return Poll::Ready(true) };
        let is_sent = ready!(poll_send(cx, wire, &mut sending.head, &mut sending.rest)).is_ok();
        let goes_on = is_sent && !sending.closes;
        self.tell_sending(is_sent);
        self.waits_since = Instant::now();
        Poll::Ready(goes_on)
    }

    fn tell_sending(&mut self, complete: bool) {
        if let Some(Sending { rest, receipt, request, places, .. }) = self.sending.take() {
            places.tell(&*self.service, &request, receipt, rest.sent(), complete);
        }
    }
}

/// Whoever ends early is told of too: the process stops, or the client has gone.
impl<S: Service> Drop for Front<S> {
    fn drop(&mut self) {
        self.tell_sending(false);
    }
}
