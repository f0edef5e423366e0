//! A connection that is kept, from which pages are read and purges sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Past it a read is given up, and counts for nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// A purge may wait for leases to run out.
const PURGE_TIMEOUT: Duration = Duration::from_secs(15);

/// One visitor of one proxy.
pub(crate) struct Visitor {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) cache_status: String,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn of(address: SocketAddr) -> Visitor {
        Visitor { address, stream: None }
    }

    /// The page; none where there was no answer in time.
    pub(crate) fn read(&mut self, page: u32) -> Option<Answer> {
        self.ask(&format!("GET /p/{page} HTTP/1.1\r\nHost: shop.example\r\n\r\n"), READ_TIMEOUT)
    }

    /// Purges a page by its URL or its tag, and waits so many seconds for all proxies.
    pub(crate) fn purge(&mut self, page: u32, by_tag: bool, wait_seconds: u64) -> Option<Answer> {
        let (target, tag) = if by_tag {
            ("/".into(), format!("Surrogate-Key: p:{page}\r\n"))
        } else {
            (format!("/p/{page}"), String::new())
        };
        let request =
            format!("PURGE {target} HTTP/1.1\r\nHost: shop.example\r\n{tag}X-Purge-Wait: {wait_seconds}\r\n\r\n");
        self.ask(&request, PURGE_TIMEOUT)
    }

    fn ask(&mut self, request: &str, timeout: Duration) -> Option<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(self.connect()?),
        };
        stream.get_ref().set_read_timeout(Some(timeout)).ok()?;
        stream.get_mut().write_all(request.as_bytes()).ok()?;
        let answer = answer(&mut stream)?;
        self.stream = Some(stream);
        Some(answer)
    }

    fn connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, READ_TIMEOUT).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(stream)
    }
}

fn answer(from: &mut BufReader<TcpStream>) -> Option<Answer> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let (mut length, mut cache_status) = (0, String::new());
    loop {
        line.clear();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "cache-status" => cache_status = value.trim().into(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some(Answer { status, cache_status, body: String::from_utf8(body).ok()? })
}
