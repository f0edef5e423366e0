//! The journal: what is acknowledged is there again, in order, and no position is given out twice.

use crate::backends::Sqlite;
use crate::battery::put_all;
use crate::samples::{START, response, shared};
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Batch, Delivery, Epoch, Invalidation, Journal, Mode, Position, Record, Scope, Source, Stamp};
use vitrine::stored::Parts;
use vitrine::tags::Tag;

pub(super) fn record(position: Position, scope: Scope) -> Record {
    let reason = format!("reason {position}").into();
    let invalidation = Invalidation { scope, mode: Mode::Hard, settle: Duration::ZERO, source: Source::Purge, reason };
    Record { position, time: START, invalidation }
}

pub(super) fn batch(position: Position) -> Batch {
    Batch { records: vec![record(position, Scope::Tag(Tag::new(&format!("t{position}")).unwrap()))], delivery: None }
}

fn delivery(id: &str, time: Timestamp) -> Delivery {
    Delivery { id: id.into(), time, answer: format!("answer to {id}").into() }
}

fn positions(records: &[Record]) -> Vec<Position> {
    records.iter().map(|record| record.position).collect()
}

#[tokio::test]
async fn every_kind_of_record_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let (host, path) = (Some("shop.example".into()), "/products/ü".into());
    let scopes = [
        Scope::All,
        Scope::Cache(CacheName::Sessions),
        Scope::Tag(Tag::new("product:7").unwrap()),
        Scope::Url { host: host.clone(), path, query: Some("".into()) },
        Scope::Url { host: None, path: "/".into(), query: None },
        Scope::Prefix { host: None, path: "/products".into() },
        Scope::Pattern { host, glob: "/p/**".into() },
    ];
    let mut records: Vec<Record> = (1..).zip(scopes).map(|(position, scope)| record(position, scope)).collect();
    for (record, source) in records.iter_mut().zip(Source::ALL) {
        record.invalidation.source = source;
        record.invalidation.mode = Mode::Soft;
        record.invalidation.settle = Duration::from_millis(1_500);
    }
    first.store.commit(Batch { records: records.clone(), delivery: None }).await.unwrap();
    drop(first.store);
    let again = Sqlite::open(&folder).opened;
    assert_eq!((again.epoch, again.head, again.floor), (first.opened.epoch, 7, 0));
    assert_eq!(again.records, records);
}

#[tokio::test]
async fn commits_that_come_at_once_are_kept_in_the_order_of_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let waiting: Vec<_> = (1..=50).map(|position| tokio::spawn(first.store.commit(batch(position)))).collect();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    drop(first.store);
    assert_eq!(positions(&Sqlite::open(&folder).opened.records), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_position_that_was_given_out_is_refused_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    first.store.commit(batch(5)).await.unwrap();
    assert!(first.store.commit(batch(5)).await.is_err());
    assert!(first.store.commit(batch(4)).await.is_err());
    first.store.commit(batch(6)).await.unwrap();
    drop(first.store);
    assert_eq!(positions(&Sqlite::open(&folder).opened.records), [5, 6]);
}

#[tokio::test]
async fn deliveries_are_remembered_with_their_first_answer() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let (one, two) = (delivery("/hook 1", START), delivery("/hook 2", Timestamp(START.0 + 1)));
    first.store.commit(Batch { delivery: Some(one.clone()), ..batch(1) }).await.unwrap();
    first.store.commit(Batch { delivery: Some(two.clone()), ..Batch::default() }).await.unwrap();
    let repeated = Delivery { answer: "another".into(), ..one.clone() };
    first.store.commit(Batch { delivery: Some(repeated), ..Batch::default() }).await.unwrap();
    drop(first.store);
    let again = Sqlite::open(&folder);
    assert_eq!(again.opened.deliveries, [one, two.clone()]);
    again.store.trim(0, two.time);
    drop(again.store);
    assert_eq!(Sqlite::open(&folder).opened.deliveries, [two]);
}

#[tokio::test]
async fn a_trim_moves_the_floor_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let records = (1..=1_200).flat_map(|position| batch(position).records).collect();
    first.store.commit(Batch { records, delivery: None }).await.unwrap();
    first.store.trim(1_190, START);
    first.store.trim(7, START);
    drop(first.store);
    let again = Sqlite::open(&folder);
    assert_eq!((again.opened.floor, again.opened.head), (1_190, 1_200));
    assert_eq!(positions(&again.opened.records), (1_191..=1_200).collect::<Vec<_>>());
    again.store.trim(1_200, START);
    drop(again.store);
    let emptied = Sqlite::open(&folder);
    assert_eq!((emptied.opened.floor, emptied.opened.head, emptied.opened.records.len()), (1_200, 1_200, 0));
    emptied.store.commit(batch(1_201)).await.unwrap();
    drop(emptied.store);
    assert_eq!(positions(&Sqlite::open(&folder).opened.records), [1_201]);
}

/// A new record must come after every stamp that a stored response bears, or it would not count for that response.
#[tokio::test]
async fn the_head_is_at_least_every_stamp_of_its_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    first.store.commit(batch(3)).await.unwrap();
    let stamped = |epoch, position| {
        let page = response(CacheName::Default, &format!("/{position}"), "x");
        shared(Parts { stamp: Stamp::of(epoch, position), ..page })
    };
    let own = first.opened.epoch;
    put_all(&*first.store, [stamped(own, 40), stamped(own, 12), stamped(Epoch(own.0 ^ 1), 900)]).await;
    drop(first.store);
    let again = Sqlite::open(&folder);
    assert_eq!(again.opened.head, 40);
    // Also when the response is long gone.
    vitrine::store::Store::clear(&*again.store, None).await.unwrap();
    drop(again.store);
    assert_eq!(Sqlite::open(&folder).opened.head, 40);
}

#[tokio::test]
async fn a_record_is_in_the_file_when_it_is_acknowledged() {
    // That the disk was told to sync cannot be seen from here; that the record has left this process can:
    // another process sees it the moment the answer is there, although nothing was closed.
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let other = rusqlite::Connection::open(folder.path().join("cache.db")).unwrap();
    for position in 1..=20 {
        first.store.commit(batch(position)).await.unwrap();
        let last = other.query_row("SELECT max(position) FROM ledger", (), |row| row.get::<_, u32>(0));
        assert_eq!(last.map(u64::from), Ok(position));
    }
}

#[tokio::test]
async fn an_asker_who_goes_away_leaves_his_record() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let store: Arc<_> = first.store;
    drop(store.commit(batch(1)));
    store.commit(batch(2)).await.unwrap();
    drop(store);
    assert_eq!(positions(&Sqlite::open(&folder).opened.records), [1, 2]);
}
