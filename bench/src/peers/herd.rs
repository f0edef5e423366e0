//! Many clients at once on one key that turns out not to be cacheable, in front of a slow origin: whoever lets one request go and
//! then the next makes a queue of them.

use super::lineup::{self, Row};
use super::load::{Load, Pages};
use super::options::Options;
use super::origin::Origin;
use std::io;
use std::time::Duration;

const CLIENTS: usize = 500;
const CLIENTS_IN_SHORT: usize = 50;
const ORIGIN: Duration = Duration::from_millis(500);
const ORIGIN_IN_SHORT: Duration = Duration::from_millis(50);
/// Above this nobody would wait any longer.
const TIME_MAX: Duration = Duration::from_mins(2);

/// Measures and prints.
pub(super) fn run(rows: &[Row], options: &Options) -> io::Result<()> {
    let (clients, delay) = if options.short { (CLIENTS_IN_SHORT, ORIGIN_IN_SHORT) } else { (CLIENTS, ORIGIN) };
    println!("\n{clients} clients at once on one key that turns out uncacheable, origin {delay:?}:\n");
    println!("| | slowest, s | requests at the origin |\n|---|---|---|");
    for row in rows.iter().filter(|row| row.caches() && !row.is_a_twin()) {
        let (slowest, asked) =
            one(row, clients, delay).map_err(|error| io::Error::other(format!("{}: {error}", row.name)))?;
        println!("| {} | {:.2} | {asked} |", row.name, slowest.as_secs_f64());
    }
    Ok(())
}

fn one(row: &Row, clients: usize, delay: Duration) -> io::Result<(Duration, u64)> {
    let origin = Origin::start(delay)?;
    let server = lineup::start(&row.kind, &origin)?;
    let mut load = Load::open(server.address(0), clients)?;
    // The origin keeps nothing of `own`, and no configuration knows it.
    let came = load.run(&mut Pages::new("own", 4096, Some(1)), TIME_MAX, clients as u64)?;
    Ok((came.latencies.last().copied().unwrap_or_default(), origin.asked()))
}
