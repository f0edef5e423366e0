//! What is kept where, and how much of it.

use std::path::PathBuf;

/// The tier behind memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded database.
    Sqlite {
        /// Its file.
        path: PathBuf,
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
}
