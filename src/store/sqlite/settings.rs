//! What the store needs to know, with what is good for most.

use std::path::PathBuf;
use std::time::Duration;

/// What the store needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database; its folder must be there.
    pub path: PathBuf,
    /// Bytes of stored responses, at most, by [`CacheName::index`](crate::cache_name::CacheName::index).
    pub caches_max: [u64; 3],
    /// The largest response that is stored, by [`StoredResponse::weight`](crate::stored::StoredResponse::weight).
    pub object_bytes_max: u64,
    /// Bytes that may wait to be written.
    pub queue_bytes_max: u64,
    /// Threads that read.
    pub readers: usize,
    /// How long a read may take.
    pub read_timeout: Duration,
    /// What the file may grow to, a last stop behind the caches' own sizes: pages are never quite full.
    pub file_bytes_max: u64,
}

impl Settings {
    /// The settings for a file and the sizes of its caches.
    pub fn new(path: impl Into<PathBuf>, caches_max: [u64; 3]) -> Settings {
        let sum = caches_max.iter().fold(0, |sum: u64, max| sum.saturating_add(*max));
        Settings {
            path: path.into(),
            caches_max,
            object_bytes_max: 8 * 1024 * 1024,
            queue_bytes_max: 64 * 1024 * 1024,
            readers: 2,
            read_timeout: Duration::from_millis(100),
            file_bytes_max: sum.saturating_mul(2).saturating_add(256 * 1024 * 1024),
        }
    }
}
