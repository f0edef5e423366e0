//! What the store needs to know: where Redis is, who we are there, and how long anything may take.
//!
//! Secrets are in here, and `Debug` shows none of them: settings end up in logs and in tests' messages.

use super::url;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use super::url::BadUrl;

/// What the store needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where Redis is.
    pub servers: Servers,
    /// The ACL user; none is the server's default one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Encryption; none where there is none.
    pub tls: Option<Tls>,
    /// What every key begins with.
    pub prefix: String,
    /// The database's number; a cluster has only 0.
    pub database: i64,
    /// How long a read may take before the origin is asked instead.
    pub read_timeout: Duration,
    /// How long what is written together may take.
    pub write_timeout: Duration,
    /// To find the master, connect and introduce oneself.
    pub connect_timeout: Duration,
    /// Bytes that may wait to be written.
    pub queue_bytes_max: u64,
    /// The largest response that is stored, by [`StoredResponse::weight`](crate::stored::StoredResponse::weight).
    pub object_bytes_max: u64,
}

impl Settings {
    /// Usual settings for these servers.
    pub fn new(servers: Servers) -> Settings {
        Settings {
            servers,
            username: None,
            password: None,
            tls: None,
            prefix: "ecommerce:".into(),
            database: 0,
            read_timeout: Duration::from_millis(100),
            write_timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(1),
            queue_bytes_max: 64 * 1024 * 1024,
            object_bytes_max: 8 * 1024 * 1024,
        }
    }

    /// The settings that a URL tells, the others as usual. A `password` that is given stands above the URL's.
    ///
    /// # Errors
    /// [`BadUrl`], which never repeats a password.
    pub fn parse(url: &str, password: Option<Secret>) -> Result<Settings, BadUrl> {
        let mut settings = url::parse(url)?;
        settings.password = password.or(settings.password);
        Ok(settings)
    }
}

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// One server.
    One(Address),
    /// A master that sentinels watch and replace.
    Sentinel {
        /// The sentinels.
        nodes: Vec<Host>,
        /// What they call the master.
        master: String,
        /// Who we are to the sentinels; not the user that the master knows.
        username: Option<String>,
        /// Its password.
        password: Option<Secret>,
    },
    /// A cluster.
    Cluster {
        /// Some of its nodes; they tell the others.
        nodes: Vec<Host>,
    },
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A port.
    Tcp(Host),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host) => host.fmt(f),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A name or number of a host, without brackets, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// The host.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// How the servers prove who they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that are trusted, as PEM; none are the system's.
    pub ca: Option<Arc<[u8]>>,
}

impl Tls {
    /// Trusts the authorities in this file and no others.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trusting(ca: &Path) -> io::Result<Tls> {
        Ok(Tls { ca: Some(std::fs::read(ca)?.into()) })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ca.is_some() { "Tls(private authority)" } else { "Tls" })
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret; none where the text is empty, as an unset environment variable leaves it.
    pub fn new(text: impl Into<String>) -> Option<Secret> {
        let text = text.into();
        (!text.is_empty()).then_some(Secret(text))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
