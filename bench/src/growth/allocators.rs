//! The same program on the system's allocator and on jemalloc: what it holds after pages of all sizes came and went, and what hits
//! and misses cost. The second program is built with `--no-default-features` and put beside the first as `vitrine-glibc`.

use super::super::load::{Ask, Connection, fetch_all};
use super::super::measure::{median, micros_each};
use super::super::process::{Program, Server};
use super::Bench;
use super::axis::shown;
use super::curve::{Curve, Line, number};
use super::drive::{CONNECTIONS, Pages, Random, Subject, hit_costs};
use super::shop::GROUPS;
use super::stock::{MEMORY, QUIET, in_memory};
use std::io;
use std::sync::Arc;
use tempfile::TempDir;

/// Which program, and what is added to its environment.
type Arm = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
const ARMS: [Arm; 4] = [
    ("glibc", "vitrine-glibc", &[]),
    ("glibc, one arena", "vitrine-glibc", &[("MALLOC_ARENA_MAX", "1")]),
    ("jemalloc", "vitrine", &[]),
    ("jemalloc, one arena", "vitrine", &[("_RJEM_MALLOC_CONF", "narenas:1")]),
];

/// A small shop's settings: memory and SQLite by default, coded forms made behind what is fetched.
const CHURN: &str = "log: { access: off }\nstore: { backend: sqlite, memory: 256MiB }\n\
    caches: { default: { max_size: 1GiB }, products: { max_size: 1MiB }, sessions: { max_size: 1MiB } }\n";
/// Pages that there are, their sizes from 1 KiB to 200 KiB, as many between 1 and 2 as between 100 and 200.
const PAGES: u64 = 12_000;
const STEP: u64 = 1_500;
const MIB: f64 = 1024.0 * 1024.0;

/// All of it; the arms in turn within each round.
pub(crate) async fn run(bench: &mut Bench) -> io::Result<Curve> {
    let beside = std::env::current_exe()?.with_file_name("vitrine-glibc");
    if !beside.exists() {
        let how = "cargo build --release -p vitrine --no-default-features --target-dir target/glibc, then copy it";
        return Err(io::Error::other(format!("{} is not there: {how}", beside.display())));
    }
    let mut curve =
        Curve::new("allocators", "Pages of 1 to 200 KiB come, are evicted and purged", "pages that were asked for");
    curve.x.log = false;
    let (mut resident, mut held) = (Vec::new(), Vec::new());
    for arm in ARMS {
        let (own, bytes) = churn(bench, arm).await?;
        resident.push(Line::of(arm.0, own));
        held = bytes;
    }
    resident.push(Line::of("stored in memory", held));
    curve = curve.panel("resident memory, MiB", false, resident);
    curve.table = table(bench).await?;
    Ok(curve)
}

async fn serve(arm: Arm, folder: &TempDir, bench: &Bench, lines: &str) -> io::Result<Server> {
    let (_, name, environment) = arm;
    let program = Program { name, environment, ..Program::default() };
    Server::of(program, folder.path(), bench.shop.address, lines).await
}

/// A page by its number.
fn sized(number: u64) -> Ask {
    let bits = Random::from(number).next();
    // The exponent first: sizes differ by factors.
    let scale = 1 << (bits % 7);
    let bytes = 1024 * scale + (bits / 7) % (1024 * scale);
    Ask::from(format!("/{}/churn/{number}", bytes.min(200 * 1024)))
}

/// Points over the pages that were asked for, in MiB.
type Points = Vec<(f64, f64)>;

/// Resident memory, and what of it is stored responses by their own count, after each step: pages at random, then the purge of
/// one group and a page of it once more.
async fn churn(bench: &Bench, arm: Arm) -> io::Result<(Points, Points)> {
    let folder = tempfile::tempdir()?;
    let server = serve(arm, &folder, bench, CHURN).await?;
    let mut admin = Connection::open(server.admin()?).await?;
    let (mut random, mut resident, mut held) = (Random::from(1), Points::new(), Points::new());
    for step in 0..if bench.effort.small { 3 } else { 16 } {
        let pages = (0..STEP).map(|_| sized(random.next() % PAGES)).collect();
        fetch_all(server.public, pages, 16).await?;
        let purge = format!("Surrogate-Key: group-{}\r\n", step % GROUPS);
        Connection::open(server.public).await?.ask("PURGE", "/", &purge).await?;
        let bytes = in_memory(&mut admin, "bytes").await?;
        let asked = number((step + 1) * STEP);
        resident.push((asked, number(server.resident()?) / MIB));
        held.push((asked, number(bytes) / MIB));
    }
    Ok((resident, held))
}

/// Memory of many equal pages, and what hits and misses cost.
async fn table(bench: &Bench) -> io::Result<Vec<Vec<String>>> {
    let count = if bench.effort.small { 4_000 } else { 40_000 };
    let (mut folders, mut servers, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for arm in ARMS {
        let folder = tempfile::tempdir()?;
        let server = serve(arm, &folder, bench, &format!("{QUIET}{MEMORY}")).await?;
        let pages = |from: u64, to: u64| (from..to).map(|page| Ask::from(format!("/4096/p/{page}"))).collect();
        fetch_all(server.public, pages(0, 500), 16).await?;
        let before = server.resident()?;
        fetch_all(server.public, pages(500, count + 500), 16).await?;
        beside.push((server.resident()?.saturating_sub(before) / count).saturating_sub(4096));
        folders.push(folder);
        servers.push(server);
    }
    let misses = misses(bench, &servers).await?;
    let hot: Pages = Arc::new(|random| Ask::from(format!("/4096/p/{}", random % 500)));
    let mut subjects = Vec::new();
    for server in servers {
        subjects.push(Subject::new(server, hot.clone(), CONNECTIONS).await?);
    }
    let hits = hit_costs(&mut subjects, &bench.shop, bench.effort).await?;
    let head =
        ["", "bytes beside each of 40,000 bodies of 4 KiB", "CPU of a hit, us", "CPU of a miss that is kept, us"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for (((arm, bytes), hit), miss) in ARMS.iter().zip(beside).zip(hits).zip(misses) {
        rows.push(vec![arm.0.into(), bytes.to_string(), shown(hit.cpu_us), shown(miss)]);
    }
    Ok(rows)
}

/// CPU of a new page of 4 KiB in microseconds, rounds in turn, medians.
async fn misses(bench: &Bench, servers: &[Server]) -> io::Result<Vec<f64>> {
    let each = if bench.effort.small { 500 } else { 5_000 };
    let mut costs: Vec<Vec<f64>> = servers.iter().map(|_| Vec::new()).collect();
    for round in 0..bench.effort.rounds as u64 {
        for (server, costs) in servers.iter().zip(&mut costs) {
            let pages = (0..each).map(|page| Ask::from(format!("/4096/new-{round}/{page}"))).collect();
            let before = server.cpu_exact()?;
            fetch_all(server.public, pages, 16).await?;
            costs.push(micros_each(server.cpu_exact()?.saturating_sub(before), each));
        }
    }
    Ok(costs.into_iter().map(median).collect())
}
