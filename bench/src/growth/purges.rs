//! Purges: of tags that more and more responses bear, and more and more of them while hits are answered.

use super::super::load::{Ask, Connection};
use super::super::measure::{median, percentile};
use super::Bench;
use super::curve::{Curve, Line, number};
use super::drive::{CONNECTIONS, Pages, RATE, micros, paced};
use super::stock::any_of;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Stored responses that bear a tag; `store_copies` makes groups of these sizes.
const MEMBERS: [u64; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
const RATES: [u64; 6] = [0, 10, 30, 100, 300, 1_000];
const HOT: u64 = 1_000;

/// One purge at a time, tags of all sizes in turn. What was purged stays where it is until it is asked for, so that a tag has as
/// many members the next time.
pub(crate) async fn by_tag(bench: &mut Bench) -> io::Result<Curve> {
    let sizes = bench.effort.sizes(&MEMBERS, 10_000);
    let most = sizes.last().copied().unwrap_or_default();
    let server = bench.stocks.in_memory(&bench.shop, most).await?;
    let mut connection = Connection::open(server.public).await?;
    let mut rounds: Vec<[Vec<f64>; 2]> = sizes.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.effort.rounds * 6 {
        for (size, [times, costs]) in sizes.iter().zip(&mut rounds) {
            let (before, began) = (server.cpu_exact()?, Instant::now());
            let head = connection.ask("PURGE", "/", &format!("Surrogate-Key: in-{size}-0\r\n")).await?;
            times.push(micros(began.elapsed()));
            costs.push(micros(server.cpu_exact()?.saturating_sub(before)));
            if !head.starts_with("HTTP/1.1 200") {
                return Err(io::Error::other(head));
            }
        }
    }
    bench.stocks.spoiled(most);
    let line = |name: &str, value: &dyn Fn(&[Vec<f64>; 2]) -> f64| {
        Line::of(name, sizes.iter().zip(&rounds).map(|(size, round)| (number(*size), value(round))))
    };
    let times = vec![line("p50", &|round| median(round[0].clone())), line("max", &|round| most_of(&round[0]))];
    Ok(Curve::new(
        "purge-members",
        "A purge by tag, acknowledged when it is on disk",
        "stored responses that bear the tag",
    )
    .panel("time to the answer, us", true, times)
    .panel("CPU of the process for a purge, us", false, vec![line("", &|round| median(round[1].clone()))]))
}

fn most_of(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Hits at a rate while purges come at another, each of a tag of its own that none of the pages bears.
pub(crate) async fn storm(bench: &mut Bench) -> io::Result<Curve> {
    let server = bench.stocks.in_memory(&bench.shop, HOT).await?;
    let (hot, next) = (any_of(HOT), Arc::new(AtomicU64::new(0)));
    let tags: Pages = Arc::new(move |_| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        Ask { target: "/".into(), fields: format!("Surrogate-Key: storm-{number}\r\n") }
    });
    let (mut hits, mut purges) = (Vec::new(), Vec::new());
    for connections in [&mut hits, &mut purges] {
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(server.public).await?);
        }
    }
    let mut rounds: Vec<[Vec<f64>; 5]> = RATES.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.effort.rounds {
        for (rate, values) in RATES.into_iter().zip(&mut rounds) {
            let (before, time) = (server.cpu_exact()?, bench.effort.round);
            let (answered, purged) =
                tokio::join!(paced(&mut hits, "GET", &hot, RATE, time), paced(&mut purges, "PURGE", &tags, rate, time));
            let (answered, purged) = (answered?, purged?);
            let share = server.cpu_exact()?.saturating_sub(before).as_secs_f64() / time.as_secs_f64();
            let [p50, p99] = [0.5, 0.99].map(|share| micros(percentile(&answered, share)));
            let [purge_p50, purge_p99] = [0.5, 0.99].map(|share| micros(percentile(&purged, share)));
            for (values, value) in values.iter_mut().zip([p50, p99, purge_p50, purge_p99, 100.0 * share]) {
                values.push(value);
            }
        }
    }
    let medians: Vec<[f64; 5]> = rounds.into_iter().map(|round| round.map(median)).collect();
    let line = |name: &str, which: usize| {
        let points = RATES.into_iter().zip(&medians).map(|(rate, values)| (number(rate), values[which]));
        Line::of(name, points.filter(|(rate, _)| which < 2 || which == 4 || *rate > 0.0))
    };
    let title = "Hits on 1,000 pages while purges of other tags come, SQLite behind memory";
    Ok(Curve::new("purge-storm", title, "purges/s")
        .panel("time to a hit's answer at 5,000 hits/s, us", true, vec![line("p50", 0), line("p99", 1)])
        .panel("time to a purge's answer, us", true, vec![line("p50", 2), line("p99", 3)])
        .panel("CPU for what comes in a second, percent of a core", false, vec![line("", 4)]))
}
