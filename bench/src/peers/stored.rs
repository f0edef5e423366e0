//! What a stored response of 4 KiB takes beside its body.

use super::lineup::{self, Kind, Row};
use super::load::{Load, Pages};
use super::options::Options;
use super::origin::Origin;
use super::running::Running;
use std::io;
use std::time::Duration;

const COUNT: u64 = 40_000;
const COUNT_IN_SHORT: u64 = 200;
const BODY_BYTES: usize = 4096;
/// One in so many may be let go at once: Traffic Server does so with two pages whose places in its index clash.
const LOST_MAX: u64 = 100;
const TIME_MAX: Duration = Duration::from_mins(2);
/// What connections, buffers and pools take is there before the count begins.
const WARMING: u64 = 500;
/// What `haproxy` is given where it is measured by how much it keeps.
const HAPROXY_MIB: u64 = 64;

/// Measures and prints.
pub(super) fn run(rows: &[Row], options: &Options) -> io::Result<()> {
    let count = if options.short { COUNT_IN_SHORT } else { COUNT };
    println!("\nMemory beside the body for each of {count} stored responses of 4 KiB:\n\n| | bytes |\n|---|---|");
    for row in rows.iter().filter(|row| row.caches() && !row.is_a_twin()) {
        let origin = Origin::start(Duration::ZERO)?;
        let each = match row.kind {
            Kind::Haproxy => capacity(&origin, if options.short { 4 } else { HAPROXY_MIB }),
            _ => growth(&row.kind, &origin, count),
        };
        let each = each.map_err(|error| io::Error::other(format!("{}: {error}", row.name)))?;
        println!("| {} | {each} |", row.name);
    }
    println!(
        "\nGrowth of all processes' memory and of files in memory; HAProxy, which takes its memory at the start: what fits."
    );
    Ok(())
}

fn held(server: &Running) -> io::Result<u64> {
    Ok(server.memory()? + server.files())
}

fn growth(kind: &Kind, origin: &Origin, count: u64) -> io::Result<i64> {
    let server = lineup::start(kind, origin)?;
    let mut load = Load::open(server.address(0), 16)?;
    load.run(&mut Pages::new("pass", BODY_BYTES, None), TIME_MAX, WARMING)?;
    load.run(&mut Pages::new("c", BODY_BYTES + 1, None), TIME_MAX, WARMING)?;
    let before = held(&server)?;
    let asked = origin.asked();
    load.run(&mut Pages::new("c", BODY_BYTES, None), TIME_MAX, count)?;
    let grown = held(&server)?.saturating_sub(before);
    // Once more, so that what was not kept is not taken for small.
    load.run(&mut Pages::new("c", BODY_BYTES, Some(count)), TIME_MAX, count)?;
    let lost = (origin.asked() - asked).saturating_sub(count);
    if lost > count / LOST_MAX {
        return Err(io::Error::other(format!("{lost} of {count} pages were not kept")));
    }
    beside_body(grown, count - lost)
}

fn beside_body(bytes: u64, count: u64) -> io::Result<i64> {
    let each = i64::try_from(bytes / count.max(1)).map_err(io::Error::other)?;
    Ok(each - i64::try_from(BODY_BYTES).map_err(io::Error::other)?)
}

/// Fills a cache of this size past its end, then asks backwards for what came last until something has gone.
fn capacity(origin: &Origin, mib: u64) -> io::Result<i64> {
    let server = lineup::start_haproxy(origin, mib)?;
    let mut load = Load::open(server.address(0), 1)?;
    let size = mib << 20;
    let count = size / 4096;
    load.run(&mut Pages::new("c", BODY_BYTES, None), TIME_MAX, count)?;
    let mut kept = 0;
    while kept < count {
        let asked = origin.asked();
        let mut page = Pages::new("c", BODY_BYTES, None);
        page.start_at(count - 1 - kept);
        load.run(&mut page, TIME_MAX, 1)?;
        if origin.asked() > asked {
            return beside_body(size, kept);
        }
        kept += 1;
    }
    Err(io::Error::other("nothing has gone from a cache that is too small"))
}
