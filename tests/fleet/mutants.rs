//! The proof can fail: vitrine with a mistake in it, each of which loses purges, is caught.
//!
//! A mutant is a copy of the sources in which a text is replaced by another, built beside the build under test. A text that is
//! not there any more fails the test: the mutant is to be brought along when the code moves.

use crate::epoch;
use crate::faults::{Fault, One};
use crate::play::{Length, play};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A mistake.
struct Mutant {
    name: &'static str,
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
}

const STAMP_AT_THE_END: Mutant = Mutant {
    name: "the stamp is taken at the end of the fetch",
    file: "src/proxy/filling.rs",
    right: "        stamp: fill.stamp,\n",
    wrong: "        stamp: proxy.ledger.stamp(),\n",
};

const CONFIRMED_AT_ONCE: Mutant = Mutant {
    name: "a purge is confirmed without waiting for the others",
    file: "src/ledger/sharing.rs",
    right: "receipt.confirmation = sharing.log.confirm(receipt.epoch, receipt.last, wait).await;",
    wrong: "let _ = (sharing, wait); receipt.confirmation.confirmed = true;",
};

const MISSED_WHILE_AWAY: Mutant = Mutant {
    name: "what was recorded while a proxy was away is not read, as with pub/sub",
    file: "src/store/redis/log/session.rs",
    right: "let mut place = Place { position: self.known.position, nonce: self.known.nonce.clone() };",
    wrong: "let mut place = Place { position: joined.head, nonce: None };",
};

const EPOCH_IGNORED: Mutant = Mutant {
    name: "the epoch of what was stored is ignored",
    file: "src/ledger/service.rs",
    right: "if stamp.epoch != state.epoch {",
    wrong: "if stamp.epoch != state.epoch && state.index.head() == 0 {",
};

/// Walks that a mutant may survive; the first that catches it is the last.
const WALKS_MAX: u64 = 5;

#[test]
fn each_mutant_is_caught() {
    let workshop = Workshop::open();
    for mutant in [STAMP_AT_THE_END, CONFIRMED_AT_ONCE, MISSED_WHILE_AWAY] {
        let program = workshop.build(&mutant);
        let faults = [Fault::WireCut, Fault::WireHeld, Fault::WireCut];
        // Which of a purge and a fetch comes first is the machine's to say: a walk may miss it.
        let mut asked = 0;
        let is_caught = (0..WALKS_MAX).any(|walk| {
            let length = Length { purges: 300, rounds: 1, at_most: Duration::from_secs(40), seed: 7 + walk };
            let report = play(&program, &One::start(), &faults, length);
            asked += report.confirmed;
            !report.verdict.violations.is_empty()
        });
        assert!(is_caught, "{}: {asked} purges, none lost", mutant.name);
    }
    assert!(epoch::serves_what_an_old_epoch_stored(&workshop.build(&EPOCH_IGNORED)), "{}", EPOCH_IGNORED.name);
}

/// Where mutants are built: a copy of the sources, and of what the build under test has built of other crates.
struct Workshop {
    sources: PathBuf,
    target: PathBuf,
}

impl Workshop {
    fn open() -> Workshop {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Path::new(env!("CARGO_BIN_EXE_vitrine")).parent().expect("it is in a folder");
        let home = built.parent().expect("it is in the target folder").join("mutants");
        let workshop = Workshop { sources: home.join("sources"), target: home.join("target") };
        for part in ["src", "bench", "origin-demo", "tests/tidy", "examples"] {
            copy(&root.join(part), &workshop.sources.join(part));
        }
        for file in ["Cargo.toml", "Cargo.lock", "clippy.toml"] {
            std::fs::copy(root.join(file), workshop.sources.join(file)).unwrap();
        }
        if !workshop.target.exists() {
            for part in ["build", "deps", ".fingerprint"] {
                copy(&built.join(part), &workshop.target.join("debug").join(part));
            }
        }
        workshop
    }

    /// Builds a mutant, and puts the sources right again.
    fn build(&self, mutant: &Mutant) -> PathBuf {
        let file = self.sources.join(mutant.file);
        let right = std::fs::read_to_string(&file).unwrap();
        assert_eq!(right.matches(mutant.right).count(), 1, "{}: this is not in {}", mutant.name, mutant.file);
        std::fs::write(&file, right.replace(mutant.right, mutant.wrong)).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        // The same features as the build under test, so that other crates are not built again: hence the test beside it.
        cargo.args(["build", "--workspace", "--bin", "vitrine", "--test", "tidy", "--locked", "--offline", "--quiet"]);
        let built = cargo.current_dir(&self.sources).env("CARGO_TARGET_DIR", &self.target).output().unwrap();
        std::fs::write(&file, right).unwrap();
        assert!(built.status.success(), "{}: {}", mutant.name, String::from_utf8_lossy(&built.stderr));
        let program = self.target.join("debug/vitrine");
        let kept = self.target.join(format!("mutant-{}", mutant.name.replace(|c: char| !c.is_alphanumeric(), "-")));
        std::fs::copy(program, &kept).unwrap();
        kept
    }
}

/// Copies a folder, with the times of its files; programs without an ending are left out, for nobody builds with them.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        let is_program = from.ends_with("deps") && path.extension().is_none();
        if kind.is_dir() {
            copy(&path, &target);
        } else if kind.is_file() && !is_program {
            std::fs::copy(&path, &target).unwrap();
            let times = std::fs::FileTimes::new().set_modified(entry.metadata().unwrap().modified().unwrap());
            std::fs::File::options().write(true).open(&target).unwrap().set_times(times).unwrap();
        }
    }
}
