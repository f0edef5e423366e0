//! The load of curves: as fast as it goes, for what a request costs, and at a rate, for how long it takes.

use super::super::load::{Ask, Connection};
use super::super::measure::{median, micros_each, percentile};
use super::super::process::Server;
use super::curve::number;
use super::shop::Shop;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Connections that ask, where it is not these that grow.
pub(crate) const CONNECTIONS: u64 = 64;
/// Requests under way at once, at most.
const TASKS: usize = 64;
/// Requests a second of [`paced`]: some third of what one core answers.
pub(crate) const RATE: u64 = 5_000;
/// For a connection to become free.
const FREE_MAX: Duration = Duration::from_secs(20);

/// What is asked for, chosen by a number at random.
pub(crate) type Pages = Arc<dyn Fn(u64) -> Ask + Send + Sync>;

/// Numbers at random enough to choose pages by (xorshift64*), the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn from(seed: u64) -> Random {
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

/// How much is asked: how often, and for how long each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) round: Duration,
    /// To try the bench: few, short, and nothing of it is kept.
    pub(crate) small: bool,
}

impl Effort {
    /// These sizes; of a trial only those up to a bound.
    pub(crate) fn sizes(&self, sizes: &[u64], small_max: u64) -> Vec<u64> {
        sizes.iter().copied().filter(|size| !self.small || *size <= small_max).collect()
    }
}

/// What requests cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Of a core, for each request, at full load.
    pub(crate) cpu_us: f64,
    /// At [`RATE`].
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Answers from what was stored, in percent.
    pub(crate) hit_percent: f64,
}

/// A server, and what is asked of it over which connections.
pub(crate) struct Subject {
    pub(crate) server: Server,
    pub(crate) pages: Pages,
    connections: Vec<Connection>,
}

impl Subject {
    /// With so many connections, open from now on.
    pub(crate) async fn new(server: Server, pages: Pages, connections: u64) -> io::Result<Subject> {
        let mut subject = Subject { server, pages, connections: Vec::new() };
        for _ in 0..connections {
            subject.connections.push(Connection::open(subject.server.public).await?);
        }
        Ok(subject)
    }

    /// Asks over each connection once.
    pub(crate) async fn greet(&mut self) -> io::Result<()> {
        for connection in &mut self.connections {
            well(connection, "GET", &(self.pages)(0)).await?;
        }
        Ok(())
    }

    /// CPU of a request in microseconds while everybody who has an answer asks again at once; and how many were asked.
    async fn flat_out(&mut self, time: Duration) -> io::Result<(f64, u64)> {
        let before = self.server.cpu_exact()?;
        let requests = in_turn(&mut self.connections, &self.pages, time).await?;
        Ok((micros_each(self.server.cpu_exact()?.saturating_sub(before), requests), requests))
    }

    /// Latencies at a rate, sorted; see [`paced`].
    pub(crate) async fn paced(&mut self, rate: u64, time: Duration) -> io::Result<Vec<Duration>> {
        paced(&mut self.connections, "GET", &self.pages, rate, time).await
    }
}

/// What requests cost at each of these servers: rounds of all in turn, so that what happens on the machine meanwhile falls on
/// all of them; medians.
pub(crate) async fn costs(subjects: &mut [Subject], shop: &Shop, effort: Effort) -> io::Result<Vec<Cost>> {
    let mut rounds: Vec<[Vec<f64>; 4]> = subjects.iter().map(|_| Default::default()).collect();
    for _ in 0..effort.rounds {
        for (subject, [cpu, p50, p99, hits]) in subjects.iter_mut().zip(&mut rounds) {
            let asked = shop.asked();
            let (cost, requests) = subject.flat_out(effort.round).await?;
            let latencies = subject.paced(RATE, effort.round).await?;
            let missed = number(shop.asked() - asked) / number(requests + latencies.len() as u64);
            cpu.push(cost);
            p50.push(micros(percentile(&latencies, 0.5)));
            p99.push(micros(percentile(&latencies, 0.99)));
            hits.push(100.0 * (1.0 - missed));
        }
    }
    let cost = |rounds: [Vec<f64>; 4]| {
        let [cpu_us, p50_us, p99_us, hit_percent] = rounds.map(median);
        Cost { cpu_us, p50_us, p99_us, hit_percent }
    };
    Ok(rounds.into_iter().map(cost).collect())
}

