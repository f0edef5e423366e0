//! Who may invalidate, and what a webhook's event means.

use super::EventRule;
use crate::key::QueryRules;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// An address or a network, as in `allow: [127.0.0.1, 10.0.0.0/8]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The network's address.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix_bits: u8,
}

/// Everything that `invalidation` says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// An address of its own for PURGE and webhooks; then the public ones know neither.
    pub listen: Option<SocketAddr>,
    /// Who may send PURGE.
    pub allow: Box<[Network]>,
    /// Webhooks by path.
    pub webhooks: Box<[WebhookSettings]>,
    /// What an event lets go, by its exact name.
    pub events: Box<[EventRule]>,
    /// The same query rules that make keys: a purge of a URL covers what ignored parameters add.
    pub query: Arc<QueryRules>,
}

/// One webhook.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its path.
    pub path: Box<str>,
    /// Its secrets, newest first; empty: the path is off.
    pub secrets: Box<[Secret]>,
}

/// A webhook's secret; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Box<[u8]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
