//! What the writer does between two rounds, as far as it shows.

use crate::backends::Sqlite;
use crate::battery::{get, page, put_all};
use crate::samples::{lifetime, noise, response, shared, tags};
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::store::Store;
use vitrine::stored::{Parts, StoredResponse};
use vitrine::tags::Tags;

fn kept_for(url: &str, keep: Duration) -> Arc<StoredResponse> {
    shared(Parts { lifetime: lifetime(keep), ..response(CacheName::Default, url, "x") })
}

fn big(url: &str) -> Arc<StoredResponse> {
    shared(response(CacheName::Default, url, noise(100_000, 5)))
}

#[tokio::test]
async fn what_is_past_its_time_is_neither_read_nor_kept() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, hand, .. } = Sqlite::open(&folder);
    let (short, long) = (kept_for("/short", Duration::from_mins(5)), kept_for("/long", Duration::from_mins(50)));
    put_all(&*store, [short.clone(), long.clone()]).await;
    hand.advance(Duration::from_mins(4));
    assert_eq!(get(&*store, CacheName::Default, &short).await.len(), 1);
    hand.advance(Duration::from_mins(1));
    assert!(get(&*store, CacheName::Default, &short).await.is_empty());
    store.flush().await.unwrap();
    assert_eq!(store.figures().caches[0].entries, 1);
    assert_eq!(store.figures().caches[0].evictions, 0);
    assert_eq!(get(&*store, CacheName::Default, &long).await.len(), 1);
}

#[tokio::test]
async fn what_was_asked_for_last_is_evicted_last() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, hand, .. } = Sqlite::in_folder(&folder, |settings| settings.caches_max[0] = 1 << 20);
    for n in 0..8 {
        put_all(&*store, [big(&format!("/{n}"))]).await;
        hand.advance(Duration::from_millis(10));
    }
    hand.advance(Duration::from_mins(11));
    assert_eq!(get(&*store, CacheName::Default, &big("/0")).await.len(), 1);
    hand.advance(Duration::from_mins(1));
    store.flush().await.unwrap();
    put_all(&*store, (8..12).map(|n| big(&format!("/{n}")))).await;
    let there = async |n: u8| !get(&*store, CacheName::Default, &big(&format!("/{n}"))).await.is_empty();
    assert_eq!([there(0).await, there(1).await, there(2).await, there(11).await], [true, false, false, true]);
}

#[tokio::test]
async fn a_cleared_file_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    put_all(&*store, (0..300).map(|n| big(&format!("/{n}")))).await;
    store.clear(None).await.unwrap();
    store.flush().await.unwrap();
    store.close();
    let left = std::fs::metadata(folder.path().join("cache.db")).unwrap().len();
    assert!(left < 10 << 20, "{left} bytes of 30 MB");
}

#[tokio::test]
async fn memory_is_warmed_with_what_was_asked_for_last() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, hand, .. } = Sqlite::open(&folder);
    for n in 0..100 {
        put_all(&*store, [big(&format!("/{n}"))]).await;
        hand.advance(Duration::from_millis(10));
    }
    let mut warmed = Vec::new();
    store
        .newest(CacheName::Default, 4_000_000, |response| warmed.push(response.key().path().to_owned()))
        .await
        .unwrap();
    assert_eq!(warmed, (61..100).rev().map(|n| format!("/{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_ends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    for n in 0..500 {
        store.put(page(&format!("/{n}")));
    }
    store.close();
    assert!(store.get(CacheName::Default, &page("/1").key().to_key()).await.is_err());
    assert!(store.flush().await.is_err());
    drop(store);
    assert!(!folder.path().join("cache.db-wal").exists());
    assert_eq!(Sqlite::open(&folder).store.figures().caches[0].entries, 500);
}

/// A row of tags and its place in the index take 34 bytes, as measured with three hundred pages of as many tags.
#[tokio::test]
async fn the_rows_of_tags_count_against_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    let names: Vec<String> = (0..1_024).map(|n| format!("cat_p_{n}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let tagged = |url, tags: Tags| shared(Parts { tags, ..response(CacheName::Default, url, "x") });
    let used = || store.figures().caches[CacheName::Default.index()].bytes;
    put_all(&*store, [tagged("/a", tags(&[]))]).await;
    let plain = used();
    put_all(&*store, [tagged("/b", tags(&texts))]).await;
    let texts_bytes = tags(&texts).as_str().len() as u64;
    assert!(
        used() - 2 * plain >= texts_bytes + 1_024 * 34,
        "{} bytes for {texts_bytes} bytes of tags",
        used() - 2 * plain
    );
}
