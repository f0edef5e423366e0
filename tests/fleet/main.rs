//! The proof: real proxies that share a real Redis, a shop whose pages bear a version, readers and editors at all of them, and
//! faults of every kind. A read that begins after a purge was confirmed sees what that made known, or something newer.
//!
//! - [`history`]: what happened, and whether it keeps the promise (pure)
//! - [`shop`], [`proxy`], [`visitor`]: the parts
//! - [`faults`]: what is done to them
//! - [`play`]: readers, editors and faults together
//! - [`deployed`]: the Redis configuration that ships
//! - [`epoch`]: a ledger that begins anew
//! - [`mutants`]: the proof can fail
//!
//! In the test command it is short. For as long as you like: `VITRINE_PROOF_PURGES=100000 VITRINE_PROOF_FAULTS=50
//! VITRINE_PROOF_MINUTES=60 cargo nextest run --workspace --release --profile long -E 'binary(fleet)' --no-capture`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is the test that fails")]

mod deployed;
mod epoch;
mod faults;
mod history;
mod mutants;
#[path = "../parts/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod parts;
mod play;
mod proxy;
mod shop;
mod visitor;

use faults::{Fault, One, Spread, Watched};
use play::{Length, Report, play};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn no_read_after_a_confirmed_purge_sees_what_was_before() {
    let length = Length {
        purges: from_environment("VITRINE_PROOF_PURGES", 2_000),
        rounds: u32::try_from(from_environment("VITRINE_PROOF_FAULTS", 1)).unwrap(),
        at_most: Duration::from_secs(60 * from_environment("VITRINE_PROOF_MINUTES", 2)),
        seed: from_environment("VITRINE_PROOF_SEED", 1),
    };
    let report = play(&program(), &One::start(), &Fault::ALL, length);
    keeps_its_promises(&report);
}

#[test]
fn no_failover_loses_a_confirmed_purge() {
    let length = Length {
        purges: from_environment("VITRINE_PROOF_PURGES", 300),
        rounds: u32::try_from(from_environment("VITRINE_PROOF_FAULTS", 1)).unwrap(),
        at_most: Duration::from_secs(60 * from_environment("VITRINE_PROOF_MINUTES", 2)),
        seed: from_environment("VITRINE_PROOF_SEED", 1),
    };
    keeps_its_promises(&play(&program(), &Watched::start(), &Fault::FAILOVERS, length));
}

#[test]
fn no_failover_in_a_cluster_loses_a_confirmed_purge() {
    let length = Length {
        purges: from_environment("VITRINE_PROOF_PURGES", 200),
        rounds: u32::try_from(from_environment("VITRINE_PROOF_FAULTS", 1)).unwrap(),
        at_most: Duration::from_secs(60 * from_environment("VITRINE_PROOF_MINUTES", 2)),
        seed: from_environment("VITRINE_PROOF_SEED", 1),
    };
    keeps_its_promises(&play(&program(), &Spread::start(), &[Fault::MasterKilled], length));
}

fn keeps_its_promises(report: &Report) {
    tell(report);
    assert!(report.verdict.violations.is_empty(), "{:#?}", report.verdict.violations.first());
    assert!(report.failed.is_empty(), "visitors saw errors: {:#?}", report.failed);
    assert!(report.is_whole, "{} purges were confirmed in time, after {:?}", report.confirmed, report.faults);
}

#[test]
fn a_ledger_that_begins_anew_leaves_nothing_of_what_was_stored_before() {
    assert!(!epoch::serves_what_an_old_epoch_stored(Path::new(env!("CARGO_BIN_EXE_vitrine"))));
}

/// What was measured, for whoever runs it with `--no-capture`.
fn tell(report: &Report) {
    let percentile = |of: usize| report.confirmation.get(report.confirmation.len().saturating_sub(1) * of / 1_000);
    println!("confirmed purges {}, unconfirmed {}", report.confirmed, report.unconfirmed);
    println!("reads {}, of which hits {}", report.reads, report.hits);
    println!("confirmation p50 {:?}, p99 {:?}, max {:?}", percentile(500), percentile(990), percentile(1_000));
    println!("violations {}, failed reads {}", report.verdict.violations.len(), report.failed.len());
    println!(
        "an older version was read after an unconfirmed purge, at the latest, healthy: {} ms",
        report.verdict.stale_us[0] / 1_000
    );
    for (fault, times) in &report.faults {
        let stale_ms = report.verdict.stale_us[*fault as usize] / 1_000;
        println!("  {fault:?}: {times} times, {stale_ms} ms");
    }
}

/// The program under test; for a long run perhaps a copy, which no build replaces meanwhile.
fn program() -> PathBuf {
    std::env::var_os("VITRINE_PROOF_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_vitrine").into(), PathBuf::from)
}

fn from_environment(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() { usual } else { text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")) }
}
