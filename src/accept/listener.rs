//! One listening socket: accept, bound, serve, drain.

use super::Limits;
use super::connection::connection;
use super::front::{Draining, Head, Ready, Sent};
use crate::body::Body;
use crate::interim::Outlet;
use http::{Request, Response};
use socket2::{Domain, Socket, Type};
use std::any::Any;
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
use tokio_util::task::TaskTracker;

/// Connections that the kernel holds for us while we are busy.
const BACKLOG: i32 = 1024;
/// Before accepting again when the process is out of file descriptors: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    /// What is to be told of an answer that was ready.
    type Receipt: Send + 'static;

    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        request: Request<Body>,
        visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

    /// What a head that [`check`](super::check) refuses is answered with.
    fn refuse(&self, refusal: super::Refusal, visitor: Visitor) -> Response<Body>;

    /// Answers a request at once, where what it asks for is at hand: the answer's head goes to the end of `head`, whole but for the
    /// empty line. Nothing is answered, and nothing has happened, where that is anybody's guess.
    fn ready(&self, _: &Head<'_>, _: SocketAddr, _head: &mut Vec<u8>) -> Option<Ready<Self::Receipt>> {
        None
    }

    /// An answer that was ready has been sent, or could not be.
    fn sent(&self, _: Self::Receipt, _: &Sent<'_>) {}

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
        let (connections, draining) = (TaskTracker::new(), Draining::default());
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
        draining.begin();
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

#[cfg(test)]
mod tests;
