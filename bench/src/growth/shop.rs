//! The origin of curves: `/BYTES/NUMBER` and `/BYTES/anything/NUMBER` are pages of so many bytes, each tagged with one of fifty
//! groups by its number.

use super::drive::Random;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

/// By which pages can be purged.
pub(crate) const GROUPS: u64 = 50;
/// The largest page.
const BYTES_MAX: usize = 1 << 20;

/// A running origin; it ends with the process.
pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) async fn open() -> io::Result<Shop> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shop = Shop { address: listener.local_addr()?, asked: Arc::default() };
        let (asked, bytes) = (shop.asked.clone(), Bytes::from(words()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A socket that is gone already shows at its first read.
                let _ = stream.set_nodelay(true);
                let (asked, bytes) = (asked.clone(), bytes.clone());
                let serve = service_fn(move |request: Request<Incoming>| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let response = page(request.uri().path(), &bytes);
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Ok(shop)
    }

    /// How often it was asked so far.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Text that compresses somewhat as pages do.
fn words() -> Vec<u8> {
    let (mut random, mut text) = (Random::from(7), Vec::with_capacity(BYTES_MAX + 32));
    while text.len() < BYTES_MAX {
        let number = random.next() % 5_000;
        text.extend_from_slice(format!("<li class=\"pod\">{:x}</li>\n", number * number).as_bytes());
    }
    text
}

fn page(path: &str, bytes: &Bytes) -> Response<Full<Bytes>> {
    let mut segments = path.trim_start_matches('/').split('/');
    let length = segments.next().and_then(|length| length.parse().ok()).unwrap_or(1024).min(BYTES_MAX);
    let number: u64 = segments.next_back().and_then(|number| number.parse().ok()).unwrap_or_default();
    let mut response = Response::new(Full::new(bytes.slice(..length)));
    let fields = response.headers_mut();
    fields.append("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(tags) = HeaderValue::from_str(&format!("all group-{}", number % GROUPS)) {
        fields.append("surrogate-key", tags);
    }
    response
}
