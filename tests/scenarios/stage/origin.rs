//! The origin's part: a raw socket that says what the play tells it to say, and remembers what it was asked.

use super::client::find;
use super::gate::Gate;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The scripted origin.
#[derive(Clone)]
pub struct Origin {
    pub address: SocketAddr,
    script: Arc<Mutex<Script>>,
    closed: Arc<Mutex<CancellationToken>>,
    connections: Arc<Connections>,
    asked: Arc<watch::Sender<Vec<Asked>>>,
}

#[derive(Default)]
struct Connections {
    taken: AtomicU64,
    ended: AtomicU64,
}

#[derive(Default)]
struct Script {
    lines: HashMap<String, Vec<Line>>,
    /// Pages that show a number as it stood when they were asked for.
    living: HashMap<String, Arc<AtomicU64>>,
}

/// A request as the origin saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn field(&self, name: &str) -> Option<String> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        let values: Vec<String> = lines
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_string())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// What the origin does in answer to a request.
#[derive(Clone)]
pub struct Line(Vec<Act>);

#[derive(Clone)]
enum Act {
    Make(Arc<dyn Fn(&Asked) -> Line + Send + Sync>),
    Say(Vec<u8>),
    Wait(Gate),
    Close,
    HalfClose,
    Reset,
}

/// A 200 with a body and these fields.
pub fn page(body: &str, fields: &[&str]) -> Line {
    answer("200 OK", body, fields)
}

