//! What the shared store and the shared ledger cost, beside the bare commands, without HTTP.
//!
//! `cargo run --release --example redis_figures -- confirm|fanout|hit|memory|all`. It starts its own Redis servers on core 0 and
//! runs on core 1 itself, on one thread. The method, and what these figures do not show, are in bench/README.md.

mod confirm;
mod fanout;
mod hit;
#[path = "../../bench/src/measure.rs"]
#[allow(dead_code, reason = "shared with the bench, which uses another part")]
mod measure;
mod members;
mod memory;
#[path = "../../bench/src/redis_server.rs"]
#[allow(dead_code, reason = "shared with the bench, which uses another part")]
mod redis_server;
mod samples;
#[path = "../../bench/src/stop.rs"]
mod stop;

use std::error::Error;
use std::process::Command;

/// Why a figure could not be had.
type Problem = Box<dyn Error + Send + Sync>;
/// A figure is printed as soon as it is known.
type Told = Result<(), Problem>;

/// The servers' core; the other one is ours.
const SERVER_CORE: &str = "0";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Told {
    let _ = Command::new("taskset").args(["-pc", "1", &std::process::id().to_string()]).output();
    stop::unless_told_to_end(run(std::env::args().nth(1).as_deref())).await?
}

async fn run(figure: Option<&str>) -> Told {
    match figure {
        Some("confirm") => confirm::run().await,
        Some("fanout") => fanout::run().await,
        Some("hit") => hit::run().await,
        Some("memory") => memory::run().await,
        Some("all") => {
            hit::run().await?;
            memory::run().await?;
            confirm::run().await?;
            fanout::run().await
        }
        _ => Err("usage: redis_figures confirm|fanout|hit|memory|all".into()),
    }
}
