//! A PURGE of two proxies that share a ledger in Redis, beside one of a proxy that has its ledger for itself.

use super::load::Connection;
use super::measure::{Noise, percentile, spread};
use super::process::Server;
use super::redis_server::RedisServer;
use super::servers::Origin;
use std::io;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PURGES: usize = 300;
/// Nobody purges without a pause, and one that begins behind another shares its renewals.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn run() -> io::Result<()> {
    let noise = Noise::begin();
    let origin = Origin::start(256, Duration::ZERO).await?;
    let redis = RedisServer::start("1").await?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let shared = format!("log: {{ access: off }}\nstore: {{ backend: redis, redis: {{ url: \"{}\" }} }}", redis.url());
    let one = Server::vitrine(folders[0].path(), origin.address, &shared).await?;
    let _other = Server::vitrine(folders[1].path(), origin.address, &shared).await?;
    let alone = "log: { access: off }\nstore: { backend: sqlite }";
    let alone = Server::vitrine(folders[2].path(), origin.address, alone).await?;
    let mut connections = [Connection::open(one.public).await?, Connection::open(alone.public).await?];
    // Nothing is confirmed for a lease after the ledger was made.
    while !purge(&mut connections[0]).await? {
        sleep(PAUSE).await;
    }
    let mut times = [Vec::new(), Vec::new()];
    let mut unconfirmed = 0;
    for _ in 0..PURGES {
        for (connection, times) in connections.iter_mut().zip(&mut times) {
            sleep(PAUSE).await;
            let asked = Instant::now();
            unconfirmed += usize::from(!purge(connection).await?);
            times.push(asked.elapsed());
        }
    }
    let [mut together, mut apart] = times;
    let (together_told, apart_told) = (spread(&mut together), spread(&mut apart));
    let ratio = percentile(&together, 0.5).as_secs_f64() / percentile(&apart, 0.5).as_secs_f64();
    println!("PURGE confirmed by two proxies through Redis: {ratio:.1} x one of a proxy alone with SQLite");
    println!("  two proxies: {together_told}; alone: {apart_told}; {unconfirmed} of {PURGES} not confirmed");
    noise.tell();
    Ok(())
}

/// Tells whether it was confirmed.
async fn purge(connection: &mut Connection) -> io::Result<bool> {
    let (head, body) = connection.ask_whole("PURGE", "/", "Surrogate-Key: few\r\n").await?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(head));
    }
    Ok(String::from_utf8_lossy(&body).contains("\"confirmed\":true"))
}
