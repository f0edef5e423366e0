//! Our reading of RFC 9111 beside that of another implementation, the crate `http-cache-semantics`, over some ten thousands of
//! generated exchanges: both must say the same, or the difference stands in a table with its reason.
//!
//! | module | what it holds |
//! |---|---|
//! | `cases` | exchanges, later requests and 304s, the same for each seed |
//! | `answers` | what we and they say: stored, age, fresh, time left, stale use, Vary, 304 |
//! | `difference` | what a difference is |
//! | `differences` | every known difference: who is stricter, where, and why that is right |
//! | `profiles` | the settings under which both are asked |
//!
//! A difference that no entry explains fails, and so does an entry that explains nothing any more.

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod cases;
#[path = "../parts/dice.rs"]
mod dice;
mod difference;
mod differences;
mod profiles;

use answers::{compared, compared_304};
use cases::{Case, Validation};
use dice::Dice;
use difference::{Difference, Found};
use differences::DIFFERENCES;
use profiles::{PROFILES, Profile};
use std::fmt::Debug;

/// Exchanges of each kind under each profile.
const CASES: u64 = 30_000;
/// Differences without an entry that are told at once.
const UNKNOWN_MAX: usize = 5;

/// What the table's entries explained, and what none of them did.
struct Tally {
    counts: Vec<usize>,
    unknown: Vec<String>,
}

impl Tally {
    fn take<C: Debug>(
        &mut self,
        profile: &Profile,
        case: &C,
        found: Vec<Found>,
        explains: impl Fn(&Difference, &Found) -> bool,
    ) {
        for found in found {
            match DIFFERENCES.iter().position(|entry| entry.is_of(found) && explains(entry, &found)) {
                Some(entry) => self.counts[entry] += 1,
                None if self.unknown.len() < UNKNOWN_MAX => {
                    self.unknown.push(format!("{}: {found:?} in {case:?}", profile.name));
                }
                None => {}
            }
        }
    }
}

#[test]
fn both_say_the_same_but_for_what_is_listed() {
    let mut tally = Tally { counts: vec![0; DIFFERENCES.len()], unknown: Vec::new() };
    for profile in &PROFILES {
        let mut dice = Dice::new(1);
        for _ in 0..CASES {
            let case = Case::rolled(&mut dice);
            tally.take(profile, &case, compared(&case, profile), |entry, found| (entry.explains)(&case, found));
            let validation = Validation::rolled(&mut dice);
            tally.take(profile, &validation, compared_304(&validation, profile), |entry, _| {
                (entry.explains_304)(&validation)
            });
        }
    }
    assert!(tally.unknown.is_empty(), "no entry explains that we differ:\n{}", tally.unknown.join("\n"));
    let counted = DIFFERENCES.iter().zip(&tally.counts);
    counted.clone().for_each(|(entry, count)| eprintln!("{count:>7} {}", entry.name));
    let idle: Vec<&str> = counted.filter(|(_, count)| **count == 0).map(|(entry, _)| entry.name).collect();
    assert!(idle.is_empty(), "these differences occur no more: {idle:?}");
}
