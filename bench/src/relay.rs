//! What passing a request on costs without a proxy's work: hyper on both sides, on one thread, and between them a list of connections
//! that wait for the next request. It stands beside vitrine's misses and passes, and among the peers.

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections to the origin that wait, at most.
const WAITING_MAX: usize = 128;

type Sender = SendRequest<Incoming>;

/// The connections that wait.
#[derive(Clone, Default)]
struct Pool(Arc<Mutex<Vec<Sender>>>);

impl Pool {
    fn take(&self) -> Option<Sender> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, sender: Sender) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push(sender);
        }
    }
}

/// Serves, until it is killed, at the first of two addresses what the origin at the second says; tells where it listens.
pub(crate) async fn child(arguments: &[String]) -> io::Result<()> {
    let [listen, origin] = arguments else { return Err(io::Error::other("LISTEN ORIGIN is needed")) };
    let listener = TcpListener::bind(listen).await?;
    println!("relay: listening on http://{} (public)", listener.local_addr()?);
    serve(listener, origin.parse().map_err(io::Error::other)?).await
}

async fn serve(listener: TcpListener, origin: SocketAddr) -> io::Result<()> {
    let pool = Pool::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pool = pool.clone();
        let serve = service_fn(move |request| pass_on(request, origin, pool.clone()));
        // As vitrine has it: with a deadline for heads.
        let server = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_mins(1))
            .serve_connection(TokioIo::new(stream), serve);
        tokio::spawn(server);
    }
}

async fn pass_on(request: Request<Incoming>, origin: SocketAddr, pool: Pool) -> io::Result<Response<Relayed>> {
    let mut sender = loop {
        let Some(mut sender) = pool.take() else { break connect(origin).await? };
        // It may have been put there a moment before it can be used again, or have ended since.
        if sender.ready().await.is_ok() {
            break sender;
        }
    };
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    Ok(response.map(|body| Relayed { body, back: Some((pool, sender)) }))
}

async fn connect(origin: SocketAddr) -> io::Result<Sender> {
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A response's body, whose connection waits for the next request once all of it has come.
struct Relayed {
    body: Incoming,
    back: Option<(Pool, Sender)>,
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let has_ended = matches!(frame, Poll::Ready(None)) || self.body.is_end_stream();
        if has_ended && let Some((pool, sender)) = self.back.take() {
            pool.put(sender);
        }
        frame
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn requests_are_passed_on_over_one_connection() {
        let (front, origin) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let mut client = TcpStream::connect(front.local_addr().unwrap()).await.unwrap();
        tokio::spawn(serve(front, origin.local_addr().unwrap()));
        client.write_all(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let (mut behind, _) = origin.accept().await.unwrap();
        for (asked, next) in [("/a", "/b"), ("/b", "/c")] {
            is_there(&mut behind, &format!("GET {asked} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
            behind.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
            is_there(&mut client, "\r\n\r\nhi").await;
            client.write_all(format!("GET {next} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
        }
    }

    /// Reads until what has come ends so.
    async fn is_there(stream: &mut TcpStream, end: &str) {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "{}", String::from_utf8_lossy(&heard));
        }
    }
}
