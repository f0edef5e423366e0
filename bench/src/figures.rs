//! The figures, one function each. All loops are bounded; every child is killed with the function that started it.

use super::load::{Ask, Connection, fetch_all, round};
use super::measure::{median, micros_each, percentile};
use super::process::Server;
use super::servers::Origin;
use super::{coded, forms, growth, origin, peers, redis_purge, redis_serve, redis_trouble, sessions};
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: vitrine-bench hit|memory|herd|purge|sessions|forms|coded|origin|all|peers|growth|redis-serve|redis-purge|redis-trouble";
/// Faults of Redis.
const CYCLES: usize = 200;
/// Where many pages are fetched, their coded forms are made behind them, which is another figure's matter.
const MEMORY: &str = "log: { access: off }\ncompression: false\nstore: { backend: memory, memory: 2GiB }\n\
    caches: { default: { max_size: 2GiB } }";
const SQLITE: &str = "log: { access: off }\ncompression: false\nstore: { backend: sqlite, memory: 2GiB }\n\
    caches: { default: { max_size: 4GiB } }";

/// Runs one figure, or all.
pub(crate) async fn run(name: &str) -> io::Result<()> {
    // The load on the other core than the servers.
    let _ = Command::new("taskset").args(["-pc", "1", &std::process::id().to_string()]).output();
    let all = name == "all";
    if all || name == "hit" {
        hit("access log off", "log: { access: off }\nstore: { backend: memory }").await?;
        hit("access log to a file", "log: { access: /tmp/vitrine-bench-access.log }\nstore: { backend: memory }")
            .await?;
    }
    if all || name == "memory" {
        memory().await?;
    }
    if all || name == "herd" {
        herd().await?;
    }
    if all || name == "purge" {
        purge("memory", MEMORY).await?;
        purge("sqlite", SQLITE).await?;
    }
    if all || name == "sessions" {
        sessions::run().await?;
    }
    if all || name == "forms" {
        forms::run().await?;
    }
    if all || name == "coded" {
        coded::run().await?;
    }
    if all || name == "origin" {
        origin::run().await?;
    }
    match name {
        "peers" => peers::run(std::env::args().skip(2).collect()).await,
        "redis-trouble" => redis_trouble::run(CYCLES).await,
        "redis-serve" => redis_serve::run().await,
        "redis-purge" => redis_purge::run().await,
        "growth" => {
            let argument = |place| std::env::args().nth(place).unwrap_or_default();
            growth::run(&argument(2), &argument(3)).await
        }
        "all" | "hit" | "memory" | "herd" | "purge" | "sessions" | "forms" | "coded" | "origin" => Ok(()),
        _ => Err(io::Error::other(USAGE)),
    }
}

/// CPU of a memory hit beside a bare hyper server that sends the same bytes, rounds of both in turn.
async fn hit(what: &str, lines: &str) -> io::Result<()> {
    const ROUNDS: usize = 6;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(1024, Duration::ZERO).await?;
    let servers = [Server::vitrine(folder.path(), origin.address, lines).await?, Server::bare().await?];
    let page = Arc::from([Ask::from("/".to_string())]);
    let mut costs = [Vec::new(), Vec::new()];
    let mut last = Vec::new();
    for _ in 0..ROUNDS {
        last.clear();
        for (server, costs) in servers.iter().zip(&mut costs) {
            let before = server.cpu()?;
            let round = round(server.public, &page, 64, Duration::from_secs(3)).await?;
            costs.push(micros_each(server.cpu()?.saturating_sub(before), round.requests));
            last.push(round);
        }
    }
    let [own, bare] = costs.map(median);
    println!("hit, 1 KiB, 64 connections, {what}: {:.2} x bare hyper (goal 1.5)", own / bare);
    for (name, cost, round) in [("vitrine", own, &last[0]), ("bare hyper", bare, &last[1])] {
        println!(
            "  {name:10} {cost:5.1} us CPU a request, {:6.0} requests/s, p50 {:?}, p99 {:?}",
            1e6 / micros_each(round.took, round.requests),
            percentile(&round.latencies, 0.5),
            percentile(&round.latencies, 0.99),
        );
    }
    Ok(())
}

/// What stored responses cost beside their bodies.
async fn memory() -> io::Result<()> {
    const COUNT: u64 = 40_000;
    const BODY_BYTES: u64 = 4096;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(4096, Duration::ZERO).await?;
    let idle = Server::vitrine(folder.path(), origin.address, "log: { access: off }").await?;
    println!("memory: {:.1} MiB idle, SQLite store, 256 MiB budget, empty (goal 30)", mib(idle.resident()?));
    drop(idle);
    let server = Server::vitrine(folder.path(), origin.address, MEMORY).await?;
    // What connections and buffers take is there before the count begins.
    fetch_all(server.public, (0..500).map(|n| Ask::from(format!("/warm/{n}"))).collect(), 16).await?;
    let before = server.resident()?;
    fetch_all(server.public, (0..COUNT).map(|n| Ask::from(format!("/p/{n}"))).collect(), 16).await?;
    let grown = server.resident()?.saturating_sub(before);
    println!(
        "memory: {} bytes beside the body for each of {COUNT} stored responses of 4 KiB (goal 600)",
        (grown / COUNT).saturating_sub(BODY_BYTES)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some gigabytes at most")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// A thousand clients on one cold key.
async fn herd() -> io::Result<()> {
    const CLIENTS: usize = 1_000;
    const ORIGIN: Duration = Duration::from_millis(500);
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(4096, ORIGIN).await?;
    let server = Server::vitrine(folder.path(), origin.address, MEMORY).await?;
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(Connection::open(server.public).await?);
    }
    let start = Instant::now();
    let asks = connections.into_iter().map(|mut connection| {
        tokio::spawn(async move {
            connection.ask("GET", "/cold", "").await?;
            Ok::<_, io::Error>(start.elapsed())
        })
    });
    let mut slowest = Duration::ZERO;
    for ask in asks.collect::<Vec<_>>() {
        slowest = slowest.max(ask.await.map_err(io::Error::other)??);
    }
    println!(
        "herd: {} origin request(s) for {CLIENTS} clients (goal 1); the slowest after {:.2} x the origin's time (goal 1.2)",
        origin.asked.load(Ordering::Relaxed),
        slowest.as_secs_f64() / ORIGIN.as_secs_f64()
    );
    Ok(())
}

/// A purge by a tag that ten responses bear beside one that a hundred thousand bear.
async fn purge(backend: &str, lines: &str) -> io::Result<()> {
    const MANY: u64 = 100_000;
    const PURGES: usize = 31;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(256, Duration::ZERO).await?;
    let server = Server::vitrine(folder.path(), origin.address, lines).await?;
    fetch_all(server.public, (0..10).map(|n| Ask::from(format!("/few/{n}"))).collect(), 4).await?;
    fetch_all(server.public, (0..MANY).map(|n| Ask::from(format!("/many/{n}"))).collect(), 16).await?;
    let mut connection = Connection::open(server.public).await?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..PURGES {
        for (tag, times) in ["few", "many"].into_iter().zip(&mut times) {
            let start = Instant::now();
            let head = connection.ask("PURGE", "/", &format!("Surrogate-Key: {tag}\r\n")).await?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            if !head.starts_with("HTTP/1.1 200") {
                return Err(io::Error::other(head));
            }
        }
    }
    let [few, many] = times.map(median);
    println!(
        "purge by tag, {backend}: {:.2} x for {MANY} responses beside 10 (goal 2); {few:.0} us and {many:.0} us",
        many / few
    );
    Ok(())
}
