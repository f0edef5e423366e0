//! The load: one thread, one epoll, keep-alive connections, one write and one read for a request. Every answer is held against what
//! was asked for; the first that is wrong ends the run.

use super::answers::{Reading, Wanted};
use super::told_to_end;
use crate::measure::micros_each;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const READ_BYTES: usize = 256 * 1024;
/// A server that is silent for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Coprime to the numbers of pages that are asked for, so that all of them come, in no order that a machine foresees.
pub(super) const STRIDE: usize = 7919;

/// What is asked for: targets with a number at their end.
pub(super) struct Pages {
    prefix: String,
    /// How many there are; without it each is new.
    count: Option<u64>,
    next: u64,
    pub(super) body_bytes: usize,
    /// Whether bodies begin with their target.
    pub(super) own_bodies: bool,
}

impl Pages {
    /// `kind` is the target's first part, as the origin understands it.
    pub(super) fn new(kind: &str, body_bytes: usize, count: Option<u64>) -> Pages {
        Pages { prefix: format!("/{kind}/{body_bytes}/"), count, next: 0, body_bytes, own_bodies: true }
    }

    /// The next one is that of this number.
    pub(super) fn start_at(&mut self, number: u64) {
        self.next = number;
    }

    fn write_next(&mut self, target: &mut Vec<u8>) {
        let number = self.next;
        self.next = self.count.map_or(number + 1, |count| (number + STRIDE as u64) % count);
        target.clear();
        target.extend_from_slice(self.prefix.as_bytes());
        // A vector takes whatever is written.
        let _ = write!(target, "{number}");
    }
}

/// What a run came to.
pub(super) struct Came {
    pub(super) requests: u64,
    pub(super) took: Duration,
    /// Sorted.
    pub(super) latencies: Vec<Duration>,
}

impl Came {
    /// Requests a second.
    pub(super) fn a_second(&self) -> f64 {
        1e6 / micros_each(self.took, self.requests)
    }
}

struct Slot {
    stream: TcpStream,
    reading: Reading,
    target: Vec<u8>,
    /// When its request was sent, or should have been.
    asked: Instant,
}

/// Open connections to one server.
pub(super) struct Load {
    poll: Poll,
    events: Events,
    slots: Vec<Slot>,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

impl Load {
    /// Opens so many connections.
    pub(super) fn open(address: SocketAddr, connections: usize) -> io::Result<Load> {
        let poll = Poll::new()?;
        let mut slots = Vec::with_capacity(connections);
        for at in 0..connections {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(at), Interest::READABLE)?;
            slots.push(Slot { stream, reading: Reading::default(), target: Vec::new(), asked: Instant::now() });
        }
        let events = Events::with_capacity(connections.max(1));
        Ok(Load { poll, events, slots, buffer: vec![0; READ_BYTES], request: Vec::new() })
    }

    /// Every connection asks again as soon as its answer is whole, for so long and so many times at most.
    pub(super) fn run(&mut self, pages: &mut Pages, time: Duration, most: u64) -> io::Result<Came> {
        let start = Instant::now();
        let mut latencies = Vec::with_capacity(usize::try_from(most).unwrap_or_default().min(1 << 18));
        let (mut sent, mut open, mut heard) = (0, 0, start);
        for at in 0..self.slots.len() {
            if sent < most {
                self.ask(at, pages, start)?;
                (sent, open) = (sent + 1, open + 1);
            }
        }
        while open > 0 {
            // It never sleeps: to wake it would cost a server's core what no client on another machine costs it, and the faster a
            // server is, the less it would pay.
            self.wait(Some(Duration::ZERO))?;
            if self.events.is_empty() {
                if heard.elapsed() > SILENCE_MAX {
                    return Err(io::Error::other("no answer came for some time"));
                }
                // The origin has this core too.
                std::thread::yield_now();
                continue;
            }
            heard = Instant::now();
            for at in self.woken() {
                if !self.read(at, pages)? {
                    continue;
                }
                let now = Instant::now();
                latencies.push(now - self.slots[at].asked);
                if sent < most && now - start < time {
                    self.ask(at, pages, now)?;
                    sent += 1;
                } else {
                    open -= 1;
                }
            }
        }
        Ok(came(start, latencies))
    }

