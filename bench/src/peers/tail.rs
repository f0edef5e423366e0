//! p99 where a server is not driven as hard as it can be: at 70 % of its own most, and at one rate for all of them.

use super::CONNECTIONS;
use super::columns::{self, COLUMNS, MANY, Standing};
use super::load::{Came, Load, Pages};
use super::options::Options;
use crate::measure::{Noise, median, percentile};
use std::io;

const SHARE: f64 = 0.7;
const ROUNDS: usize = 3;

/// Medians of the rounds, in milliseconds: p50, p99 and p99.9.
#[derive(Default)]
struct Latencies([Vec<f64>; 3]);

impl Latencies {
    fn add(&mut self, came: &Came) {
        for (list, share) in self.0.iter_mut().zip([0.5, 0.99, 0.999]) {
            list.push(percentile(&came.latencies, share).as_secs_f64() * 1e3);
        }
    }

    fn tell(self) -> String {
        self.0.map(|list| format!("{:.2}", median(list))).join(", ")
    }
}

/// Measures and prints.
pub(super) fn run(standing: &[Standing], options: &Options) -> io::Result<()> {
    let standing: Vec<&Standing> = standing.iter().filter(|standing| standing.row.caches()).collect();
    let column = &COLUMNS[MANY];
    let mut pages: Vec<Pages> = standing.iter().map(|standing| column.pages(standing.row, options.short)).collect();
    let rounds = if options.short { 1 } else { ROUNDS };
    let mut most = vec![Vec::new(); standing.len()];
    for Standing { row, server } in standing.iter().copied() {
        column.warm(server.address(MANY), row, options.short)?;
    }
    let noise = Noise::begin();
    for _ in 0..rounds {
        for (at, Standing { server, .. }) in standing.iter().enumerate() {
            let mut load = Load::open(server.address(MANY), CONNECTIONS)?;
            let came = load.run(&mut pages[at], options.time, u64::MAX)?;
            most[at].push(came.a_second());
        }
    }
    let most: Vec<f64> = most.into_iter().map(median).collect();
    let common = SHARE * most.iter().copied().min_by(f64::total_cmp).unwrap_or_default();
    let mut told: Vec<[Latencies; 2]> = standing.iter().map(|_| Default::default()).collect();
    for _ in 0..rounds {
        for (at, Standing { row, server }) in standing.iter().enumerate() {
            for (latencies, rate) in told[at].iter_mut().zip([SHARE * most[at], common]) {
                let mut load = Load::open(server.address(MANY), CONNECTIONS)?;
                let paced = load.paced(&mut pages[at], rate, options.time);
                latencies.add(&paced.map_err(|error| columns::of(row, &error))?);
            }
        }
    }
    println!(
        "\n{}, at random moments, from when each was due: p50, p99, p99.9 in milliseconds, medians of {rounds} rounds of {:?}:\n",
        column.name, options.time
    );
    println!("| | most a second | at {:.0} % of it | at {common:.0} a second |\n|---|---|---|---|", SHARE * 100.0);
    for ((Standing { row, .. }, most), [own, common]) in standing.iter().zip(most).zip(told) {
        println!("| {} | {most:.0} | {} | {} |", row.name, own.tell(), common.tell());
    }
    noise.tell();
    Ok(())
}
