//! Responses through a restart.

use crate::backends::Sqlite;
use crate::battery::{get, page, put_all};
use crate::samples::{any_response, lifetime, noise, response, shared, told};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::store::sqlite::{OpenError, SqliteStore};
use vitrine::store::{Queued, Store};
use vitrine::stored::Parts;

#[tokio::test]
async fn every_response_and_every_figure_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(&folder);
    let mut runner = TestRunner::deterministic();
    let mut any = || any_response().new_tree(&mut runner).unwrap().current();
    let put: Vec<_> = (0..40).map(|_| shared(Parts { lifetime: lifetime(Duration::from_hours(1)), ..any() })).collect();
    put_all(&*first.store, put.clone()).await;
    let before = first.store.figures();
    drop(first.store);
    let again = Sqlite::open(&folder);
    assert_eq!(again.opened.epoch, first.opened.epoch);
    assert_eq!(again.store.quarantined(), None);
    for response in put {
        let got = get(&*again.store, response.cache, &response).await;
        assert!(got.iter().any(|got| told(got) == told(&response)));
    }
    assert_eq!(
        again.store.figures().caches.map(|cache| (cache.entries, cache.bytes)),
        before.caches.map(|cache| (cache.entries, cache.bytes))
    );
}

#[tokio::test]
async fn the_largest_response_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    let largest = shared(response(CacheName::Default, "/film", noise((8 << 20) - 2_000, 1)));
    put_all(&*store, [largest.clone()]).await;
    drop(store);
    let again = Sqlite::open(&folder).store;
    assert_eq!(told(&get(&*again, CacheName::Default, &largest).await[0]), told(&largest));
    assert_eq!(again.put(shared(response(CacheName::Default, "/film", noise(8 << 20, 1)))), Queued::TooLarge);
}

#[tokio::test]
async fn the_names_of_the_tables_and_the_mode_of_the_files_are_as_promised() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    put_all(&*store, [page("/")]).await;
    for file in ["cache.db", "cache.db-wal", "cache.db-shm", "cache.db.lock"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let other = rusqlite::Connection::open(folder.path().join("cache.db")).unwrap();
    for (table, rows) in [("cache_table", 1), ("product_cache_table", 0), ("session_cache_table", 0)] {
        let count = other.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get::<_, i64>(0));
        assert_eq!(count, Ok(rows), "{table}");
    }
}

#[tokio::test]
async fn a_second_opening_is_refused_by_name_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let Sqlite { store, .. } = Sqlite::open(&folder);
    let (clock, _) = vitrine::clock::Clock::held(crate::samples::START);
    let refused = SqliteStore::open(crate::backends::settings(&folder), clock).unwrap_err();
    assert!(matches!(&refused, OpenError::InUse { path } if path.ends_with("cache.db")), "{refused}");
    assert!(refused.to_string().contains("cache.db"));
    put_all(&*store, [page("/")]).await;
    assert_eq!(get(&*store, CacheName::Default, &page("/")).await.len(), 1);
}
