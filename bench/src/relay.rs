//! What passing a request on costs without a proxy's work: a hyper server on one thread with a hyper client behind it, whose
//! connections wait in a list for the next request.

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

type Sender = SendRequest<Empty<Bytes>>;
type Error = Box<dyn std::error::Error + Send + Sync>;

/// The connections that wait.
#[derive(Clone, Default)]
struct Pool(Arc<Mutex<Vec<Sender>>>);

impl Pool {
    fn take(&self) -> Option<Sender> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn put(&self, sender: Sender) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    }
}

/// A response's body, whose connection waits for the next request once it is dropped.
struct Relayed {
    body: Incoming,
    pool: Pool,
    sender: Option<Sender>,
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.pool.put(sender);
        }
    }
}

/// Serves, until it is killed, what the origin at that address says.
pub(crate) fn serve(origin: Option<&str>) -> ExitCode {
    let Some(origin) = origin.and_then(|address| address.parse().ok()) else { return ExitCode::FAILURE };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else { return ExitCode::FAILURE };
        let Ok(address) = listener.local_addr() else { return ExitCode::FAILURE };
        println!("relay: listening on http://{address} (public)");
        let pool = Pool::default();
        while let Ok((stream, _)) = listener.accept().await {
            // A socket that is gone already shows at its first read.
            let _ = stream.set_nodelay(true);
            let pool = pool.clone();
            let serve = service_fn(move |request| pass_on(request, origin, pool.clone()));
            tokio::spawn(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10))
                    .serve_connection(TokioIo::new(stream), serve),
            );
        }
        ExitCode::SUCCESS
    })
}

async fn pass_on(
    request: Request<Incoming>,
    origin: SocketAddr,
    pool: Pool,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Error> {
    let mut sender = match pool.take() {
        Some(sender) => sender,
        None => connect(origin).await?,
    };
    let response = sender.send_request(request.map(|_| Empty::new())).await?;
    Ok(response.map(|body| Relayed { body, pool, sender: Some(sender) }.boxed()))
}

async fn connect(origin: SocketAddr) -> Result<Sender, Error> {
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
