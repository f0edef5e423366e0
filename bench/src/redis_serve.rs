//! What a hit costs that memory has not got, so that it comes from Redis.

use super::load::{Ask, fetch_all, round};
use super::measure::{Noise, median, micros_each, percentile};
use super::process::Server;
use super::redis_server::RedisServer;
use super::servers::Origin;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

const PAGES: usize = 4_000;
const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// A proxy whose memory holds some fifty of four thousand pages, beside itself with one page that memory holds.
pub(crate) async fn run() -> io::Result<()> {
    let noise = Noise::begin();
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(4096, Duration::ZERO).await?;
    let redis = RedisServer::start("1").await?;
    let lines = format!(
        "log: {{ access: off }}\ncompression: false\nstore: {{ backend: redis, memory: 1MiB, redis: {{ url: \"{}\" }} }}",
        redis.url()
    );
    let server = Server::vitrine(folder.path(), origin.address, &lines).await?;
    let pages: Vec<Ask> = (0..PAGES).map(|n| Ask::from(format!("/p/{n}"))).collect();
    fetch_all(server.public, pages.clone(), 16).await?;
    // For the lease at the start, and for what is queued to be written.
    sleep(Duration::from_secs(2)).await;
    fetch_all(server.public, pages.clone(), 16).await?;
    sleep(Duration::from_secs(2)).await;
    let fetched = origin.asked.load(Ordering::Relaxed);
    let targets: [Arc<[Ask]>; 2] = [pages.into(), Arc::from([Ask::from("/p/0".to_string())])];
    let mut costs = [Vec::new(), Vec::new()];
    let (mut rates, mut shared, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (place, (targets, costs)) in targets.iter().zip(&mut costs).enumerate() {
            let before = (server.cpu()?, redis.cpu()?);
            let round = round(server.public, targets, CONNECTIONS, ROUND).await?;
            costs.push(micros_each(server.cpu()?.saturating_sub(before.0), round.requests));
            if place == 0 {
                rates.push(1e6 / micros_each(round.took, round.requests));
                shared.push(micros_each(redis.cpu()?.saturating_sub(before.1), round.requests));
                latencies = round.latencies;
            }
        }
    }
    let [from_redis, from_memory] = costs.map(median);
    println!("hit from Redis, 4 KiB, {CONNECTIONS} connections: {:.2} x a hit from memory", from_redis / from_memory);
    println!(
        "  vitrine {from_redis:.1} us CPU a request beside {from_memory:.1} us, Redis {:.1} us; {:.0} requests/s, p50 {:?}, p99 {:?}",
        median(shared),
        median(rates),
        percentile(&latencies, 0.5),
        percentile(&latencies, 0.99),
    );
    let asked = origin.asked.load(Ordering::Relaxed) - fetched;
    if asked > 0 {
        println!("  the origin was asked {asked} times: not all were hits");
    }
    noise.tell();
    Ok(())
}
