//! Curves: what becomes of costs, latencies and memory while one thing grows. `vitrine-bench growth NAME,NAME|all` measures them and
//! writes figures, pictures and the tables of `docs/performance.md`; `growth NAME|all small` only tries the bench, with little of
//! everything, and prints what would be written; `growth NAME|all redraw` draws what was kept once more.

mod allocators;
mod axis;
mod crowds;
mod curve;
mod drive;
mod eviction;
mod hits;
mod page;
mod purges;
mod shop;
mod start;
mod stock;
mod svg;

use super::measure::Noise;
use curve::Curve;
use drive::Effort;
use shop::Shop;
use std::io;
use std::time::{Duration, Instant};
use stock::Stocks;

/// In the order in which they are taken: the purges spoil what the others use.
const NAMES: [&str; 11] = [
    "routes",
    "variants",
    "connections",
    "eviction",
    "pressure",
    "purge-storm",
    "allocators",
    "start",
    "hits-memory",
    "hits-sqlite",
    "purge-members",
];
/// Stored responses, where it is these that grow.
const STORED: [u64; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];

/// What curves are measured with.
struct Bench {
    effort: Effort,
    shop: Shop,
    stocks: Stocks,
}

/// Measures curves: some, with commas between their names, or all.
pub(crate) async fn run(name: &str, how: &str) -> io::Result<()> {
    let wanted = |own: &&str| name == "all" || name.split(',').any(|name| name == *own);
    let names: Vec<&str> = NAMES.into_iter().filter(wanted).collect();
    if names.is_empty() || !matches!(how, "" | "small" | "redraw") {
        return Err(io::Error::other(format!("usage: vitrine-bench growth {}|all [small|redraw]", NAMES.join("|"))));
    }
    if how == "redraw" {
        return names.into_iter().try_for_each(page::redraw);
    }
    let small = how == "small";
    let (rounds, round) = if small { (2, Duration::from_millis(200)) } else { (5, Duration::from_secs(1)) };
    let effort = Effort { rounds, round, small };
    let mut bench = Bench { effort, shop: Shop::open().await?, stocks: Stocks::default() };
    for name in names {
        let (noise, began) = (Noise::begin(), Instant::now());
        let mut curve = measured(name, &mut bench).await?;
        (curve.date, curve.machine) = page::occasion();
        curve.others_percent = noise.percent();
        println!("{name}, {:.0} s\n{}", began.elapsed().as_secs_f64(), page::section(&curve));
        if !small {
            page::keep(&curve)?;
        }
    }
    Ok(())
}

async fn measured(name: &str, bench: &mut Bench) -> io::Result<Curve> {
    match name {
        "routes" => crowds::routes(bench).await,
        "variants" => crowds::variants(bench).await,
        "connections" => crowds::connections(bench).await,
        "eviction" => eviction::filling(bench).await,
        "pressure" => eviction::pressure(bench).await,
        "purge-storm" => purges::storm(bench).await,
        "purge-members" => purges::by_tag(bench).await,
        "allocators" => allocators::run(bench).await,
        "start" => start::run(bench).await,
        "hits-memory" => hits::memory(bench).await,
        "hits-sqlite" => hits::store(bench).await,
        _ => Err(io::Error::other(format!("no curve is called {name}"))),
    }
}
