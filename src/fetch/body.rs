//! A response body from the origin: an idle deadline, no trailers, and a break told as one.

use crate::body::BodyError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

/// The body of an origin's response. Holds one of the origin's places until it is read to its end or dropped.
pub struct OriginBody {
    incoming: Incoming,
    idle_timeout: Duration,
    /// Runs only while something is awaited.
    deadline: Option<Pin<Box<Sleep>>>,
    place: Option<OwnedSemaphorePermit>,
}

impl OriginBody {
    pub(super) fn new(incoming: Incoming, idle_timeout: Duration, place: OwnedSemaphorePermit) -> OriginBody {
        OriginBody { incoming, idle_timeout, deadline: None, place: Some(place) }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let idle_timeout = self.idle_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(BodyError::Stalled(idle_timeout.as_secs()))
    }

    fn rearm(&mut self) {
        if let Some(deadline) = &mut self.deadline {
            deadline.as_mut().reset(Instant::now() + self.idle_timeout);
        }
    }
}

impl Body for OriginBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.rearm();
                    // Trailers are dropped: what is stored and served ends with its content.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.place = None;
                    return Poll::Ready(Some(Err(BodyError::Origin(error.to_string()))));
                }
                Poll::Ready(None) => {
                    self.place = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => return self.poll_deadline(cx).map(|stalled| Some(Err(stalled))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl std::fmt::Debug for OriginBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OriginBody").field("bytes", &self.size_hint().exact()).finish_non_exhaustive()
    }
}
