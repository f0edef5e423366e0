//! The Vary key: the request fields that a response names in Vary, with the values its fetch sent (RFC 9111 4.1).

use crate::crypto;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

/// Names and values, sorted by name. Absent and empty differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VaryKey(Box<[(HeaderName, Option<Bytes>)]>);

impl VaryKey {
    /// The Vary key of a request as sent: `value` gives a field's lines joined and normalised, or none where it is absent.
    pub fn of(names: &[HeaderName], value: impl Fn(&HeaderName) -> Option<Bytes>) -> VaryKey {
        let mut pairs: Vec<_> = names.iter().map(|name| (name.clone(), value(name))).collect();
        pairs.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        pairs.dedup_by(|(a, _), (b, _)| a == b);
        VaryKey(pairs.into())
    }

    /// The pairs, sorted by name.
    pub fn pairs(&self) -> &[(HeaderName, Option<Bytes>)] {
        &self.0
    }

    /// A Vary key from stored pairs; none where a value could not have been sent.
    pub fn from_pairs(pairs: Vec<(HeaderName, Option<Bytes>)>) -> Option<VaryKey> {
        let sound =
            pairs.iter().all(|(_, value)| value.as_ref().is_none_or(|value| HeaderValue::from_bytes(value).is_ok()));
        sound.then(|| VaryKey(pairs.into()))
    }

    /// Whether a request matches: each nominated field is the same, or absent on both sides.
    pub fn matches(&self, value: impl Fn(&HeaderName) -> Option<Bytes>) -> bool {
        self.0.iter().all(|(name, own)| *own == value(name))
    }

    /// Tells Vary keys apart where a whole one would be too long, as in a store's index.
    pub fn digest(&self) -> [u8; 16] {
        let mut bytes = Vec::with_capacity(64);
        for (name, value) in &self.0 {
            for part in [Some(name.as_str().as_bytes()), value.as_deref()] {
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
        self.0
            .iter()
            .map(|(_, value)| size_of::<(HeaderName, Option<Bytes>)>() + value.as_ref().map_or(0, Bytes::len))
            .sum()
    }
}
