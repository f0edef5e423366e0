//! A client with a cookie jar that sees exactly what came over the wire.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A test that waits longer has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    pub(crate) cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// How the body ended before its length; nothing if it is whole.
    pub(crate) broken: Option<io::ErrorKind>,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        self.send("POST", path, &[kind], &pairs.join("&")).await
    }

    /// Posts and demands a redirect.
    pub(crate) async fn redirected(&mut self, path: &str, form: &[(&str, &str)]) -> String {
        let answer = self.post(path, form).await;
        assert!(matches!(answer.status, 302 | 303), "{answer:?}");
        answer.header("location").unwrap_or_default().to_owned()
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = self.written(method, path, headers, body);
        let exchange = exchange(self.address, request, method == "HEAD");
        let answer = timeout(DEADLINE, exchange).await.expect("no answer").unwrap();
        self.remember(&answer);
        answer
    }

    pub(crate) async fn sign_in(&mut self, login: &str) {
        let place = self.redirected("/login", &[("username", login), ("password", "demo")]).await;
        assert_eq!(place, "/account/");
    }

    /// Asks until `wanted` is in the answer of `path`.
    pub(crate) async fn until(&mut self, path: &str, wanted: &str) {
        let seen = async {
            while !self.get(path).await.body.contains(wanted) {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, seen).await.unwrap_or_else(|_| panic!("{path} never said {wanted}"));
    }

    fn written(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        let jar: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !jar.is_empty() {
            write!(request, "Cookie: {}\r\n", jar.join("; ")).unwrap();
        }
        request + "\r\n" + body
    }

    fn remember(&mut self, answer: &Answer) {
        for cookie in answer.all("set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                let value = rest.split(';').next().unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn exchange(address: SocketAddr, request: String, head_only: bool) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let (status, headers) = parsed(&String::from_utf8(head).unwrap());
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    let bodiless = head_only || status == 304 || status == 204;
    let (body, broken) = read(&mut stream, if bodiless { 0 } else { length }).await;
    Ok(Answer { status, headers, body, broken })
}

fn parsed(head: &str) -> (u16, Vec<(String, String)>) {
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines.filter_map(|line| line.split_once(": "));
    (status, fields.map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect())
}

async fn read(stream: &mut TcpStream, length: usize) -> (String, Option<io::ErrorKind>) {
    let mut body = Vec::new();
    let mut broken = None;
    while body.len() < length && broken.is_none() {
        match stream.read_buf(&mut body).await {
            Ok(0) => broken = Some(io::ErrorKind::UnexpectedEof),
            Ok(_) => {}
            Err(error) => broken = Some(error.kind()),
        }
    }
    (String::from_utf8_lossy(&body).into_owned(), broken)
}

fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(byte.into());
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    })
}
