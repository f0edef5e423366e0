//! Files that are not what they should be. Wrong bytes are never served, a record is never lost without a new epoch, and
//! the store always starts.

use super::ledger::batch;
use crate::backends::{Sqlite, settings};
use crate::battery::{get, page, put_all};
use crate::samples::{START, noise, response, shared, told};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::ledger::{Journal, Opened};
use vitrine::store::sqlite::{OpenError, SqliteStore};
use vitrine::store::{Queued, Store};
use vitrine::stored::StoredResponse;

/// Something that is done to a closed file.
type Damage = Box<dyn Fn(&Path)>;

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("cache.db")
}

fn pages() -> Vec<Arc<StoredResponse>> {
    (0..12)
        .map(|n| shared(response(CacheName::ALL[n % 3], &format!("/{n}"), noise(3_000 * (n + 1), n as u64))))
        .collect()
}

/// A closed file with some pages, and six records of which two are trimmed.
async fn filled(folder: &TempDir) -> (Vec<Arc<StoredResponse>>, Opened) {
    let first = Sqlite::open(folder);
    let pages = pages();
    put_all(&*first.store, pages.clone()).await;
    for position in 1..=6 {
        first.store.commit(batch(position)).await.unwrap();
    }
    first.store.trim(2, START);
    drop(first.store);
    let again = Sqlite::open(folder);
    assert_eq!((again.opened.floor, again.opened.records.len()), (2, 4));
    (pages, again.opened)
}

fn overwrite(path: &Path, at: usize, with: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + with.len()].copy_from_slice(with);
    fs::write(path, bytes).unwrap();
}

fn quarantined(folder: &TempDir) -> usize {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("cache.db.quarantine-") && !name.ends_with("-wal")).count()
}

#[tokio::test]
async fn changed_bytes_of_a_page_are_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let (pages, _) = filled(&folder).await;
    let victim = &pages[11];
    let content = noise(36_000, 11);
    let file = fs::read(database(&folder)).unwrap();
    let at = file.windows(16).position(|window| window == &content[30_000..30_016]).unwrap();
    overwrite(&database(&folder), at, &[0; 64]);
    let Sqlite { store, .. } = Sqlite::open(&folder);
    assert_eq!(store.quarantined(), None);
    assert!(get(&*store, victim.cache, victim).await.is_empty());
    store.flush().await.unwrap();
    let figures = store.figures();
    assert_eq!((figures.corrupt, figures.caches[victim.cache.index()].entries), (1, 3));
    for other in &pages[..11] {
        assert_eq!(get(&*store, other.cache, other).await.len(), 1);
    }
    put_all(&*store, [victim.clone()]).await;
    assert_eq!(told(&get(&*store, victim.cache, victim).await[0]), told(victim));
}

#[tokio::test]
async fn a_file_of_no_use_is_put_aside_and_the_store_begins_anew() {
    let sql = |statement: &'static str| {
        Box::new(move |path: &Path| Connection::open(path).unwrap().execute_batch(statement).unwrap()) as Damage
    };
    let companion = |suffix: &'static str, content: &'static [u8]| {
        Box::new(move |path: &Path| fs::write(format!("{}{suffix}", path.display()), content).unwrap())
    };
    let damages: Vec<(&str, Damage)> = vec![
        ("garbage header", Box::new(|path| overwrite(path, 0, &noise(100, 9)))),
        ("no database", Box::new(|path| fs::write(path, "listen: 0.0.0.0:8080").unwrap())),
        ("truncated", Box::new(|path| fs::File::options().write(true).open(path).unwrap().set_len(40_000).unwrap())),
        (
            "truncated to a stump",
            Box::new(|path| fs::File::options().write(true).open(path).unwrap().set_len(90).unwrap()),
        ),
        ("another version", sql("PRAGMA user_version = 99")),
        ("another name on our tables", sql("PRAGMA application_id = 7")),
        ("a missing table", sql("DROP TABLE session_cache_table_tag")),
        ("a missing column", sql("ALTER TABLE cache_table RENAME COLUMN generation TO generations")),
        ("garbage log", companion("-wal", &[0xa5; 5_000])),
        ("stump of a log", companion("-wal", b"7f")),
        ("marked as damaged", companion(".damaged", b"")),
        ("changed record", sql("UPDATE ledger SET value = 'product:8' WHERE position = 4")),
        ("softened record", sql("UPDATE ledger SET mode = 'soft' WHERE position = 5")),
        ("lost record", sql("DELETE FROM ledger WHERE position = 4")),
        ("lost first record", sql("DELETE FROM ledger WHERE position = 3")),
        ("lost last record", sql("DELETE FROM ledger WHERE position = 6")),
        ("lost ledger", sql("DELETE FROM ledger")),
        ("lowered floor", sql("UPDATE ledger_meta SET value = 0 WHERE name = 'floor'")),
        ("wild position", sql("UPDATE ledger_meta SET value = -1 WHERE name = 'stamp_max'")),
        ("lost name", sql("DELETE FROM ledger_meta WHERE name = 'epoch'")),
    ];
    for (name, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let (_, before) = filled(&folder).await;
        if name == "wild position" {
            sql("INSERT OR IGNORE INTO ledger_meta VALUES ('stamp_max', 0)")(&database(&folder));
        }
        damage(&database(&folder));
        let Sqlite { store, opened, .. } = Sqlite::open(&folder);
        assert!(store.quarantined().is_some_and(Path::exists), "{name}");
        assert_ne!(opened.epoch, before.epoch, "{name}");
        assert_eq!((opened.head, opened.records.len()), (0, 0), "{name}");
        assert_eq!(store.figures().caches.map(|cache| cache.entries), [0; 3], "{name}");
        assert_eq!(store.figures().trouble, None, "{name}");
        put_all(&*store, [page("/")]).await;
        store.commit(batch(1)).await.unwrap();
        assert_eq!(get(&*store, CacheName::Default, &page("/")).await.len(), 1, "{name}");
        drop(store);
        let again = Sqlite::open(&folder);
        assert_eq!((again.store.quarantined(), again.opened.head), (None, 1), "{name}");
    }
}

