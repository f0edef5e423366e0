//! The shared store: stored responses in Redis or Valkey, one server, a set with sentinels, or a cluster.

#![allow(dead_code, reason = "what connects is for the store and the shared ledger, which come next")]

mod connect;
mod connect_error;
mod discover;
pub mod log;
mod settings;
mod url;

pub use connect_error::ConnectError;
pub use settings::{Address, BadUrl, Host, Secret, Servers, Settings, Tls};
