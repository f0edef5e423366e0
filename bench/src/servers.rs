//! The servers that vitrine stands beside and in front of.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// The header fields of a hit, as vitrine sends them: the bare server sends the same bytes.
const HIT_FIELDS: [(&str, &str); 10] = [
    ("content-type", "text/html; charset=utf-8"),
    ("date", "Tue, 24 Nov 2026 12:00:00 GMT"),
    ("cache-control", "no-cache"),
    ("etag", "\"v-00000000000000000000000000000000\""),
    ("vary", "Accept-Encoding"),
    ("age", "1"),
    ("via", "1.1 vitrine"),
    ("cache-status", "vitrine; hit; ttl=299"),
    ("x-cache", "HIT"),
    ("x-request-id", "00000000-0000"),
];

/// A hyper server on one thread that sends the same 1 KiB to everybody: what a hit costs without a cache.
pub(crate) fn bare() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else { return ExitCode::FAILURE };
        let Ok(address) = listener.local_addr() else { return ExitCode::FAILURE };
        println!("bare: listening on http://{address} (public)");
        let body = Bytes::from(vec![b'x'; 1024]);
        while let Ok((stream, _)) = listener.accept().await {
            // A socket that is gone already shows at its first read.
            let _ = stream.set_nodelay(true);
            let body = body.clone();
            let serve = service_fn(move |_: Request<Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                for (name, value) in HIT_FIELDS {
                    response.headers_mut().append(name, http::HeaderValue::from_static(value));
                }
                async move { Ok::<_, Infallible>(response) }
            });
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

/// The origin: `/anything` answers with so many bytes, after a delay, tagged with `tag:all`.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<AtomicU64>,
}

impl Origin {
    pub(crate) async fn start(body_bytes: usize, delay: Duration) -> std::io::Result<Origin> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = Origin { address: listener.local_addr()?, asked: Arc::default() };
        let (asked, body) = (origin.asked.clone(), Bytes::from(vec![b'x'; body_bytes]));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, body) = (asked.clone(), body.clone());
                let serve = service_fn(move |request: Request<Incoming>| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let body = body.clone();
                    async move {
                        tokio::time::sleep(delay).await;
                        let tags = if request.uri().path().starts_with("/few/") { "all few" } else { "all many" };
                        let mut response = Response::new(Full::new(body));
                        let fields = response.headers_mut();
                        fields.append("content-type", http::HeaderValue::from_static("text/html; charset=utf-8"));
                        fields.append("surrogate-key", http::HeaderValue::from_static(tags));
                        Ok::<_, Infallible>(response)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Ok(origin)
    }
}
