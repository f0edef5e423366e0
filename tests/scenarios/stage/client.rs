//! A client that writes raw bytes and sees everything: also where a body breaks off.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response as it stood on the wire.
#[derive(Clone, Debug)]
pub struct Got {
    pub status: u16,
    /// What stands behind the status.
    pub phrase: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body ended as its head had announced.
    pub complete: bool,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.expect("vitrine listens");
        Client { stream, buffer: Vec::new() }
    }

    /// One that takes little before it is read from.
    pub async fn narrow(address: SocketAddr) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(16 * 1024).expect("it is small enough");
        Client { stream: socket.connect(address).await.expect("vitrine listens"), buffer: Vec::new() }
    }

    /// Sends raw bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A peer that has refused already may have closed; what it answered is still to be read.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads one whole response to a request of that method.
    pub async fn response(&mut self, method: &str) -> Got {
        let mut got = self.head().await.expect("an answer comes");
        super::in_time("the body comes", self.body(method, &mut got)).await;
        got
    }

    /// Reads one head; none where the connection ends instead.
    pub async fn head(&mut self) -> Option<Got> {
        super::in_time("a head comes", async {
            loop {
                if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                    let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                    return Some(parse_head(&String::from_utf8_lossy(&head)));
                }
                if !self.fill().await {
                    return None;
                }
            }
        })
        .await
    }

    /// Reads the next so many bytes of a body as they come.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        super::in_time("bytes come", async {
            while self.buffer.len() < count && self.fill().await {}
            self.buffer.drain(..count.min(self.buffer.len())).collect()
        })
        .await
    }

    async fn fill(&mut self) -> bool {
        // Not in the future itself: a play that asks twenty times would not fit a test's stack.
        let mut chunk = vec![0; 16 * 1024];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                true
            }
        }
    }

    /// Reads the body that belongs to a head.
    pub async fn body(&mut self, method: &str, got: &mut Got) {
        let has_none = method == "HEAD" || got.status == 304 || got.status == 204 || got.status < 200;
        if has_none {
            got.complete = true;
        } else if got.field("transfer-encoding") == Some("chunked") {
            got.complete = self.chunked(&mut got.body).await;
        } else if let Some(length) = got.field("content-length").and_then(|length| length.parse().ok()) {
            while self.buffer.len() < length && self.fill().await {}
            got.complete = self.buffer.len() >= length;
            got.body = self.buffer.drain(..length.min(self.buffer.len())).collect();
        } else {
            while self.fill().await {}
            got.body = std::mem::take(&mut self.buffer);
            got.complete = true;
        }
    }

    async fn chunked(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(end) = self.line().await else { return false };
            let size = String::from_utf8_lossy(&self.buffer[..end]).trim().to_string();
            let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16) else { return false };
            while self.buffer.len() < end + 2 + size + 2 {
                if !self.fill().await {
                    return false;
                }
            }
            body.extend_from_slice(&self.buffer[end + 2..end + 2 + size]);
            self.buffer.drain(..end + 2 + size + 2);
            if size == 0 {
                return true;
            }
        }
    }

    async fn line(&mut self) -> Option<usize> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                return Some(end);
            }
            if !self.fill().await {
                return None;
            }
        }
    }
}

impl Got {
    /// A field's lines, joined.
    pub fn all(&self, name: &str) -> String {
        let lines: Vec<&str> =
            self.fields.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value).collect();
        lines.join(", ")
    }

    /// The first line of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn expect(&self, status: u16, body: &str) -> &Got {
        assert_eq!((self.status, self.text().as_str(), self.complete), (status, body, true), "{self:?}");
        self
    }

    /// Asserts that `Cache-Status` holds each of these.
    #[track_caller]
    pub fn cache_status(&self, parts: &[&str]) -> &Got {
        let status = self.all("cache-status");
        for part in parts {
            assert!(status.split([';', ',']).any(|own| own.trim() == *part), "{part:?} is not in {status:?}");
        }
        self
    }

    #[track_caller]
    pub fn hit(&self) -> &Got {
        self.cache_status(&["hit"])
    }
}

fn parse_head(head: &str) -> Got {
    let mut lines = head.split("\r\n");
    let mut line = lines.next().unwrap_or_default().splitn(3, ' ').skip(1);
    let status = line.next().and_then(|status| status.parse().ok());
    let phrase = line.next().unwrap_or_default().to_string();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string())).collect();
    Got { status: status.expect("a status"), phrase, fields, body: Vec::new(), complete: false }
}

pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
