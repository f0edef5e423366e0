//! A ledger that several proxies share, with a real Redis.
//!
//! - [`members`]: proxies that take part in one
//! - [`confirmation`]: who is waited for, how long, and what is told
//! - [`epochs`]: the readings that lose a purge: restarts, flushes, evictions, forks, gaps
//! - [`isolation`]: what the others believe of a proxy that is cut off
//! - [`outbox`]: purges while Redis is away
//! - [`masters`]: two servers that both say they are the master
//! - [`sentinel`]: a real set with sentinels, and what becomes of purges when its master is replaced
//! - [`cluster`]: the same with a real cluster
//! - [`stream`]: purges that never stop, and what must hold of each at the moment it is confirmed

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is the test that fails")]

mod cluster;
mod confirmation;
mod epochs;
mod isolation;
mod masters;
mod members;
mod outbox;
#[path = "../parts/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod parts;
mod sentinel;
mod stream;
