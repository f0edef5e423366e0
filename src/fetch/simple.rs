//! A small HTTP/1.1 client for vitrine's own commands: one connection, one exchange at a time, in clear.
//!
//! Every step has a deadline and every body a size. No redirect is followed, nothing is retried, no proxy of the
//! environment is used.

use bytes::{Bytes, BytesMut};
use http::{Request, Response, response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What an exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect.
    pub connect_timeout: Duration,
    /// From the request to the end of the response.
    pub exchange_timeout: Duration,
    /// Bytes of a response's body.
    pub body_bytes_max: usize,
}

/// An exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SimpleError {
    /// No connection.
    #[error("{}", connect_words(.0))]
    Connect(std::io::Error),
    /// A deadline passed.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// What came is not HTTP, or ended short.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// The body is larger than what is taken.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

fn connect_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".into(),
        std::io::ErrorKind::TimedOut => "it does not answer".into(),
        _ => error.to_string(),
    }
}

/// One connection; dropping it closes it.
pub struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    limits: Limits,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    /// Connects.
    pub async fn open(address: SocketAddr, limits: Limits) -> Result<Link, SimpleError> {
        let stream = timeout(limits.connect_timeout, TcpStream::connect(address))
            .await
            .map_err(|_| SimpleError::Timeout(limits.connect_timeout))?
            .map_err(SimpleError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            // Whatever breaks the connection is told to the exchange that is under way.
            let _ = connection.await;
        });
        Ok(Link { sender, driver, limits })
    }

    /// Whether it can carry another exchange, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request, its target in origin form and its Host set, and takes the whole response.
    pub async fn ask(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, SimpleError> {
        let mut whole = BytesMut::new();
        let head = self.exchange(request, |part| whole.extend_from_slice(part)).await?;
        Ok(Response::from_parts(head, whole.freeze()))
    }

    /// The same, but lets go of the body as it comes.
    pub async fn ask_for_head(&mut self, request: Request<Bytes>) -> Result<response::Parts, SimpleError> {
        self.exchange(request, |_| ()).await
    }

    async fn exchange(
        &mut self,
        request: Request<Bytes>,
        take: impl FnMut(&Bytes),
    ) -> Result<response::Parts, SimpleError> {
        let limits = self.limits;
        let exchange = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request.map(Full::new)).await?.into_parts();
            read(body, limits.body_bytes_max, take).await?;
            Ok(head)
        };
        let done = timeout(limits.exchange_timeout, exchange).await;
        done.unwrap_or(Err(SimpleError::Timeout(limits.exchange_timeout)))
    }
}

async fn read(mut body: Incoming, bytes_max: usize, mut take: impl FnMut(&Bytes)) -> Result<(), SimpleError> {
    let mut bytes_left = bytes_max;
    while let Some(frame) = body.frame().await {
        if let Ok(part) = frame?.into_data() {
            bytes_left = bytes_left.checked_sub(part.len()).ok_or(SimpleError::TooLarge(bytes_max))?;
            take(&part);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const LIMITS: Limits = Limits {
        connect_timeout: Duration::from_secs(10),
        exchange_timeout: Duration::from_secs(10),
        body_bytes_max: 16,
    };

    /// A server that takes one request and says `answer`, then keeps the connection open.
    async fn says(answer: &'static [u8]) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer).await.unwrap();
            if answer.ends_with(b"short") {
                return;
            }
            std::future::pending::<()>().await;
        });
        Link::open(address, LIMITS).await.unwrap()
    }

    fn request() -> Request<Bytes> {
        Request::get("/a").header("host", "x").body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_taken_whole() {
        let mut link = says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        assert_eq!(link.ask(request()).await.unwrap().body(), "hello");
        assert!(link.is_open());
    }

    #[tokio::test]
    async fn what_is_too_large_short_or_no_http_is_an_error() {
        let error = says(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n12345678901234567").await.ask(request()).await;
        assert!(matches!(error, Err(SimpleError::TooLarge(16))), "{error:?}");
        let error = says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort").await.ask(request()).await;
        assert!(matches!(error, Err(SimpleError::Broken(_))), "{error:?}");
        let error = says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await.ask(request()).await;
        assert!(matches!(error, Err(SimpleError::Broken(_))), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_the_deadline() {
        let error = says(b"").await.ask(request()).await;
        assert!(matches!(error, Err(SimpleError::Timeout(_))), "{error:?}");
    }

    #[tokio::test]
    async fn a_refused_connection_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(Link::open(address, LIMITS).await.err().unwrap().to_string(), "connection refused");
    }
}
