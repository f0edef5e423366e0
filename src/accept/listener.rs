//! One listening socket: accept, bound, serve, drain.

use super::deadline::WriteDeadline;
use super::interim::{Interleaved, behind_interims};
use super::{Limits, check};
use crate::body::{Body, Paced, Peer};
use crate::headers::Phrase;
use crate::interim::{Interims, Outlet};
use http::{Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Socket, Type};
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections that the kernel holds for us while we are busy.
const BACKLOG: i32 = 1024;
/// Before accepting again when the process is out of file descriptors: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What hyper may buffer of a connection; its minimum is 8 KiB.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The peer's address, as the socket has it.
    pub peer: SocketAddr,
    /// Where interim responses for them go, until there is an answer.
    pub interim: Outlet,
}

/// Answers requests whose heads have been checked. It cannot fail: whatever goes wrong is an answer, or a broken body.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        request: Request<Body>,
        visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

    /// What a head that [`check`] refuses is answered with.
    fn refuse(&self, refusal: super::Refusal, visitor: Visitor) -> Response<Body>;

    /// A connection was opened; what is returned is dropped when it closes.
    fn connected(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }
}

/// A bound socket.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    /// Binds an address; port 0 takes a free one. It is served on the runtime that this is called on.
    ///
    /// # Errors
    /// As the system says it, for example that the address is in use.
    pub fn open(address: SocketAddr) -> io::Result<Door> {
        Door::of(bound(address, Share::Nobody)?)
    }

    /// Binds an address once for each of these runtimes; the system spreads connections among them. Whoever else has it is
    /// noticed all the same: the first socket is bound for itself alone, and shares only then what it has.
    ///
    /// # Errors
    /// As the system says it, for example that the address is in use.
    pub fn open_on(address: SocketAddr, runtimes: &[Handle]) -> io::Result<Vec<Door>> {
        let [first, others @ ..] = runtimes else { return Ok(Vec::new()) };
        let socket = bound(address, Share::Afterwards)?;
        let on = |runtime: &Handle, socket| {
            let _here = runtime.enter();
            Door::of(socket)
        };
        let door = on(first, socket)?;
        // Where port 0 was asked for, this has the one that was given.
        let address = door.address;
        let further = others.iter().map(|runtime| on(runtime, bound(address, Share::Before)?));
        std::iter::once(Ok(door)).chain(further).collect()
    }

    fn of(socket: Socket) -> io::Result<Door> {
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Door { address: listener.local_addr()?, listener })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves; then accepts no more and waits, up to the drain time, for requests under way.
    /// `places` bounds the connections of all doors that share it.
    pub async fn serve<S: Service>(
        self,
        service: Arc<S>,
        limits: Arc<Limits>,
        places: Arc<Semaphore>,
        stop: impl Future<Output = ()>,
    ) {
        let (connections, draining) = (TaskTracker::new(), CancellationToken::new());
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, peer, place) = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = accept(&self.listener, &places) => accepted,
            };
            let held = (service.connected(), place);
            connections.spawn(connection(stream, held, peer, service.clone(), limits.clone(), draining.clone()));
        }
        drop(self.listener);
        connections.close();
        draining.cancel();
        if timeout(limits.drain_timeout, connections.wait()).await.is_err() {
            tracing::warn!(address = %self.address, left = connections.len(), "the drain time is over");
        }
    }
}

/// Whom a bound socket shares its address with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// Nobody.
    Nobody,
    /// Those who are bound to it later, and ask to share it.
    Afterwards,
    /// Those who are bound to it already.
    Before,
}

fn bound(address: SocketAddr, share: Share) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share == Share::Before)?;
    socket.bind(&address.into())?;
    if share == Share::Afterwards {
        socket.set_reuse_port(true)?;
    }
    Ok(socket)
}

/// The next connection, with its place. While the house is full new connections wait in the kernel's backlog, but for the one here
/// that is next: a door that nobody comes to must not hold a place that another one needs.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A socket that is already gone shows at its first read.
                let _ = stream.set_nodelay(true);
                // The semaphore is never closed.
                if let Ok(place) = places.clone().acquire_owned().await {
                    return (stream, peer, place);
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection to its end; once `draining`, to the end of the request under way. What it holds is dropped when the
/// socket is closed: that of a tunnel when the tunnel ends.
async fn connection<S: Service>(
    stream: TcpStream,
    held: impl Send + 'static,
    peer: SocketAddr,
    service: Arc<S>,
    limits: Arc<Limits>,
    draining: CancellationToken,
) {
    let interims = Arc::new(Interims::default());
    let stream = WriteDeadline::new(stream, limits.write_timeout);
    let stream = Interleaved::new(stream, interims.clone()).holding(held);
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.fields_max)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(READ_BUFFER_BYTES_MAX.max(limits.head_bytes_max));
    let serve = service_fn(move |request: Request<Incoming>| {
        let (service, limits, interims) = (service.clone(), limits.clone(), interims.clone());
        async move { Ok::<_, Infallible>(answer(&service, &limits, request, peer, &interims).await) }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), serve).with_upgrades());
    // How a connection ends is the client's affair; what went wrong in a request has been logged with it.
    tokio::select! {
        _ = &mut connection => {}
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer<S: Service>(
    service: &Arc<S>,
    limits: &Limits,
    request: Request<Incoming>,
    peer: SocketAddr,
    interims: &Arc<Interims>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    // RFC 9110 15.2: a client of HTTP/1.0 is never sent one.
    let interim = if limits.interim && head.version == Version::HTTP_11 { interims.begin() } else { Outlet::nowhere() };
    let visitor = Visitor { peer, interim };
    if let Err(refusal) = check(&head, limits) {
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

#[cfg(test)]
mod tests;
