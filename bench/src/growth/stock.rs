//! Servers for curves, and data folders in which so many stored responses are already: one is fetched, and the example
//! `store_copies` writes the others beside it.

use super::super::load::{Ask, Connection};
use super::super::process::{ADMIN_TOKEN, Server};
use super::drive::Pages;
use super::shop::Shop;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

/// Nothing but what is measured: no log, and no coded forms made behind many pages.
pub(crate) const QUIET: &str = "log: { access: off }\ncompression: false\n\
    limits: { connections: 12000, head_timeout: 60s, drain_timeout: 1s }\n";
/// Every response in memory, and in SQLite behind it.
pub(crate) const ROOMY: &str = "store: { backend: sqlite, memory: 8GiB }\ncaches: { default: { max_size: 16GiB } }";
/// Memory is shared out by the caches' sizes: so the one that is used gets too little of it for a single response.
pub(crate) const NOTHING_IN_MEMORY: &str = "store: { backend: sqlite, memory: 1MiB }\n\
    caches: { default: { max_size: 16GiB }, products: { max_size: 900000GiB } }";
/// In memory alone.
pub(crate) const MEMORY: &str = "store: { backend: memory, memory: 2GiB }\ncaches: { default: { max_size: 2GiB } }";
/// For memory to be filled from the store at a start.
const WARM_MAX: Duration = Duration::from_mins(2);

/// Data folders by how many stored responses they have, made when they are first wanted.
#[derive(Default)]
pub(crate) struct Stocks(BTreeMap<u64, TempDir>);

/// The page of a number in a stock.
pub(crate) fn page(number: u64) -> Ask {
    Ask::from(format!("/1024/p/{number}"))
}

/// Any of so many pages of a stock.
pub(crate) fn any_of(count: u64) -> Pages {
    Arc::new(move |random| page(random % count))
}

/// A server with these lines in a folder.
pub(crate) async fn serve(folder: &Path, shop: &Shop, lines: &str) -> io::Result<Server> {
    Server::vitrine(folder, shop.address, &format!("{QUIET}{lines}")).await
}

impl Stocks {
    /// The folder with so many stored responses.
    pub(crate) async fn of(&mut self, shop: &Shop, count: u64) -> io::Result<&Path> {
        let folder = match self.0.entry(count) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(vacant) => {
                let folder = tempfile::tempdir()?;
                let server = serve(folder.path(), shop, NOTHING_IN_MEMORY).await?;
                Connection::open(server.public).await?.ask("GET", &page(0).target, "").await?;
                server.stop().await?;
                copies(folder.path(), count).await?;
                vacant.insert(folder)
            }
        };
        Ok(folder.path())
    }

    /// Lets a folder go that is of no more use.
    pub(crate) fn spoiled(&mut self, count: u64) {
        self.0.remove(&count);
    }

    /// A server that has them all in memory too.
    pub(crate) async fn in_memory(&mut self, shop: &Shop, count: u64) -> io::Result<Server> {
        let server = serve(self.of(shop, count).await?, shop, ROOMY).await?;
        let (began, mut admin) = (Instant::now(), Connection::open(server.admin()?).await?);
        loop {
            match in_memory(&mut admin, "entries").await? {
                entries if entries >= count => return Ok(server),
                entries if began.elapsed() > WARM_MAX => {
                    return Err(io::Error::other(format!("{entries} of {count} came to memory")));
                }
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// `entries` or `bytes` of what a server has in memory, by its own count.
pub(crate) async fn in_memory(admin: &mut Connection, what: &str) -> io::Result<u64> {
    let token = format!("Authorization: Bearer {ADMIN_TOKEN}\r\n");
    let (_, status) = admin.ask_whole("GET", "/api/v1/status", &token).await?;
    let status: serde_json::Value = serde_json::from_slice(&status).map_err(io::Error::other)?;
    let caches = status.get("caches").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let default = caches.iter().find(|cache| cache.get("name").is_some_and(|name| name == "default"));
    let count = default.and_then(|cache| cache.pointer(&format!("/memory/{what}"))?.as_u64());
    count.ok_or_else(|| io::Error::other(format!("no {what} in {status}")))
}

/// Writes copies of the one response in a folder, until there are so many.
async fn copies(folder: &Path, count: u64) -> io::Result<()> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name("examples").join("store_copies");
    let mut command = Command::new(&program);
    command.arg(folder.join("cache.db")).arg(count.to_string()).stdout(Stdio::null()).kill_on_drop(true);
    let failed = |error| {
        io::Error::other(format!("{}: {error}; cargo build --release --example store_copies", program.display()))
    };
    let status = command.status().await.map_err(failed)?;
    if status.success() { Ok(()) } else { Err(io::Error::other("store_copies failed")) }
}
