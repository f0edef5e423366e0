//! What stores stored responses, and the form they are stored in.
//!
//! - [`samples`]: stored responses to put in; [`backends`]: the stores they are put into
//! - [`stored_form`]: the byte form: round trip, damage, hostile bytes
//! - [`allocations`]: what is stored keeps no more memory alive than it is
//! - [`battery`]: what every store does, stamped out for each backend below
//! - [`fallback`]: the embedded store while Redis is away
//! - [`memory`]: the hot tier's own
//! - [`redis`]: the shared store's own: what is there, damage, faults of the server, size, encryption, sentinels, clusters
//! - [`sqlite`]: the embedded store's own: counts, housework, ledger, restart, kill, damage, a locked and a full disk

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is the test that fails")]

mod allocations;
mod backends;
mod battery;
mod fallback;
mod memory;
#[path = "../parts/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod parts;
mod redis;
mod samples;
mod sqlite;
mod stored_form;

battery!(memory_battery, memory);
battery!(sqlite_battery, sqlite);
battery!(redis_battery, redis);
