//! `vitrine status`.

use super::Failure;
use super::client::{Client, read};
use super::show::{percent, plain, size, span, table};
use crate::admin::{OriginStatus, ProxyStatus, RedisStatus, ServerStatus, SharingStatus, Status, TierStatus};
use std::fmt::Write as _;
use std::io::Write as _;

pub(super) async fn run(client: &Client, json: bool) -> Result<(), Failure> {
    let answer = client.get("/api/v1/status").await?;
    let text = if json { format!("{answer}\n") } else { shown(&read(answer)?) };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn shown(status: &Status) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(out, "vitrine {}, up {}", status.version, span(status.uptime_seconds));
    let _ = writeln!(out, "configuration {} of {}", plain(&status.config.path), status.config.loaded);
    let ledger = &status.ledger;
    let kept = ledger.floor.saturating_add(1);
    let _ = writeln!(out, "ledger {} at {} (kept from {kept})", plain(&ledger.epoch), ledger.position);
    if let Some(redis) = &status.store.redis {
        let _ = writeln!(out, "{}", server(redis));
    }
    if let Some(sharing) = &ledger.sharing {
        let lease = f64::from(u32::try_from(sharing.lease_ms).unwrap_or(u32::MAX)) / 1000.0;
        let _ = writeln!(out, "lease for {lease:.1} s, {} records behind\n\n{}", sharing.lag, proxies(sharing));
    }
    for trouble in troubles(status) {
        let _ = writeln!(out, "! {}", plain(&trouble));
    }
    let _ = write!(out, "\n{}\n{}\n{}", origins(status), caches(status), routes(status));
    let _ = writeln!(out, "\nhit ratio {}", percent(status.hit_ratio));
    out
}

fn troubles(status: &Status) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(status.store.trouble.as_ref().map(|words| format!("store: {words}")));
    all.extend(status.ledger.trouble.as_ref().map(|words| format!("ledger: {words}")));
    let sharing = status.ledger.sharing.as_ref();
    all.extend(sharing.and_then(|own| own.trouble.as_ref()).map(|words| format!("shared ledger: {words}")));
    if status.ledger.waiting > 0 {
        all.push(format!("{} invalidations wait in the outbox for the shared ledger", status.ledger.waiting));
    }
    for origin in &status.origins {
        all.extend(origin.servers.iter().filter_map(|server| server_trouble(origin, server)));
    }
    all.extend(status.store.redis.iter().flat_map(|redis| redis.warnings.clone()));
    all.extend(status.config.refused.iter().map(|mistake| format!("a newer configuration was refused: {mistake}")));
    all
}

fn server_trouble(origin: &OriginStatus, server: &ServerStatus) -> Option<String> {
    let why = server.trouble.as_ref()?;
    Some(format!("the server {} of the origin {} is {}: {why}", server.server, origin.name, server.state))
}

fn origins(status: &Status) -> String {
    let servers = status.origins.iter().flat_map(|origin| origin.servers.iter().map(move |server| (origin, server)));
    let row = |(origin, server): (&OriginStatus, &ServerStatus)| {
        let counts = [server.under_way, server.requests, server.failures].map(|count| count.to_string());
        let words = [&origin.name, &server.server, &server.state].map(Clone::clone);
        words.into_iter().chain(counts).collect()
    };
    let rows: Vec<_> = servers.map(row).collect();
    table(&["origin", "server", "state", ">under way", ">requests", ">failed"], &rows)
}

fn server(redis: &RedisStatus) -> String {
    let word = |word: &Option<String>| word.as_deref().map_or("?".into(), plain);
    let bytes = |bytes: Option<u64>| bytes.map_or("?".into(), size);
    let memory_max = match redis.memory_bytes_max {
        Some(0) => "no limit".into(),
        max => bytes(max),
    };
    let count = |count: Option<u64>| count.map_or("?".into(), |count| count.to_string());
    format!(
        "{} ({}), {} of {memory_max}, {}, hits {}, misses {}, evicted {}, breaker {}",
        word(&redis.version),
        word(&redis.role),
        bytes(redis.memory_bytes),
        word(&redis.policy),
        count(redis.hits),
        count(redis.misses),
        count(redis.evicted),
        plain(&redis.breaker),
    )
}

fn proxies(sharing: &SharingStatus) -> String {
    let row = |proxy: &ProxyStatus| {
        let applied = proxy.applied.map_or("another epoch".into(), |applied| applied.to_string());
        let lease = if proxy.live { "runs" } else { "run out" };
        vec![plain(&proxy.name), plain(&proxy.id), applied, lease.into(), plain(&proxy.on_isolation)]
    };
    let rows: Vec<_> = sharing.proxies.iter().map(row).collect();
    table(&["proxy", "id", ">applied", "lease", "when isolated"], &rows)
}

fn caches(status: &Status) -> String {
    let row = |name: &str, tier: &str, figures: &TierStatus| {
        let numbers = [figures.entries.to_string(), size(figures.bytes), size(figures.bytes_max)];
        let mut row = vec![name.to_string(), tier.to_string()];
        row.extend(numbers);
        row.push(figures.evictions.to_string());
        row
    };
    let rows: Vec<_> = status
        .caches
        .iter()
        .flat_map(|cache| {
            let memory = Some(row(&cache.name, "memory", &cache.memory));
            let store = cache.store.as_ref().map(|figures| row(&cache.name, &status.store.backend, figures));
            memory.into_iter().chain(store)
        })
        .collect();
    table(&["cache", "tier", ">responses", ">used", ">of", ">evicted"], &rows)
}

fn routes(status: &Status) -> String {
    let kinds = ["hit", "stale", "revalidated", "collapsed", "miss", "bypass", "error"];
    let rows: Vec<_> = status
        .routes
        .iter()
        .map(|route| {
            let mut row = vec![route.name.clone(), route.cache.clone(), percent(route.hit_ratio)];
            row.extend(kinds.map(|kind| route.requests.get(kind).copied().unwrap_or_default().to_string()));
            row.push(size(route.bytes));
            row
        })
        .collect();
    let heads = [
        "route",
        "cache",
        ">hit ratio",
        ">hit",
        ">stale",
        ">revalidated",
        ">collapsed",
        ">miss",
        ">bypass",
        ">error",
        ">sent",
    ];
    table(&heads, &rows)
}
