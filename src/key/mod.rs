//! The primary key of a stored response, made from the client-facing request: scheme, host, raw path, kept query in its
//! order, kept cookies, language. Nothing is decoded and nothing is guessed; whatever can change what the origin answers on
//! a shared route is in here or does not reach the origin.

mod cookies;
mod language;
mod query;
mod session;
mod target;

pub use cookies::{
    CookieClass, CookieClasses, CookieTrouble, Cookies, FORM_TOKEN_COOKIE, Globs, Sorted, all_values_of, each_once,
    sets_one_of,
};
pub use language::Languages;
pub use query::QueryRules;
pub use session::{IdFrom, SESSION_TAG, Session, SessionHash, SessionKey};
pub use target::{BadTarget, Scheme, Target, UrlText};

use crate::crypto;
use bytes::Bytes;

/// Changes whenever the bytes below change their meaning, so that no two versions of vitrine share a key.
const KEY_VERSION: u8 = 1;

/// The full primary key, in one allocation of its size. Each part is preceded by its length, so that no byte in one part can pass for
/// the next (key injection); a store compares all of it on each hit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Bytes);

/// A key that stands among other bytes, as in a stored response.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRef<'a>(&'a [u8]);

impl Key {
    /// The key of a target with its kept query, the kept cookies in their order, and the language it was reduced to.
    pub fn new(target: &Target, cookies: &[(&str, &str)], language: Option<&str>) -> Key {
        Key(key_bytes(target, cookies, language, 0).into())
    }

    /// The key of a page that is one session's own.
    pub fn of_session(target: &Target, cookies: &[(&str, &str)], language: Option<&str>, session: &Session) -> Key {
        let of_session = 1 + PREFIX_BYTES + session.as_bytes().len();
        let mut bytes = key_bytes(target, cookies, language, of_session);
        bytes.push(b's');
        push(&mut bytes, session.as_bytes());
        Key(bytes.into())
    }

    /// All of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key from stored bytes; none where they are not a key of this version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Key> {
        KeyRef::is_one(bytes).then(|| Key(Bytes::copy_from_slice(bytes)))
    }

    /// It, borrowed.
    pub fn view(&self) -> KeyRef<'_> {
        KeyRef(&self.0)
    }

    /// 128 bits to find it by; the full key decides.
    pub fn digest(&self) -> [u8; 16] {
        self.view().digest()
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.view().host()
    }

    /// The raw path.
    pub fn path(&self) -> &str {
        self.view().path()
    }

    /// The kept query; none where the URL has no `?`.
    pub fn query(&self) -> Option<&str> {
        self.view().query()
    }
}

impl<'a> KeyRef<'a> {
    /// Bytes that were a [`Key`]'s.
    pub(crate) fn among(bytes: &'a [u8]) -> KeyRef<'a> {
        KeyRef(bytes)
    }

    /// Whether stored bytes are a key of this version.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        KeyRef(bytes).read().is_some()
    }

    /// All of it.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// A copy that stands alone.
    pub fn to_key(self) -> Key {
        Key(Bytes::copy_from_slice(self.0))
    }

    /// 128 bits to find it by; the full key decides.
    pub fn digest(self) -> [u8; 16] {
        crypto::digest_128(self.0)
    }

    /// The host.
    pub fn host(self) -> &'a str {
        self.resource().host
    }

    /// The raw path.
    pub fn path(self) -> &'a str {
        self.resource().path
    }

    /// The kept query; none where the URL has no `?`.
    pub fn query(self) -> Option<&'a str> {
        self.resource().query
    }

    /// What it is the key of, read once for all of it.
    pub fn resource(self) -> Resource<'a> {
        self.read().unwrap_or_default()
    }

    fn read(self) -> Option<Resource<'a>> {
        let rest = self.0.strip_prefix(&[KEY_VERSION])?.get(1..)?;
        let (host, rest) = pull(rest)?;
        let (path, rest) = pull(rest)?;
        let (has_query, rest) = rest.split_first()?;
        let (query, _) = pull(rest)?;
        Some(Resource { host, path, query: (*has_query == 1).then_some(query) })
    }
}

