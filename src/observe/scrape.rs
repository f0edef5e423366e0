//! What is not counted here but read when somebody asks: stores and ledger. Their parts keep the figures; a scrape turns
//! them into metrics.

use crate::cache_name::CacheName;
use crate::fetch::{OriginFigures, ServerFailure, ServerFigures, ServerState};
use crate::ledger::{Epoch, Position};
use crate::store::redis::RedisFigures;
use crate::store::redis::log::LogFigures;
use crate::store::{CacheFigures, StoreFigures};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use std::sync::Arc;

/// What the other parts say of themselves at one moment.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The memory tier, by [`CacheName::index`].
    pub memory: [CacheFigures; 3],
    /// Sessions of which something is kept in memory.
    pub sessions: usize,
    /// The store behind it; none where there is none.
    pub store: Option<StoreFigures>,
    /// The Redis server, where that is behind memory and has been asked.
    pub redis: Option<RedisFigures>,
    /// The ledger.
    pub ledger: LedgerFigures,
    /// The guarded routes, and whether each is under suspicion.
    pub guards: Vec<(Arc<str>, bool)>,
    /// The origins and their servers.
    pub origins: Vec<OriginFigures>,
}

/// The ledger at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Its name.
    pub epoch: Epoch,
    /// Records up to this position are no longer kept.
    pub floor: Position,
    /// The newest record.
    pub position: Position,
    /// Records that wait in the outbox.
    pub waiting: usize,
    /// How this proxy takes part in a shared ledger; none where it shares it with nobody.
    pub sharing: Option<LogFigures>,
}

/// The tiers, as the `tier` label has them.
const TIERS: [&str; 2] = ["memory", "store"];

/// The metrics of these figures.
pub(super) fn families(figures: &Figures) -> Vec<MetricFamily> {
    let tiers = [Some(&figures.memory), figures.store.as_ref().map(|store| &store.caches)];
    let by_cache = |name, help, kind, value: fn(&CacheFigures) -> u64| {
        let samples = tiers.iter().zip(TIERS).filter_map(|(caches, tier)| caches.map(|caches| (caches, tier)));
        let samples = samples.flat_map(|(caches, tier)| {
            CacheName::ALL.map(|cache| (vec![("cache", cache.as_str()), ("tier", tier)], value(&caches[cache.index()])))
        });
        family(name, help, kind, samples)
    };
    let alone = |name, help, kind, value| family(name, help, kind, [(vec![], value)]);
    let mut families = vec![
        by_cache("store_entries", "Stored responses.", MetricType::GAUGE, |cache| cache.entries),
        by_cache("store_bytes", "Bytes of stored responses, heads included.", MetricType::GAUGE, |cache| cache.bytes),
        by_cache("store_bytes_max", "What they may be, at most.", MetricType::GAUGE, |cache| cache.bytes_max),
        by_cache("evictions_total", "Stored responses let go to make room.", MetricType::COUNTER, |cache| {
            cache.evictions
        }),
        alone("sessions", "Sessions of which something is kept in memory.", MetricType::GAUGE, figures.sessions as u64),
        alone("ledger_position", "The ledger's newest record.", MetricType::GAUGE, figures.ledger.position),
        alone("ledger_floor", "Records up to here are no longer kept.", MetricType::GAUGE, figures.ledger.floor),
    ];
    if let Some(store) = &figures.store {
        let up = u64::from(store.trouble.is_none());
        families.extend([
            alone("store_up", "1 where the store works, 0 where it is in trouble.", MetricType::GAUGE, up),
            alone("store_errors_total", "Reads and writes that failed.", MetricType::COUNTER, store.errors),
            alone("store_corrupt_total", "Stored responses found damaged.", MetricType::COUNTER, store.corrupt),
            alone(
                "store_dropped_writes_total",
                "Responses not written because the queue was full.",
                MetricType::COUNTER,
                store.dropped,
            ),
            alone("store_queue_bytes", "Bytes waiting to be written.", MetricType::GAUGE, store.queued_bytes),
        ]);
    }
    families.extend(guard_family(&figures.guards));
    families.extend(origin_families(&figures.origins));
    families.extend(figures.redis.iter().flat_map(redis_families));
    families.extend(figures.ledger.sharing.iter().flat_map(|sharing| sharing_families(&figures.ledger, sharing)));
    families
}

/// A family without a sample cannot be written.
fn guard_family(guards: &[(Arc<str>, bool)]) -> Option<MetricFamily> {
    let samples = guards.iter().map(|(route, is_suspect)| (vec![("route", &**route)], u64::from(*is_suspect)));
    let help = "1 where two anonymous fetches under a guarded route differed, and nothing of it is cached.";
    (!guards.is_empty()).then(|| family("guard_suspect", help, MetricType::GAUGE, samples))
}

