//! Which stored responses a record speaks of.

use crate::cache_name::CacheName;
use crate::crypto;
use crate::tags::{Tag, Tags};

/// Which stored responses a record speaks of.
///
/// Hosts are as in the key (lower case, without a default port); paths and queries are raw, as in the key. No host means
/// every host. The scheme never matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    All,
    /// One of the named caches.
    Cache(CacheName),
    /// Responses that bear the tag.
    Tag(Tag),
    /// One URL in all its variants, cookie and language copies; without a query, with every query.
    Url {
        /// The host, or every host.
        host: Option<Box<str>>,
        /// The raw path.
        path: Box<str>,
        /// The kept query; none means every query of the path, an empty one means exactly that.
        query: Option<Box<str>>,
    },
    /// Every raw path that begins so, with any query.
    Prefix {
        /// The host, or every host.
        host: Option<Box<str>>,
        /// What the path begins with.
        path: Box<str>,
    },
    /// Every raw path that the glob matches as a whole: `*` within a segment, `**` across, `?` one character; any query.
    Pattern {
        /// The host, or every host.
        host: Option<Box<str>>,
        /// The glob.
        glob: Box<str>,
    },
}

/// What the ledger must know of a stored response to match it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The cache it is in.
    pub cache: CacheName,
    /// Its host, as in the key.
    pub host: &'a str,
    /// Its raw path.
    pub path: &'a str,
    /// Its kept query.
    pub query: Option<&'a str>,
    /// Its tags.
    pub tags: &'a Tags,
}

/// A URL by number, for look-ups. Two URLs may share one; then a purge takes both, which is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UrlId(pub u64);

impl UrlId {
    /// The number of a path with every query (`query: None`) or with exactly one.
    pub fn of(host: Option<&str>, path: &str, query: Option<&str>) -> UrlId {
        let mut bytes = Vec::with_capacity(24 + path.len() + query.map_or(0, str::len));
        for part in [host, Some(path), query] {
            // Length and presence before each part: no two lists of parts make the same bytes.
            bytes.push(u8::from(part.is_some()));
            let text = part.unwrap_or_default();
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        UrlId(crypto::checksum(&bytes))
    }
}
