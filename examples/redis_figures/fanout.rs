//! What it costs one Redis that many proxies share a ledger: while nothing happens, for one purge, and under as many as there
//! can be.

use crate::confirm::connection;
use crate::measure::{Noise, median, micros_each};
use crate::members::{self, Member, own_cpu};
use crate::redis_server::RedisServer;
use crate::{Problem, SERVER_CORE, Told};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use vitrine::ledger::APPEND_MAX;

const PROXIES: [usize; 3] = [2, 10, 100];
const IDLE: Duration = Duration::from_secs(5);
const IDLE_ROUNDS: usize = 3;
const PURGES: u64 = 200;
/// Askers under load; each asks again when its purge is confirmed.
const ASKERS: usize = 16;
const LOAD: Duration = Duration::from_secs(4);
/// Records for the bytes of one.
const RECORDS: u64 = 10_000;

pub(crate) async fn run() -> Told {
    for count in PROXIES {
        let noise = Noise::begin();
        let server = RedisServer::start(SERVER_CORE).await?;
        let members: Vec<Arc<Member>> = members::joined(&server, count).await?.into_iter().map(Arc::new).collect();
        let (idle, idle_own) = idle(&server).await?;
        println!(
            "fan-out, {count} proxies: idle, Redis takes {:.2} % of a core for all and each proxy {:.3} % of one",
            idle * 100.0,
            idle_own * 100.0 / f64::from(u32::try_from(count)?)
        );
        one_by_one(&server, &members, idle, idle_own).await?;
        under_load(&server, &members).await?;
        if count == PROXIES[0] {
            bytes(&server, &members[0]).await?;
        }
        noise.tell();
    }
    Ok(())
}

/// What was spent until some moment.
struct Moment {
    redis: Duration,
    own: Duration,
    at: Instant,
}

/// CPU time of Redis and of all proxies, and time.
struct Spent {
    redis: Duration,
    own: Duration,
    took: Duration,
}

impl Moment {
    fn now(server: &RedisServer) -> Result<Moment, Problem> {
        Ok(Moment { redis: server.cpu()?, own: own_cpu()?, at: Instant::now() })
    }

    fn since(&self, server: &RedisServer) -> Result<Spent, Problem> {
        let (redis, own) = (server.cpu()?.saturating_sub(self.redis), own_cpu()?.saturating_sub(self.own));
        Ok(Spent { redis, own, took: self.at.elapsed() })
    }
}

/// Shares of a core that Redis and all proxies take while nothing happens.
async fn idle(server: &RedisServer) -> Result<(f64, f64), Problem> {
    let (mut redis, mut own) = (Vec::new(), Vec::new());
    for _ in 0..IDLE_ROUNDS {
        let before = Moment::now(server)?;
        sleep(IDLE).await;
        let spent = before.since(server)?;
        redis.push(spent.redis.div_duration_f64(spent.took));
        own.push(spent.own.div_duration_f64(spent.took));
    }
    Ok((median(redis), median(own)))
}

/// CPU of one purge that has the ledger to itself, without what is spent anyway.
async fn one_by_one(server: &RedisServer, members: &[Arc<Member>], idle: f64, idle_own: f64) -> Told {
    let before = Moment::now(server)?;
    for product in 0..PURGES {
        sleep(Duration::from_millis(20)).await;
        members[0].purge(product).await?;
    }
    let Spent { redis, own, took } = before.since(server)?;
    let (redis, own) = (redis.saturating_sub(took.mul_f64(idle)), own.saturating_sub(took.mul_f64(idle_own)));
    println!(
        "  a purge: {:.0} us CPU of Redis, {:.0} us of all proxies together",
        micros_each(redis, PURGES),
        micros_each(own, PURGES)
    );
    Ok(())
}

/// As many purges as there can be, asked of several proxies.
async fn under_load(server: &RedisServer, members: &[Arc<Member>]) -> Told {
    let before = Moment::now(server)?;
    let mut askers = Vec::new();
    for asker in 0..ASKERS {
        let member = members[asker % members.len()].clone();
        askers.push(tokio::spawn(async move {
            let (mut confirmed, mut others, began) = (0_u64, 0_u64, Instant::now());
            while began.elapsed() < LOAD {
                match member.purge(confirmed).await {
                    Ok(true) => confirmed += 1,
                    Ok(false) | Err(_) => others += 1,
                }
            }
            (confirmed, others)
        }));
    }
    let (mut confirmed, mut others) = (0, 0);
    for asker in askers {
        let (own, failed) = asker.await?;
        confirmed += own;
        others += failed;
    }
    let Spent { redis, own, took } = before.since(server)?;
    println!(
        "  {ASKERS} askers at once: {:.0} purges/s confirmed, {:.0} us CPU of Redis each; Redis at {:.0} % of its core, all proxies \
         at {:.0} % of theirs; {others} not confirmed",
        1e6 / micros_each(took, confirmed),
        micros_each(redis, confirmed),
        redis.div_duration_f64(took) * 100.0,
        own.div_duration_f64(took) * 100.0,
    );
    Ok(())
}

/// What a record takes in Redis, and what a proxy does.
async fn bytes(server: &RedisServer, member: &Member) -> Told {
    const STATE: &str = "ecommerce:{ledger}:state";
    const LOG: &str = "ecommerce:{ledger}:log";
    let mut connection = connection(server).await?;
    let mut usage = async |key: &str| {
        let mut usage = redis::cmd("MEMORY");
        usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0);
        usage.query_async::<u64>(&mut connection).await
    };
    let before = usage(LOG).await?;
    for batch in 0..RECORDS / APPEND_MAX as u64 {
        let asked = (0..APPEND_MAX as u64).map(|n| members::invalidation(batch * APPEND_MAX as u64 + n));
        member.place(asked.collect::<Result<_, _>>()?).await?;
    }
    let placed = RECORDS / APPEND_MAX as u64 * APPEND_MAX as u64;
    println!(
        "  {} bytes for each of {placed} records in the log; {} bytes for the hash with two proxies",
        (usage(LOG).await? - before) / placed,
        usage(STATE).await?
    );
    Ok(())
}
