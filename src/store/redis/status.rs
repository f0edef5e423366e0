//! How the server is, for an operator: what it tells of itself, and what of its settings will hurt one day.

use super::shared::{Shared, lock};
use super::trouble::Failure;
use super::walk::{self, Master};
use redis::InfoDict;

/// What the server tells of itself; of several, their sums. What cannot be read is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisFigures {
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
    /// Keys that were asked for and were there, since its start.
    pub hits: Option<u64>,
    /// The same of those that were not.
    pub misses: Option<u64>,
    /// Keys it let go because it was full, since its start.
    pub evicted: Option<u64>,
    /// Whether reading pauses until a probe goes well.
    pub reading_pauses: bool,
    /// Whether writing does.
    pub writing_pauses: bool,
    /// Settings of the server that will hurt one day, each with its remedy.
    pub warnings: Vec<String>,
}

/// One server's settings that matter.
#[derive(Debug, Default)]
struct Found<'a> {
    version: Option<&'a str>,
    is_valkey: bool,
    role: Option<&'a str>,
    memory_bytes_max: Option<u64>,
    policy: Option<&'a str>,
    has_file: bool,
    file_sync: Option<&'a str>,
}

/// Asks all masters.
pub(super) async fn look(shared: &Shared) -> Result<RedisFigures, Failure> {
    let mut figures = RedisFigures::default();
    for mut master in walk::masters(shared).await? {
        let info = match master.ask(&redis::cmd("INFO")).await {
            Ok(info) => info,
            Err(failure) if failure.ends_connection() => return Err(failure),
            // Who may not ask is told nothing, and counts all the same.
            Err(_) => InfoDict::new(""),
        };
        let file_sync = file_sync(&mut master).await;
        add(&mut figures, &info, file_sync.as_deref());
    }
    Ok(figures)
}

/// Remembers what was found, and logs each warning once.
pub(super) fn remember(shared: &Shared, figures: RedisFigures) {
    let mut known = lock(&shared.redis);
    let told = known.as_ref().map(|figures| figures.warnings.clone()).unwrap_or_default();
    for warning in figures.warnings.iter().filter(|warning| !told.contains(warning)) {
        tracing::warn!("{warning}");
    }
    *known = Some(figures);
}

async fn file_sync(master: &mut Master) -> Option<String> {
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("appendfsync");
    let pair: Vec<String> = master.ask(&config).await.ok()?;
    pair.into_iter().nth(1)
}

fn add(figures: &mut RedisFigures, info: &InfoDict, file_sync: Option<&str>) {
    let text = |name: &str| info.get::<String>(name);
    let number = |name: &str| info.get::<u64>(name);
    let sum = |before: Option<u64>, name: &str| number(name).map(|own| before.unwrap_or_default().saturating_add(own));
    let valkey = text("valkey_version");
    let (redis, role, policy) = (text("redis_version"), text("role"), text("maxmemory_policy"));
    let version = valkey.as_deref().or(redis.as_deref());
    let found = Found {
        version,
        is_valkey: valkey.is_some(),
        role: role.as_deref(),
        memory_bytes_max: number("maxmemory"),
        policy: policy.as_deref(),
        has_file: number("aof_enabled") == Some(1),
        file_sync,
    };
    for warning in warnings(&found) {
        if !figures.warnings.contains(&warning) {
            figures.warnings.push(warning);
        }
    }
    figures.version = version.map(|version| format!("{} {version}", if found.is_valkey { "Valkey" } else { "Redis" }));
    figures.memory_bytes = sum(figures.memory_bytes, "used_memory");
    figures.memory_bytes_max = sum(figures.memory_bytes_max, "maxmemory");
    figures.hits = sum(figures.hits, "keyspace_hits");
    figures.misses = sum(figures.misses, "keyspace_misses");
    figures.evicted = sum(figures.evicted, "evicted_keys");
    (figures.role, figures.policy) = (role, policy);
}

fn warnings(found: &Found<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |text: String| warnings.push(text);
    let major = found.version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if let Some(version) = found.version.filter(|_| !found.is_valkey && major.is_some_and(|major| major < 7)) {
        warn(format!("Redis {version} is too old: vitrine needs 7.0, or Valkey"));
    }
    if found.role == Some("slave") {
        warn("this Redis is a replica: name the master in store.redis.url, or the sentinels".into());
    }
    let policy = found.policy.unwrap_or_default();
    if found.memory_bytes_max == Some(0) {
        warn("Redis may take all memory of its machine: set maxmemory, and maxmemory-policy volatile-lru".into());
    } else if policy == "noeviction" {
        warn("a full Redis stores nothing more under maxmemory-policy noeviction: set volatile-lru".into());
    }
    if policy.starts_with("allkeys-") {
        warn(format!(
            "under maxmemory-policy {policy} Redis may let go of the ledger, and the whole cache is lost each time: set \
             volatile-lru"
        ));
    }
    if let Some(sync) = found.file_sync.filter(|sync| found.has_file && *sync != "always") {
        warn(format!(
            "with appendfsync {sync} a restart of Redis begins with a cold cache, because a purge may be missing from \
             its file: set appendfsync always, or appendonly no"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_hurt_is_told_with_its_remedy() {
        let sound = || Found {
            version: Some("7.0.15"),
            memory_bytes_max: Some(1),
            policy: Some("volatile-lru"),
            ..Found::default()
        };
        let table = [
            (sound(), None),
            (Found { has_file: true, file_sync: Some("always"), ..sound() }, None),
            (Found { version: Some("5.0"), is_valkey: true, ..sound() }, None),
            (Found::default(), None),
            (Found { version: Some("6.2.14"), ..sound() }, Some("7.0")),
            (Found { role: Some("slave"), ..sound() }, Some("sentinels")),
            (Found { memory_bytes_max: Some(0), policy: Some("noeviction"), ..sound() }, Some("set maxmemory,")),
            (Found { policy: Some("noeviction"), ..sound() }, Some("set volatile-lru")),
            (Found { policy: Some("allkeys-lfu"), ..sound() }, Some("set volatile-lru")),
            (Found { has_file: true, file_sync: Some("everysec"), ..sound() }, Some("appendfsync always")),
        ];
        for (found, remedy) in table {
            let told = warnings(&found);
            match remedy {
                None => assert!(told.is_empty(), "{found:?}: {told:?}"),
                Some(remedy) => assert!(told.len() == 1 && told[0].contains(remedy), "{found:?}: {told:?}"),
            }
        }
    }

    #[test]
    fn several_servers_are_summed_up_and_what_they_do_not_tell_is_none() {
        let mut figures = RedisFigures::default();
        let info = "redis_version:7.0.15\r\nrole:master\r\nused_memory:10\r\nmaxmemory:100\r\nmaxmemory_policy:volatile-lru\r\n";
        for _ in 0..2 {
            add(&mut figures, &InfoDict::new(info), None);
        }
        assert_eq!((figures.memory_bytes, figures.memory_bytes_max, figures.hits), (Some(20), Some(200), None));
        assert_eq!(figures.version.as_deref(), Some("Redis 7.0.15"));
        assert_eq!(figures.warnings, Vec::<String>::new());
    }
}
