//! Walking over all keys of ours, on connections that nothing else waits for: one to each master, and slice by slice.

use super::connect::connect_to_masters;
use super::script::DROP;
use super::shared::Shared;
use super::trouble::Failure;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisError, Value, from_redis_value};
use std::time::Duration;
use tokio::time::timeout;

/// Names that one slice looks at, about.
const SLICE_NAMES: usize = 200;
/// For the answer to one slice; nobody waits for it but the walk.
const SLICE_TIMEOUT: Duration = Duration::from_secs(2);

/// One master on the way.
#[derive(Clone)]
pub(super) struct Master {
    connection: MultiplexedConnection,
    cursor: Option<u64>,
    /// Its clock when the walk began, in microseconds.
    pub(super) began: u64,
}

/// All masters, each before its first slice.
pub(super) async fn masters(shared: &Shared) -> Result<Vec<Master>, Failure> {
    let connections = connect_to_masters(&shared.settings).await?;
    Ok(connections.into_iter().map(|connection| Master { connection, cursor: Some(0), began: 0 }).collect())
}

impl Master {
    /// Settles when the walk began, and makes the script known that lets variants go.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        let (seconds, micros): (u64, u64) = self.ask(&redis::cmd("TIME")).await?;
        self.began = seconds.saturating_mul(1_000_000).saturating_add(micros);
        self.ask(&DROP.load()).await
    }

    /// The next names that match; none at the end. A name may come twice, where the server rearranges them meanwhile.
    pub(super) async fn next(&mut self, pattern: &str) -> Result<Option<Vec<String>>, Failure> {
        let Some(cursor) = self.cursor else { return Ok(None) };
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SLICE_NAMES);
        let (next, names): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
        self.cursor = (next != 0).then_some(next);
        // Ours are text.
        Ok(Some(names.into_iter().filter_map(|name| String::from_utf8(name).ok()).collect()))
    }

    pub(super) async fn ask<T: redis::FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        let answer = within(self.connection.req_packed_command(command)).await?.extract_error()?;
        from_redis_value(answer).map_err(|error| Failure::Redis(error.into()))
    }

    /// Sends all at once; an error is the answer of its command alone.
    pub(super) async fn ask_all(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, Failure> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = Pipeline::with_capacity(commands.len());
        for command in commands {
            all.add_command(command.clone());
        }
        within(self.connection.req_packed_commands(&all, 0, commands.len())).await
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failure> {
    Ok(timeout(SLICE_TIMEOUT, answer).await.map_err(|_| Failure::Late(SLICE_TIMEOUT))??)
}
