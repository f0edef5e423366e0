//! HTTP caching as the RFCs have it, as tables of exchanges on the wire: a scripted origin, a raw client, a held clock, and a
//! vitrine of the neutral profile between them. How a row is written, `script` tells; each table below is a file of `rows/`.
//! What a row expects comes from the RFCs, never from what the program does.

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Rows put texts together by the line; what that costs is nothing here.
#![allow(clippy::format_collect, clippy::unnecessary_debug_formatting)]
// In one binary, `pub` says what a module offers to the others.
#![allow(unreachable_pub, missing_docs)]

mod always;
mod dates;
mod known;
mod play;
mod script;
#[path = "../scenarios/stage/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the scenarios, each of which uses a part")]
mod stage;
mod together;

use play::Play;
use script::{Row, Step};
use stage::Stage;
use std::collections::HashSet;
use std::sync::Arc;

/// A plain shared cache.
const PROFILE: &str = include_str!("../../docs/examples/rfc9111.yaml");

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        const TABLES: &[&str] = &[$(stringify!($name),)+];

        $($(#[$doc])* #[tokio::test]
        async fn $name() {
            hold(stringify!($name)).await;
        })+
    };
}

tables! {
    /// For how long a response is fresh (RFC 9111 4.2.1).
    freshness,
    /// Its age (4.2.3, 5.1), and its Date (RFC 9110 6.6.1).
    age,
    /// Expires (5.3), and the shapes of dates (RFC 9110 5.6.7).
    expires,
    /// What the directives of a response forbid and allow (5.2.2).
    directives,
    /// Serving stale (4.2.4, RFC 5861).
    stale,
    /// Status codes and explicit lifetimes (3, 5.2.2.3).
    statuses,
    /// Lifetimes that nobody stated (4.2.2).
    heuristics,
    /// Which stored response a request selects (4.1).
    vary,
    /// Several stored responses of one resource (4, 4.1, 4.3).
    variants,
    /// The client's conditions (4.3.2, RFC 9110 13).
    conditional,
    /// Conditions that may fail, and those on what is stale or not stored (4.3.2, RFC 9110 13).
    preconditions,
    /// What is asked of the origin, and what follows from its answer (4.3.1, 4.3.3).
    validation,
    /// What a 304 makes of what is stored (4.3.4, 3.2).
    freshening,
    /// What a 304 says of lifetimes (4.3.4).
    lifetimes,
    /// HEAD (4.3.5).
    head,
    /// What is stored of a response's fields (3.1).
    fields,
    /// Unsafe methods (4.4).
    invalidation,
    /// What else their answers take away (4.4).
    references,
    /// Groups (RFC 9875).
    groups,
    /// Ranges (3.3, 3.4, RFC 9110 14).
    ranges,
    /// Ranges of what is still the same (RFC 9110 13.1.5).
    if_range,
    /// Requests with credentials (3.5).
    authorization,
    /// How fresh a client wants what it gets (5.2.1).
    requests,
    /// What else a client asks of the cache (5.2.1, 5.4).
    wishes,
    /// Fields that are for caches like this one (RFC 9213).
    targeted,
    /// What is told of how a request was handled (RFC 9211).
    cache_status,
    /// Towards the origin (RFC 9110 7.6, RFC 9112 9).
    connections,
}

/// Where the tables are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/rows");

fn rows(table: &str) -> Vec<Row> {
    script::rows(&std::fs::read_to_string(format!("{FOLDER}/{table}.txt")).expect("a table"))
}

async fn open() -> Arc<Stage> {
    Arc::new(Stage::of_file(PROFILE.to_string()).await)
}

/// Plays a table, and tells every row that is not as it should be.
async fn hold(table: &str) {
    let stage = open().await;
    let mut wrong = Vec::new();
    for (place, row) in rows(table).into_iter().enumerate() {
        // An origin that is gone does not come back.
        let alone = row.steps.iter().any(|step| matches!(step, Step::Gone));
        let stage = if alone { open().await } else { stage.clone() };
        let name = row.name.clone();
        let outcome = outcome(stage, format!("/{table}/{place}"), row).await;
        match (outcome, known::reason(&name)) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => wrong.push(format!("{name}\n    holds by now: take it out of known.rs")),
            (Err(what), Some(reason)) => println!("not yet: {name}\n    {reason}\n    {what}"),
            (Err(what), None) => wrong.push(format!("{name}\n    {what}")),
        }
    }
    assert!(wrong.is_empty(), "{} rows\n\n{}\n", wrong.len(), wrong.join("\n\n"));
}

/// In a task of its own, so that a row that panics is one that does not hold.
async fn outcome(stage: Arc<Stage>, here: String, row: Row) -> Result<(), String> {
    let playing = tokio::spawn(async move { Play::begin(stage, here).row(&row).await });
    playing.await.unwrap_or_else(|_| Err("it panicked, see above".into()))
}

#[tokio::test]
async fn a_row_that_is_wrong_is_told() {
    let stage = open().await;
    let table = include_str!("wrong.txt");
    for (place, row) in script::rows(table).into_iter().enumerate() {
        let name = row.name.clone();
        let what = outcome(stage.clone(), format!("/wrong/{place}"), row).await.expect_err(&name);
        assert!(what.contains(&name), "{name:?} was to be told, and not {what:?}");
    }
}

#[test]
fn every_table_is_played_every_row_has_a_name_of_its_own_and_what_is_known_is_a_row() {
    assert_eq!(std::fs::read_dir(FOLDER).expect("the tables are there").count(), TABLES.len());
    let rows: Vec<Row> = TABLES.iter().flat_map(|table| rows(table)).collect();
    let names: HashSet<&str> = rows.iter().map(|row| &*row.name).collect();
    println!("{} rows", rows.len());
    let twice: Vec<&str> = rows
        .iter()
        .map(|row| &*row.name)
        .filter(|name| rows.iter().filter(|row| row.name == *name).count() > 1)
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
    for name in known::all() {
        assert!(names.contains(name), "no row is called {name:?}");
    }
}
