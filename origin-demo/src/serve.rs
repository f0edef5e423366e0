//! Accepting connections and serving them with hyper by hand, because resets and cut bodies need
//! the socket itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::wire::Wire;

/// Connections served at once; further ones wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 1024;

/// How long a connection may take to say what it wants, which also ends idle ones.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How long requests under way may take once the shop is closing.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// After a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `closing` says so, then lets requests under way finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut closing: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = closed(&mut closing) => break,
        };
        let Some((stream, place)) = accepted else {
            break;
        };
        let (router, closing) = (router.clone(), closing.clone());
        connections.spawn(async move {
            connection(stream, router, closing).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Past the limit the set is dropped, and the connections with it.
    let _ = timeout(DRAIN_TIMEOUT, drained).await;
}

/// Returns once the shop is closing, or was dropped.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    // The value is a lock's guard, which must not be held across an await.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// The next connection and its place; none if the room itself is gone.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            Err(error) => {
                eprintln!("origin-demo: accept: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, mut closing: watch::Receiver<bool>) {
    // Small answers are not held back for an acknowledgement; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let wire = Wire::new(stream);
    let switch = wire.switch();
    let pages = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(switch.clone());
        let answer = hyper::service::Service::call(&pages, request);
        async move { answer.await as Result<Response<Body>, Infallible> }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = std::pin::pin!(connection);
    // How a connection ends is the client's business, or that of a fault that was asked for.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
