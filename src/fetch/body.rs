//! A response body from the origin, and the place that it holds among the origin's connections.

use crate::body::{BodyError, Paced, Peer};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// The body of an origin's response. Holds one of the origin's places until it has ended or is dropped.
#[derive(Debug)]
pub struct OriginBody {
    body: Paced<Incoming>,
    place: Option<OwnedSemaphorePermit>,
}

impl OriginBody {
    pub(super) fn new(incoming: Incoming, idle_timeout: Duration, place: OwnedSemaphorePermit) -> OriginBody {
        OriginBody { body: Paced::new(incoming, Peer::Origin, idle_timeout), place: Some(place) }
    }
}

impl Body for OriginBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.place = None;
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
