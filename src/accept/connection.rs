//! One connection: who reads its heads, and what is done before and after a request is answered.

use super::deadline::WriteDeadline;
use super::front::{Draining, FIELDS_MAX, Front, Link, Next, Shared, Socket};
use super::interim::{Interleaved, behind_interims};
use super::listener::{Service, Visitor};
use super::{Limits, Refusal, check};
use crate::body::{Body, BodyError, Paced, Peer};
use crate::headers::Phrase;
use crate::interim::{Interims, Outlet};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What hyper may buffer of a connection; its minimum is 8 KiB.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// hyper's part of a connection that has a front.
type Hyper = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves one connection to its end; once `draining`, to the end of the request under way. What it holds is dropped when the
/// socket is closed: that of a tunnel when the tunnel ends.
pub(super) async fn connection<S: Service>(
    stream: TcpStream,
    held: impl Send + 'static,
    peer: SocketAddr,
    service: Arc<S>,
    limits: Arc<Limits>,
    draining: Draining,
) {
    let stream = WriteDeadline::new(stream, limits.write_timeout);
    // A head that the front has no room for would be hyper's before it is whole, and there it has no deadline.
    if limits.front && limits.fields_max <= FIELDS_MAX {
        in_turn(&Shared::new(stream, held), peer, service, limits, draining).await;
        return;
    }
    let interims = Arc::new(Interims::default());
    let stream = Interleaved::new(stream, interims.clone()).holding(held);
    let heads = Some(limits.head_timeout);
    let (of_hyper, told) = (limits.clone(), draining.clone());
    let serve = move |request| {
        let (service, limits, interims) = (service.clone(), limits.clone(), interims.clone());
        async move { answer(&service, &limits, request, peer, &interims, None).await }
    };
    // Apart: a connection with a front would carry the room for it otherwise.
    Box::pin(by_hyper(stream, serve, &of_hyper, heads, &told)).await;
}

/// The front answers what is ready, and hyper the rest.
async fn in_turn<S: Service>(
    wire: &Shared<Socket>,
    peer: SocketAddr,
    service: Arc<S>,
    limits: Arc<Limits>,
    draining: Draining,
) {
    let mut front = Front::new(service.clone(), limits.clone(), peer, draining.clone());
    let mut behind: Option<Hyper> = None;
    loop {
        let next = poll_fn(|cx| match (front.poll_next(cx, wire), &mut behind) {
            // Whoever answered before a body had ended may be reading on.
            (Poll::Pending, Some(hyper)) if wire.has_body() && !front.is_sending() => {
                hyper.as_mut().poll(cx).map(|()| Next::End)
            }
            (next, _) => next,
        });
        if let Next::End = next.await {
            break;
        }
        let hyper = behind.get_or_insert_with(|| {
            Box::pin(behind_front(wire.clone(), peer, service.clone(), limits.clone(), draining.clone()))
        });
        let has_ended = poll_fn(|cx| match hyper.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if wire.is_idle() => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        if has_ended.await {
            // What goes on after hyper is a tunnel.
            wire.give_all();
            return;
        }
        front.waits_anew();
    }
    drop(front);
    // The client may be gone.
    let _ = poll_fn(|cx| Pin::new(&mut wire.lock().socket).poll_shutdown(cx)).await;
}

/// hyper's part of a connection that has a front. It has no deadline for heads: what it is handed begins with a whole one.
async fn behind_front<S: Service>(
    wire: Shared<Socket>,
    peer: SocketAddr,
    service: Arc<S>,
    limits: Arc<Limits>,
    draining: Draining,
) {
    let interims = Arc::new(Interims::default());
    let stream = Interleaved::new(Link(wire.clone()), interims.clone());
    let of_hyper = limits.clone();
    let serve = move |request| {
        let (service, limits, interims, wire) = (service.clone(), limits.clone(), interims.clone(), wire.clone());
        async move {
            let response = answer(&service, &limits, request, peer, &interims, wire.refusal()).await;
            // What comes behind an answer that ends the connection is nobody's: hyper keeps it to its end.
            let ends = response.headers().get(header::CONNECTION).is_some_and(|option| option == "close");
            let mark = (!ends).then(|| wire.mark());
            response.map(|body| Marked { body, _mark: mark })
        }
    };
    by_hyper(stream, serve, &of_hyper, None, &draining).await;
}

/// Has hyper serve on a stream, up to the end of the request under way once `draining`.
async fn by_hyper<T, F, R, B>(stream: T, serve: F, limits: &Limits, head_timeout: Option<Duration>, draining: &Draining)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Response<B>>,
    B: http_body::Body<Data = Bytes, Error = BodyError> + 'static,
{
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(limits.fields_max)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(READ_BUFFER_BYTES_MAX.max(limits.head_bytes_max));
    let serve = service_fn(|request| {
        let answering = serve(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), serve).with_upgrades());
    // How a connection ends is the client's affair; what went wrong in a request has been logged with it.
    tokio::select! {
        // First, so that a request that was read before is answered.
        biased;
        _ = &mut connection => {}
        () = draining.begun() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// A body that marks the end of its answer.
struct Marked<B, M> {
    body: B,
    _mark: M,
}

impl<B: http_body::Body<Data = Bytes, Error = BodyError> + Unpin, M: Unpin> http_body::Body for Marked<B, M> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn answer<S: Service>(
    service: &Arc<S>,
    limits: &Limits,
    request: Request<Incoming>,
    peer: SocketAddr,
    interims: &Arc<Interims>,
    refused: Option<Refusal>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    // RFC 9110 15.2: a client of HTTP/1.0 is never sent one.
    let interim = if limits.interim && head.version == Version::HTTP_11 { interims.begin() } else { Outlet::nowhere() };
    let visitor = Visitor { peer, interim };
    if let Err(refusal) = refused.map_or_else(|| check(&head, limits), Err) {
        let mut response = service.refuse(refusal, visitor);
        // What follows on this connection cannot be told apart from the refused request's body.
        if refusal.status != StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        return response;
    }
    let has_none = http_body::Body::is_end_stream(&body);
    let body =
        if has_none { Body::empty() } else { Body::streamed(Paced::new(body, Peer::Client, limits.body_idle_timeout)) };
    phrased(behind_interims(interims, service.clone().answer(Request::from_parts(head, body), visitor)).await)
}

/// Has what a response says behind its status written there.
fn phrased(mut response: Response<Body>) -> Response<Body> {
    let phrase = response.extensions_mut().remove::<Phrase>();
    if let Some(phrase) = phrase.and_then(|phrase| ReasonPhrase::try_from(phrase.as_str().as_bytes()).ok()) {
        response.extensions_mut().insert(phrase);
    }
    response
}
