//! What a visitor's own page costs beside one that is everybody's.

use super::load::{Ask, fetch_all, round};
use super::measure::{median, micros_each};
use super::process::Server;
use super::servers::Origin;
use std::io;
use std::sync::Arc;
use std::time::Duration;

const SESSIONS: u64 = 1_000;
const PAGES: u64 = 5;
const LINES: &str = "log: { access: off }\ncompression: false\nstore: { backend: memory, memory: 2GiB }\n\
                     caches: { sessions: { max_size: 1GiB } }\nsession_key: 0123456789abcdef0123456789abcdef";

pub(crate) async fn run() -> io::Result<()> {
    hit().await?;
    memory().await
}

/// A page of a session's, with an id as Django makes it.
fn own(session: u64, page: u64) -> Ask {
    Ask { target: format!("/own/{page}"), fields: format!("Cookie: sessionid={session:032x}\r\n") }
}

/// CPU of a session's hit beside that of a shared one, rounds of both in turn.
async fn hit() -> io::Result<()> {
    const ROUNDS: usize = 7;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(1024, Duration::ZERO).await?;
    let server = Server::vitrine(folder.path(), origin.address, LINES).await?;
    // As many pages of both, so that memory's caches are as cold for the one as for the other.
    let of_sessions: Arc<[Ask]> = (0..SESSIONS).map(|session| own(session, 0)).collect();
    let shared: Arc<[Ask]> = (0..SESSIONS).map(|page| Ask::from(format!("/shared/{page}"))).collect();
    for asks in [&of_sessions, &shared] {
        fetch_all(server.public, asks.to_vec(), 16).await?;
    }
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (asks, costs) in [&of_sessions, &shared].into_iter().zip(&mut costs) {
            let before = server.cpu()?;
            let round = round(server.public, asks, 64, Duration::from_secs(3)).await?;
            costs.push(micros_each(server.cpu()?.saturating_sub(before), round.requests));
        }
    }
    let [own, shared] = costs.map(median);
    println!(
        "session hit, 1 KiB, {SESSIONS} sessions, 64 connections: {:.2} x a shared hit (goal 1.3); {own:.1} us CPU and {shared:.1} us",
        own / shared
    );
    Ok(())
}

/// What sessions take in memory.
async fn memory() -> io::Result<()> {
    const BODY_BYTES: u64 = 4096;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(4096, Duration::ZERO).await?;
    let server = Server::vitrine(folder.path(), origin.address, LINES).await?;
    fetch_all(server.public, (0..500).map(|n| Ask::from(format!("/warm/{n}"))).collect(), 16).await?;
    let before = server.resident()?;
    let asks = (0..SESSIONS).flat_map(|session| (0..PAGES).map(move |page| own(session, page)));
    fetch_all(server.public, asks.collect(), 16).await?;
    let grown = server.resident()?.saturating_sub(before);
    println!(
        "session memory: {} KiB for {SESSIONS} sessions with {PAGES} pages of 4 KiB each; {} bytes beside each page's body",
        grown / 1024,
        (grown / (SESSIONS * PAGES)).saturating_sub(BODY_BYTES)
    );
    Ok(())
}
