//! What goes on while memory is full and new pages come.

use super::super::load::{Ask, Connection, fetch_all};
use super::super::measure::{median, micros_each, percentile};
use super::super::process::Server;
use super::Bench;
use super::curve::{Curve, Line, number};
use super::drive::{CONNECTIONS, Pages, RATE, micros, paced};
use super::stock::serve;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Holds some 13,000 pages of 4 KiB.
const SETTINGS: &str = "store: { backend: memory, memory: 66MiB }\n\
    caches: { default: { max_size: 64MiB }, products: { max_size: 1MiB }, sessions: { max_size: 1MiB } }";
const STEP: u64 = 4_000;
const MIB: f64 = 1024.0 * 1024.0;
/// New pages a second.
const COMING: [u64; 6] = [0, 100, 300, 1_000, 2_000, 4_000];
/// Pages that are asked for again and again.
const HOT: u64 = 100;

/// The cost of a new page and the memory of the process, while memory fills and after.
pub(crate) async fn filling(bench: &mut Bench) -> io::Result<Curve> {
    let steps = if bench.effort.small { 6 } else { 20 };
    let mut rounds: Vec<[Vec<f64>; 2]> = (0..steps).map(|_| Default::default()).collect();
    for _ in 0..bench.effort.rounds.min(3) {
        let folder = tempfile::tempdir()?;
        let server = serve(folder.path(), &bench.shop, SETTINGS).await?;
        for (step, [costs, resident]) in (0..).zip(&mut rounds) {
            let pages = (step * STEP..(step + 1) * STEP).map(|page| Ask::from(format!("/4096/p/{page}"))).collect();
            let before = server.cpu_exact()?;
            fetch_all(server.public, pages, 16).await?;
            costs.push(micros_each(server.cpu_exact()?.saturating_sub(before), STEP));
            resident.push(number(server.resident()?) / MIB);
        }
    }
    let medians: Vec<[f64; 2]> = rounds.into_iter().map(|round| round.map(median)).collect();
    let line =
        |which: usize| Line::of("", (1..).zip(&medians).map(|(step, values)| (number(step * STEP), values[which])));
    let title = "New pages of 4 KiB come, memory has room for some 13,000";
    Ok(Curve::new("eviction", title, "pages that came")
        .by_steps()
        .panel("CPU of a new page, us", false, vec![line(0)])
        .panel("resident memory, MiB", false, vec![line(1)]))
}

/// Hits on what is hot while memory is full and new pages come at a rate.
pub(crate) async fn pressure(bench: &mut Bench) -> io::Result<Curve> {
    let folder = tempfile::tempdir()?;
    let server = serve(folder.path(), &bench.shop, SETTINGS).await?;
    let next = Arc::new(AtomicU64::new(0));
    let new: Pages = Arc::new(move |_| Ask::from(format!("/4096/new/{}", next.fetch_add(1, Ordering::Relaxed))));
    let hot: Pages = Arc::new(|random| Ask::from(format!("/1024/hot/{}", random % HOT)));
    fetch_all(server.public, (0..15_000).map(|_| new(0)).collect(), 16).await?;
    fetch_all(server.public, (0..2 * HOT).map(|page| hot(page)).collect(), 1).await?;
    let mut rounds: Vec<[Vec<f64>; 3]> = COMING.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.effort.rounds {
        for (rate, values) in COMING.into_iter().zip(&mut rounds) {
            let both = pressed(&server, bench, (&hot, &new), rate).await?;
            for (values, value) in values.iter_mut().zip(both) {
                values.push(value);
            }
        }
    }
    let medians: Vec<[f64; 3]> = rounds.into_iter().map(|round| round.map(median)).collect();
    let line = |name: &str, which: usize| {
        Line::of(name, COMING.into_iter().zip(&medians).map(|(rate, values)| (number(rate), values[which])))
    };
    let latencies = vec![line("p50", 0), line("p99", 1)];
    Ok(Curve::new("pressure", "Hits on 100 hot pages while each new page of 4 KiB drives another out", "new pages/s")
        .panel("time to the answer at 5,000 hits/s, us", true, latencies)
        .panel("CPU for what comes in a second, percent of a core", false, vec![line("", 2)]))
}

/// p50 and p99 of hits, and the share of a core that what came in a second takes, while new pages come.
async fn pressed(server: &Server, bench: &Bench, pages: (&Pages, &Pages), rate: u64) -> io::Result<[f64; 3]> {
    let (mut hits, mut misses) = (Vec::new(), Vec::new());
    for connections in [&mut hits, &mut misses] {
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(server.public).await?);
        }
    }
    let (before, time) = (server.cpu_exact()?, bench.effort.round);
    let (latencies, missed) =
        tokio::join!(paced(&mut hits, "GET", pages.0, RATE, time), paced(&mut misses, "GET", pages.1, rate, time));
    let (latencies, _) = (latencies?, missed?);
    let share = server.cpu_exact()?.saturating_sub(before).as_secs_f64() / time.as_secs_f64();
    Ok([micros(percentile(&latencies, 0.5)), micros(percentile(&latencies, 0.99)), 100.0 * share])
}
