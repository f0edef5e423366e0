//! Which stored responses a record speaks of.

use super::glob::SHAPE_BYTES_MAX;
use crate::cache_name::CacheName;
use crate::crypto;
use crate::key::{BadTarget, Target};
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

impl Scope {
    /// Every path that begins as the text says: `/media/`, `shop.example/media/` or `https://shop.example/media/`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn prefix(text: &str) -> Result<Scope, BadShape> {
        let (host, path) = split_host(text)?;
        if path.contains('?') {
            return Err(BadShape::Query);
        }
        Ok(Scope::Prefix { host, path })
    }

    /// Every path that the glob matches: `/media/**`, `shop.example/media/*.css` or with `https://` in front.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn pattern(text: &str) -> Result<Scope, BadShape> {
        let (host, glob) = split_host(text)?;
        Ok(Scope::Pattern { host, glob })
    }

    /// Whether the ledger takes it; a prefix or pattern that was not made from a text may be empty or too long.
    ///
    /// # Errors
    /// What is wrong with the prefix or pattern.
    pub(super) fn check(&self) -> Result<(), BadShape> {
        match self {
            Scope::Prefix { path: shape, .. } | Scope::Pattern { glob: shape, .. } => check_length(shape),
            Scope::All | Scope::Cache(_) | Scope::Tag(_) | Scope::Url { .. } => Ok(()),
        }
    }
}

fn check_length(shape: &str) -> Result<(), BadShape> {
    match shape.len() {
        0 => Err(BadShape::Empty),
        bytes if bytes > SHAPE_BYTES_MAX => Err(BadShape::TooLong { bytes }),
        _ => Ok(()),
    }
}

fn split_host(text: &str) -> Result<(Option<Box<str>>, Box<str>), BadShape> {
    check_length(text)?;
    // Raw paths are visible ASCII without a fragment; a shape with anything else would never match, and its sender would
    // take that for a purge.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(BadShape::NotAscii);
    }
    let host_from = text.find("://").map_or(0, |at| at + 3);
    let path_from = text[host_from..].find('/').ok_or(BadShape::NoSlash)? + host_from;
    let host = match &text[..path_from] {
        "" => None,
        host if host_from > 0 => Target::parse(host)?.host,
        // Without a scheme, either one's default port is no part of the host.
        host if host.ends_with(":80") => Target::parse(&format!("http://{host}"))?.host,
        host => Target::parse(&format!("https://{host}"))?.host,
    };
    Ok((host, text[path_from..].into()))
}

/// Why a text is no prefix or pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShape {
    /// It would match everything, which has a scope of its own.
    #[error("a prefix or pattern must not be empty")]
    Empty,
    /// Longer than [`SHAPE_BYTES_MAX`].
    #[error("a prefix or pattern has {bytes} bytes; at most {SHAPE_BYTES_MAX} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not a path.
    #[error("a prefix or pattern must begin with a slash, or with a host and a slash")]
    NoSlash,
    /// A path has no query, and a prefix is of the path.
    #[error("a prefix is of the path and takes every query; it must not hold a question mark")]
    Query,
    /// What no raw path holds.
    #[error("a prefix or pattern is of the raw path: blanks, non-ASCII characters and # must be percent-encoded")]
    NotAscii,
    /// What stands before the path.
    #[error(transparent)]
    Host(#[from] BadTarget),
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
        let parts = [host, Some(path), query];
        // Presence and length before each part: no two lists of parts make the same bytes.
        let marks = parts.map(|part| {
            let mut mark = [0; 9];
            mark[0] = u8::from(part.is_some());
            mark[1..].copy_from_slice(&(part.map_or(0, str::len) as u64).to_le_bytes());
            mark
        });
        let [host, path, query] = parts.map(|part| part.unwrap_or_default().as_bytes());
        UrlId(crypto::checksum_of(&[&marks[0], host, &marks[1], path, &marks[2], query]))
    }
}

impl Subject<'_> {
    /// The numbers of every URL scope that matches: any host and its own, with every query and with its own.
    pub(super) fn url_ids(&self) -> impl Iterator<Item = UrlId> {
        [None, Some(self.host)].into_iter().flat_map(|host| {
            let exact = self.query.map(|query| UrlId::of(host, self.path, Some(query)));
            std::iter::once(UrlId::of(host, self.path, None)).chain(exact)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_patterns_as_people_write_them() {
        let table = [
            ("/media/", Ok("prefix /media/")),
            ("SHOP.example/media/", Ok("prefix shop.example/media/")),
            ("https://shop.example:443/", Ok("prefix shop.example/")),
            ("http://shop.example:8080/a", Ok("prefix shop.example:8080/a")),
            ("shop.example:80/a", Ok("prefix shop.example/a")),
            ("shop.example:443/a", Ok("prefix shop.example/a")),
            ("[::1]:8080/a", Ok("prefix [::1]:8080/a")),
            ("", Err(BadShape::Empty)),
            ("media", Err(BadShape::NoSlash)),
            ("https://shop.example", Err(BadShape::NoSlash)),
            ("/a?page=2", Err(BadShape::Query)),
            ("/a b", Err(BadShape::NotAscii)),
            ("/\u{e9}", Err(BadShape::NotAscii)),
            ("/a#b", Err(BadShape::NotAscii)),
            ("*.example/a", Err(BadShape::Host(BadTarget::Host))),
            ("ftp://shop.example/a", Err(BadShape::Host(BadTarget::Scheme))),
        ];
        for (text, expected) in table {
            assert_eq!(Scope::prefix(text).map(|scope| scope.to_string()), expected.map(Into::into), "{text}");
        }
        assert_eq!(
            Scope::pattern("shop.example/a?/**").map(|s| s.to_string()),
            Ok("pattern shop.example/a?/**".into())
        );
        let long = format!("/{}", "a".repeat(SHAPE_BYTES_MAX));
        assert_eq!(Scope::prefix(&long), Err(BadShape::TooLong { bytes: 1025 }));
        assert_eq!(Scope::pattern(&long), Err(BadShape::TooLong { bytes: 1025 }));
    }

    #[test]
    fn parts_of_a_url_never_pass_for_each_other() {
        let ids = [
            UrlId::of(None, "/a", None),
            UrlId::of(None, "/a", Some("")),
            UrlId::of(Some(""), "/a", None),
            UrlId::of(Some("/a"), "", None),
            UrlId::of(None, "", Some("/a")),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{at}");
        }
    }
}
