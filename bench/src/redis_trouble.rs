//! What clients notice while Redis is killed or hangs: a proxy under a steady load of pages that its memory holds, beside a few
//! that it must fetch, and a fault in each cycle.

use super::load::Connection;
use super::measure::{Noise, median, percentile, spread};
use super::process::Server;
use super::redis_server::RedisServer;
use super::servers::Origin;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A load below what the proxy can do: what is told are delays, not queues.
const READERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(2);
const HOT_PAGES: usize = 100;
/// Of each reader, in which it comes by all pages. With the same one they would gather behind whoever waits for a fetch. The
/// first asks for new pages.
const STRIDES: [usize; READERS + 1] = [1, 1, 3, 7, 9, 11, 13, 17, 19];
/// Between two pages that nobody has asked for yet.
const COLD_PAUSE: Duration = Duration::from_millis(20);
/// Of a cycle: nothing is wrong, and so long after a fault it counts as over.
const CALM: Duration = Duration::from_millis(300);
const MENDING: Duration = Duration::from_millis(500);
/// How long a fault lasts, and how long each tenth, in which the lease runs out.
const FAULT: Duration = Duration::from_millis(300);
const FAULT_LONG: Duration = Duration::from_secs(4);

/// What was wrong while a request was under way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Calm,
    Killed,
    Hung,
}

struct Span {
    phase: Phase,
    from: Duration,
    until: Duration,
}

/// One request.
struct Sample {
    sent: Duration,
    took: Duration,
    is_hit: bool,
}

#[derive(Default)]
struct Seen {
    hot: Vec<Sample>,
    cold: Vec<Sample>,
    errors: Vec<String>,
}

/// With so many faults, once without and once with the embedded store behind.
pub(crate) async fn run(cycles: usize) -> io::Result<()> {
    for fallback in ["none", "sqlite"] {
        let noise = Noise::begin();
        let folder = tempfile::tempdir()?;
        let origin = Origin::start(4096, Duration::ZERO).await?;
        let mut redis = RedisServer::start("1").await?;
        let lines = format!(
            "log: {{ access: off }}\ncompression: false\nstore: {{ backend: redis, redis: {{ url: \"{}\", fallback: {fallback} }} }}",
            redis.url()
        );
        let server = Server::vitrine(folder.path(), origin.address, &lines).await?;
        sleep(Duration::from_secs(1)).await;
        let (began, done) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let mut readers = Vec::new();
        for number in 0..=READERS {
            readers.push(tokio::spawn(read(server.public, number, began, done.clone())));
        }
        let spans = faults(&mut redis, cycles, began).await?;
        done.store(true, Ordering::Relaxed);
        let mut seen = Seen::default();
        for reader in readers {
            let more = reader.await.map_err(io::Error::other)?;
            seen.hot.extend(more.hot);
            seen.cold.extend(more.cold);
            seen.errors.extend(more.errors);
        }
        tell(fallback, cycles, &seen, &spans);
        noise.tell();
    }
    Ok(())
}

/// Kills and hangs the server in turn.
async fn faults(redis: &mut RedisServer, cycles: usize, began: Instant) -> io::Result<Vec<Span>> {
    let mut spans = Vec::new();
    for cycle in 0..cycles {
        let from = began.elapsed();
        sleep(CALM).await;
        let broken = began.elapsed();
        spans.push(Span { phase: Phase::Calm, from, until: broken });
        let fault = if cycle % 10 == 9 { FAULT_LONG } else { FAULT };
        let phase = if cycle % 2 == 0 { Phase::Killed } else { Phase::Hung };
        if phase == Phase::Killed {
            redis.kill().await?;
            sleep(fault).await;
            redis.restart().await?;
        } else {
            redis.signal("STOP").await?;
            sleep(fault).await;
            redis.signal("CONT").await?;
        }
        sleep(MENDING).await;
        spans.push(Span { phase, from: broken, until: began.elapsed() });
        // Until the new epoch's pages are in memory and the next calm is calm.
        sleep(MENDING).await;
    }
    Ok(spans)
}

/// Asks until all is done; the first reader for pages that nobody has asked for yet.
async fn read(address: SocketAddr, number: usize, began: Instant, done: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut connection = None;
    let mut turn = 0;
    while !done.load(Ordering::Relaxed) {
        turn += 1;
        let page =
            if number == 0 { format!("/cold/{turn}") } else { format!("/hot/{}", turn * STRIDES[number] % HOT_PAGES) };
        let sent = began.elapsed();
        match ask(&mut connection, address, &page).await {
            Ok(is_hit) => {
                let sample = Sample { sent, took: began.elapsed().saturating_sub(sent), is_hit };
                if number == 0 { &mut seen.cold } else { &mut seen.hot }.push(sample);
            }
            Err(error) => {
                seen.errors.push(format!("{page} after {sent:.1?}: {error}"));
                connection = None;
            }
        }
        sleep(if number == 0 { COLD_PAUSE } else { PAUSE }).await;
    }
    seen
}

/// Tells whether it was a hit.
async fn ask(connection: &mut Option<Connection>, address: SocketAddr, page: &str) -> io::Result<bool> {
    let mut own = match connection.take() {
        Some(own) => own,
        None => Connection::open(address).await?,
    };
    let head = own.ask("GET", page, "").await?;
    *connection = Some(own);
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(head));
    }
    Ok(head.to_ascii_lowercase().contains("x-cache: hit"))
}

