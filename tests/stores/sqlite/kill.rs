//! `kill -9` in the middle of writing: each acknowledged record is there, each stored response is whole or absent.

use super::ledger::batch;
use crate::backends::Sqlite;
use crate::samples::{noise, response, shared};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::ledger::{Journal, Stamp};
use vitrine::store::Store;
use vitrine::store::sqlite::{Settings, SqliteStore};
use vitrine::stored::{Parts, StoredBody};

/// Names the folder to the child, which is this test binary once more.
const FOLDER: &str = "VITRINE_TEST_KILL_FOLDER";
const ROUNDS: usize = 20;

#[tokio::test]
async fn twenty_kills_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let before = acknowledged.len();
        acknowledged.extend(killed_after(&folder, 1 + round % 7));
        assert!(acknowledged.len() > before);
        let Sqlite { store, opened, .. } = Sqlite::open(&folder);
        assert_eq!(store.quarantined(), None);
        let kept: BTreeSet<u64> = opened.records.iter().map(|record| record.position).collect();
        assert!(kept.is_superset(&acknowledged), "lost {:?}", acknowledged.difference(&kept));
        let mut read = 0;
        store
            .newest(CacheName::Default, u64::MAX, |response| {
                assert_eq!(response.body, content(response.generation));
                assert!(response.stamp.position <= opened.head);
                read += 1;
            })
            .await
            .unwrap();
        assert_eq!((store.figures().corrupt, store.figures().caches[0].entries), (0, read));
        assert!(round == 0 || read > 0);
    }
    let connection = rusqlite::Connection::open(folder.path().join("cache.db")).unwrap();
    let check = connection.query_row("PRAGMA integrity_check", (), |row| row.get::<_, String>(0));
    assert_eq!(check.as_deref(), Ok("ok"));
}

/// Runs the child until it has acknowledged that many records, kills it, and tells which.
fn killed_after(folder: &TempDir, records: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::kill::child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines.map_while(Result::ok) {
        let position = line.rsplit_once("acknowledged ").and_then(|(_, position)| position.parse::<u64>().ok());
        acknowledged.extend(position);
        if acknowledged.len() == records {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    acknowledged
}

fn content(generation: u64) -> StoredBody {
    StoredBody::whole(noise(20_000, generation))
}

/// The child: stores and commits until it is killed. As a test of its own it does nothing.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let settings = Settings::new(Path::new(&folder).join("cache.db"), [8 << 20; 3]);
    let (store, opened) = SqliteStore::open(settings, Clock::held(crate::samples::START).0).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    for position in opened.head + 1.. {
        assert!(std::time::Instant::now() < deadline, "nobody killed the child");
        for n in 0..10 {
            let generation = position * 100 + n;
            let page = response(CacheName::Default, &format!("/{generation}"), "");
            let stamp = Stamp::of(opened.epoch, position - 1);
            store.put(shared(Parts { generation, body: content(generation), stamp, ..page }));
        }
        store.commit(batch(position)).await.unwrap();
        println!("acknowledged {position}");
    }
}
