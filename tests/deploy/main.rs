//! What ships beside the program, held against the tools that will read it.
//!
//! - `files`: the unit, its hardening, the production configuration
//! - `prometheus`: promtool over configuration and alert rules, and a real Prometheus that scrapes a real vitrine

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod files;
mod prometheus;

/// The folder of what ships.
fn deploy() -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy")
}
