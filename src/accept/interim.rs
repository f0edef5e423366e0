//! Interim responses on an HTTP/1.1 connection (RFC 9110 15.2, RFC 8297), written below hyper, whose server has no way to send
//! any but 100.
//!
//! What makes it right is one property of hyper's: it flushes its stream only when nothing of its own is left to write, and it
//! flushes in each round, after it has asked the handler. (Not with its option `pipeline_flush`, which stays off.) So a flush
//! before the handler has answered stands at the border between two messages, and there alone an interim response is begun.
//! What hyper writes next waits until that is whole. An answer that is ready while some wait stays back for one round, so
//! that they come before it.

use crate::interim::{Interim, Interims};
use bytes::{Buf, BufMut, BytesMut};
use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that hyper serves on, and that writes interim responses between hyper's own messages.
#[derive(Debug)]
pub(super) struct Interleaved<S> {
    stream: S,
    interims: Arc<Interims>,
    /// What of interim responses is still to be written.
    own: BytesMut,
    /// Kept for as long as the stream is: after an upgrade hyper is done with the connection, and it goes on.
    _held: Box<dyn Any + Send>,
}

impl<S: AsyncWrite + Unpin> Interleaved<S> {
    pub(super) fn new(stream: S, interims: Arc<Interims>) -> Interleaved<S> {
        Interleaved { stream, interims, own: BytesMut::new(), _held: Box::new(()) }
    }

    /// The same, with something that is dropped when the stream is.
    pub(super) fn holding(self, held: impl Send + 'static) -> Interleaved<S> {
        Interleaved { _held: Box::new(held), ..self }
    }

    /// Writes what was begun to its end.
    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.own))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own.advance(written);
            if self.own.is_empty() {
                // Most connections never see another.
                self.own = BytesMut::new();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Interleaved<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Interleaved<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.interims.is_waiting() {
            for interim in self.interims.take() {
                encode(&interim, &mut self.own);
            }
            // An answer may have stayed back for them.
            cx.waker().wake_by_ref();
        }
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A head as it stands on the wire (RFC 9112 4), like hyper's own: names in lower case.
fn encode(interim: &Interim, into: &mut BytesMut) {
    into.put_slice(b"HTTP/1.1 ");
    into.put_slice(interim.status.as_str().as_bytes());
    // The blank stands there also where no phrase follows.
    into.put_slice(b" ");
    into.put_slice(interim.status.canonical_reason().unwrap_or_default().as_bytes());
    into.put_slice(b"\r\n");
    for (name, value) in &interim.fields {
        into.put_slice(name.as_str().as_bytes());
        into.put_slice(b": ");
        into.put_slice(value.as_bytes());
        into.put_slice(b"\r\n");
    }
    into.put_slice(b"\r\n");
}

/// The answer to the request under way, behind the interim responses that have come for it. To be polled by the task of the
/// connection. Nothing comes for the request once this is ready.
pub(super) async fn behind_interims<T>(
    interims: &Interims,
    mut answering: Pin<Box<dyn Future<Output = T> + Send>>,
) -> T {
    let mut answer = None;
    poll_fn(move |cx| {
        if answer.is_none() {
            match answering.as_mut().poll(cx) {
                Poll::Ready(ready) => answer = Some(ready),
                Poll::Pending => {
                    interims.wake_at_next(cx);
                    return Poll::Pending;
                }
            }
        }
        if interims.is_waiting() {
            // The flush that follows in this round, or in the first that the client lets through, takes them and wakes.
            return Poll::Pending;
        }
        interims.end();
        answer.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

#[cfg(test)]
mod tests;
