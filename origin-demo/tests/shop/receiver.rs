//! Somebody who takes webhooks, or refuses them as told.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::browser::DEADLINE;

/// A webhook as it arrived.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signature: String,
    pub(crate) body: String,
}

/// A port that is taken but where nobody listens: whoever connects is refused.
pub(crate) struct Closed(TcpSocket);

/// A listening receiver; it ends with the test's runtime.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    deliveries: mpsc::UnboundedReceiver<Delivery>,
}

impl Closed {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Begins to listen; the first webhooks are answered with `statuses`, the others with 204.
    pub(crate) fn open(self, statuses: &[u16]) -> Receiver {
        let listener = self.0.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        let (told, deliveries) = mpsc::unbounded_channel();
        tokio::spawn(take(listener, statuses.iter().copied().collect(), told));
        Receiver { address, deliveries }
    }
}

impl Receiver {
    pub(crate) fn new(statuses: &[u16]) -> Self {
        Closed::new().open(statuses)
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        timeout(DEADLINE, self.deliveries.recv()).await.expect("no webhook came").unwrap()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }
}

impl Delivery {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn take(listener: TcpListener, mut statuses: VecDeque<u16>, told: mpsc::UnboundedSender<Delivery>) {
    while let Ok((stream, _)) = listener.accept().await {
        let mut stream = BufReader::new(stream);
        let delivery = read(&mut stream).await;
        let status = statuses.pop_front().unwrap_or(204);
        // Told before it is answered, so that what the shop does next finds it told.
        told.send(delivery).ok();
        let answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok();
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Delivery {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "cut head: {head}");
    }
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or_else(String::new, |(_, value)| value.to_owned())
    };
    assert!(head.starts_with("POST /hooks?shop=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(field("content-type"), "application/json");
    let mut body = vec![0; field("content-length").parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    Delivery {
        id: field("webhook-id"),
        timestamp: field("webhook-timestamp"),
        signature: field("webhook-signature"),
        body: String::from_utf8(body).unwrap(),
    }
}
