//! The body of every response that leaves vitrine.

mod memory_file;
mod paced;

pub use memory_file::MemoryFile;
pub use paced::{Paced, Peer};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response body: bytes at hand, or a stream that somebody else fills; and who wants to know what became of it.
pub struct Body {
    inner: Inner,
    watch: Option<Box<dyn Watch>>,
}

/// Told what becomes of a body. When it is dropped, the body has ended, broken off or been given up by its reader.
pub trait Watch: Send {
    /// So many bytes more were handed to the connection.
    fn sent(&mut self, bytes: usize);
    /// The body was read to its end.
    fn completed(&mut self);
}

enum Inner {
    Whole(Option<Bytes>),
    Pieces {
        pieces: std::vec::IntoIter<Bytes>,
        bytes_left: u64,
    },
    Streamed {
        body: Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>,
        /// Why it broke off, as long as that was not told.
        broken: Option<BodyError>,
    },
}

/// Why a body broke off. The client is shown the break (a closed connection), never an end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// The origin ended short, was reset or sent what is not HTTP.
    #[error("the origin's body broke off: {0}")]
    Origin(String),
    /// The client's request body ended short, was reset or stalled.
    #[error("the request's body broke off: {0}")]
    Client(String),
    /// This reader fell too far behind the others that share a fetch.
    #[error("the reader fell too far behind")]
    Lagged,
    /// The fetch that filled it ended without an end.
    #[error("the fetch was given up")]
    Abandoned,
}

impl Body {
    /// No content.
    pub fn empty() -> Body {
        Body::of(Inner::Whole(None))
    }

    /// These bytes.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        Body::of(Inner::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty())))
    }

    /// These bytes, one after the other, none of them copied.
    pub fn pieces(pieces: Vec<Bytes>) -> Body {
        let bytes_left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Body::of(Inner::Pieces { pieces: pieces.into_iter(), bytes_left })
    }

    /// What another body will give.
    pub fn streamed(body: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Body {
        Body::of(Inner::Streamed { body: Box::pin(body), broken: None })
    }

    /// The same body, watched.
    #[must_use]
    pub fn watched(mut self, watch: impl Watch + 'static) -> Body {
        self.watch = Some(Box::new(watch));
        self
    }

    fn of(inner: Inner) -> Body {
        Body { inner, watch: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.inner.poll_frame(cx);
        if let (Poll::Ready(Some(Ok(frame))), Some(watch)) = (&polled, &mut self.watch) {
            watch.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        // One without a length cannot tell afterwards that its end has been taken.
        if let (Poll::Ready(None), Some(watch)) = (&polled, &mut self.watch) {
            watch.completed();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(mut watch) = self.watch.take()
            && self.inner.is_end_stream()
        {
            watch.completed();
        }
    }
}

impl Inner {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Inner::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Inner::Pieces { pieces, bytes_left } => {
                let next = pieces.find(|piece| !piece.is_empty());
                *bytes_left -= next.as_ref().map_or(0, |piece| piece.len() as u64);
                Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
            }
            Inner::Streamed { body, broken } => {
                if let Some(error) = broken.take() {
                    return Poll::Ready(Some(Err(error)));
                }
                match body.as_mut().poll_frame(cx) {
                    Poll::Ready(Some(Err(error))) => {
                        // A round later: a connection that is told throws away what it has not written yet, which may be
                        // the whole of what came, its head too.
                        *broken = Some(error);
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                    polled => polled,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Inner::Whole(bytes) => bytes.is_none(),
            Inner::Pieces { bytes_left, .. } => *bytes_left == 0,
            Inner::Streamed { body, broken } => broken.is_none() && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Inner::Pieces { bytes_left, .. } => SizeHint::with_exact(*bytes_left),
            Inner::Streamed { body, .. } => body.size_hint(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hint = http_body::Body::size_hint(self);
        f.debug_struct("Body").field("bytes", &hint.exact()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Woken>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// A body that is broken from its start.
    struct Broken;

    impl http_body::Body for Broken {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(Some(Err(BodyError::Abandoned)))
        }
    }

    #[test]
    fn a_break_is_told_a_round_after_it_was_seen_and_is_no_end_meanwhile() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let mut body = Body::streamed(Broken);
        assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
        assert!(woken.0.load(Ordering::SeqCst), "nobody would ask again");
        assert!(!body.is_end_stream());
        let told = Pin::new(&mut body).poll_frame(&mut cx);
        assert!(matches!(told, Poll::Ready(Some(Err(BodyError::Abandoned)))), "{told:?}");
    }
}
