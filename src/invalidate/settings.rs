//! Who may invalidate, and what a webhook's event means.

use super::{Dialects, EventRule, Scheme, Secret};
use crate::key::{QueryRules, SessionKey};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// An address or a network, as in `allow: [127.0.0.1, 10.0.0.0/8]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The network's address.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix_bits: u8,
}

impl Network {
    /// Whether an address is in it. An IPv4 address that came over an IPv6 socket is the IPv4 one.
    pub fn contains(&self, address: IpAddr) -> bool {
        let leading = |bits: u128, width: u32| {
            let shift = width.saturating_sub(u32::from(self.prefix_bits));
            bits.checked_shr(shift).unwrap_or_default()
        };
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                leading(own.to_bits().into(), 32) == leading(other.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => leading(own.to_bits(), 128) == leading(other.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Network, BadNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| BadNetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(width), |bits| bits.parse().map_err(|_| BadNetwork))?;
        if prefix_bits > width {
            return Err(BadNetwork);
        }
        Ok(Network { address, prefix_bits })
    }
}

/// A text is neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an IP address nor a network such as 10.0.0.0/8")]
pub struct BadNetwork;

/// Everything that `invalidation` says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether an unsafe method that is answered with a redirect lets go of where that leads to.
    pub redirects: bool,
    /// An address of its own for PURGE and webhooks; then the public ones know neither.
    pub listen: Option<SocketAddr>,
    /// How long an answer waits for other proxies to let go.
    pub wait: Duration,
    /// Who may send PURGE.
    pub allow: Box<[Network]>,
    /// Which ways of purging are spoken.
    pub dialects: Dialects,
    /// Peers whose forwarding fields are believed.
    pub trusted: Box<[Network]>,
    /// Webhooks by path.
    pub webhooks: Box<[WebhookSettings]>,
    /// What an event lets go, by its exact name.
    pub events: Box<[EventRule]>,
    /// The same query rules that make keys: a purge of a URL covers what ignored parameters add.
    pub query: Arc<QueryRules>,
    /// What the ids in `session:` tags are hashed with; none: such tags are refused.
    pub sessions: Option<SessionKey>,
}

/// One webhook.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its path.
    pub path: Box<str>,
    /// How its sender signs, and says what.
    pub scheme: Scheme,
    /// Its secrets, newest first; empty: the path is off.
    pub secrets: Box<[Secret]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_they_should() {
        let table = [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::1", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "fd12::1", true),
        ];
        for (network, address, expected) in table {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{network} {address}");
        }
        for bad in ["", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/x", "10.0.0/8"] {
            assert_eq!(bad.parse::<Network>(), Err(BadNetwork), "{bad}");
        }
    }
}