    /// Requests are due at random moments, so many a second on the average, whatever becomes of those before; each goes out on the
    /// connection that has been idle for longest, and waits where none is. Latencies count from when a request was due.
    pub(super) fn paced(&mut self, pages: &mut Pages, a_second: f64, time: Duration) -> io::Result<Came> {
        let start = Instant::now();
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        let (mut due, mut waiting) = (start, VecDeque::new());
        let mut idle: VecDeque<usize> = (0..self.slots.len()).collect();
        let mut latencies = Vec::with_capacity(1 << 18);
        loop {
            let now = Instant::now();
            while due <= now && due - start < time {
                waiting.push_back(due);
                due += chance.gap(a_second);
            }
            while let Some(at) = idle.front().copied()
                && let Some(intended) = waiting.pop_front()
            {
                idle.pop_front();
                self.ask(at, pages, intended)?;
            }
            if idle.len() == self.slots.len() && due - start >= time {
                return Ok(came(start, latencies));
            }
            if now - start > time + SILENCE_MAX {
                return Err(io::Error::other("the server is far behind the rate"));
            }
            // The system waits in whole milliseconds, which is too coarse: this core does nothing else.
            self.wait(Some(Duration::ZERO))?;
            for at in self.woken() {
                if self.read(at, pages)? {
                    latencies.push(self.slots[at].asked.elapsed());
                    idle.push_back(at);
                }
            }
        }
    }

    fn wait(&mut self, most: Option<Duration>) -> io::Result<()> {
        if told_to_end() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match self.poll.poll(&mut self.events, most) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    fn woken(&self) -> Vec<usize> {
        self.events.iter().map(|event| event.token().0).collect()
    }

    fn ask(&mut self, at: usize, pages: &mut Pages, asked: Instant) -> io::Result<()> {
        let slot = &mut self.slots[at];
        pages.write_next(&mut slot.target);
        slot.asked = asked;
        self.request.clear();
        self.request.extend_from_slice(b"GET ");
        self.request.extend_from_slice(&slot.target);
        self.request.extend_from_slice(b" HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        match slot.stream.write(&self.request)? {
            sent if sent == self.request.len() => Ok(()),
            // The connection is idle, so its socket is empty.
            _ => Err(io::Error::other("a request did not fit into a socket")),
        }
    }

    /// Reads what has come; whether the answer is whole.
    fn read(&mut self, at: usize, pages: &Pages) -> io::Result<bool> {
        let Slot { stream, reading, target, .. } = &mut self.slots[at];
        let begins = if pages.own_bodies { &target[..target.len().min(pages.body_bytes)] } else { &[] };
        let wanted = Wanted { body_bytes: pages.body_bytes, begins };
        loop {
            let count = match stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::other("the server closed a connection")),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            if reading.take(&self.buffer[..count], wanted)? {
                return Ok(true);
            }
            // Less than there was room for is all there was (epoll(7)): no second read to learn it.
            if count < self.buffer.len() {
                return Ok(false);
            }
        }
    }
}

fn came(start: Instant, mut latencies: Vec<Duration>) -> Came {
    let took = start.elapsed();
    latencies.sort_unstable();
    Came { requests: latencies.len() as u64, took, latencies }
}

/// The same moments for every server: xorshift64*.
struct Chance(u64);

impl Chance {
    /// How long after one request the next is due, where they are independent of each other.
    fn gap(&mut self, a_second: f64) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32).unwrap_or_default();
        let share = (f64::from(word) + 0.5) / (f64::from(u32::MAX) + 1.0);
        Duration::from_secs_f64(-share.ln() / a_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::origin::Origin;
    use std::collections::HashSet;

    #[test]
    fn every_page_comes_in_its_turn_and_new_ones_never_again() {
        for count in [Some(1), Some(10_000), None] {
            let mut pages = Pages::new("c", 1024, count);
            let targets: HashSet<Vec<u8>> = (0..10_000)
                .map(|_| {
                    let mut target = Vec::new();
                    pages.write_next(&mut target);
                    target
                })
                .collect();
            assert_eq!(targets.len() as u64, count.unwrap_or(10_000));
        }
    }

    #[test]
    fn gaps_are_as_long_as_the_rate_says() {
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        let sum: Duration = (0..10_000).map(|_| chance.gap(1_000.0)).sum();
        assert!((sum.as_secs_f64() - 10.0).abs() < 0.5, "{sum:?}");
    }

    #[test]
    fn each_request_is_answered_and_counted() {
        let origin = Origin::start(Duration::ZERO).unwrap();
        let mut load = Load::open(origin.address, 7).unwrap();
        let mut pages = Pages::new("pass", 300_000, None);
        assert_eq!(load.run(&mut pages, Duration::from_mins(1), 100).unwrap().requests, 100);
        assert_eq!(origin.asked(), 100);
        let paced = load.paced(&mut pages, 1_000.0, Duration::from_millis(100)).unwrap();
        assert_eq!(origin.asked(), 100 + paced.requests);
        assert!(paced.requests > 0);
        pages.body_bytes += 1;
        assert!(load.run(&mut pages, Duration::from_mins(1), 1).is_err());
    }
}
