//! Vitrine with a mistake in it, for proofs that have to be able to fail.
//!
//! A mutant is a copy of the sources in which a text is replaced by another, built beside the build under test. A text that is
//! not there any more fails the test: the mutant is to be brought along when the code moves.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mistake.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) right: &'static str,
    pub(crate) wrong: &'static str,
}

/// Where mutants are built: a copy of the sources, and of what the build under test has built of other crates.
pub(crate) struct Workshop {
    sources: PathBuf,
    target: PathBuf,
}

impl Workshop {
    pub(crate) fn open() -> Workshop {
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
    pub(crate) fn build(&self, mutant: &Mutant) -> PathBuf {
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
