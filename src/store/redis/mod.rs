//! The shared store: stored responses in Redis or Valkey, one server, a set with sentinels, or a cluster.
//!
//! No client waits for it longer than a read may take, and none ever for a write; a server that does not answer is left
//! alone until it does. Several proxies read and write the same keys, so nothing that is read is believed before it was
//! looked at, and whatever changes a page is one script. What purges mean is the ledger's: here are no tags and no
//! indexes, which the server could let go while what they protect stays.

mod breaker;
mod census;
mod change;
mod clearing;
mod connect;
mod connect_error;
mod discover;
mod frame;
mod health;
mod link;
pub mod log;
mod lookup;
mod names;
mod probe;
mod queue;
mod script;
mod settings;
mod shared;
mod status;
mod store;
mod trouble;
mod url;
mod walk;
mod writer;

pub use connect_error::ConnectError;
pub use settings::{Address, BadUrl, Host, Secret, Servers, Settings, Tls};
pub use status::RedisFigures;
pub use store::RedisStore;
