//! The commands of the shared ledger, each one script that the server runs in one piece.
//!
//! A script is fixed text; what comes from outside is only ever an argument. Each of them looks first whether the server is
//! still the process that the epoch was begun on and was the master ever since, so that no restart and no failover goes
//! unseen between two commands. The first replica that a master ever has changes its history's name too: that looks like a
//! failover, and costs a new epoch.

use super::entry::{self, Place};
use super::keys::Keys;
use super::replicas::Replicas;
use crate::clock::Timestamp;
use crate::crypto;
use crate::ledger::{Epoch, OnIsolation, Placed, Position, Record};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::time::timeout;

/// For each command.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);
/// For how long a webhook's id is remembered: the longest that senders go on repeating is two days.
const DELIVERY_KEPT: Duration = Duration::from_hours(72);

/// A script after what all of them ask of the server.
macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("server.lua"), include_str!($file))))
    };
}

static JOIN: LazyLock<Script> = script!("join.lua");
static RENEW: LazyLock<Script> = script!("renew.lua");
static APPEND: LazyLock<Script> = script!("append.lua");
static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("forget.lua")));

/// Why a command of the shared ledger failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlError {
    /// The server's word, or the connection's.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// No answer in time.
    #[error("no answer within {} ms", COMMAND_TIMEOUT.as_millis())]
    Timeout,
    /// Another epoch is in force, or the log is not whole.
    #[error("a new epoch begins")]
    Epoch,
    /// This proxy's entry is not there, or belongs to its successor.
    #[error("this proxy is not registered any more")]
    Gone,
    /// The answer is none that a script of ours gives.
    #[error("an answer that cannot be read")]
    Answer,
}

/// A connection to the master that has the ledger.
#[derive(Clone)]
pub(super) struct Control {
    pub(super) connection: MultiplexedConnection,
    pub(super) keys: Keys,
    /// None where no replica counts: the server alone is enough.
    pub(super) replicas: Option<Arc<Replicas>>,
}

/// What this proxy says of itself.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) id: String,
    /// Random, for each process: the entry of a former one is not mistaken for this one's.
    pub(super) incarnation: String,
    pub(super) name: String,
    pub(super) lease: Duration,
}

/// What this proxy says when it renews its lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Says {
    /// What it does when its lease has run out.
    pub(super) on_isolation: OnIsolation,
    /// Whether the server has on disk what it has answered.
    pub(super) restart_is_safe: bool,
    /// Whether it has seen that no lease of an earlier epoch runs any more.
    pub(super) is_settled: bool,
}

/// What this proxy knows of the log that it followed before.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) epoch: Option<Epoch>,
    pub(super) position: Position,
    pub(super) nonce: Option<String>,
    /// An epoch whose log was found broken.
    pub(super) distrusted: Option<Epoch>,
}

/// The log as it was when this proxy joined.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) epoch: Epoch,
    pub(super) head: Position,
    pub(super) floor: Position,
    /// Whether somebody has seen that no lease of an earlier epoch runs any more.
    pub(super) is_settled: bool,
}

/// The log as it was when this proxy renewed its lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewed {
    /// Whether the lease is renewed: this proxy keeps up, and enough replicas know.
    pub(super) holds: bool,
    pub(super) head: Position,
    /// Whether enough replicas have what this proxy said of itself.
    pub(super) is_replicated: bool,
    pub(super) floor: Position,
    /// Whether no other proxy is registered.
    pub(super) is_alone: bool,
}

fn hex(epoch: Epoch) -> String {
    format!("{:016x}", epoch.0)
}

fn parse_epoch(text: &str) -> Result<Epoch, ControlError> {
    u64::from_str_radix(text, 16).map(Epoch).map_err(|_| ControlError::Answer)
}

fn number(text: Option<&String>) -> Result<u64, ControlError> {
    text.and_then(|text| text.parse().ok()).ok_or(ControlError::Answer)
}

impl Control {
    /// Registers, and learns how the log stands. `fresh` names a new epoch, if one is needed.
    pub(super) async fn join(
        &self,
        identity: &Identity,
        on_isolation: OnIsolation,
        known: &Known,
        fresh: Epoch,
        restart_is_safe: bool,
    ) -> Result<Joined, ControlError> {
        let mut call = JOIN.key(&self.keys.state);
        call.key(&self.keys.log)
            .arg(hex(fresh))
            .arg(u8::from(restart_is_safe))
            .arg(known.distrusted.map(hex).unwrap_or_default())
            .arg(known.epoch.map(hex).unwrap_or_default())
            .arg(known.position)
            .arg(known.nonce.as_deref().unwrap_or_default())
            .arg(&identity.id)
            .arg(&identity.incarnation)
            .arg(on_isolation.as_str())
            .arg(identity.lease.as_millis().to_string())
            .arg(&identity.name);
        let mut connection = self.connection.clone();
        let (epoch, head, _nonce, floor, _is_new, is_settled): (String, Position, String, Position, u8, u8) =
            within(call.invoke_async(&mut connection)).await?;
        Ok(Joined { epoch: parse_epoch(&epoch)?, head, floor, is_settled: is_settled == 1 })
    }

