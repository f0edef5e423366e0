//! A server as bare as one can be: one thread, one epoll, one read and one write for a request, nothing understood but the blank
//! line that ends a head. The origin is built on it, and it is the floor that every proxy is held against.

use super::load::STRIDE;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

const LISTENER: Token = Token(usize::MAX);
const EVENTS_MAX: usize = 1024;
const READ_BYTES: usize = 64 * 1024;
/// How long a server that spins does so after the last that came.
const SPINNING: Duration = Duration::from_millis(20);

/// What a server sends.
pub(super) trait Answers {
    /// The whole answer to a request with this head.
    fn answer(&mut self, head: &[u8]) -> &[u8];

    /// What is sent behind it without being copied, and its length.
    fn file(&self) -> Option<(&File, usize)> {
        None
    }
}

/// The same answer for everybody, from so many places in memory in turn.
pub(super) struct Always {
    copies: Vec<Vec<u8>>,
    next: usize,
}

impl Always {
    pub(super) fn new(answer: &[u8], copies: usize) -> Always {
        Always { copies: vec![answer.to_vec(); copies.max(1)], next: 0 }
    }
}

impl Answers for Always {
    fn answer(&mut self, _: &[u8]) -> &[u8] {
        self.next = (self.next + STRIDE) % self.copies.len();
        &self.copies[self.next]
    }
}

/// The same head for everybody, and behind it a content from a file in memory.
pub(super) struct Filed {
    head: Vec<u8>,
    file: File,
    bytes: usize,
}

impl Filed {
    pub(super) fn new(answer: &[u8]) -> io::Result<Filed> {
        let end = head_end(answer).ok_or_else(|| io::Error::other("the sample has no head"))?;
        let (head, content) = answer.split_at(end);
        let mut file = File::from(memfd_create("vitrine-bench", MemfdFlags::CLOEXEC)?);
        file.write_all(content)?;
        Ok(Filed { head: head.to_vec(), file, bytes: content.len() })
    }
}

impl Answers for Filed {
    fn answer(&mut self, _: &[u8]) -> &[u8] {
        &self.head
    }

    fn file(&self) -> Option<(&File, usize)> {
        Some((&self.file, self.bytes))
    }
}

/// What a server does while nothing comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// It sleeps until it is woken, as a server does.
    Sleeps,
    /// For a while it looks again, and lets others have the core in between: whoever sends to it has nobody to wake.
    Spins,
}

struct Peer {
    stream: TcpStream,
    /// The part of a head that has come.
    head: Vec<u8>,
    /// What the socket had no room for.
    rest: VecDeque<u8>,
    /// How much of the file has yet to be sent behind that.
    left: usize,
}

/// Where a head that begins these bytes ends, behind its blank line.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

struct Server<A> {
    poll: Poll,
    listener: TcpListener,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    /// Answers that are held back, in the order in which they are due.
    held: VecDeque<(Instant, usize, Vec<u8>)>,
    delay: Duration,
    answers: A,
    buffer: Vec<u8>,
}

/// Serves for as long as the process runs; each answer after this delay. Ends only where the system's calls fail.
pub(super) fn serve(
    listener: std::net::TcpListener,
    delay: Duration,
    idle: Idle,
    answers: impl Answers,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let buffer = vec![0; READ_BYTES];
    let (peers, free, held) = (Vec::new(), Vec::new(), VecDeque::new());
    let mut server = Server { poll, listener, peers, free, held, delay, answers, buffer };
    let mut events = Events::with_capacity(EVENTS_MAX);
    let mut heard = Instant::now();
    loop {
        let spins = idle == Idle::Spins && heard.elapsed() < SPINNING;
        let wait = if spins {
            Some(Duration::ZERO)
        } else {
            server.held.front().map(|(due, _, _)| due.saturating_duration_since(Instant::now()))
        };
        match server.poll.poll(&mut events, wait) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        if !events.is_empty() {
            heard = Instant::now();
        } else if spins {
            std::thread::yield_now();
        }
        for event in &events {
            match event.token() {
                LISTENER => server.accept()?,
                Token(at) => server.turn(at, event.is_writable()),
            }
        }
        server.send_what_is_due();
    }
}

impl<A: Answers> Server<A> {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // A client that has gone again is its own matter.
                Err(_) => continue,
            };
            stream.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            self.poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            self.peers[at] = Some(Peer { stream, head: Vec::new(), rest: VecDeque::new(), left: 0 });
        }
    }

    /// One event of a connection. A connection that fails or ends is dropped; the client sees it.
    fn turn(&mut self, at: usize, writable: bool) {
        let Some(peer) = self.peers.get_mut(at).and_then(Option::as_mut) else { return };
        let sent = if writable { send_rest(peer, self.answers.file()) } else { Ok(()) };
        if sent.and_then(|()| self.read(at)).is_err() {
            self.peers[at] = None;
            self.free.push(at);
        }
    }

    fn read(&mut self, at: usize) -> io::Result<()> {
        loop {
            let Some(peer) = self.peers.get_mut(at).and_then(Option::as_mut) else { return Ok(()) };
            let count = match peer.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let mut bytes = &self.buffer[..count];
            if !peer.head.is_empty() {
                peer.head.extend_from_slice(bytes);
                bytes = &peer.head;
            }
            let mut taken = 0;
            while let Some(end) = head_end(&bytes[taken..]) {
                let answer = self.answers.answer(&bytes[taken..taken + end]);
                if self.delay.is_zero() {
                    send(&mut peer.stream, &mut peer.rest, answer)?;
                    // Whoever asks again before they have all of it gets no file twice: the load never does.
                    peer.left = self.answers.file().map_or(0, |(_, bytes)| bytes);
                    send_file(&peer.stream, &peer.rest, &mut peer.left, self.answers.file())?;
                } else {
                    self.held.push_back((Instant::now() + self.delay, at, answer.to_vec()));
                }
                taken += end;
            }
            peer.head = bytes[taken..].to_vec();
            // Less than there was room for is all there was (epoll(7)): no second read to learn it.
            if count < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn send_what_is_due(&mut self) {
        let now = Instant::now();
        while let Some((_, at, answer)) = self.held.pop_front_if(|(due, _, _)| *due <= now) {
            if let Some(peer) = self.peers.get_mut(at).and_then(Option::as_mut) {
                // A connection that fails shows at its next event.
                let _ = send(&mut peer.stream, &mut peer.rest, &answer);
            }
        }
    }
}

fn send(stream: &mut TcpStream, rest: &mut VecDeque<u8>, mut bytes: &[u8]) -> io::Result<()> {
    while rest.is_empty() && !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    rest.extend(bytes);
    Ok(())
}

fn send_rest(peer: &mut Peer, file: Option<(&File, usize)>) -> io::Result<()> {
    while !peer.rest.is_empty() {
        match peer.stream.write(peer.rest.as_slices().0) {
            Ok(count) => drop(peer.rest.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    send_file(&peer.stream, &peer.rest, &mut peer.left, file)
}

/// Sends what is left of a file, once nothing has to go before it.
fn send_file(
    stream: &TcpStream,
    before: &VecDeque<u8>,
    left: &mut usize,
    file: Option<(&File, usize)>,
) -> io::Result<()> {
    let Some((file, bytes)) = file else { return Ok(()) };
    while before.is_empty() && *left > 0 {
        let mut from = (bytes - *left) as u64;
        match sendfile(stream, file, Some(&mut from), *left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => *left -= count,
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
