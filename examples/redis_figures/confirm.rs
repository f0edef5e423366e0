//! How long a purge takes until every proxy has let go, beside the least that Redis could take to tell one reader.

use crate::measure::{Noise, percentile, spread};
use crate::members;
use crate::redis_server::RedisServer;
use crate::{SERVER_CORE, Told};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::streams::StreamReadReply;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PROXIES: [usize; 3] = [2, 10, 100];
const PURGES: u64 = 300;
/// One purge at a time: nobody else's renewals help or hinder.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn run() -> Told {
    for count in PROXIES {
        one(count).await?;
    }
    Ok(())
}

async fn one(count: usize) -> Told {
    let noise = Noise::begin();
    let server = RedisServer::start(SERVER_CORE).await?;
    let members = members::joined(&server, count).await?;
    let mut bare = Bare::connect(&server).await?;
    let (mut placed, mut confirmed, mut trips) = (Vec::new(), Vec::new(), Vec::new());
    let mut unconfirmed = 0;
    for product in 0..PURGES {
        sleep(PAUSE).await;
        trips.push(bare.round_trip(product + 1).await?);
        sleep(PAUSE).await;
        let asked = Instant::now();
        let receipt = members[0].place(vec![members::invalidation(product)?]).await?;
        placed.push(asked.elapsed());
        let receipt = members[0].ledger.confirm(receipt, Duration::from_secs(5)).await;
        confirmed.push(asked.elapsed());
        unconfirmed += usize::from(!receipt.confirmation.confirmed);
    }
    let told = [&mut confirmed, &mut placed, &mut trips].map(|times| spread(times));
    let ratio = |share| percentile(&confirmed, share).as_secs_f64() / percentile(&trips, share).as_secs_f64();
    println!("confirm, {count} proxies: p50 {:.1} x, p99 {:.1} x a bare XADD and XREAD", ratio(0.5), ratio(0.99));
    for (name, told) in ["confirmed", "placed and read back", "bare XADD and XREAD"].into_iter().zip(told) {
        println!("  {name}: {told}");
    }
    if unconfirmed > 0 {
        println!("  {unconfirmed} of {PURGES} were not confirmed");
    }
    noise.tell();
    Ok(())
}

/// One that writes and one that waits for it.
struct Bare {
    writer: MultiplexedConnection,
    reader: MultiplexedConnection,
}

impl Bare {
    async fn connect(server: &RedisServer) -> Result<Bare, RedisError> {
        Ok(Bare { writer: connection(server).await?, reader: connection(server).await? })
    }

    async fn round_trip(&mut self, number: u64) -> Result<Duration, RedisError> {
        let (mut add, mut read) = (redis::cmd("XADD"), redis::cmd("XREAD"));
        add.arg("bare").arg(format!("{number}-0")).arg("value").arg("x".repeat(150));
        read.arg("BLOCK").arg(1_000).arg("STREAMS").arg("bare").arg(format!("{}-0", number - 1));
        let began = Instant::now();
        // The reader waits already when the entry comes.
        let reading = read.query_async::<StreamReadReply>(&mut self.reader);
        let (read, added) = tokio::join!(reading, add.query_async::<String>(&mut self.writer));
        read?;
        added.map(|_| began.elapsed())
    }
}

/// A plain connection, as the store's are.
pub(crate) async fn connection(server: &RedisServer) -> Result<MultiplexedConnection, RedisError> {
    let info = server.url().into_connection_info()?.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    Client::open(info)?.get_multiplexed_async_connection_with_config(&config).await
}