    /// Says how far this proxy has come, and renews its lease.
    pub(super) async fn renew(
        &self,
        identity: &Identity,
        says: &Says,
        epoch: Epoch,
        place: &Place,
    ) -> Result<Renewed, ControlError> {
        let mut call = RENEW.key(&self.keys.state);
        call.key(&self.keys.log)
            .arg(hex(epoch))
            .arg(&identity.id)
            .arg(&identity.incarnation)
            .arg(place.position)
            .arg(place.nonce.as_deref().unwrap_or_default())
            .arg(says.on_isolation.as_str())
            .arg(identity.lease.as_millis().to_string())
            .arg(&identity.name)
            .arg(u8::from(says.restart_is_safe))
            .arg(u8::from(says.is_settled));
        let mut connection = self.connection.clone();
        let answer: Vec<String> = within(call.invoke_async(&mut connection)).await?;
        let keeps_up = match answer.first().map(String::as_str) {
            Some("ok") => true,
            Some("behind") => false,
            Some("epoch") => return Err(ControlError::Epoch),
            Some("gone") => return Err(ControlError::Gone),
            _ => return Err(ControlError::Answer),
        };
        let is_replicated = self.is_replicated().await?;
        Ok(Renewed {
            holds: keeps_up && is_replicated,
            is_replicated,
            head: number(answer.get(1))?,
            floor: number(answer.get(2))?,
            is_alone: number(answer.get(3))? == 1,
        })
    }

    /// Places records at the end; with a webhook's id, once.
    pub(super) async fn append(
        &self,
        epoch: Epoch,
        records: &[Record],
        nonce: &str,
        floor: Position,
        delivery: Option<&str>,
    ) -> Result<Placed, ControlError> {
        let mut call = APPEND.key(&self.keys.state);
        call.key(&self.keys.log).key(&self.keys.deliveries).key(&self.keys.delivered);
        call.arg(hex(epoch)).arg(nonce).arg(floor).arg(records.len());
        // Hashed: a sender may make it long.
        call.arg(delivery.map(|id| crypto::hex(&crypto::digest_128(id.as_bytes()))).unwrap_or_default());
        call.arg(DELIVERY_KEPT.as_millis().to_string());
        for record in records {
            let fields = entry::fields(record);
            call.arg(fields.len() * 2);
            for (name, value) in fields {
                call.arg(name).arg(value);
            }
        }
        let mut connection = self.connection.clone();
        let answer: Vec<String> = within(call.invoke_async(&mut connection)).await?;
        let repeat = match answer.first().map(String::as_str) {
            Some("ok") => false,
            Some("known") => true,
            Some("epoch") => return Err(ControlError::Epoch),
            _ => return Err(ControlError::Answer),
        };
        let time = Timestamp(number(answer.get(3))?);
        Ok(Placed { epoch, first: number(answer.get(1))?, last: number(answer.get(2))?, time, repeat })
    }

    /// Whether enough replicas have everything that this server has answered by now.
    pub(super) async fn is_replicated(&self) -> Result<bool, ControlError> {
        match &self.replicas {
            Some(replicas) => replicas.have_it().await,
            None => Ok(true),
        }
    }

    /// The epoch in force, and every proxy's entry by its id.
    pub(super) async fn proxies(&self) -> Result<(Epoch, Vec<(String, String)>), ControlError> {
        let mut connection = self.connection.clone();
        let state: Vec<(String, String)> =
            within(redis::cmd("HGETALL").arg(&self.keys.state).query_async(&mut connection)).await?;
        let epoch = state.iter().find(|(name, _)| name == "epoch").ok_or(ControlError::Epoch)?;
        let epoch = parse_epoch(&epoch.1)?;
        let entries = state.into_iter().filter_map(|(name, entry)| Some((name.strip_prefix("proxy:")?.into(), entry)));
        Ok((epoch, entries.collect()))
    }

    /// Takes a proxy's entry away, if it is still this one.
    pub(super) async fn forget(&self, id: &str, entry: &str) -> Result<(), ControlError> {
        let mut connection = self.connection.clone();
        let mut call = FORGET.key(&self.keys.state);
        call.arg(format!("proxy:{id}")).arg(entry);
        within::<()>(call.invoke_async(&mut connection)).await
    }
}

pub(super) async fn within<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, ControlError> {
    Ok(timeout(COMMAND_TIMEOUT, answer).await.map_err(|_| ControlError::Timeout)??)
}
