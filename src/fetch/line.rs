//! One connection to a server, driven by whoever uses it: the task that asks polls the connection itself. No other task has to be
//! woken for it, neither to send nor to hear.
//!
//! Nobody polls a connection that waits in the pool. It is polled when it is taken, with nobody to wake: what came meanwhile that
//! nobody had asked for, or its end, shows then.

use super::body::Lent;
use super::pool::Home;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Bytes of one response head, with what hyper reads ahead.
const READ_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Bytes that are read of a body nobody wants so that its connection can be used again, where they have come already.
const DRAINED_BYTES_MAX: usize = 64 * 1024;

/// A connection that carries one exchange at a time.
pub(super) struct Line {
    sender: SendRequest<Lent>,
    /// None once it has ended.
    connection: Option<Box<Connection<TokioIo<TcpStream>, Lent>>>,
    bell: Arc<Bell>,
    /// The bell's.
    waker: Waker,
    /// Rings for the deadline of an exchange, or for that of an earlier one: it is not set anew for each.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Wakes whoever drives the connection now. Between two of them, and while what has come is taken out of it, nobody: hyper wakes
/// its own side of a body for each piece that is taken, which here is the task that takes it.
#[derive(Default)]
struct Bell(Mutex<Option<Waker>>);

impl Bell {
    fn set(&self, waker: Option<&Waker>) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!((&*set, waker), (Some(own), Some(waker)) if own.will_wake(waker)) {
            *set = waker.cloned();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Bell>) {
        let set = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = set {
            waker.wake();
        }
    }
}

/// What sending gives: a response whose body is not bound to its connection yet.
type Sent = Result<Response<Incoming>, Unanswered>;

/// No response came.
pub(super) enum Unanswered {
    /// The deadline is over.
    Late,
    /// The connection failed; with the request where nothing of it was sent.
    Failed(hyper::Error, Option<Box<Request<Lent>>>),
}

impl From<TrySendError<Request<Lent>>> for Unanswered {
    fn from(mut failed: TrySendError<Request<Lent>>) -> Unanswered {
        let unsent = failed.take_message().map(Box::new);
        Unanswered::Failed(failed.into_error(), unsent)
    }
}

impl Line {
    /// Speaks HTTP/1.1 over a socket.
    pub(super) async fn over(stream: TokioIo<TcpStream>) -> Result<Line, hyper::Error> {
        // A response has up to 100 fields: hyper's own bound, for which it has room at hand. Another one it would have to clear each time.
        let (sender, connection) = Builder::new().max_buf_size(READ_BUFFER_BYTES_MAX).handshake(stream).await?;
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(bell.clone());
        Ok(Line { sender, connection: Some(Box::new(connection)), bell, waker, alarm: None })
    }

    /// Whether it waits for a request, as far as can be known without waiting: neither ended, nor at an exchange, and nothing
    /// has come that nobody asked for.
    pub(super) fn is_idle(&mut self) -> bool {
        !self.drive(None) && self.sender.is_ready()
    }

    /// The same right after an exchange, of which it may be done already. Whoever drove it is let go of.
    pub(super) fn is_done(&mut self) -> bool {
        self.bell.set(None);
        self.connection.is_some() && (self.sender.is_ready() || self.is_idle())
    }

    /// Lets the connection do what it can, for somebody who is woken when it can do more; tells whether it has ended.
    fn drive(&mut self, who: Option<&Waker>) -> bool {
        let Some(connection) = &mut self.connection else { return true };
        // Before it is polled: it may be woken from elsewhere while it is.
        self.bell.set(who);
        let has_ended = Pin::new(&mut **connection).poll(&mut Context::from_waker(&self.waker)).is_ready();
        if has_ended {
            // How it ended is told to the exchange under way, if need be by this drop.
            self.connection = None;
        }
        has_ended
    }

    /// Whether that moment has come. Whoever drives the connection is woken when it does.
    fn is_late(&mut self, deadline: Instant) -> bool {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        let mut cx = Context::from_waker(&self.waker);
        while alarm.as_mut().poll(&mut cx).is_ready() {
            if alarm.deadline() >= deadline {
                return true;
            }
            alarm.as_mut().reset(deadline);
        }
        false
    }

