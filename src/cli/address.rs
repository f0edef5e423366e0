//! Where a running proxy answers, as its configuration has it.

use super::Failure;
use crate::config;
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
    /// The host that a path alone is of: the first that is configured, else where visitors come.
    pub(super) host: Box<str>,
}

impl Addresses {
    /// The addresses in the configuration file.
    pub(super) fn read(config: &Path) -> Result<Addresses, Failure> {
        let loaded = config::load(config, &|name| std::env::var(name).ok());
        let loaded = loaded.map_err(|mistakes| {
            let report = config::report(&mistakes);
            Failure::Failed(format!(
                "the configuration tells no address; name another one with --config:\n{}",
                report.trim_end()
            ))
        })?;
        let listen = loaded.config.listen.first().map(|listen| listen.address);
        let public = listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        Ok(Addresses {
            admin: loaded.config.admin.address,
            token: loaded.config.admin.token,
            public,
            host: loaded.config.hosts.first().cloned().unwrap_or_else(|| to_connect(public).to_string().into()),
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
    fn a_path_is_of_the_first_host_else_of_the_first_address() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("proxy.yaml");
        for (lines, host) in [
            ("hosts: [shop.example, other.example]", "shop.example"),
            ("listen: [{ address: 0.0.0.0:8085 }]", "127.0.0.1:8085"),
            ("", "127.0.0.1:8080"),
        ] {
            std::fs::write(&file, format!("origin: {{ url: \"http://127.0.0.1:9000\" }}\n{lines}\n")).unwrap();
            assert_eq!(&*Addresses::read(&file).unwrap().host, host, "{lines}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_loopback() {
        for (listener, reached) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(to_connect(listener.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
