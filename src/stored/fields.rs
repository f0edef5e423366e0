//! Header fields in one allocation: for each its name and value with their lengths, in the order they came.

use crate::headers::Fields;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

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

    /// Whether bytes are a block, down to each name and value.
    pub(super) fn is_one(mut bytes: &[u8]) -> bool {
        while let Some((name, value, rest)) = split_first_field(bytes) {
            if !is_field_name(name) || !is_field_value(value) {
                return false;
            }
            bytes = rest;
        }
        bytes.is_empty()
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

/// A block where it stands among other bytes: read in place, and nothing shared or copied.
#[derive(Clone, Copy, Debug)]
pub struct FieldView<'a>(&'a [u8]);

impl<'a> FieldView<'a> {
    /// A block among bytes that were one.
    pub(super) fn among(bytes: &'a [u8]) -> FieldView<'a> {
        FieldView(bytes)
    }

    /// Names, in lower case, and values in their order.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (name, value, after) = split_first_field(rest)?;
            rest = after;
            Some((name, value))
        })
    }
}

impl<'b> Fields for FieldView<'b> {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, 'b> {
        let name = name.clone();
        self.iter().filter(move |(own, _)| *own == name.as_str().as_bytes()).map(|(_, value)| value)
    }

    fn to_map(&self) -> Cow<'_, HeaderMap> {
        Cow::Owned(FieldBlock(Bytes::copy_from_slice(self.0)).to_map())
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

/// The first field's name and value, and what comes after.
fn split_first_field(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let ([name_bytes, low, high], rest) = bytes.split_first_chunk::<3>()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_bytes))?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
    Some((name, value, rest))
}

/// What a [`HeaderName`] is in its stored, lower-case form.
pub(super) fn is_field_name(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| match byte {
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~' => true,
        other => other.is_ascii_lowercase() || other.is_ascii_digit(),
    };
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

/// What a [`HeaderValue`] is: no controls but the tab.
pub(super) fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
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
        assert!(FieldBlock::is_one(block.as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_fields_are_refused() {
        for bytes in [&b"\x01"[..], b"\x01\x00\x00", b"\x01\x00\x00 ", b"\x01\x01\x00a\n", b"\x00\x00\x00"] {
            assert!(!FieldBlock::is_one(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn each_byte_is_judged_as_the_library_judges_it() {
        for byte in 0..=u8::MAX {
            let stored_name = HeaderName::from_bytes(&[byte]).is_ok_and(|name| name.as_str().as_bytes() == [byte]);
            assert_eq!(is_field_name(&[byte]), stored_name, "name {byte:#x}");
            assert_eq!(is_field_value(&[byte]), HeaderValue::from_bytes(&[byte]).is_ok(), "value {byte:#x}");
        }
    }
}
