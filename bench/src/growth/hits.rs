//! What a hit costs, and how long it takes, by how many responses are stored: in memory, and where each is read from SQLite.

use super::curve::{Curve, Line, number};
use super::drive::{CONNECTIONS, Cost, Subject, hit_costs};
use super::stock::{NOTHING_IN_MEMORY, any_of, serve};
use super::{Bench, STORED};
use std::io;

/// Every page from memory, any of them at random.
pub(crate) async fn memory(bench: &mut Bench) -> io::Result<Curve> {
    let mut subjects = Vec::new();
    let sizes = bench.effort.sizes(&STORED, 10_000);
    for count in &sizes {
        let server = bench.stocks.in_memory(&bench.shop, *count).await?;
        subjects.push(Subject::new(server, any_of(*count), CONNECTIONS).await?);
    }
    let costs = hit_costs(&mut subjects, &bench.shop, bench.effort).await?;
    Ok(of(
        Curve::new("hits-memory", "A hit from memory, 1 KiB, any page at random", "stored responses"),
        &sizes,
        &costs,
    ))
}

/// Memory has room for none: every hit is a read.
pub(crate) async fn store(bench: &mut Bench) -> io::Result<Curve> {
    let mut subjects = Vec::new();
    let sizes = bench.effort.sizes(&STORED, 10_000);
    for count in &sizes {
        let folder = bench.stocks.of(&bench.shop, *count).await?;
        let server = serve(folder, &bench.shop, NOTHING_IN_MEMORY).await?;
        subjects.push(Subject::new(server, any_of(*count), CONNECTIONS).await?);
    }
    let costs = hit_costs(&mut subjects, &bench.shop, bench.effort).await?;
    let curve =
        Curve::new("hits-sqlite", "A hit that is read from SQLite, 1 KiB, any page at random", "stored responses");
    Ok(of(curve, &sizes, &costs))
}

/// Cost and latencies over what has grown.
pub(crate) fn of(curve: Curve, xs: &[u64], costs: &[Cost]) -> Curve {
    let line = |name: &str, value: fn(&Cost) -> f64| {
        Line::of(name, xs.iter().zip(costs).map(|(x, cost)| (number(*x), value(cost))))
    };
    let latencies = vec![line("p50", |cost| cost.p50_us), line("p99", |cost| cost.p99_us)];
    curve.panel("CPU of a request, us", false, vec![line("", |cost| cost.cpu_us)]).panel(
        "time to the answer at 5,000 requests/s, us",
        true,
        latencies,
    )
}
