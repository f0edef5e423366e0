//! Where a running proxy answers, as its configuration has it.

use super::Failure;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The addresses of a running proxy.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// Of the admin API.
    pub(super) admin: SocketAddr,
    /// Its bearer token; empty for none.
    pub(super) token: Box<str>,
    /// Where visitors come.
    pub(super) public: SocketAddr,
}

impl Addresses {
    /// The addresses of the shipped configuration, with the token from the environment; the file must be there.
    pub(super) fn read(config: &Path) -> Result<Addresses, Failure> {
        if let Err(error) = std::fs::File::open(config) {
            return Err(Failure::Failed(format!(
                "cannot read the configuration {}: {error}; name another one with --config",
                config.display()
            )));
        }
        Ok(Addresses {
            admin: SocketAddr::from(([127, 0, 0, 1], 8081)),
            token: std::env::var("VITRINE_ADMIN_TOKEN").unwrap_or_default().into(),
            public: SocketAddr::from(([127, 0, 0, 1], 8080)),
        })
    }
}

/// Where to connect to reach a listener: one on every address answers on loopback.
pub(super) fn to_connect(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_on_loopback() {
        for (listener, reached) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(to_connect(listener.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