#[tokio::test]
async fn one_quarantined_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        filled(&folder).await;
        fs::rename(database(&folder), folder.path().join("cache.db.quarantine-1")).unwrap();
        fs::write(database(&folder), [7; 5_000]).unwrap();
        drop(Sqlite::open(&folder));
        assert_eq!(quarantined(&folder), 1);
        fs::remove_file(database(&folder)).unwrap();
    }
}

#[tokio::test]
async fn the_shop_s_own_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(database(&folder)).unwrap().execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    let before = fs::read(database(&folder)).unwrap();
    let refused = SqliteStore::open(settings(&folder), Clock::held(START).0).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    assert_eq!(fs::read(database(&folder)).unwrap(), before);
    assert_eq!(quarantined(&folder), 0);
}

/// Damage that shows only in use ends the use: no answer, no commit, until a restart has put the file aside.
#[tokio::test]
async fn a_file_that_breaks_in_use_is_put_aside_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (pages, before) = filled(&folder).await;
    let Sqlite { store, .. } = Sqlite::open(&folder);
    let length = fs::read(database(&folder)).unwrap().len();
    overwrite_in_place(&database(&folder), 8_192, &noise(length - 8_192, 4));
    let mut broken = false;
    for page in &pages {
        broken |= store.get(page.cache, &page.key().to_key()).await.is_err();
    }
    assert!(broken);
    assert!(store.figures().trouble.is_some_and(|trouble| trouble.contains("damaged")));
    assert_eq!(store.put(pages[0].clone()), Queued::Unavailable);
    assert!(store.commit(batch(7)).await.is_err());
    assert!(store.get(pages[0].cache, &pages[0].key().to_key()).await.is_err());
    assert!(store.clear(None).await.is_err());
    drop(store);
    let again = Sqlite::open(&folder);
    assert!(again.store.quarantined().is_some());
    assert_ne!(again.opened.epoch, before.epoch);
    drop(again.store);
    assert_eq!(Sqlite::open(&folder).store.quarantined(), None);
}

fn overwrite_in_place(path: &Path, at: u64, with: &[u8]) {
    use std::os::unix::fs::FileExt;
    fs::File::options().write(true).open(path).unwrap().write_all_at(with, at).unwrap();
}

/// One flipped bit anywhere: what is served is what was stored, and what is known of the ledger is all of it or a new epoch.
#[tokio::test]
async fn a_flipped_bit_anywhere_serves_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (pages, before) = filled(&folder).await;
    let sound = fs::read(database(&folder)).unwrap();
    let mut served = 0;
    for seed in 1..=120_u64 {
        let copy = tempfile::tempdir().unwrap();
        let mut bytes = sound.clone();
        let place = noise(8, seed * 7_919);
        let place = usize::try_from(u64::from_le_bytes(place[..].try_into().unwrap()) >> 1).unwrap();
        // Half of them in the pages at the start, where everything but the contents is.
        let reach = if seed % 2 == 0 { bytes.len() } else { 40_000 };
        bytes[place % reach] ^= 1 << (seed % 8);
        fs::write(database(&copy), bytes).unwrap();
        let (store, opened) = match SqliteStore::open(settings(&copy), Clock::held(START).0) {
            Ok(opened) => opened,
            Err(error) => panic!("bit {} of byte {}: {error}", seed % 8, place % reach),
        };
        if store.quarantined().is_none() {
            let kept = before.records.iter().skip_while(|record| record.position <= opened.floor);
            assert!(opened.floor >= before.floor && kept.eq(&opened.records), "{seed}");
            assert!(opened.head >= before.head);
        } else {
            assert_ne!(opened.epoch, before.epoch);
        }
        for page in &pages {
            for got in store.get(page.cache, &page.key().to_key()).await.unwrap_or_default() {
                assert_eq!(told(&got), told(page), "{seed}");
                served += 1;
            }
        }
    }
    assert!(served > 500, "{served}");
}
