//! A body that comes over a connection: each wait for its next bytes has a deadline (rows R9, F3), and trailers are dropped
//! (row S20), so that what is passed on or kept ends with its content.

use super::BodyError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Whose connection a body comes over, and so whose fault its break is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The client's: a request's body.
    Client,
    /// The origin's: a response's body.
    Origin,
}

/// A body with a deadline for each of its parts.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    from: Peer,
    idle_timeout: Duration,
    /// Set once something had to be waited for.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B> {
    /// A body that is given up when nothing of it comes for so long.
    pub fn new(body: B, from: Peer, idle_timeout: Duration) -> Paced<B> {
        Paced { body, from, idle_timeout, deadline: None }
    }

    fn broken(&self, error: &dyn Display) -> BodyError {
        match self.from {
            Peer::Client => BodyError::Client(error.to_string()),
            Peer::Origin => BodyError::Origin(error.to_string()),
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let idle_timeout = self.idle_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(self.broken(&format_args!("nothing came for {} ms", idle_timeout.as_millis())))
    }

    fn rearm(&mut self) {
        if let Some(deadline) = &mut self.deadline {
            deadline.as_mut().reset(Instant::now() + self.idle_timeout);
        }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.rearm();
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(self.broken(&error)))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return self.poll_deadline(cx).map(|stalled| Some(Err(stalled))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http_body_util::BodyExt;
    use std::collections::VecDeque;

    /// A body of these frames, and then nothing for ever.
    struct Hanging(VecDeque<Frame<Bytes>>);

    impl Body for Hanging {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.0.pop_front().map_or(Poll::Pending, |frame| Poll::Ready(Some(Ok(frame))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn trailers_are_dropped_and_a_body_that_hangs_is_broken_by_whom_it_came_from() {
        let frames = || [Frame::data(Bytes::from_static(b"a")), Frame::trailers(HeaderMap::new())].into();
        for from in [Peer::Client, Peer::Origin] {
            let mut body = Paced::new(Hanging(frames()), from, Duration::from_secs(5));
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
            match (from, body.frame().await) {
                (Peer::Client, Some(Err(BodyError::Client(_)))) | (Peer::Origin, Some(Err(BodyError::Origin(_)))) => {}
                (_, other) => panic!("{other:?}"),
            }
        }
    }
}
