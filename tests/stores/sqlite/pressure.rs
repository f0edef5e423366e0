//! A file that somebody holds, a queue that is full, a disk that is full. The proxy goes on; a purge is durable or refused.

use super::ledger::{batch, record};
use crate::backends::Sqlite;
use crate::battery::{get, page, put_all};
use crate::samples::{START, noise, response, shared};
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::ledger::{Batch, Journal, Scope};
use vitrine::store::{Queued, Store};
use vitrine::stored::StoredResponse;
use vitrine::tags::Tag;

fn big(url: &str) -> Arc<StoredResponse> {
    shared(response(CacheName::Default, url, noise(50_000, 5)))
}

#[tokio::test]
async fn while_somebody_holds_the_file_reads_go_on_and_writes_are_given_up_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    put_all(&*store, [page("/a")]).await;
    let other = rusqlite::Connection::open(folder.path().join("cache.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(get(&*store, CacheName::Default, &page("/a")).await.len(), 1);
    put_all(&*store, [page("/b")]).await;
    assert_eq!((store.figures().dropped, store.figures().errors), (1, 1));
    let refused = store.commit(batch(1)).await.unwrap_err();
    assert!(refused.to_string().contains("locked"), "{refused}");
    other.execute_batch("ROLLBACK").unwrap();
    put_all(&*store, [page("/b")]).await;
    store.commit(batch(1)).await.unwrap();
    assert_eq!(get(&*store, CacheName::Default, &page("/b")).await.len(), 1);
}

#[tokio::test]
async fn a_commit_waits_for_a_short_lock() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    let other = rusqlite::Connection::open(folder.path().join("cache.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let committed = store.commit(batch(1));
    other.execute_batch("ROLLBACK").unwrap();
    committed.await.unwrap();
}

#[tokio::test]
async fn a_full_queue_turns_away_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::in_folder(&folder, |settings| settings.queue_bytes_max = 40_000);
    assert_eq!(store.put(big("/large")), Queued::Full);
    assert_eq!(store.figures().dropped, 1);
    put_all(&*store, [page("/small")]).await;
    assert_eq!(store.figures().queued_bytes, 0);
    assert_eq!(get(&*store, CacheName::Default, &page("/small")).await.len(), 1);
}

#[tokio::test]
async fn a_full_disk_pauses_storing_and_never_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, hand, .. } = Sqlite::in_folder(&folder, |settings| settings.file_bytes_max = 4 << 20);
    let mut put = 0;
    while store.figures().trouble.is_none() {
        assert!(put < 200, "a file of 4 MiB holds no 10 MB");
        store.put(big(&format!("/{put}")));
        store.flush().await.unwrap();
        put += 1;
    }
    let figures = store.figures();
    assert_eq!(figures.dropped, 1);
    assert!(figures.caches[0].evictions > 0, "{figures:?}");
    assert_eq!(store.put(page("/paused")), Queued::Unavailable);
    store.commit(batch(1)).await.unwrap();
    assert!(store.get(CacheName::Default, &page("/paused").key().to_key()).await.is_ok());
    hand.advance(Duration::from_secs(31));
    put_all(&*store, [page("/after")]).await;
    assert_eq!(get(&*store, CacheName::Default, &page("/after")).await.len(), 1);
    assert_eq!(store.figures().trouble, None);
}

#[tokio::test]
async fn stored_responses_make_way_for_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let small = |settings: &mut vitrine::store::sqlite::Settings| settings.file_bytes_max = 2 << 20;
    let Sqlite { store, hand, .. } = Sqlite::in_folder(&folder, small);
    put_all(&*store, (0..20).map(|n| big(&format!("/{n}")))).await;
    let mut position = 0;
    while store.figures().caches[0].evictions == 0 {
        position += 100;
        store.commit(wordy(position)).await.unwrap();
    }
    hand.advance(Duration::from_secs(31));
    drop(store);
    assert_eq!(Sqlite::open(&folder).opened.head, position + 99);
}

#[tokio::test]
async fn where_nothing_can_make_way_a_purge_is_refused_and_works_again_after_a_trim() {
    let folder = tempfile::tempdir().unwrap();
    let small = |settings: &mut vitrine::store::sqlite::Settings| settings.file_bytes_max = 1 << 20;
    let Sqlite { store, .. } = Sqlite::in_folder(&folder, small);
    let mut position = 100;
    while store.commit(wordy(position)).await.is_ok() {
        position += 100;
        assert!(position < 100_000);
    }
    assert!(store.figures().trouble.is_some());
    store.trim(position - 300, START);
    store.flush().await.unwrap();
    store.commit(wordy(position)).await.unwrap();
    drop(store);
    let again = Sqlite::in_folder(&folder, small).opened;
    assert_eq!((again.records.len(), again.head), (399, position + 99));
}

/// A hundred records with much to say.
fn wordy(first: u64) -> Batch {
    let tag = |position| Scope::Tag(Tag::new(&format!("{position:0>120}")).unwrap());
    Batch { records: (first..first + 100).map(|position| record(position, tag(position))).collect(), delivery: None }
}
