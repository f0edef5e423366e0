//! Comma-separated lists over any number of field lines (RFC 9110 5.6.1), with quoted strings kept whole.

use super::{Fields, text};
use http::HeaderName;

/// The items of a list field over all its lines, trimmed, without empty ones. Lines that are not ASCII have no items: what
/// garbage means is for the caller, who can compare with the presence of the field.
pub fn list_items<'a, F: Fields>(fields: &'a F, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a, F> {
    let lines = fields.lines(name).filter_map(text);
    // Items of ASCII, split at ASCII, are ASCII.
    lines.flat_map(|line| items(line.as_bytes(), Some(b'\\'))).filter_map(|item| str::from_utf8(item).ok())
}

/// The entity tags of a list field over all its lines, as bytes: what stands between their quotes is opaque, and a backslash
/// there escapes nothing (RFC 9110 8.8.3).
pub fn tag_items<'a, F: Fields>(fields: &'a F, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, F> {
    fields.lines(name).flat_map(|line| items(line, None))
}

/// Splits one line at the commas outside quotes.
fn items(line: &[u8], escape: Option<u8>) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let items = std::iter::from_fn(move || {
        let bytes = rest?;
        let end = comma(bytes, escape);
        rest = end.map(|at| &bytes[at + 1..]);
        Some(trimmed(&bytes[..end.unwrap_or(bytes.len())]))
    });
    items.filter(|item| !item.is_empty())
}

/// Without blanks and tabs around it, and nothing else.
fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn comma(bytes: &[u8], escape: Option<u8>) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            byte if quoted && Some(*byte) == escape => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The text of a quoted string, or the token as it stands (RFC 9110 5.6.4); none for a quote that does not end.
pub fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_string()) };
    let inner = inner.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return None,
            _ => {
                out.push(character);
                escaped = false;
            }
        }
    }
    (!escaped).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn lists_span_lines_and_quotes_hide_commas() {
        let mut fields = HeaderMap::new();
        for line in ["a, b=\"x,y\\\"z\" ,, ", "c"] {
            fields.append("list", HeaderValue::from_static(line));
        }
        let items: Vec<_> = list_items(&fields, &HeaderName::from_static("list")).collect();
        assert_eq!(items, ["a", "b=\"x,y\\\"z\"", "c"]);
    }

    #[test]
    fn entity_tags_are_bytes_between_quotes() {
        let mut fields = HeaderMap::new();
        fields.append("list", HeaderValue::from_static("\"a,b\", W/\"c\\\" ,,x"));
        fields.append("list", HeaderValue::from_bytes(b"\"\xe9\", *").unwrap());
        let items: Vec<_> = tag_items(&fields, &HeaderName::from_static("list")).collect();
        let expected: [&[u8]; 5] = [b"\"a,b\"", b"W/\"c\\\"", b"x", b"\"\xe9\"", b"*"];
        assert_eq!(items, expected);
    }

    #[test]
    fn quoted_strings_are_read_or_refused() {
        assert_eq!(unquoted("\"a\\\"b\"").as_deref(), Some("a\"b"));
        assert_eq!(unquoted("a").as_deref(), Some("a"));
        for text in ["\"", "\"a", "\"a\\\"", "\"a\"b\""] {
            assert_eq!(unquoted(text), None, "{text}");
        }
    }
}
