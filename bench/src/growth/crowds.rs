//! Many connections, many rules, many variants of one page.

use super::super::load::{Ask, fetch_all};
use super::super::process::{Program, Server};
use super::Bench;
use super::curve::{Curve, Line, number};
use super::drive::{CONNECTIONS, Pages, Subject, costs, hit_costs};
use super::hits;
use super::stock::{MEMORY, QUIET, serve};
use std::io;
use std::process::Command;
use std::sync::Arc;

const OPEN: [u64; 6] = [1, 10, 100, 1_000, 3_000, 10_000];
/// Fewer than these are lost in what the process holds anyway.
const MEASURABLE: u64 = 100;
const RULES: [u64; 6] = [1, 10, 30, 100, 300, 1_000];
const VARIANTS: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];
const KIB: f64 = 1024.0;

fn hot() -> Pages {
    Arc::new(|random| Ask::from(format!("/1024/hot/{}", random % 100)))
}

/// Open connections that all ask in turn, and what one takes while it is idle.
pub(crate) async fn connections(bench: &mut Bench) -> io::Result<Curve> {
    // Two for each connection, ours and the server's, in two processes that inherit it.
    let limit = ["--nofile=15000:20000", "--pid", &std::process::id().to_string()];
    if !Command::new("prlimit").args(limit).status()?.success() {
        return Err(io::Error::other("15,000 files may not be open: raise the hard limit (ulimit -Hn)"));
    }
    let sizes = bench.effort.sizes(&OPEN, 1_000);
    let (mut folders, mut subjects, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for count in &sizes {
        let folder = tempfile::tempdir()?;
        let server = serve(folder.path(), &bench.shop, MEMORY).await?;
        folders.push(folder);
        fetch_all(server.public, (0..100).map(|page| hot()(page)).collect(), 1).await?;
        let before = server.resident()?;
        let mut subject = Subject::new(server, hot(), *count).await?;
        subject.greet().await?;
        if *count >= MEASURABLE {
            let grown = subject.server.resident()?.saturating_sub(before);
            idle.push((number(*count), number(grown) / KIB / number(*count)));
        }
        subjects.push(subject);
    }
    let costs = hit_costs(&mut subjects, &bench.shop, bench.effort).await?;
    let curve = Curve::new("connections", "Hits over connections in turn, 64 at once, 1 KiB", "open connections");
    Ok(hits::of(curve, &sizes, &costs).panel("memory of an idle connection, KiB", false, vec![Line::of("", idle)]))
}

/// The last of many rules is the one that matches.
pub(crate) async fn routes(bench: &mut Bench) -> io::Result<Curve> {
    let sizes = bench.effort.sizes(&RULES, 100);
    let (mut folders, mut subjects) = (Vec::new(), Vec::new());
    for count in &sizes {
        let others =
            (1..*count).map(|rule| format!("{{ name: r{rule}, match: \"/section-{rule}/{{page}}\", ttl: 1h }}"));
        let last = "{ name: last, match: \"/1024/hot/{page}\", ttl: 1h }".to_string();
        let rules = others.chain([last]).collect::<Vec<_>>().join(",\n");
        let (server, folder) = with_routes(bench, &format!("[{rules}]")).await?;
        folders.push(folder);
        subjects.push(Subject::new(server, hot(), CONNECTIONS).await?);
    }
    for subject in &subjects {
        fetch_all(subject.server.public, (0..100).map(|page| hot()(page)).collect(), 1).await?;
    }
    let costs = hit_costs(&mut subjects, &bench.shop, bench.effort).await?;
    let curve = Curve::new("routes", "A hit under the last of many rules, 1 KiB", "rules");
    Ok(hits::of(curve, &sizes, &costs))
}

/// One page, another one for each value of a field, any of them at random.
pub(crate) async fn variants(bench: &mut Bench) -> io::Result<Curve> {
    let sizes = bench.effort.sizes(&VARIANTS, 64);
    let (mut folders, mut subjects) = (Vec::new(), Vec::new());
    for count in sizes.iter().copied() {
        let routes = "[{ name: all, match: \"/{*path}\", headers: [X-Variant], ttl: 1h }]";
        let (server, folder) = with_routes(bench, routes).await?;
        folders.push(folder);
        let pages: Pages = Arc::new(move |random| Ask {
            target: "/1024/hot/0".into(),
            fields: format!("X-Variant: value-{}\r\n", random % count),
        });
        fetch_all(server.public, (0..count).map(|page| pages(page)).collect(), 1).await?;
        subjects.push(Subject::new(server, pages, CONNECTIONS).await?);
    }
    let costs = costs(&mut subjects, &bench.shop, bench.effort).await?;
    let curve = Curve::new("variants", "A request for one of many variants of a page, 1 KiB", "variants under one key");
    let hits = sizes.iter().zip(&costs).map(|(x, cost)| (number(*x), cost.hit_percent));
    Ok(hits::of(curve, &sizes, &costs).panel("hits, percent", false, vec![Line::of("", hits)]))
}

async fn with_routes(bench: &Bench, routes: &str) -> io::Result<(Server, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let program = Program { routes, ..Program::default() };
    let server = Server::of(program, folder.path(), bench.shop.address, &format!("{QUIET}{MEMORY}")).await?;
    Ok((server, folder))
}
