//! The load: keep-alive connections that send the next request when the last answer is whole.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer; the head of it.
    pub(crate) async fn ask(&mut self, method: &str, target: &str, fields: &str) -> io::Result<String> {
        self.ask_whole(method, target, fields).await.map(|(head, _)| head)
    }

    /// The same, with the body.
    pub(crate) async fn ask_whole(
        &mut self,
        method: &str,
        target: &str,
        fields: &str,
    ) -> io::Result<(String, Vec<u8>)> {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\n{fields}\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        let head_end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let length = length.ok_or_else(|| io::Error::other(format!("no length in {head}")))?;
        while self.buffer.len() < head_end + length {
            self.fill().await?;
        }
        let body = self.buffer[head_end..head_end + length].to_vec();
        self.buffer.drain(..head_end + length);
        Ok((head, body))
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) target: String,
    /// Further header lines.
    pub(crate) fields: String,
}

impl From<String> for Ask {
    fn from(target: String) -> Ask {
        Ask { target, fields: String::new() }
    }
}

/// What a round of load came to.
pub(crate) struct Round {
    pub(crate) requests: u64,
    pub(crate) took: Duration,
    pub(crate) latencies: Vec<Duration>,
}

/// So many connections ask for these targets in turn for so long, each from a place of its own.
pub(crate) async fn round(
    address: SocketAddr,
    targets: &Arc<[Ask]>,
    connections: usize,
    time: Duration,
) -> io::Result<Round> {
    let targets = targets.clone();
    let in_turn = move |number: usize, count: usize| {
        let place = number * targets.len() / connections + count;
        targets[place % targets.len()].clone()
    };
    round_of(address, connections, time, in_turn).await
}

/// So many connections ask for so long for what their number and a count give.
pub(crate) async fn round_of(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    target: impl Fn(usize, usize) -> Ask + Send + Sync + 'static,
) -> io::Result<Round> {
    let start = Instant::now();
    let target = Arc::new(target);
    let mut tasks = Vec::new();
    for number in 0..connections {
        let target = target.clone();
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut latencies = Vec::new();
            while start.elapsed() < time {
                let ask = target(number, latencies.len());
                let asked = Instant::now();
                connection.ask("GET", &ask.target, &ask.fields).await?;
                latencies.push(asked.elapsed());
            }
            Ok::<_, io::Error>(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.map_err(io::Error::other)??);
    }
    latencies.sort_unstable();
    Ok(Round { requests: latencies.len() as u64, took: start.elapsed(), latencies })
}

/// Fetches many targets once each, over some connections.
pub(crate) async fn fetch_all(address: SocketAddr, targets: Vec<Ask>, connections: usize) -> io::Result<()> {
    let chunk = targets.len().div_ceil(connections).max(1);
    let mut tasks = Vec::new();
    for part in targets.chunks(chunk) {
        let part = part.to_vec();
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            for target in part {
                connection.ask("GET", &target.target, &target.fields).await?;
            }
            Ok::<_, io::Error>(())
        }));
    }
    for task in tasks {
        task.await.map_err(io::Error::other)??;
    }
    Ok(())
}