/// What a key is of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resource<'a> {
    /// The host.
    pub host: &'a str,
    /// The raw path.
    pub path: &'a str,
    /// The kept query; none where the URL has no `?`.
    pub query: Option<&'a str>,
}

/// Bytes of the number that tells a part's length.
const PREFIX_BYTES: usize = 4;

/// The parts of a key, with room for so many bytes more.
fn key_bytes(target: &Target, cookies: &[(&str, &str)], language: Option<&str>, more: usize) -> Vec<u8> {
    let query = target.query.as_deref().unwrap_or_default();
    let of_target = 3 + 3 * PREFIX_BYTES + target.host.len() + target.path.len() + query.len();
    let of_cookies: usize = cookies.iter().map(|(name, value)| 1 + 2 * PREFIX_BYTES + name.len() + value.len()).sum();
    let of_language = language.map_or(0, |language| 1 + PREFIX_BYTES + language.len());
    let mut bytes = Vec::with_capacity(of_target + of_cookies + of_language + more);
    bytes.push(KEY_VERSION);
    bytes.push(target.scheme as u8);
    push(&mut bytes, &*target.host);
    push(&mut bytes, &*target.path);
    bytes.push(u8::from(target.query.is_some()));
    push(&mut bytes, query);
    for (name, value) in cookies {
        bytes.push(b'c');
        push(&mut bytes, name);
        push(&mut bytes, value);
    }
    if let Some(language) = language {
        bytes.push(b'l');
        push(&mut bytes, language);
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, part: impl AsRef<[u8]>) {
    let part = part.as_ref();
    // A part is bounded by the head's size limit, far below 4 GiB.
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(part);
}

fn pull(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((std::str::from_utf8(part).ok()?, rest))
}

impl PartialEq<Key> for KeyRef<'_> {
    fn eq(&self, other: &Key) -> bool {
        *self == other.view()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

/// For people: as much of the key as names a page, and no cookie values.
impl std::fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}{}", self.host(), self.path())?;
        if let Some(query) = self.query() {
            write!(f, "?{query}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k10_k11_no_part_can_pass_for_another_and_none_is_left_out() {
        let key = |scheme, host: &str, path: &str, query: Option<&str>, cookies: &[(&str, &str)], language| {
            let target = Target { scheme, host: host.into(), path: path.into(), query: query.map(Into::into) };
            Key::new(&target, cookies, language)
        };
        let http = Scheme::Http;
        let keys = [
            key(http, "a", "/", None, &[], None),
            key(Scheme::Https, "a", "/", None, &[], None),
            key(http, "b", "/", None, &[], None),
            key(http, "a:81", "/", None, &[], None),
            key(http, "a/", "", None, &[], None),
            key(http, "a", "/", Some(""), &[], None),
            key(http, "a", "/?q", None, &[], None),
            key(http, "a", "/", Some("q"), &[], None),
            key(http, "a", "/", Some("q"), &[("c", "1")], None),
            key(http, "a", "/", Some("qc1"), &[], None),
            key(http, "a", "/", Some("q"), &[("c1", "")], None),
            key(http, "a", "/", Some("q"), &[("c", "1"), ("d", "2")], None),
            key(http, "a", "/", Some("q"), &[("d", "2"), ("c", "1")], None),
            key(http, "a", "/", Some("q"), &[], Some("c1")),
            key(http, "a", "/", Some("q"), &[("l", "de")], None),
            key(http, "a", "/", Some("q"), &[], Some("de")),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(
                keys.iter().skip(at + 1).all(|other| one != other && one.digest() != other.digest()),
                "{at}: {one:?}"
            );
            assert_eq!(Key::from_bytes(one.as_bytes()).as_ref(), Some(one));
            assert_eq!(Key::from_bytes(&one.as_bytes()[1..]), None);
        }
    }
}
