//! What `status` and the dashboard show: the process, its configuration, the caches, the ledger, each origin and each route.

use super::backstage::Situation;
use super::origin_status::OriginStatus;
use super::shared_status::{RedisStatus, SharingStatus};
use crate::cache_name::CacheName;
use crate::observe::{Figures, RouteTotals, rfc3339};
use crate::outcome::Kind;
use crate::store::{CacheFigures, StoreFigures};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of vitrine.
    pub version: String,
    /// When the process started, as RFC 3339 has it.
    pub started: String,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// The configuration.
    pub config: ConfigStatus,
    /// What is behind memory.
    pub store: StoreStatus,
    /// The named caches.
    pub caches: Vec<CacheStatus>,
    /// The ledger.
    pub ledger: LedgerStatus,
    /// The origins in the configuration's order.
    #[serde(default)]
    pub origins: Vec<OriginStatus>,
    /// The routes in the configuration's order, the requests that fell under none last.
    pub routes: Vec<RouteStatus>,
    /// Of all routes together: hits of hits and misses.
    pub hit_ratio: Option<f64>,
}

/// The configuration in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// The file.
    pub path: String,
    /// Tells one content of it from another.
    pub hash: String,
    /// When it took effect.
    pub loaded: String,
    /// The mistakes for which a newer file was refused; empty where none was.
    pub refused: Vec<String>,
}

/// The store behind memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// `sqlite`, `redis`, or `memory` for none.
    pub backend: String,
    /// What is wrong with it now.
    pub trouble: Option<String>,
    /// Bytes waiting to be written.
    pub queued_bytes: u64,
    /// Responses not written because the queue was full.
    pub dropped_writes: u64,
    /// Reads and writes that failed.
    pub errors: u64,
    /// Stored responses found damaged.
    pub corrupt: u64,
    /// The server, where the store is Redis and has been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisStatus>,
}

/// One named cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheStatus {
    /// Its name.
    pub name: String,
    /// In memory.
    pub memory: TierStatus,
    /// In the store; none where there is none.
    pub store: Option<TierStatus>,
}

/// One cache in one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierStatus {
    /// Stored responses.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What they may be.
    pub bytes_max: u64,
    /// Let go to make room.
    pub evictions: u64,
}

/// The ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// Its name.
    pub epoch: String,
    /// Records up to here are no longer kept.
    pub floor: u64,
    /// The newest record.
    pub position: u64,
    /// Why purges cannot be recorded now.
    pub trouble: Option<String>,
    /// Records that wait in the outbox for a shared ledger to come back.
    pub waiting: u64,
    /// How this proxy takes part in a shared ledger; none where it shares it with nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<SharingStatus>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// Its name.
    pub name: String,
    /// Where its responses are kept.
    pub cache: String,
    /// Requests by outcome.
    pub requests: BTreeMap<String, u64>,
    /// Hits of hits and misses; none before the first of them.
    pub hit_ratio: Option<f64>,
    /// Body bytes sent to clients.
    pub bytes: u64,
    /// What the stored responses that were served had taken the origin.
    pub origin_seconds_saved: f64,
}

impl Status {
    pub(super) fn of(version: &str, situation: &Situation, figures: &Figures, totals: &[RouteTotals]) -> Status {
        let sum = |kind: Kind| totals.iter().map(|route| route.requests[kind as usize]).sum();
        Status {
            version: version.into(),
            started: rfc3339(situation.started).to_string(),
            uptime_seconds: situation.now.since(situation.started).as_secs(),
            config: ConfigStatus {
                path: situation.config.path.display().to_string(),
                hash: situation.config.hash.clone(),
                loaded: rfc3339(situation.config.loaded).to_string(),
                refused: situation.config.refused.clone(),
            },
            store: store_status(situation.backend, figures),
            caches: CacheName::ALL.into_iter().map(|cache| cache_status(cache, figures)).collect(),
            ledger: LedgerStatus {
                epoch: format!("{:016x}", figures.ledger.epoch.0),
                floor: figures.ledger.floor,
                position: figures.ledger.position,
                trouble: situation.ledger_trouble.clone(),
                waiting: figures.ledger.waiting as u64,
                sharing: figures.ledger.sharing.as_ref().map(SharingStatus::of),
            },
            origins: figures.origins.iter().map(OriginStatus::of).collect(),
            routes: totals.iter().map(route_status).collect(),
            hit_ratio: hit_ratio(sum(Kind::Hit), sum(Kind::Miss)),
        }
    }
}

fn store_status(backend: &str, figures: &Figures) -> StoreStatus {
    let none = StoreFigures::default();
    let store = figures.store.as_ref().unwrap_or(&none);
    StoreStatus {
        backend: backend.into(),
        trouble: store.trouble.clone(),
        queued_bytes: store.queued_bytes,
        dropped_writes: store.dropped,
        errors: store.errors,
        corrupt: store.corrupt,
        redis: figures.redis.as_ref().map(RedisStatus::of),
    }
}

fn cache_status(cache: CacheName, figures: &Figures) -> CacheStatus {
    let tier = |figures: &CacheFigures| TierStatus {
        entries: figures.entries,
        bytes: figures.bytes,
        bytes_max: figures.bytes_max,
        evictions: figures.evictions,
    };
    CacheStatus {
        name: cache.as_str().into(),
        memory: tier(&figures.memory[cache.index()]),
        store: figures.store.as_ref().map(|store| tier(&store.caches[cache.index()])),
    }
}

fn route_status(totals: &RouteTotals) -> RouteStatus {
    let requests = |kind: Kind| totals.requests[kind as usize];
    RouteStatus {
        name: totals.name.to_string(),
        cache: totals.cache.as_str().into(),
        requests: Kind::ALL.into_iter().map(|kind| (kind.as_str().into(), requests(kind))).collect(),
        hit_ratio: hit_ratio(requests(Kind::Hit), requests(Kind::Miss)),
        bytes: totals.bytes,
        origin_seconds_saved: totals.origin_seconds_saved,
    }
}

/// Of what the cache could have answered, how much it did: passed requests are not counted against it.
fn hit_ratio(hits: u64, misses: u64) -> Option<f64> {
    // Counts past 2^53 lose digits that no ratio shows.
    #[allow(clippy::cast_precision_loss)]
    let ratio = hits as f64 / (hits + misses) as f64;
    (hits + misses > 0).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hit_ratio_leaves_out_what_was_never_the_caches() {
        let mut requests = [0; Kind::ALL.len()];
        requests[Kind::Hit as usize] = 3;
        requests[Kind::Miss as usize] = 1;
        requests[Kind::Bypass as usize] = 1_000;
        let mut totals = RouteTotals {
            name: "home".into(),
            cache: CacheName::Default,
            requests,
            bytes: 0,
            origin_seconds_saved: 0.0,
        };
        assert_eq!(route_status(&totals).hit_ratio, Some(0.75));
        totals.requests = [0; Kind::ALL.len()];
        assert_eq!(route_status(&totals).hit_ratio, None);
    }
}
