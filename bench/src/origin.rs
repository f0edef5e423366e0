//! What a request costs that the origin is asked for: a miss that is kept, and a pass, beside a hyper server with a hyper client
//! and a small pool behind it, which keeps nothing.

use super::load::{Ask, round_of};
use super::measure::{Noise, median, micros_each, percentile};
use super::process::Server;
use super::servers::Origin;
use std::io;
use std::time::Duration;

const ROUNDS: usize = 6;
const ROUND: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 64;
const BODY_BYTES: usize = 4096;
/// A memory that is full after a second, so that each miss that is kept makes room for itself.
const LINES: &str = "log: { access: off }\ncompression: false\nstore: { backend: memory, memory: 64MiB }";

pub(crate) async fn run() -> io::Result<()> {
    let noise = Noise::begin();
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(BODY_BYTES, Duration::ZERO).await?;
    let vitrine = Server::vitrine(folder.path(), origin.address, LINES).await?;
    let relay = Server::relay(origin.address).await?;
    let subjects = [("miss", &vitrine, "/miss"), ("pass", &vitrine, "/pass"), ("bare relay", &relay, "/bare")];
    let (mut costs, mut last) = ([Vec::new(), Vec::new(), Vec::new()], Vec::new());
    for turn in 0..ROUNDS {
        last.clear();
        for ((_, server, path), costs) in subjects.iter().zip(&mut costs) {
            let path = path.to_string();
            let fresh = move |number: usize, count: usize| Ask::from(format!("{path}/{turn}/{number}/{count}"));
            let before = server.cpu_exact()?;
            let round = round_of(server.public, CONNECTIONS, ROUND, fresh).await?;
            costs.push(micros_each(server.cpu_exact()?.saturating_sub(before), round.requests));
            last.push(round);
        }
    }
    let costs = costs.map(median);
    println!("origin, 4 KiB, {CONNECTIONS} connections, one thread:");
    for (((what, ..), cost), round) in subjects.iter().zip(costs).zip(&last) {
        println!(
            "  {what:10} {cost:5.1} us CPU a request, {:.2} x the bare relay; {:6.0} requests/s, p50 {:?}, p99 {:?}",
            cost / costs[2],
            1e6 / micros_each(round.took, round.requests),
            percentile(&round.latencies, 0.5),
            percentile(&round.latencies, 0.99),
        );
    }
    noise.tell();
    Ok(())
}
