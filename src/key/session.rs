//! Sessions, told apart without keeping what tells them apart: an id enters as a keyed hash, and as nothing else.
//!
//! Whoever reads keys, tables, a Redis, a log or a metric can tell two sessions apart, and find neither's id. Whoever has the
//! key and an id can name the session's pages: that is what a shop's logout does.

use super::push;
use crate::crypto::{self, HmacKey};
use crate::tags::Tag;
use std::fmt;

/// What the tag of a session begins with.
pub const SESSION_TAG: &str = "session:";
/// What stands behind it where the id is hashed already, so that no id of a shop's is taken for a hash.
const HASHED: &str = "hash-";
const HASH_BYTES: usize = 16;

/// What session ids are hashed with. Another key is another set of sessions: what was stored under the old one is found no
/// more.
#[derive(Clone, Debug)]
pub struct SessionKey(HmacKey);

/// 128 bits of a keyed hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionHash([u8; HASH_BYTES]);

/// Where a session's id stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdFrom<'a> {
    /// In the cookie of that name.
    Cookie(&'a str),
    /// In the field that the configuration names.
    Header,
}

/// Whose own page is asked for: one visitor, by all that tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    bytes: Box<[u8]>,
    hashes: Box<[SessionHash]>,
}

impl SessionKey {
    /// The key of a secret.
    pub fn new(secret: &[u8]) -> SessionKey {
        SessionKey(HmacKey::new(secret))
    }

    /// The hash of a session's id.
    pub fn hash(&self, id: &str) -> SessionHash {
        // What is hashed for another purpose begins otherwise.
        SessionHash::of(self.0.sign(&[b"id\0", id.as_bytes()]))
    }

    /// The tag of a session by what stands behind [`SESSION_TAG`]: an id, or the hash of one as a tag has it.
    fn tag(&self, named: &str) -> Tag {
        SessionHash::parse(named).unwrap_or_else(|| self.hash(named)).tag()
    }

    /// The tag of that text; none where it is not a session's.
    pub fn session_tag(&self, text: &str) -> Option<Tag> {
        text.strip_prefix(SESSION_TAG).map(|named| self.tag(named))
    }

    /// The session of these ids, and of the other cookies that its pages may depend on. Both are in order.
    pub fn session(&self, ids: &[(IdFrom<'_>, &str)], others: &[(&str, &str)]) -> Session {
        let hashes: Box<[SessionHash]> = ids.iter().map(|(_, id)| self.hash(id)).collect();
        let mut bytes = Vec::with_capacity(64);
        for ((from, _), hash) in ids.iter().zip(&hashes) {
            let (kind, name) = match from {
                IdFrom::Cookie(name) => (b'c', *name),
                IdFrom::Header => (b'h', ""),
            };
            bytes.push(kind);
            push(&mut bytes, name);
            bytes.extend_from_slice(&hash.0);
        }
        if !others.is_empty() {
            let mut all = Vec::with_capacity(128);
            for (name, value) in others {
                push(&mut all, name);
                push(&mut all, value);
            }
            bytes.push(b'o');
            bytes.extend_from_slice(&SessionHash::of(self.0.sign(&[b"others\0", &all])).0);
        }
        Session { bytes: bytes.into(), hashes }
    }
}

impl Session {
    /// What of it is in a key.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of each id.
    pub fn hashes(&self) -> &[SessionHash] {
        &self.hashes
    }
}

impl SessionHash {
    fn of(whole: [u8; 32]) -> SessionHash {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&whole[..HASH_BYTES]);
        SessionHash(hash)
    }

    /// The hash that a tag bears; none where it is not the tag of a session's hash.
    pub fn of_tag(tag: &str) -> Option<SessionHash> {
        SessionHash::parse(tag.strip_prefix(SESSION_TAG)?)
    }

    fn parse(text: &str) -> Option<SessionHash> {
        let digits = text.strip_prefix(HASHED).filter(|digits| digits.len() == 2 * HASH_BYTES)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let number = u128::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(is_digit))?;
        Some(SessionHash(number.to_be_bytes()))
    }

    /// The tag that every page of this session bears.
    pub fn tag(self) -> Tag {
        // Fixed words and digits are always a tag.
        Tag::new(&format!("{SESSION_TAG}{self}")).unwrap_or_else(|bad| unreachable!("{bad}"))
    }
}

/// As it stands in tags, and as a person may name it in a purge.
impl fmt::Display for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HASHED}{}", crypto::hex(&self.0))
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "0gk2v8w1c5d3x9z7q4n6m1b8s2h5j0pt";

    fn key() -> SessionKey {
        SessionKey::new(b"a secret of the shop's")
    }

    #[test]
    fn a_tag_is_hashed_once_and_the_id_is_nowhere_in_it() {
        let tag = key().session_tag(&format!("session:{RAW}")).unwrap();
        assert!(tag.as_str().starts_with("session:hash-") && !tag.as_str().contains(RAW));
        assert_eq!(key().session_tag(tag.as_str()), Some(tag.clone()), "a hash stays");
        assert_eq!(SessionHash::of_tag(tag.as_str()), Some(key().hash(RAW)));
        assert_eq!(key().hash(RAW).tag(), tag);
        assert_eq!(key().session_tag("product:lamp"), None);
        assert_ne!(SessionKey::new(b"another").session_tag(&format!("session:{RAW}")), Some(tag));
    }

    #[test]
    fn what_only_looks_like_a_hash_is_an_id() {
        for text in
            ["hash-", "hash-00", "hash-0000000000000000000000000000000G", "hash-+0000000000000000000000000000000"]
        {
            assert_eq!(SessionHash::parse(text), None, "{text}");
            assert_eq!(key().session_tag(&format!("session:{text}")), Some(key().hash(text).tag()), "{text}");
        }
        assert_eq!(SessionHash::parse("hash-ABCDEF00000000000000000000000000"), None, "one form only");
    }

    #[test]
    fn no_two_visitors_have_the_same_bytes() {
        let cookie = |name| IdFrom::Cookie(name);
        let sessions = [
            key().session(&[(cookie("sessionid"), "a")], &[]),
            key().session(&[(cookie("sessionid"), "b")], &[]),
            key().session(&[(cookie("other"), "a")], &[]),
            key().session(&[(IdFrom::Header, "a")], &[]),
            key().session(&[(cookie("a"), "1"), (cookie("b"), "2")], &[]),
            key().session(&[(cookie("a"), "2"), (cookie("b"), "1")], &[]),
            key().session(&[(cookie("sessionid"), "a")], &[("basket", "1")]),
            key().session(&[(cookie("sessionid"), "a")], &[("basket", "2")]),
            key().session(&[(cookie("sessionid"), "a")], &[("basket", "")]),
            key().session(&[(cookie("sessionid"), "a")], &[("bas", "ket1")]),
        ];
        for (at, one) in sessions.iter().enumerate() {
            assert!(sessions[..at].iter().all(|other| other.bytes != one.bytes), "{at}");
        }
        assert_eq!(sessions[0].hashes(), sessions[6].hashes(), "one session, whatever else it bears");
    }

    #[test]
    fn neither_the_key_nor_an_id_is_printed() {
        let session = key().session(&[(IdFrom::Cookie("sessionid"), RAW)], &[("basket", RAW)]);
        let printed = format!("{:?} {session:?}", key());
        assert!(!printed.contains(RAW) && !printed.contains("secret"), "{printed}");
    }
}