/// The same where everything has to be a hit.
pub(crate) async fn hit_costs(subjects: &mut [Subject], shop: &Shop, effort: Effort) -> io::Result<Vec<Cost>> {
    let costs = costs(subjects, shop, effort).await?;
    match costs.iter().find(|cost| cost.hit_percent < 99.9) {
        Some(cost) => Err(io::Error::other(format!("only {:.1} % were hits", cost.hit_percent))),
        None => Ok(costs),
    }
}

/// A time in microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Asks, and takes nothing but a 200 for an answer.
async fn well(connection: &mut Connection, method: &str, ask: &Ask) -> io::Result<()> {
    let head = connection.ask(method, &ask.target, &ask.fields).await?;
    if head.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(io::Error::other(head)) }
}

/// Tasks share out the connections and ask over each of theirs in turn, for so long; how many requests that were.
async fn in_turn(connections: &mut Vec<Connection>, pages: &Pages, time: Duration) -> io::Result<u64> {
    let start = Instant::now();
    let share = connections.len().div_ceil(TASKS).max(1);
    let mut running = JoinSet::new();
    for seed in 0.. {
        let mut own: Vec<Connection> = connections.drain(..share.min(connections.len())).collect();
        if own.is_empty() {
            break;
        }
        let pages = pages.clone();
        running.spawn(async move {
            let (mut random, mut requests) = (Random::from(seed), 0);
            while start.elapsed() < time {
                for connection in &mut own {
                    well(connection, "GET", &pages(random.next())).await?;
                    requests += 1;
                }
            }
            Ok::<_, io::Error>((own, requests))
        });
    }
    let mut requests = 0;
    while let Some(done) = running.join_next().await {
        let (own, asked) = done.map_err(io::Error::other)??;
        connections.extend(own);
        requests += asked;
    }
    Ok(requests)
}

/// How long requests take that come at a rate over these connections, sorted. Counted from when each was due, so that one that
/// had to wait for those before it shows what it waited.
pub(crate) async fn paced(
    connections: &mut Vec<Connection>,
    method: &'static str,
    pages: &Pages,
    rate: u64,
    time: Duration,
) -> io::Result<Vec<Duration>> {
    let (give, mut free) = mpsc::unbounded_channel();
    for connection in connections.drain(..) {
        let _ = give.send(connection);
    }
    let (start, mut random) = (Instant::now(), Random::from(rate));
    let (mut running, mut latencies) = (JoinSet::new(), Vec::new());
    for number in 0.. {
        let due = Duration::from_nanos(number * 1_000_000_000 / rate.max(1));
        if due >= time || rate == 0 {
            break;
        }
        // Timers of the runtime have steps of a millisecond, in which several are due.
        loop {
            tokio::task::yield_now().await;
            if start.elapsed() >= due {
                break;
            }
        }
        while let Some(done) = running.try_join_next() {
            latencies.push(done.map_err(io::Error::other)??);
        }
        let next = timeout(FREE_MAX, free.recv()).await.ok().flatten();
        let mut connection: Connection = next.ok_or_else(|| io::Error::other("no answers"))?;
        let (ask, give) = (pages(random.next()), give.clone());
        running.spawn(async move {
            well(&mut connection, method, &ask).await?;
            let took = start.elapsed().saturating_sub(due);
            let _ = give.send(connection);
            Ok::<_, io::Error>(took)
        });
    }
    while let Some(done) = running.join_next().await {
        latencies.push(done.map_err(io::Error::other)??);
    }
    while let Ok(connection) = free.try_recv() {
        connections.push(connection);
    }
    latencies.sort_unstable();
    Ok(latencies)
}