fn tell(fallback: &str, cycles: usize, seen: &Seen, spans: &[Span]) {
    let hits = by_span(&seen.hot, spans, |sample| sample.is_hit);
    let added = |phase| median(added(&hits, spans, phase));
    println!(
        "trouble, fallback {fallback}, {cycles} cycles: {} errors (goal 0); p99 of a memory hit {:+.2} ms while Redis is killed, \
         {:+.2} ms while it hangs (goal 2; medians of the cycles)",
        seen.errors.len(),
        added(Phase::Killed),
        added(Phase::Hung),
    );
    let calm = pooled_p99(&hits, spans, Phase::Calm);
    println!(
        "  the same of all cycles together: {:+.2} ms and {:+.2} ms",
        pooled_p99(&hits, spans, Phase::Killed) - calm,
        pooled_p99(&hits, spans, Phase::Hung) - calm,
    );
    let anew = by_span(&seen.hot, spans, |sample| !sample.is_hit);
    let new = by_span(&seen.cold, spans, |_| true);
    for (name, phase) in [("calm", Phase::Calm), ("killed", Phase::Killed), ("hung", Phase::Hung)] {
        for (what, times) in [("hits", &hits), ("fetched anew", &anew), ("new pages", &new)] {
            let of_phase = spans.iter().zip(times).filter(|(span, _)| span.phase == phase);
            let mut times: Vec<Duration> = of_phase.flat_map(|(_, times)| times.iter().copied()).collect();
            println!("  {what}, {name}: {}, {}", times.len(), spread(&mut times));
        }
    }
    for error in seen.errors.iter().take(5) {
        println!("  {error}");
    }
}

/// The p99 of all times in spans of a kind, in milliseconds.
fn pooled_p99(times: &[Vec<Duration>], spans: &[Span], phase: Phase) -> f64 {
    let of_phase = spans.iter().zip(times).filter(|(span, _)| span.phase == phase);
    let mut pooled: Vec<Duration> = of_phase.flat_map(|(_, times)| times.iter().copied()).collect();
    pooled.sort_unstable();
    percentile(&pooled, 0.99).as_secs_f64() * 1e3
}

/// For each fault of a kind, the p99 while it lasts less the p99 in the calm before it, in milliseconds.
fn added(times: &[Vec<Duration>], spans: &[Span], phase: Phase) -> Vec<f64> {
    let p99 = |times: &[Duration]| percentile(times, 0.99).as_secs_f64() * 1e3;
    let faults = (1..spans.len()).filter(|at| spans[*at].phase == phase);
    faults.map(|at| p99(&times[at]) - p99(&times[at - 1])).collect()
}

/// Sorted, the times of those that were under way at some moment of a span. One that a fault has touched counts as the fault's.
fn by_span(samples: &[Sample], spans: &[Span], of: impl Fn(&Sample) -> bool) -> Vec<Vec<Duration>> {
    let mut found = vec![Vec::new(); spans.len()];
    for sample in samples.iter().filter(|sample| of(sample)) {
        // The first span that ends behind its sending, and perhaps those in which it went on.
        let first = spans.partition_point(|span| span.until <= sample.sent);
        let touched = (first..spans.len()).take_while(|at| spans[*at].from <= sample.sent + sample.took);
        let chosen = touched.reduce(|one, other| if spans[one].phase == Phase::Calm { other } else { one });
        if let Some(at) = chosen {
            found[at].push(sample.took);
        }
    }
    for times in &mut found {
        times.sort_unstable();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_a_fault_has_touched_counts_as_the_faults() {
        let ms = Duration::from_millis;
        let spans = [
            Span { phase: Phase::Calm, from: ms(0), until: ms(100) },
            Span { phase: Phase::Hung, from: ms(100), until: ms(200) },
            Span { phase: Phase::Calm, from: ms(300), until: ms(400) },
        ];
        let at = |sent, took| {
            let sample = Sample { sent: ms(sent), took: ms(took), is_hit: true };
            by_span(&[sample], &spans, |_| true).iter().position(|times| !times.is_empty())
        };
        assert_eq!([at(10, 5), at(350, 5)], [Some(0), Some(2)]);
        assert_eq!([at(90, 20), at(150, 5), at(190, 150)], [Some(1); 3]);
        assert_eq!(at(210, 50), None, "between two cycles");
    }

    #[test]
    fn what_a_fault_adds_is_told_against_the_calm_before_it() {
        let ms = Duration::from_millis;
        let span = |phase| Span { phase, from: ms(0), until: ms(0) };
        let spans = [Phase::Calm, Phase::Killed, Phase::Calm, Phase::Hung].map(span);
        let times = [vec![ms(2)], vec![ms(5)], vec![ms(4)], vec![ms(3)]];
        assert_eq!(added(&times, &spans, Phase::Killed), [3.0]);
        assert_eq!(added(&times, &spans, Phase::Hung), [-1.0]);
        assert!((pooled_p99(&times, &spans, Phase::Calm) - 4.0).abs() < 1e-9);
    }
}
