//! How long a start takes and what memory a process holds, by how many responses are stored.

use super::super::load::Connection;
use super::super::measure::median;
use super::curve::{Curve, Line, number};
use super::stock::{NOTHING_IN_MEMORY, ROOMY, page, serve};
use super::{Bench, STORED};
use std::io;
use std::time::Instant;

const MIB: f64 = 1024.0 * 1024.0;

/// Starts until the first hit, and until memory is filled again.
pub(crate) async fn run(bench: &mut Bench) -> io::Result<Curve> {
    let sizes = bench.effort.sizes(&STORED, 10_000);
    let mut lines: [Vec<(f64, f64)>; 4] = Default::default();
    for count in sizes {
        let folder = bench.stocks.of(&bench.shop, count).await?.to_path_buf();
        let mut until_hit = [Vec::new(), Vec::new()];
        let mut resident = 0;
        for _ in 0..bench.effort.rounds {
            for (settings, times) in [NOTHING_IN_MEMORY, ROOMY].into_iter().zip(&mut until_hit) {
                let (began, asked) = (Instant::now(), bench.shop.asked());
                let server = serve(&folder, &bench.shop, settings).await?;
                Connection::open(server.public).await?.ask("GET", &page(count / 2).target, "").await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
                if bench.shop.asked() != asked {
                    return Err(io::Error::other("what was stored was no hit after the start"));
                }
                if settings == NOTHING_IN_MEMORY {
                    resident = server.resident()?;
                }
                server.stop().await?;
            }
        }
        let began = Instant::now();
        let warm = bench.stocks.in_memory(&bench.shop, count).await?;
        let until_warm = began.elapsed().as_secs_f64();
        let values = [median(until_hit[1].clone()), until_warm, number(resident) / MIB, number(warm.resident()?) / MIB];
        for (line, value) in lines.iter_mut().zip(values) {
            line.push((number(count), value));
        }
    }
    let [until_hit, until_warm, none, all] = lines;
    let resident = vec![Line::of("all in memory", all), Line::of("none in memory", none)];
    Ok(Curve::new("start", "A start with a filled SQLite store", "stored responses of 1 KiB")
        .panel("from the start to the first hit, ms", false, vec![Line::of("", until_hit)])
        .panel("until all are in memory again, s", true, vec![Line::of("", until_warm)])
        .panel("resident memory, MiB", true, resident))
}
