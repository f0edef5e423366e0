//! Where the admin API listens and who may use it.

use std::net::SocketAddr;

/// The admin listener.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Loopback by default.
    pub address: SocketAddr,
    /// The bearer token; empty only on loopback.
    pub token: Box<str>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("address", &self.address).field("token", &"…").finish()
    }
}
