//! vitrine beside the caches that a shop would otherwise put in front of itself, in one run: `vitrine-bench peers`. Every server is
//! on core 0, load and origin are on core 1. bench/README.md says how it measures and what it does not show.

mod answers;
mod bare;
mod columns;
mod herd;
mod lineup;
mod load;
mod options;
mod origin;
mod running;
mod stored;
mod table;
mod tail;
mod wire;

pub(crate) use bare::child;

use options::Options;
use origin::Origin;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Connections of the load, unless a figure says otherwise.
const CONNECTIONS: usize = 64;

static TOLD_TO_END: AtomicBool = AtomicBool::new(false);

/// Whether the bench was told to end: whatever waits gives up then, and the servers end with what held them.
fn told_to_end() -> bool {
    TOLD_TO_END.load(Ordering::Relaxed)
}

struct TellOnDrop;

impl Drop for TellOnDrop {
    fn drop(&mut self) {
        TOLD_TO_END.store(true, Ordering::Relaxed);
    }
}

/// Runs the parts that the arguments ask for, on a thread of its own: the load blocks.
pub(crate) async fn run(arguments: Vec<String>) -> io::Result<()> {
    let options = Options::read(&arguments)?;
    let told = TellOnDrop;
    let done = tokio::task::spawn_blocking(move || work(&options)).await.map_err(io::Error::other);
    drop(told);
    done?
}

fn work(options: &Options) -> io::Result<()> {
    let rows = lineup::rows(&options.lines)?;
    let rows: Vec<_> = rows.into_iter().filter(|row| options.wants_row(&row.name)).collect();
    if options.wants_part("columns") || options.wants_part("tail") {
        let origin = Origin::start(Duration::ZERO)?;
        let standing = columns::start(&rows, &origin, options.short)?;
        if options.wants_part("columns") {
            columns::run(&standing, &origin, options)?;
        }
        if options.wants_part("tail") {
            tail::run(&standing, options)?;
        }
    }
    if options.wants_part("memory") {
        stored::run(&rows, options)?;
    }
    if options.wants_part("herd") {
        herd::run(&rows, options)?;
    }
    Ok(())
}
