//! The canary test: two hundred visitors walk over all routes of the demo shop, each with secrets in cookies, queries, fields and
//! pages. Every answer is searched for everybody else's secrets, and every page that is read after an own change has to show it.
//!
//! - [`secrets`]: what is looked for in every answer (pure)
//! - [`pages`]: what a page shows of its visitor, and whether that is right (pure)
//! - [`shop`], [`setup`], [`browser`]: the demo shop, the proxies in front of it, and a tab
//! - [`visitor`], [`steps`]: what a visitor knows, and does: sign in and out, change hands, rename, fill a basket, edit, open
//!   tabs, come back with a session that has ended
//! - [`scene`], [`tally`], [`play`]: what they share, what is counted, and the whole with restarts and crowds
//! - [`mutants`]: the proof can fail
//!
//! In the test command it is short. For as long as you like: `VITRINE_CANARY_REQUESTS=1000000 VITRINE_CANARY_MINUTES=60 cargo
//! nextest run --workspace --release --profile long -E 'binary(canary) and test(walk)' --no-capture`. The requests are those of
//! all set-ups together. `VITRINE_CANARY_SEED` makes other visitors, `VITRINE_CANARY_PROGRAM` names another program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is the test that fails")]

mod browser;
mod mutants;
mod pages;
#[path = "../parts/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod parts;
mod play;
mod scene;
mod secrets;
mod setup;
mod shop;
mod steps;
mod tally;
mod visitor;

use play::walk;
use scene::Length;
use setup::Kept;
use std::path::PathBuf;
use std::time::Duration;
use tally::get;

const SETUPS: u64 = 2;

#[test]
fn a_walk_at_one_proxy_shows_everybody_their_own_and_nothing_else() {
    keeps_its_promises(Kept::InSqlite);
}

#[test]
fn a_walk_at_two_proxies_shows_everybody_their_own_and_nothing_else() {
    keeps_its_promises(Kept::InRedis);
}

fn keeps_its_promises(kept: Kept) {
    let requests = from_environment("VITRINE_CANARY_REQUESTS", 20_000) / SETUPS;
    let length = Length {
        requests,
        at_most: Duration::from_mins(from_environment("VITRINE_CANARY_MINUTES", 3)),
        seed: from_environment("VITRINE_CANARY_SEED", 1),
        stops_when_caught: false,
    };
    let report = walk(&program(), kept, length);
    println!("{kept:?}:");
    report.tell();
    let (tally, told) = (&report.tally, report.tally.told());
    let (count, logs) = (get(&tally.violations), report.logs.join("\n"));
    assert!(told.is_empty(), "{count} violations, the first of them {told:#?}\n{logs}");
    assert!(tally.failed().is_empty(), "visitors saw errors: {:#?}\n{logs}", tally.failed());
    assert!(get(&tally.requests) >= requests, "{} requests in time", get(&tally.requests));
    assert!(get(&tally.own.hits) > 0 && get(&tally.restarts) > 0, "nothing was put to the test");
}

/// The program under test; for a long run perhaps a copy, which no build replaces meanwhile.
fn program() -> PathBuf {
    std::env::var_os("VITRINE_CANARY_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_vitrine").into(), PathBuf::from)
}

fn from_environment(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() { usual } else { text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")) }
}
