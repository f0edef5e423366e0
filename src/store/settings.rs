//! What is kept where, and how much of it.

use super::redis;
use std::path::PathBuf;

/// The tier behind memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded database.
    Sqlite {
        /// Its file.
        path: PathBuf,
    },
    /// Redis, and with it the ledger that several proxies share.
    Redis {
        /// Where it is.
        settings: Box<redis::Settings>,
        /// This proxy among the others.
        membership: redis::log::Membership,
        /// The embedded store's file: what its ledger knows is carried over, and what it holds counts no more.
        embedded: PathBuf,
        /// Whether the embedded store carries on while Redis is away.
        falls_back: bool,
    },
    /// Nothing: what memory lets go is gone.
    Memory,
}

/// The `store` and `caches` sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The tier behind memory.
    pub backend: Backend,
    /// Bytes of the memory tier, all caches together.
    pub memory_bytes_max: u64,
    /// Bytes of each cache in the backend, by `CacheName::index`.
    pub cache_bytes_max: [u64; 3],
    /// Bytes of the largest body that is kept.
    pub object_bytes_max: u64,
    /// Bytes that are kept for one session.
    pub session_bytes_max: u64,
}
