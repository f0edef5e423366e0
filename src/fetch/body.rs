//! Bodies on their way: a request's, which may have to go to another server, and a response's, with the place that it holds
//! among the origin's connections.

use super::line::Arriving;
use super::servers::UnderWay;
use crate::body::{self, BodyError, Paced, Peer};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// The body of an origin's response. Holds one of the origin's places until it has ended or is dropped.
#[derive(Debug)]
pub struct OriginBody {
    body: Paced<Arriving>,
    place: Option<Place>,
}

/// What a response holds until its body has ended.
#[derive(Debug)]
pub(super) struct Place {
    /// Kept for what it holds; shared with what is still sent of the request.
    _connection: Arc<OwnedSemaphorePermit>,
    server: UnderWay,
}

impl Place {
    pub(super) fn new(connection: Arc<OwnedSemaphorePermit>, server: UnderWay) -> Place {
        Place { _connection: connection, server }
    }

    /// What a tunnel holds, which lasts for hours: none of the connections that requests wait for.
    pub(super) fn of_tunnel(self) -> UnderWay {
        self.server
    }
}

impl OriginBody {
    pub(super) fn new(arriving: Arriving, idle_timeout: Duration, place: Option<Place>) -> OriginBody {
        // Nobody reads the body of a 304 to its end.
        let place = place.filter(|_| !arriving.is_end_stream());
        OriginBody { body: Paced::new(arriving, Peer::Origin, idle_timeout), place }
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

/// A request's body on loan to a connection. Where no connection came about nobody has read of it, and it is lent again. Most
/// have none.
#[derive(Clone)]
pub(super) struct Lent(Option<Arc<Mutex<Reading>>>);

/// How far it was read.
struct Reading {
    body: body::Body,
    /// One in chunks does not know by itself that it has ended.
    has_ended: bool,
    /// When something of it was taken last.
    taken: Instant,
}

impl Lent {
    pub(super) fn new(body: body::Body) -> Lent {
        let is_empty = body.is_end_stream();
        Lent((!is_empty).then(|| Arc::new(Mutex::new(Reading { body, has_ended: false, taken: Instant::now() }))))
    }

    /// When a connection took something of it last; none: there is nothing to take.
    pub(super) fn taken(&self) -> Option<Instant> {
        self.lock().map(|reading| reading.taken)
    }

    fn lock(&self) -> Option<MutexGuard<'_, Reading>> {
        // A body that panicked is not read again: its request is lost with the connection that read it.
        self.0.as_ref().map(|reading| reading.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(mut reading) = self.lock() else { return Poll::Ready(None) };
        let polled = Pin::new(&mut reading.body).poll_frame(cx);
        if polled.is_ready() {
            reading.taken = Instant::now();
        }
        reading.has_ended |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_none_or(|reading| reading.has_ended || reading.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().map_or_else(|| SizeHint::with_exact(0), |reading| reading.body.size_hint())
    }
}
