//! The switch from the embedded store to Redis and back.
//!
//! While a proxy stood alone its purges went to its own ledger, and Redis, if it ran on, knows none of them; while it shares a
//! ledger its own one learns nothing. So at each start with Redis what the embedded ledger recorded since the last switch goes
//! to the outbox, to be placed in the shared ledger before anything older is served here, and then a record of all makes what
//! the embedded store holds unusable for the day of the way back. In that order: killed in between, it does both again.

use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::ledger::{Batch, Invalidation, Journal, JournalError, Mode, Opened, Record, Scope, Source};
use std::io;
use std::time::Duration;

/// What the record of a switch says; nothing before it is carried over again.
const REASON: &str = "switched to Redis";

/// What the record of the way back says.
const RETURN: &str = "switched from Redis";

/// Carries over what was recorded in the embedded ledger, and ends what its store holds. Waits for the disk.
pub(super) fn carry_over(
    before: &Opened,
    embedded: &dyn Journal,
    waiting: &mut Opened,
    outbox: &dyn Journal,
    wall: Timestamp,
) -> io::Result<()> {
    let since = before.records.iter().rposition(is_switch).map_or(0, |last| last + 1);
    let records = &before.records[since..];
    let placed = (waiting.head + 1..).zip(records).map(|(position, record)| Record { position, ..record.clone() });
    let placed: Vec<Record> = placed.collect();
    if !placed.is_empty() {
        tracing::info!(records = placed.len(), "purges of the embedded ledger go to the shared one");
        wait(outbox.commit(Batch { records: placed.clone(), delivery: None }))?;
        waiting.head += placed.len() as u64;
        waiting.records.extend(placed);
    }
    // Always: what was stored since the last switch, without a purge in between, bears that one's position.
    wait(embedded.commit(Batch { records: vec![switch(before.head + 1, wall)], delivery: None }))
}

/// Takes note that a proxy stands alone again that shared a ledger before. What a session changes from now on is recorded only if
/// something is kept for it here; so for the day of the way back all sessions have to end, which this record says there.
pub(super) fn stand_alone(opened: &mut Opened, embedded: &dyn Journal, wall: Timestamp) -> io::Result<()> {
    let Some(switched) = opened.records.iter().rposition(is_switch) else { return Ok(()) };
    if opened.records[switched..].iter().any(is_return) {
        return Ok(());
    }
    let invalidation = Invalidation {
        scope: Scope::Cache(CacheName::Sessions),
        mode: Mode::Hard,
        settle: Duration::ZERO,
        source: Source::Session,
        reason: RETURN.into(),
    };
    let record = Record { position: opened.head + 1, time: wall, invalidation };
    wait(embedded.commit(Batch { records: vec![record.clone()], delivery: None }))?;
    opened.head = record.position;
    opened.records.push(record);
    Ok(())
}

fn is_return(record: &Record) -> bool {
    &*record.invalidation.reason == RETURN && record.invalidation.source == Source::Session
}

fn is_switch(record: &Record) -> bool {
    let Invalidation { scope, source, reason, .. } = &record.invalidation;
    *scope == Scope::All && *source == Source::Admin && &**reason == REASON
}

fn switch(position: u64, time: Timestamp) -> Record {
    let invalidation = Invalidation {
        scope: Scope::All,
        mode: Mode::Hard,
        settle: Duration::ZERO,
        source: Source::Admin,
        reason: REASON.into(),
    };
    Record { position, time, invalidation }
}

/// The start of the process waits, on a thread with a runtime of its own: on another's, nothing may wait.
fn wait(commit: impl Future<Output = Result<(), JournalError>> + Send) -> io::Result<()> {
    let waiting = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(commit).map_err(|error| io::Error::other(error.to_string()))
    };
    let waited = std::thread::scope(|scope| scope.spawn(waiting).join());
    waited.unwrap_or_else(|_| Err(io::Error::other("the commit of what was carried over panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::ledger::Volatile;
    use crate::store::sqlite::{Settings, SqliteStore};
    use crate::tags::Tag;
    use std::path::Path;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn open(path: &Path) -> (SqliteStore, Opened) {
        SqliteStore::open(Settings::new(path, [1 << 20; 3]), Clock::held(NOW).0).unwrap()
    }

    fn record(position: u64, tag: &str) -> Record {
        let scope = Scope::Tag(Tag::new(tag).unwrap());
        let invalidation =
            Invalidation { scope, mode: Mode::Hard, settle: Duration::ZERO, source: Source::Purge, reason: "".into() };
        Record { position, time: NOW, invalidation }
    }

    fn purge(store: &SqliteStore, position: u64, tag: &str) {
        wait(store.commit(Batch { records: vec![record(position, tag)], delivery: None })).unwrap();
    }

    /// Starts with Redis, and tells what waits in the outbox.
    fn start_with_redis(folder: &Path) -> Vec<String> {
        let (embedded, before) = open(&folder.join("cache.db"));
        let (outbox, mut waiting) = open(&folder.join("outbox.db"));
        carry_over(&before, &embedded, &mut waiting, &outbox, NOW).unwrap();
        embedded.close();
        outbox.close();
        waiting.records.iter().map(|record| record.invalidation.scope.to_string()).collect()
    }

    #[tokio::test]
    async fn what_was_purged_alone_waits_to_be_shared_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (alone, _) = open(&folder.path().join("cache.db"));
        purge(&alone, 1, "lamp");
        purge(&alone, 2, "sofa");
        drop(alone);
        assert_eq!(start_with_redis(folder.path()), ["tag lamp", "tag sofa"]);
        assert_eq!(start_with_redis(folder.path()), ["tag lamp", "tag sofa"], "they are on disk, once");
        let (_, kept) = open(&folder.path().join("outbox.db"));
        assert_eq!(kept.records.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 2]);
    }

    #[tokio::test]
    async fn what_the_embedded_store_held_before_the_switch_counts_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        for round in 1..=2 {
            start_with_redis(folder.path());
            let (alone, opened) = open(&path);
            let last = opened.records.last().unwrap();
            assert_eq!(
                (&last.invalidation.scope, last.position, opened.head),
                (&Scope::All, round * 2 - 1, round * 2 - 1)
            );
            purge(&alone, round * 2, "lamp");
            alone.close();
        }
        assert_eq!(start_with_redis(folder.path()), ["tag lamp", "tag lamp"], "and each purge is carried over once");
    }

    #[tokio::test]
    async fn who_stood_alone_in_between_ends_all_sessions_on_the_way_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let start_alone = || {
            let (alone, mut opened) = open(&path);
            stand_alone(&mut opened, &alone, NOW).unwrap();
            alone.close();
            opened.records.len()
        };
        assert_eq!(start_alone(), 0, "one that was always alone has nothing to say");
        start_with_redis(folder.path());
        assert_eq!(start_alone(), 2);
        assert_eq!(start_alone(), 2, "once");
        assert_eq!(start_with_redis(folder.path()), ["cache sessions"]);
    }

    #[tokio::test]
    async fn what_cannot_be_made_durable_keeps_the_proxy_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let (embedded, mut before) = open(&folder.path().join("cache.db"));
        let (outbox, mut waiting) = open(&folder.path().join("outbox.db"));
        before.records = vec![record(1, "lamp")];
        outbox.close();
        assert!(carry_over(&before, &embedded, &mut waiting, &outbox, NOW).is_err());
        assert!(waiting.records.is_empty());
        assert!(carry_over(&before, &embedded, &mut waiting, &Volatile, NOW).is_ok());
    }
}
