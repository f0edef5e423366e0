//! The embedded store's own.
//!
//! - [`arrivals`]: what the inbox keeps
//! - [`counts`]: how many a scope matches; [`housework`]: time, recency, warming
//! - [`ledger`]: records and deliveries through commits, restarts and trims
//! - [`restart`]: responses through a restart; [`kill`]: through a `kill -9`
//! - [`damage`]: files that are not what they should be; [`pressure`]: a locked file, a full queue, a full disk

mod arrivals;
mod counts;
mod damage;
mod housework;
mod kill;
mod ledger;
mod pressure;
mod restart;
