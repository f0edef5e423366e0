//! The audit log as the API shows it: who purged what, when and why.

use super::query::Query;
use super::{Backstage, Refusal};
use crate::ledger::{Position, Record, Scope};
use crate::observe::{LedgerFigures, rfc3339};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Semaphore;

const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 1_000;
/// Below what proxies and clients commonly wait for an answer.
const WAIT_SECONDS_MAX: u64 = 30;
/// Requests that wait for a record at once; whoever comes later is answered at once.
const WAITING_MAX: usize = 32;

/// Records after a position, and where the ledger stands.
#[derive(Clone, Debug)]
pub struct Records {
    /// The oldest first.
    pub records: Vec<Record>,
    /// Where the ledger stands.
    pub ledger: LedgerFigures,
}

/// The same in its wire form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordsShown {
    /// The ledger's name; positions of another one mean nothing.
    pub epoch: String,
    /// Records up to here are no longer kept.
    pub floor: Position,
    /// The newest record.
    pub position: Position,
    /// The oldest first.
    pub records: Vec<RecordShown>,
}

/// One record in its wire form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordShown {
    /// Its place.
    pub position: Position,
    /// When, as RFC 3339 has it.
    pub time: String,
    /// One of `all`, `cache`, `tag`, `url`, `prefix` and `pattern`, with its value.
    pub scope: Value,
    /// `hard` or `soft`.
    pub mode: String,
    /// For how long after it fetches are not kept.
    pub settle_ms: u64,
    /// Who asked.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// A place for those who wait for a record.
pub(super) struct Waiting(Semaphore);

impl Waiting {
    pub(super) fn new() -> Waiting {
        Waiting(Semaphore::new(WAITING_MAX))
    }

    /// The records that are asked for; waits for one where there is none yet, as long as the asker said. Cancelled when
    /// the asker leaves, and then nothing is held.
    pub(super) async fn records(
        &self,
        backstage: &impl Backstage,
        query: Option<&str>,
    ) -> Result<RecordsShown, Refusal> {
        let mut query = Query::read(query, &["after", "limit", "wait"])?;
        let after = query.take_number("after", 0, Position::MAX)?;
        let limit = query.take_number("limit", LIMIT, LIMIT_MAX)?;
        let wait = Duration::from_secs(query.take_number("wait", 0, WAIT_SECONDS_MAX)?);
        if !wait.is_zero()
            && let Ok(_place) = self.0.try_acquire()
        {
            // Done or not: what is there by then is the answer.
            let _ = tokio::time::timeout(wait, backstage.recorded_after(after)).await;
        }
        Ok(shown(&backstage.records(after, usize::try_from(limit).unwrap_or(usize::MAX))))
    }
}

fn shown(records: &Records) -> RecordsShown {
    RecordsShown {
        epoch: format!("{:016x}", records.ledger.epoch.0),
        floor: records.ledger.floor,
        position: records.ledger.position,
        records: records.records.iter().map(record_shown).collect(),
    }
}

fn record_shown(record: &Record) -> RecordShown {
    let invalidation = &record.invalidation;
    RecordShown {
        position: record.position,
        time: rfc3339(record.time).to_string(),
        scope: scope_shown(&invalidation.scope),
        mode: invalidation.mode.as_str().into(),
        settle_ms: crate::clock::millis(invalidation.settle),
        source: invalidation.source.as_str().into(),
        reason: invalidation.reason.to_string(),
    }
}

fn scope_shown(scope: &Scope) -> Value {
    match scope {
        Scope::All => json!({ "all": true }),
        Scope::Cache(cache) => json!({ "cache": cache.as_str() }),
        Scope::Tag(tag) => json!({ "tag": tag.as_str() }),
        Scope::Url { host, path, query } => {
            let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
            json!({ "url": format!("{}{path}{query}", host.as_deref().unwrap_or_default()) })
        }
        Scope::Prefix { host, path } => json!({ "prefix": format!("{}{path}", host.as_deref().unwrap_or_default()) }),
        Scope::Pattern { host, glob } => json!({ "pattern": format!("{}{glob}", host.as_deref().unwrap_or_default()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_name::CacheName;
    use crate::tags::Tag;

    #[test]
    fn each_scope_shows_its_kind_and_value() {
        let host = || Some("shop.example".into());
        for (scope, expected) in [
            (Scope::All, json!({ "all": true })),
            (Scope::Cache(CacheName::Products), json!({ "cache": "products" })),
            (Scope::Tag(Tag::new("product:7").unwrap()), json!({ "tag": "product:7" })),
            (Scope::Url { host: host(), path: "/a".into(), query: None }, json!({ "url": "shop.example/a" })),
            (Scope::Url { host: None, path: "/a".into(), query: Some("".into()) }, json!({ "url": "/a?" })),
            (Scope::Prefix { host: host(), path: "/a".into() }, json!({ "prefix": "shop.example/a" })),
            (Scope::Pattern { host: None, glob: "/a/**".into() }, json!({ "pattern": "/a/**" })),
        ] {
            assert_eq!(scope_shown(&scope), expected);
        }
    }
}
