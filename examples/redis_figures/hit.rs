//! A hit from the store beside a bare `GET` of the same bytes, in turns, on one thread.

use crate::confirm::connection;
use crate::measure::{Noise, median, micros_each, percentile};
use crate::members::own_cpu;
use crate::redis_server::RedisServer;
use crate::{Problem, SERVER_CORE, Told, samples};
use redis::aio::MultiplexedConnection;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vitrine::cache_name::CacheName;
use vitrine::key::Key;
use vitrine::store::redis::RedisStore;
use vitrine::store::{Queued, Store};

const ROUNDS: usize = 15;
const READS: u64 = 3_000;
const PRODUCT: u64 = 7;
const BARE: &str = "bare";

pub(crate) async fn run() -> Told {
    for kib in [4, 16] {
        let noise = Noise::begin();
        let server = RedisServer::start(SERVER_CORE).await?;
        let store = samples::store(&server)?;
        let mut bare = connection(&server).await?;
        prepare(&store, &mut bare, kib * 1024).await?;
        let both = Arc::new(Both { store, bare, key: samples::key(PRODUCT) });
        for at_once in [1, 64] {
            compare(&server, &both, kib, at_once).await?;
        }
        noise.tell();
    }
    Ok(())
}

/// Stores a response, and the same bytes as a plain string.
async fn prepare(store: &RedisStore, bare: &mut MultiplexedConnection, body_bytes: usize) -> Told {
    let response = samples::response(PRODUCT, body_bytes)?;
    while store.put(response.clone()) != Queued::Accepted {
        store.flush().await?;
    }
    store.flush().await?;
    let pages: Vec<String> = redis::cmd("KEYS").arg("ecommerce:products:*").query_async(bare).await?;
    let values: Vec<Vec<u8>> = redis::cmd("HVALS").arg(&pages[0]).query_async(bare).await?;
    Ok(redis::cmd("SET").arg(BARE).arg(&values[0]).query_async(bare).await?)
}

struct Both {
    store: RedisStore,
    bare: MultiplexedConnection,
    key: Key,
}

impl Both {
    async fn read(&self, which: usize) -> Result<(), Problem> {
        let found = if which == 0 {
            self.store.get(CacheName::Products, &self.key).await?.len()
        } else {
            let value: Vec<u8> = redis::cmd("GET").arg(BARE).query_async(&mut self.bare.clone()).await?;
            usize::from(!value.is_empty())
        };
        if found == 1 { Ok(()) } else { Err("it is not there".into()) }
    }
}

/// What a round came to, for each read.
struct Round {
    cpu: f64,
    redis: f64,
    p50: f64,
}

async fn compare(server: &RedisServer, both: &Arc<Both>, kib: usize, at_once: u64) -> Told {
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (which, rounds) in rounds.iter_mut().enumerate() {
            rounds.push(round(server, both, which, at_once).await?);
        }
    }
    let of = |get: fn(&Round) -> f64| rounds.each_ref().map(|rounds| median(rounds.iter().map(get).collect()));
    // Neighbours in time have the same neighbours on the machine.
    let ratio = |get: fn(&Round) -> f64| {
        median(rounds[0].iter().zip(&rounds[1]).map(|(own, bare)| get(own) / get(bare)).collect())
    };
    println!(
        "hit from Redis, {kib} KiB, {at_once} at once: {:.2} x the CPU and {:.2} x the p50 of a bare GET (goal 1.5)",
        ratio(|round| round.cpu),
        ratio(|round| round.p50)
    );
    for (which, name) in ["RedisStore::get", "bare GET"].into_iter().enumerate() {
        println!(
            "  {name:15} {:5.1} us CPU here, {:4.1} us of Redis, p50 {:.0} us",
            of(|round| round.cpu)[which],
            of(|round| round.redis)[which],
            of(|round| round.p50)[which]
        );
    }
    Ok(())
}

async fn round(server: &RedisServer, both: &Arc<Both>, which: usize, at_once: u64) -> Result<Round, Problem> {
    let before = (own_cpu()?, server.cpu()?);
    let mut readers = Vec::new();
    for _ in 0..at_once {
        let both = both.clone();
        readers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..READS / at_once {
                let asked = Instant::now();
                both.read(which).await?;
                times.push(asked.elapsed());
            }
            Ok::<_, Problem>(times)
        }));
    }
    let mut times: Vec<Duration> = Vec::new();
    for reader in readers {
        times.extend(reader.await??);
    }
    times.sort_unstable();
    let count = times.len() as u64;
    Ok(Round {
        cpu: micros_each(own_cpu()?.saturating_sub(before.0), count),
        redis: micros_each(server.cpu()?.saturating_sub(before.1), count),
        p50: percentile(&times, 0.5).as_secs_f64() * 1e6,
    })
}
