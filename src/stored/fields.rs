//! Header fields in one allocation: for each its name and value with their lengths, in the order they came.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The fields of a stored response. A `HeaderMap` takes ten times the room and pins the buffer it was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldBlock(Bytes);

impl FieldBlock {
    /// Copies fields, repeated ones and their order included.
    ///
    /// # Errors
    /// A name or value longer than the block can tell; such a response is not stored.
    pub fn copy_of(fields: &HeaderMap) -> Result<FieldBlock, FieldTooLong> {
        let bytes = fields.iter().map(|(name, value)| 3 + name.as_str().len() + value.len()).sum();
        let mut block = BytesMut::with_capacity(bytes);
        for (name, value) in fields {
            let name_bytes = u8::try_from(name.as_str().len()).map_err(|_| FieldTooLong)?;
            let value_bytes = u16::try_from(value.len()).map_err(|_| FieldTooLong)?;
            block.put_u8(name_bytes);
            block.put_u16_le(value_bytes);
            block.put_slice(name.as_str().as_bytes());
            block.put_slice(value.as_bytes());
        }
        Ok(FieldBlock(block.freeze()))
    }

    /// The stored bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A block from stored bytes; none where they are not one, down to each name and value.
    pub fn from_bytes(bytes: Bytes) -> Option<FieldBlock> {
        let block = FieldBlock(bytes);
        let mut read = block.iter();
        while read.next().is_some() {}
        read.is_at_end().then_some(block)
    }

    /// A block among bytes that were one.
    pub(super) fn among(bytes: Bytes) -> FieldBlock {
        FieldBlock(bytes)
    }

    /// The fields in order; values share the block's allocation.
    pub fn iter(&self) -> FieldIter {
        FieldIter { block: self.0.clone(), at: 0 }
    }

    /// The first value of that name.
    pub fn get(&self, name: &HeaderName) -> Option<HeaderValue> {
        self.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// All of them as a map.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(16);
        for (name, value) in self {
            map.append(name, value);
        }
        map
    }
}

impl IntoIterator for &FieldBlock {
    type Item = (HeaderName, HeaderValue);
    type IntoIter = FieldIter;

    fn into_iter(self) -> FieldIter {
        self.iter()
    }
}

/// A field is longer than what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is longer than 255 bytes or a value longer than 65,535")]
pub struct FieldTooLong;

/// Reads a [`FieldBlock`]; ends early at the first thing that is no field.
#[derive(Debug)]
pub struct FieldIter {
    block: Bytes,
    /// Where the next field begins.
    at: usize,
}

impl FieldIter {
    fn is_at_end(&self) -> bool {
        self.at == self.block.len()
    }
}

impl Iterator for FieldIter {
    type Item = (HeaderName, HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        let [name_bytes, low, high] = *self.block.get(self.at..)?.first_chunk::<3>()?;
        let name_start = self.at + 3;
        let value_start = name_start + usize::from(name_bytes);
        let value_end = value_start + usize::from(u16::from_le_bytes([low, high]));
        let name = HeaderName::from_bytes(self.block.get(name_start..value_start)?).ok()?;
        self.block.get(value_start..value_end)?;
        let value = HeaderValue::from_maybe_shared(self.block.slice(value_start..value_end)).ok()?;
        self.at = value_end;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields_keep_their_number_and_order() {
        let mut map = HeaderMap::new();
        map.append("link", HeaderValue::from_static("a"));
        map.append("x-odd", HeaderValue::from_bytes(b"\xff").unwrap());
        map.append("link", HeaderValue::from_static("b"));
        let block = FieldBlock::copy_of(&map).unwrap();
        assert_eq!(block.to_map(), map);
        assert_eq!(FieldBlock::from_bytes(Bytes::copy_from_slice(block.as_bytes())), Some(block));
    }

    #[test]
    fn bytes_that_are_no_fields_are_refused() {
        for bytes in [&b"\x01"[..], b"\x01\x00\x00", b"\x01\x00\x00 ", b"\x01\x01\x00a\n", b"\x00\x00\x00"] {
            assert_eq!(FieldBlock::from_bytes(Bytes::copy_from_slice(bytes)), None, "{bytes:?}");
        }
    }
}
