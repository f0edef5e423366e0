//! What is read from others is fuzzed: each target takes any bytes, and holds more than that nothing panics.
//!
//! | module | what it holds |
//! |---|---|
//! | `targets` | the targets by name; one file for each family, beside the strict readings that they are held against |
//! | `mutate` | mutations of the checked-in corpus, the same for each seed |
//!
//! Here each target runs over its corpus and a bounded number of mutations. `fuzz/run` runs the same functions under libFuzzer,
//! with coverage and for as long as one likes. An input that fails becomes a file of the corpus.

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../parts/dice.rs"]
mod dice;
mod mutate;
mod targets;

use mutate::{Corpus, Mutations};
use std::panic::{AssertUnwindSafe, catch_unwind};
use targets::{ALL, Target};

/// Mutations of each target's corpus in an ordinary run.
const MUTATIONS: usize = 30_000;

#[test]
fn the_corpus_holds() {
    for target in &ALL {
        let corpus = Corpus::of(target.name);
        for (name, bytes) in &corpus.files {
            told(target, bytes, name);
        }
    }
}

#[test]
fn each_file_of_the_corpus_is_some_targets() {
    let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
    for folder in Corpus::folders() {
        assert!(names.contains(&folder.as_str()), "tests/fuzz/corpus/{folder} is no target's");
    }
}

/// With a new form of stored bytes the corpus has to be written anew; `VITRINE_FUZZ_SEEDS=write` does that.
#[test]
fn the_stored_corpus_is_of_todays_form() {
    let corpus = Corpus::of("stored");
    for (name, bytes) in targets::seeds_of_stored() {
        if std::env::var_os("VITRINE_FUZZ_SEEDS").is_some() {
            Corpus::write("stored", name, &bytes);
        } else {
            let own = corpus.files.iter().find(|(own, _)| own == name);
            assert_eq!(own.map(|(_, own)| own), Some(&bytes), "{name}: see above");
        }
    }
}

fn mutations_hold(name: &str) {
    let target = ALL.iter().find(|target| target.name == name).unwrap();
    let mut mutations = Mutations::of(Corpus::of(name));
    for number in 0..MUTATIONS / target.costs {
        told(target, &mutations.next(), &format!("mutation {number}"));
    }
}

/// Runs a target, and tells what it was given where it fails.
fn told(target: &Target, bytes: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))) {
        eprintln!("the target {} fails with {what}: b\"{}\"", target.name, bytes.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

macro_rules! mutations {
    ($($name:ident),*) => {
        /// One test for each target, so that they run beside each other.
        mod mutations {
            $(#[test] fn $name() { super::mutations_hold(stringify!($name)); })*
        }

        #[test]
        fn each_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(ALL.map(|target| target.name), run);
        }
    };
}

mutations!(
    cache_control,
    wishes,
    targeted_control,
    date,
    age,
    exchange,
    not_modified,
    vary,
    accepted,
    conditions,
    range,
    groups,
    cookies,
    target,
    query,
    stored,
    head,
    chunks,
    config
);
