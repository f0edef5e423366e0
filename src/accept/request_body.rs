//! A request's body: an idle deadline (row R9), no trailers (row S20).

use crate::body::{Body, BodyError};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// The body of a request as the rest of vitrine has it.
pub(super) fn request_body(incoming: Incoming, idle_timeout: Duration) -> Body {
    if incoming.is_end_stream() {
        return Body::empty();
    }
    Body::streamed(RequestBody { incoming, idle_timeout, deadline: None })
}

struct RequestBody {
    incoming: Incoming,
    idle_timeout: Duration,
    /// Set while something is awaited.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let idle_timeout = self.idle_timeout;
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(deadline) = &mut self.deadline {
                        deadline.as_mut().reset(Instant::now() + idle_timeout);
                    }
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BodyError::Client(error.to_string())))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
                    return match deadline.as_mut().poll(cx) {
                        Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Client("it stalled".into())))),
                        Poll::Pending => Poll::Pending,
                    };
                }
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
