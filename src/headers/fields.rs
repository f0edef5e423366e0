//! Fields of a message, however they are held: in a map, or as they stand in the bytes of a head.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// The fields of a message (RFC 9110 5). What reads fields reads them by this, so that a head is judged alike before and after it was
/// put into a map.
pub trait Fields {
    /// The values of all lines of that name, in their order.
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, Self>;

    /// Whether there is a line of that name.
    fn has(&self, name: &HeaderName) -> bool {
        self.lines(name).next().is_some()
    }

    /// The text of the first line of that name; none where there is none, or it is no text.
    fn text<'a>(&'a self, name: &HeaderName) -> Option<&'a str> {
        self.lines(name).next().and_then(text)
    }

    /// All of them as a map.
    fn to_map(&self) -> Cow<'_, HeaderMap>;
}

impl Fields for HeaderMap {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.contains_key(name)
    }

    fn to_map(&self) -> Cow<'_, HeaderMap> {
        Cow::Borrowed(self)
    }
}

/// A field's value as text: visible ASCII, blanks and tabs, as `HeaderValue::to_str` has it.
pub fn text(value: &[u8]) -> Option<&str> {
    // Without a branch for each byte.
    let is_text = value.iter().fold(true, |is_text, byte| is_text & matches!(byte, b' '..=b'~' | b'\t'));
    // ASCII is always text.
    if is_text { str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_text_where_the_library_takes_it_for_text() {
        for byte in 0..=u8::MAX {
            let by_library = HeaderValue::from_bytes(&[byte]).is_ok_and(|value| value.to_str().is_ok());
            assert_eq!(text(&[byte]).is_some(), by_library, "{byte:#x}");
        }
    }
}