/// Each server by its origin's name and its own, both of which come from the configuration.
fn origin_families(origins: &[OriginFigures]) -> Vec<MetricFamily> {
    let servers: Vec<(&str, &ServerFigures)> =
        origins.iter().flat_map(|origin| origin.servers.iter().map(|server| (&*origin.name, server))).collect();
    if servers.is_empty() {
        return Vec::new();
    }
    let alone = |name, help, kind, value: fn(&ServerFigures) -> u64| {
        let samples = servers.iter().map(|(origin, server)| (of_server(origin, server), value(server)));
        family(name, help, kind, samples)
    };
    let states = servers.iter().flat_map(|(origin, server)| {
        let labels = |state: ServerState| with(of_server(origin, server), ("state", state.as_str()));
        ServerState::ALL.map(|state| (labels(state), u64::from(server.state == state)))
    });
    let failures = servers.iter().flat_map(|(origin, server)| {
        let labels = |kind: ServerFailure| with(of_server(origin, server), ("kind", kind.as_str()));
        ServerFailure::ALL.map(|kind| (labels(kind), server.failures[kind as usize]))
    });
    let (gauge, counter) = (MetricType::GAUGE, MetricType::COUNTER);
    vec![
        family("origin_server_state", "1 for the state that a server is in, 0 for the others.", gauge, states),
        family("origin_server_failures_total", "Requests to a server that failed, by how.", counter, failures),
        alone("origin_server_requests_total", "Requests sent to a server.", counter, |server| server.requests),
        alone(
            "origin_server_requests_under_way",
            "Requests to a server whose responses have not ended.",
            gauge,
            |server| server.under_way as u64,
        ),
    ]
}

fn of_server<'a>(origin: &'a str, server: &'a ServerFigures) -> Labels<'a> {
    vec![("origin", origin), ("server", &*server.server)]
}

fn with<'a>(mut labels: Labels<'a>, label: (&'static str, &'a str)) -> Labels<'a> {
    labels.push(label);
    labels
}

/// What the server did not tell is left out.
fn redis_families(redis: &RedisFigures) -> Vec<MetricFamily> {
    let pauses = [("read", redis.reading_pauses), ("write", redis.writing_pauses)];
    let pauses = pauses.map(|(operation, is_open)| (vec![("operation", operation)], u64::from(is_open)));
    let mut families = vec![family(
        "redis_breaker_open",
        "1 while Redis is left alone because it failed, until a probe goes well.",
        MetricType::GAUGE,
        pauses,
    )];
    let told = [
        ("redis_memory_bytes", "Bytes that Redis uses.", MetricType::GAUGE, redis.memory_bytes),
        (
            "redis_memory_max_bytes",
            "Bytes that Redis may use; 0 is no limit.",
            MetricType::GAUGE,
            redis.memory_bytes_max,
        ),
        ("redis_keyspace_hits_total", "Keys that were asked for and were there.", MetricType::COUNTER, redis.hits),
        (
            "redis_keyspace_misses_total",
            "Keys that were asked for and were not there.",
            MetricType::COUNTER,
            redis.misses,
        ),
        ("redis_evicted_keys_total", "Keys that Redis let go because it was full.", MetricType::COUNTER, redis.evicted),
    ];
    let told = told.into_iter().filter_map(|(name, help, kind, value)| Some((name, help, kind, value?)));
    families.extend(told.map(|(name, help, kind, value)| family(name, help, kind, [(vec![], value)])));
    families
}

fn sharing_families(ledger: &LedgerFigures, sharing: &LogFigures) -> [MetricFamily; 6] {
    let alone = |name, help, value| family(name, help, MetricType::GAUGE, [(vec![], value)]);
    let mut lease = alone("ledger_lease_seconds", "How long this proxy may still trust what it has stored.", 0);
    for metric in lease.mut_metric() {
        metric.set_gauge(gauge(sharing.lease_left.as_secs_f64()));
    }
    let proxies = |is_live| sharing.proxies.iter().filter(|proxy| proxy.is_live == is_live).count() as u64;
    let states = [("live", true), ("lapsed", false)].map(|(state, is_live)| (vec![("state", state)], proxies(is_live)));
    [
        alone("ledger_connected", "1 while the shared ledger is followed.", u64::from(sharing.is_connected)),
        lease,
        alone("ledger_lag_records", "Records of the shared ledger that this proxy had not read yet.", sharing.lag),
        family(
            "ledger_sessions_total",
            "How often the shared ledger was found and followed anew.",
            MetricType::COUNTER,
            [(vec![], sharing.sessions)],
        ),
        alone("ledger_outbox_records", "Invalidations that wait for the shared ledger.", ledger.waiting as u64),
        family("ledger_proxies", "Proxies that share the ledger, by their lease.", MetricType::GAUGE, states),
    ]
}

pub(super) type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A family of samples that are whole numbers; with our prefix.
pub(super) fn family<'a>(
    name: &str,
    help: &str,
    kind: MetricType,
    samples: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("vitrine_{name}"));
    family.set_help(help.to_string());
    family.set_field_type(kind);
    family.set_metric(samples.into_iter().map(|(labels, value)| sample(kind, &labels, value)).collect());
    family
}

fn sample(kind: MetricType, labels: &[(&str, &str)], value: u64) -> Metric {
    let mut metric = labelled(labels);
    // The exposition format has no other numbers; a count past 2^53 loses its last digits.
    #[allow(clippy::cast_precision_loss)]
    let value = value as f64;
    if kind == MetricType::COUNTER {
        metric.set_counter(counter(value));
    } else {
        metric.set_gauge(gauge(value));
    }
    metric
}

/// A sample with these labels, without a value.
pub(super) fn labelled(labels: &[(&str, &str)]) -> Metric {
    let label = |&(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_string());
        pair.set_value(value.to_string());
        pair
    };
    Metric::from_label(labels.iter().map(label).collect())
}

/// A counter's value.
pub(super) fn counter(value: f64) -> Counter {
    let mut counter = Counter::default();
    counter.set_value(value);
    counter
}

fn gauge(value: f64) -> Gauge {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    gauge
}
