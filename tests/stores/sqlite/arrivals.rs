//! The inbox's table: through restarts, and in files from before there was one.

use crate::backends::Sqlite;
use bytes::Bytes;
use std::sync::Arc;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Arrival, Shelf};
use vitrine::store::Store;

fn arrival(number: u64) -> Arrival {
    Arrival {
        number,
        time: Timestamp(1_000 * number),
        path: "/webhooks/shop".into(),
        scheme: "shopify".into(),
        id: Some(format!("id-{number}").into()),
        event: Some("products/update".into()),
        verdict: "accepted".into(),
        answer: r#"{"status":"ok"}"#.into(),
        is_signed: true,
        body: Some(Bytes::from_static(b"\xff any bytes")),
        ..Arrival::default()
    }
}

#[tokio::test]
async fn arrivals_are_there_again_but_for_what_was_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder).store;
    assert_eq!(store.arrivals(), []);
    let bare = Arrival { id: None, event: None, body: None, ..arrival(4) };
    let replayed = Arrival { replayed: Some(Timestamp(9)), ..arrival(3) };
    for own in [arrival(1), arrival(2), arrival(3), bare.clone(), replayed.clone()] {
        store.keep(Arc::new(own));
    }
    store.forget(1);
    store.flush().await.unwrap();
    drop(store);
    let again = Sqlite::open(&folder).store;
    assert_eq!(again.arrivals(), [arrival(2), replayed, bare]);
}

#[tokio::test]
async fn a_file_without_the_table_is_given_one_and_keeps_its_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let before = Sqlite::open(&folder);
    let epoch = before.opened.epoch;
    drop(before);
    let file = rusqlite::Connection::open(folder.path().join("cache.db")).unwrap();
    file.execute_batch("DROP TABLE arrival").unwrap();
    drop(file);
    let again = Sqlite::open(&folder);
    assert_eq!((again.opened.epoch, again.store.quarantined()), (epoch, None));
    again.store.keep(Arc::new(arrival(1)));
    again.store.flush().await.unwrap();
    drop(again);
    assert_eq!(Sqlite::open(&folder).store.arrivals(), [arrival(1)]);
}