    /// Sends a request without a body and waits for the head of the response.
    pub(super) async fn ask(&mut self, request: Request<Lent>, deadline: Instant) -> Sent {
        // It is the connection that answers, and nobody else polls that: no waker has to be left for the answer. Out of the
        // task's budget, because what that puts off it wakes for.
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
        poll_fn(move |cx| {
            self.drive(Some(cx.waker()));
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(sent) => Poll::Ready(sent.map_err(Unanswered::from)),
                Poll::Pending if self.is_late(deadline) => Poll::Ready(Err(Unanswered::Late)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Sends a request whose body may still be coming when the response has begun, or has been read: the connection goes on in a
    /// task of its own, and holds its place there until both are whole. `heard` brings, when the response has come whole, a token for
    /// which the end of the program waits, and is dropped where the connection must not be used again.
    ///
    /// From then on nobody waits for the rest of the upload, and nothing else bounds it where the server does not read it: it is given
    /// up when nothing of it was taken for `idle_timeout`.
    pub(super) async fn ask_apart(
        mut self,
        request: Request<Lent>,
        home: Home,
        mut heard: oneshot::Receiver<TaskTrackerToken>,
        idle_timeout: Duration,
        place: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Sent {
        let upload = request.body().clone();
        let answer = self.sender.try_send_request(request);
        tokio::spawn(async move {
            let mut response_over = None;
            let may_return = poll_fn(|cx| {
                if self.drive(Some(cx.waker())) {
                    return Poll::Ready(false);
                }
                if response_over.is_none()
                    && let Poll::Ready(told) = Pin::new(&mut heard).poll(cx)
                {
                    response_over = Some((told, Instant::now()));
                }
                let Some((upload_goes_on, since)) = &response_over else { return Poll::Pending };
                match self.sender.poll_ready(cx) {
                    Poll::Ready(ready) => Poll::Ready(upload_goes_on.is_ok() && ready.is_ok()),
                    Poll::Pending
                        if self.is_late(upload.taken().map_or(*since, |at| at.max(*since)) + idle_timeout) =>
                    {
                        Poll::Ready(false)
                    }
                    Poll::Pending => Poll::Pending,
                }
            });
            if may_return.await {
                home.put(self);
            }
            // Afterwards, so that nobody takes it for one more.
            drop(place);
        });
        Ok(answer.await?)
    }

    /// Sends a request that may switch protocols: the connection is then the tunnel's, and never used for another.
    pub(super) async fn ask_to_upgrade(mut self, request: Request<Lent>) -> Sent {
        let answer = self.sender.try_send_request(request);
        if let Some(connection) = self.connection {
            // How it ends is told to the exchange. Nobody has to wait for this task at the end: who does for the tunnel, or for the
            // reader of another answer, waits for all that it does.
            tokio::spawn(connection.with_upgrades());
        }
        Ok(answer.await?)
    }
}

/// Who drives a connection while its response is read.
pub(super) enum DrivenBy {
    /// Who reads it.
    Reader(Line),
    /// A task, which is told when all of the response has come.
    Task(oneshot::Sender<TaskTrackerToken>),
}

/// The body of a response as it comes, with the connection that brings it.
pub(super) struct Arriving {
    body: Incoming,
    /// None where it goes on by itself, has ended or was put into the pool.
    driven: Option<DrivenBy>,
    /// None where the connection must not be used again.
    home: Option<Home>,
}

impl Arriving {
    pub(super) fn new(body: Incoming, driven: Option<DrivenBy>, home: Option<Home>) -> Arriving {
        let mut arriving = Arriving { body, driven, home };
        if arriving.body.is_end_stream() {
            arriving.settle();
        }
        arriving
    }

    /// All of the response has come: its connection waits for the next request, where it may.
    fn settle(&mut self) {
        match (self.driven.take(), self.home.take()) {
            (Some(DrivenBy::Reader(line)), Some(home)) => home.put(line),
            (Some(DrivenBy::Task(heard)), Some(home)) => {
                // A task that has ended has nothing to give back.
                let _ = heard.send(home.upload());
            }
            _ => {}
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(DrivenBy::Reader(line)) = &mut self.driven else { return Pin::new(&mut self.body).poll_frame(cx) };
        // What is at hand first. A waker is left with the connection alone, which nobody else polls, and only where nothing is.
        line.bell.set(None);
        let mut unwoken = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut self.body).poll_frame(&mut unwoken);
        if polled.is_ready() {
            return polled;
        }
        if line.drive(Some(cx.waker())) {
            self.driven = None;
        }
        Pin::new(&mut self.body).poll_frame(&mut unwoken)
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = self.poll(cx);
        match &polled {
            Poll::Ready(None) => self.settle(),
            Poll::Ready(Some(_)) if self.body.is_end_stream() => self.settle(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let (mut bytes_left, mut cx) = (DRAINED_BYTES_MAX, Context::from_waker(Waker::noop()));
        while self.driven.is_some()
            && self.home.is_some()
            && let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut *self).poll_frame(&mut cx)
            && let Some(left) = bytes_left.checked_sub(frame.data_ref().map_or(0, Bytes::len))
        {
            bytes_left = left;
        }
    }
}

impl std::fmt::Debug for Arriving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arriving").field("body", &self.body).finish_non_exhaustive()
    }
}
