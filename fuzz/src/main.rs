//! The targets of `tests/fuzz` under libFuzzer. The variable `VITRINE_FUZZ_TARGET` names the one that is run; `fuzz/run` sets it.
#![no_main]

#[path = "../../tests/fuzz/targets/mod.rs"]
mod targets;

use std::sync::OnceLock;
use targets::{ALL, Target};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("VITRINE_FUZZ_TARGET").unwrap_or_default();
    let found = ALL.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("VITRINE_FUZZ_TARGET is {name:?}, which is no target"))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (CHOSEN.get_or_init(chosen).run)(bytes);
});