/// Any answer with a body, framed by its length.
pub fn answer(status: &str, body: &str, fields: &[&str]) -> Line {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    raw(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{fields}\r\n{body}", body.len()))
}

/// A head without a body, such as a 304.
pub fn head_only(status: &str, fields: &[&str]) -> Line {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    raw(format!("HTTP/1.1 {status}\r\n{fields}\r\n"))
}

/// Exactly these bytes.
pub fn raw(bytes: impl Into<Vec<u8>>) -> Line {
    Line(vec![Act::Say(bytes.into())])
}

/// What it makes of each request.
pub fn made(make: impl Fn(&Asked) -> Line + Send + Sync + 'static) -> Line {
    Line(vec![Act::Make(Arc::new(make))])
}

/// Nothing, for ever.
pub fn silence() -> Line {
    Line(vec![Act::Wait(Gate::shut())])
}

impl Line {
    /// With what is made of a request in place of what makes it.
    fn made_of(self, asked: &Asked) -> Vec<Act> {
        let acts = self.0.into_iter().map(|act| match act {
            Act::Make(make) => make(asked).made_of(asked),
            act => vec![act],
        });
        acts.flatten().collect()
    }

    /// Held before its first byte.
    pub fn held_by(mut self, gate: &Gate) -> Line {
        self.0.insert(0, Act::Wait(gate.clone()));
        self
    }

    /// And then waits.
    pub fn then_held_by(mut self, gate: &Gate) -> Line {
        self.0.push(Act::Wait(gate.clone()));
        self
    }

    /// And then says more.
    pub fn then(mut self, bytes: impl Into<Vec<u8>>) -> Line {
        self.0.push(Act::Say(bytes.into()));
        self
    }

    /// And then closes the connection.
    pub fn then_closes(mut self) -> Line {
        self.0.push(Act::Close);
        self
    }

    /// And then says nothing more on this connection, but goes on listening.
    pub fn then_half_closes(mut self) -> Line {
        self.0.push(Act::HalfClose);
        self
    }

    /// And then resets the connection.
    pub fn then_resets(mut self) -> Line {
        self.0.push(Act::Reset);
        self
    }
}

impl Origin {
    pub async fn open() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = Origin {
            address: listener.local_addr().expect("it is bound"),
            script: Arc::default(),
            closed: Arc::default(),
            connections: Arc::default(),
            asked: Arc::new(watch::Sender::new(Vec::new())),
        };
        origin.listen(listener);
        origin
    }

    fn listen(&self, listener: TcpListener) {
        let (own, closed) = (self.clone(), self.closed.lock().unwrap().clone());
        tokio::spawn(async move {
            closed.run_until_cancelled(own.accept(listener, closed.clone())).await;
        });
    }

    /// Listens again where it did before it was closed.
    pub async fn reopen(&self) {
        *self.closed.lock().unwrap() = CancellationToken::new();
        self.listen(TcpListener::bind(self.address).await.expect("nobody has taken its port"));
    }

    /// Connections that it has taken.
    pub fn connections(&self) -> u64 {
        self.connections.taken.load(Ordering::SeqCst)
    }

    /// Waits until so many of them have ended.
    pub async fn has_ended(&self, connections: u64) {
        super::in_time("connections end", async {
            while self.connections.ended.load(Ordering::SeqCst) < connections {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Listens no more, and closes every connection.
    pub async fn close(&self) {
        self.closed.lock().unwrap().cancel();
        super::in_time("the origin is gone", async {
            while TcpStream::connect(self.address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn accept(self, listener: TcpListener, closed: CancellationToken) {
        while let Ok((stream, _)) = listener.accept().await {
            self.connections.taken.fetch_add(1, Ordering::SeqCst);
            let (own, closed, connections) = (self.clone(), closed.clone(), self.connections.clone());
            tokio::spawn(async move {
                closed.run_until_cancelled(own.play(stream)).await;
                connections.ended.fetch_add(1, Ordering::SeqCst);
            });
        }
    }

    /// What it says from now on to requests for a target; several lines are said one after the other, the last for ever.
    pub fn says(&self, target: &str, lines: impl IntoIterator<Item = Line>) {
        let lines: Vec<Line> = lines.into_iter().collect();
        self.script.lock().unwrap().lines.insert(target.to_string(), lines);
    }

    /// From now on a target shows this number, read when it is asked and told a little later.
    pub fn lives(&self, target: &str, number: Arc<AtomicU64>) {
        self.script.lock().unwrap().living.insert(target.to_string(), number);
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// How often it was asked for a target.
    pub fn times_asked(&self, target: &str) -> usize {
        self.asked.borrow().iter().filter(|asked| asked.target == target).count()
    }

    /// Waits until it was asked so often in all.
    pub async fn was_asked(&self, times: usize) {
        super::in_time("the origin is asked", async {
            self.asked.subscribe().wait_for(|asked| asked.len() >= times).await.expect("the origin holds its sender");
        })
        .await;
    }

    fn living(&self, target: &str) -> Option<Line> {
        let script = self.script.lock().unwrap();
        let number = script.living.get(target)?.load(Ordering::SeqCst);
        Some(page(&number.to_string(), &[]))
    }

    fn line(&self, target: &str) -> Line {
        let mut script = self.script.lock().unwrap();
        match script.lines.get_mut(target) {
            Some(lines) if lines.len() > 1 => lines.remove(0),
            Some(lines) => lines[0].clone(),
            None => answer("404 Not Found", "the origin has no such page", &[]),
        }
    }

    async fn play(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(asked) = request(&mut stream, &mut buffer).await {
            let line = match self.living(&asked.target) {
                Some(line) => {
                    // What was read grows old before it is told: the window in which a purge must not be lost.
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    line
                }
                None => self.line(&asked.target),
            };
            let acts = line.made_of(&asked);
            self.asked.send_modify(|all| all.push(asked));
            for act in acts {
                match act {
                    Act::Say(bytes) if stream.write_all(&bytes).await.is_err() => return,
                    Act::Say(_) | Act::Make(_) => {}
                    Act::Wait(gate) => gate.pass().await,
                    Act::Close => return,
                    Act::HalfClose => {
                        let _ = stream.shutdown().await;
                    }
                    Act::Reset => {
                        let _ = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
                        return;
                    }
                }
            }
        }
    }
}

async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    let end = loop {
        match find(buffer, b"\r\n\r\n") {
            Some(end) => break end + 4,
            None => fill(stream, buffer).await?,
        }
    };
    let head = String::from_utf8_lossy(&buffer.drain(..end).collect::<Vec<u8>>()).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let mut asked = Asked { method, target, head, body: Vec::new() };
    if let Some(length) = asked.field("content-length").and_then(|length| length.parse().ok()) {
        while buffer.len() < length {
            fill(stream, buffer).await?;
        }
        asked.body = buffer.drain(..length).collect();
    } else if asked.field("transfer-encoding").is_some() {
        while find(buffer, b"0\r\n\r\n").is_none() {
            fill(stream, buffer).await?;
        }
        asked.body = std::mem::take(buffer);
    }
    Some(asked)
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 16 * 1024];
    let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
    buffer.extend_from_slice(&chunk[..count]);
    Some(())
}
