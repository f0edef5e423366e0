//! The Vary key: the request fields that a response names in Vary, with the values its fetch sent (RFC 9111 4.1).

use super::fields::{is_field_name, is_field_value};
use crate::crypto;
use bytes::Bytes;
use http::HeaderName;

/// Names and values, sorted by name, in one allocation; in none where Vary names nothing. Absent and empty differ.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct VaryKey(Box<[u8]>);

/// The bytes of a name, and those of its value where the field was there.
type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

impl VaryKey {
    /// The Vary key of a request as sent: `value` gives a field's lines joined and normalised, or none where it is absent.
    pub fn of(names: &[HeaderName], value: impl Fn(&HeaderName) -> Option<Bytes>) -> VaryKey {
        let mut pairs: Vec<_> = names.iter().map(|name| (name.clone(), value(name))).collect();
        pairs.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        pairs.dedup_by(|(a, _), (b, _)| a == b);
        VaryKey::in_order(&pairs)
    }

    /// The pairs, sorted by name.
    pub fn pairs(&self) -> impl Iterator<Item = (HeaderName, Option<&[u8]>)> {
        // What is no name was never put in.
        self.stored_pairs().filter_map(|(name, value)| Some((HeaderName::from_bytes(name).ok()?, value)))
    }

    /// The stored bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A Vary key from stored bytes; none where they are not one: each name once and in order, no value that could not have
    /// been sent. One in another order would equal none, and be kept beside its own successor.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<VaryKey> {
        let (mut rest, mut last) = (bytes, &[][..]);
        while !rest.is_empty() {
            let ((name, value), after) = first_pair(rest)?;
            let in_order = last < name && is_field_name(name);
            if !in_order || !value.is_none_or(is_field_value) {
                return None;
            }
            (rest, last) = (after, name);
        }
        Some(VaryKey(bytes.into()))
    }

    /// Whether a request matches: each nominated field is the same, or absent on both sides.
    pub fn matches(&self, value: impl Fn(&HeaderName) -> Option<Bytes>) -> bool {
        self.pairs().all(|(name, own)| own == value(&name).as_deref())
    }

    /// The Vary key that another request has for the same names.
    #[must_use]
    pub fn with_values(&self, value: impl Fn(&HeaderName) -> Option<Bytes>) -> VaryKey {
        let pairs: Vec<_> = self.pairs().map(|(name, _)| (name.clone(), value(&name))).collect();
        VaryKey::in_order(&pairs)
    }

    /// Whether another Vary key is of the same names, whatever their values are.
    pub fn names_the_same(&self, other: &VaryKey) -> bool {
        let names = |key| VaryKey::stored_pairs(key).map(|(name, _)| name);
        names(self).eq(names(other))
    }

    /// Tells Vary keys apart where a whole one would be too long, as in a store's index.
    pub fn digest(&self) -> [u8; 16] {
        let mut bytes = Vec::with_capacity(64);
        for (name, value) in self.stored_pairs() {
            for part in [Some(name), value] {
                bytes.push(u8::from(part.is_some()));
                let part = part.unwrap_or_default();
                bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
                bytes.extend_from_slice(part);
            }
        }
        crypto::digest_128(&bytes)
    }

    /// Bytes it takes in memory beside the struct itself.
    pub fn weight(&self) -> usize {
        self.0.len()
    }

    fn in_order(pairs: &[(HeaderName, Option<Bytes>)]) -> VaryKey {
        // Names and values are bounded by the head's size limit, far below 4 GiB.
        let count = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = Vec::new();
        for (name, value) in pairs {
            let (name, own) = (name.as_str().as_bytes(), value.as_deref().unwrap_or_default());
            bytes.push(u8::from(value.is_some()));
            bytes.extend_from_slice(&count(name));
            bytes.extend_from_slice(&count(own));
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(own);
        }
        VaryKey(bytes.into())
    }

    fn stored_pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (pair, after) = first_pair(rest)?;
            rest = after;
            Some(pair)
        })
    }
}

fn first_pair(bytes: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (present, rest) = bytes.split_first().filter(|(present, _)| **present <= 1)?;
    let (name_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (value_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name_bytes) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_bytes) as usize)?;
    // What is absent has no value.
    let is_sound = *present == 1 || value.is_empty();
    is_sound.then_some(((name, (*present == 1).then_some(value)), rest))
}

impl std::fmt::Debug for VaryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs().map(|(name, value)| (name, value.map(Bytes::copy_from_slice)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, ACCEPT_LANGUAGE};

    #[test]
    fn pairs_are_sorted_and_each_once_and_absent_is_not_empty() {
        let sent = |name: &HeaderName| (name == ACCEPT).then(Bytes::new);
        let key = VaryKey::of(&[ACCEPT_LANGUAGE, ACCEPT, ACCEPT_LANGUAGE], sent);
        assert_eq!(key.pairs().collect::<Vec<_>>(), [(ACCEPT, Some(&b""[..])), (ACCEPT_LANGUAGE, None)]);
        assert!(key.matches(sent));
        assert!(!key.matches(|_| Some(Bytes::new())));
        assert!(!key.matches(|_| None));
        assert!(VaryKey::default().matches(|_| None) && VaryKey::default().weight() == 0);
    }

    #[test]
    fn stored_bytes_are_one_form_only() {
        let key = VaryKey::of(&[ACCEPT_LANGUAGE, ACCEPT], |name| (name == ACCEPT).then(|| Bytes::from_static(b"a")));
        assert_eq!(VaryKey::from_bytes(key.as_bytes()), Some(key.clone()));
        let (first, second) = key.as_bytes().split_at(1 + 8 + "accept".len() + 1);
        assert_eq!(VaryKey::from_bytes(&[second, first].concat()), None, "another order");
        assert_eq!(VaryKey::from_bytes(&[first, first].concat()), None, "twice the same");
        let changed = |at: usize, byte: u8| {
            let mut bytes = key.as_bytes().to_vec();
            bytes[at] = byte;
            VaryKey::from_bytes(&bytes)
        };
        assert_eq!(changed(0, 0), None, "absent with a value");
        assert_eq!(changed(0, 2), None, "neither absent nor present");
        assert_eq!(changed(9, b' '), None, "no name");
        assert_eq!(changed(15, b'\n'), None, "no value");
    }
}
