//! The shared store's own, with real servers.
//!
//! - [`keys`]: what an operator finds in the server: names, expiry, bodies that are kept apart
//! - [`damage`]: values that are not what they should be
//! - [`faults`]: a server that is missing, killed, hung, slow, full, read-only, loading, flushed
//! - [`access`]: passwords, users, encryption
//! - [`housework`]: the census, the size of caches, what the server is warned about
//! - [`servers`]: sentinels and clusters

mod access;
mod damage;
mod faults;
mod housework;
mod keys;
mod servers;

use crate::parts::redis::Server;
use crate::samples::START;
use std::time::{Duration, Instant};
use vitrine::clock::{Clock, HeldClock};
use vitrine::store::redis::{RedisStore, Settings};

const ROOMY: [u64; 3] = [64 << 20; 3];
/// Far more than anything takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A store that has its time, and the hand of its clock.
fn open(server: &Server) -> (RedisStore, HeldClock) {
    open_with(crate::backends::patient(server))
}

fn open_with(settings: Settings) -> (RedisStore, HeldClock) {
    let (clock, hand) = Clock::held(START);
    (RedisStore::open(settings, ROOMY, clock), hand)
}

/// Settings as they come.
fn usual(server: &Server) -> Settings {
    Settings::parse(&server.url(), None).unwrap()
}

/// Asks again until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !so().await {
        assert!(start.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The names of all keys, sorted.
fn names(server: &Server) -> Vec<String> {
    let mut names: Vec<String> = server.run(&["KEYS", "*"]);
    names.retain(|name| !name.contains("{census}"));
    names.sort();
    names
}
