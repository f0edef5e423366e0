//! What `status` says of what is shared with other proxies: the Redis server and the ledger in it.

use crate::clock::millis;
use crate::store::redis::RedisFigures;
use crate::store::redis::log::{LogFigures, ProxyFigures};
use serde::{Deserialize, Serialize};

/// The Redis server behind memory, as it told of itself within the last minute; what it did not tell is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisStatus {
    /// Its name and version.
    pub version: Option<String>,
    /// `master`, or `slave` for a replica.
    pub role: Option<String>,
    /// Bytes that it uses.
    pub memory_bytes: Option<u64>,
    /// Bytes that it may use; 0 is no limit.
    pub memory_bytes_max: Option<u64>,
    /// What it lets go when it is full.
    pub policy: Option<String>,
    /// Keys that were asked for and were there.
    pub hits: Option<u64>,
    /// Keys that were asked for and were not there.
    pub misses: Option<u64>,
    /// Keys it let go because it was full.
    pub evicted: Option<u64>,
    /// `closed`, or what pauses until a probe goes well: `reading`, `writing` or `both`.
    pub breaker: String,
    /// Settings of the server that will hurt one day, each with its remedy.
    pub warnings: Vec<String>,
}

/// A shared ledger, as this proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharingStatus {
    /// Whether it is followed now.
    pub connected: bool,
    /// Why not.
    pub trouble: Option<String>,
    /// For how many milliseconds this proxy may still trust what it has stored.
    pub lease_ms: u64,
    /// Records that it had not read yet when it last looked.
    pub lag: u64,
    /// Everybody who shares it, this proxy too, as last seen.
    pub proxies: Vec<ProxyStatus>,
}

/// A proxy that shares the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyStatus {
    /// Its id, which its `data_dir` keeps.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The newest record that it has applied; none where it follows another epoch.
    pub applied: Option<u64>,
    /// Whether its lease may still run.
    pub live: bool,
    /// What it does when its lease has run out: `serve`, `revalidate` or `pass`.
    pub on_isolation: String,
}

impl RedisStatus {
    pub(super) fn of(figures: &RedisFigures) -> RedisStatus {
        let breaker = match (figures.reading_pauses, figures.writing_pauses) {
            (false, false) => "closed",
            (true, false) => "reading",
            (false, true) => "writing",
            (true, true) => "both",
        };
        RedisStatus {
            version: figures.version.clone(),
            role: figures.role.clone(),
            memory_bytes: figures.memory_bytes,
            memory_bytes_max: figures.memory_bytes_max,
            policy: figures.policy.clone(),
            hits: figures.hits,
            misses: figures.misses,
            evicted: figures.evicted,
            breaker: breaker.into(),
            warnings: figures.warnings.clone(),
        }
    }
}

impl SharingStatus {
    pub(super) fn of(figures: &LogFigures) -> SharingStatus {
        let proxy = |own: &ProxyFigures| ProxyStatus {
            id: own.id.clone(),
            name: own.name.clone(),
            applied: own.applied,
            live: own.is_live,
            on_isolation: own.on_isolation.as_str().into(),
        };
        SharingStatus {
            connected: figures.is_connected,
            trouble: figures.trouble.clone(),
            lease_ms: millis(figures.lease_left),
            lag: figures.lag,
            proxies: figures.proxies.iter().map(proxy).collect(),
        }
    }
}
