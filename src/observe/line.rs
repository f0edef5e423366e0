//! One log line: names and values, as a JSON object or as `key=value` pairs.
//!
//! Whatever a client sends, a line is one line of visible ASCII: everything else is written as an escape, and values are
//! cut at a size. Names are ours. Each request writes one, so that names are joined with what stands around them
//! beforehand, and nothing goes through the machinery of formatting but what has to be escaped.

use super::address::put_address;
use super::time::RFC_3339_BYTES;
use crate::digits::{fill_decimal, put_decimal, put_signed};
use bytes::BufMut;
use std::net::IpAddr;
use std::time::Duration;

/// A field's name, with what stands before and behind it.
#[derive(Clone, Copy)]
pub(super) struct Name {
    /// Before a number in JSON.
    pub(super) bare: &'static str,
    /// Before a text in JSON.
    pub(super) quoted: &'static str,
    /// In logfmt.
    pub(super) logfmt: &'static str,
}

/// The name of a field that is not its line's first.
macro_rules! name {
    ($name:literal) => {
        $crate::observe::line::Name {
            bare: concat!(",\"", $name, "\":"),
            quoted: concat!(",\"", $name, "\":\""),
            logfmt: concat!(" ", $name, "="),
        }
    };
}
pub(super) use name;

/// Writes the fields of one line, in the order of the calls, to the end of a buffer. Which of the forms is known beforehand, so
/// that what is constant is copied as such.
pub(super) struct Line<'a, const JSON: bool>(&'a mut Vec<u8>);

impl<'a, const JSON: bool> Line<'a, JSON> {
    /// Begins a line, with its moment.
    pub(super) fn begin(out: &'a mut Vec<u8>, time: &[u8; RFC_3339_BYTES]) -> Line<'a, JSON> {
        out.put_slice(if JSON { b"{\"time\":\"" } else { b"time=" });
        out.put_slice(time);
        let mut line = Line(out);
        line.quote();
        line
    }

    /// A value that clients may have chosen, cut at `bytes_max`.
    pub(super) fn text(&mut self, name: Name, value: &str, bytes_max: usize) -> &mut Self {
        // Nearly every value is written as it is.
        if value.len() <= bytes_max && is_plain::<JSON>(value) {
            return self.word(name, value);
        }
        self.before_text(name);
        put_quoted(self.0, if JSON { b"" } else { b"\"" }, cut(value, bytes_max), value.len() > bytes_max);
        self
    }

    /// A value of ours that needs no escape: a word of a fixed set.
    pub(super) fn word(&mut self, name: Name, value: &str) -> &mut Self {
        self.before_text(name);
        self.0.put_slice(value.as_bytes());
        self.quote();
        self
    }

    /// An address.
    pub(super) fn address(&mut self, name: Name, value: IpAddr) -> &mut Self {
        self.before_text(name);
        put_address(self.0, value);
        self.quote();
        self
    }

    /// A number.
    pub(super) fn number(&mut self, name: Name, value: u64) -> &mut Self {
        self.before_number(name);
        put_decimal(self.0, value);
        self
    }

    /// A number that may be below zero.
    pub(super) fn signed(&mut self, name: Name, value: i64) -> &mut Self {
        self.before_number(name);
        put_signed(self.0, value);
        self
    }

    /// Milliseconds with three digits after the point.
    pub(super) fn milliseconds(&mut self, name: Name, value: Duration) -> &mut Self {
        self.before_number(name);
        let whole = value.as_secs().saturating_mul(1_000).saturating_add(u64::from(value.subsec_millis()));
        put_decimal(self.0, whole);
        let mut part = *b".000";
        fill_decimal(&mut part[1..], u64::from(value.subsec_micros()));
        self.0.put_slice(&part);
        self
    }

    /// That something is so.
    pub(super) fn truth(&mut self, name: Name) -> &mut Self {
        self.before_number(name);
        self.0.put_slice(b"true");
        self
    }

    pub(super) fn end(self) {
        self.0.put_slice(if JSON { b"}\n" } else { b"\n" });
    }

    fn before_text(&mut self, name: Name) {
        self.0.put_slice(if JSON { name.quoted } else { name.logfmt }.as_bytes());
    }

    fn before_number(&mut self, name: Name) {
        self.0.put_slice(if JSON { name.bare } else { name.logfmt }.as_bytes());
    }

    fn quote(&mut self) {
        if JSON {
            self.0.put_u8(b'"');
        }
    }
}

/// Bytes that a JSON string has as they are: visible ASCII and blanks.
const IN_QUOTES: [bool; 256] = class(false);
/// Bytes that a value in logfmt has without quotes around it.
const BARE: [bool; 256] = class(true);

const fn class(is_bare: bool) -> [bool; 256] {
    let mut class = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        class[byte as usize] = match byte {
            b'"' | b'\\' => false,
            b' ' | b'=' => !is_bare,
            _ => true,
        };
        byte += 1;
    }
    class
}

/// Whether a value is written as it is: in JSON between quotes, in logfmt without.
fn is_plain<const JSON: bool>(value: &str) -> bool {
    if JSON { has_only(&IN_QUOTES, value) } else { !value.is_empty() && has_only(&BARE, value) }
}

fn has_only(class: &[bool; 256], value: &str) -> bool {
    // To the end in any case: nearly every value has no others.
    value.bytes().fold(true, |so_far, byte| so_far & class[usize::from(byte)])
}

fn cut(value: &str, bytes_max: usize) -> &str {
    &value[..value.floor_char_boundary(bytes_max.min(value.len()))]
}

/// A value that needs more than itself. The escapes are those of a JSON string, for everything that is not visible ASCII or a
/// blank: control characters can neither end a line nor steer a terminal, and text that is not ASCII cannot look like
/// something else.
fn put_quoted(out: &mut Vec<u8>, opening: &[u8], value: &str, is_cut: bool) {
    out.put_slice(opening);
    if has_only(&IN_QUOTES, value) {
        out.put_slice(value.as_bytes());
    } else {
        value.chars().for_each(|character| put_escaped(out, character));
    }
    out.put_slice(if is_cut { b"...\"" } else { b"\"" });
}

fn put_escaped(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.put_slice(b"\\\""),
        '\\' => out.put_slice(b"\\\\"),
        ' '..='~' => out.put_u8(character as u8),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let digit = |shift: u8| b"0123456789abcdef"[usize::from(*unit >> shift & 15)];
                out.put_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write<const JSON: bool>(value: &str) -> String {
        let mut out = Vec::new();
        let mut line = Line::<JSON>::begin(&mut out, b"1970-01-01T00:00:00.000Z");
        line.text(name!("path"), value, 64).number(name!("n"), 1).word(name!("w"), "x");
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_value_ends_a_line_or_adds_a_field() {
        for value in
            ["/a\nb", "/\r\n{\"status\":200}", "/\u{1b}[2J", "/\u{7f}\u{85}\u{2028}é\u{202e}", "a\" n=2 \\", "", "/😀"]
        {
            for line in [write::<true>(value), write::<false>(value)] {
                let inner = line.strip_suffix('\n').unwrap();
                assert!(inner.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{inner:?}");
            }
            let read: serde_json::Value = serde_json::from_str(&write::<true>(value)).unwrap();
            let time = "1970-01-01T00:00:00.000Z";
            assert_eq!(read, serde_json::json!({ "time": time, "path": value, "n": 1, "w": "x" }));
        }
    }

    /// The line in logfmt behind its moment.
    fn logfmt(value: &str) -> String {
        let line = write::<false>(value);
        line.strip_prefix("time=1970-01-01T00:00:00.000Z ").unwrap().to_string()
    }

    #[test]
    fn logfmt_quotes_only_what_needs_it() {
        assert_eq!(logfmt("/a?b"), "path=/a?b n=1 w=x\n");
        assert_eq!(logfmt("/a?b=c"), "path=\"/a?b=c\" n=1 w=x\n");
        assert_eq!(logfmt("/ n=2"), "path=\"/ n=2\" n=1 w=x\n");
        assert_eq!(logfmt(""), "path=\"\" n=1 w=x\n");
    }

    #[test]
    fn long_values_are_cut_between_characters_and_say_so() {
        let cut = logfmt(&"é".repeat(33));
        assert_eq!(cut, format!("path=\"{}...\" n=1 w=x\n", "\\u00e9".repeat(32)));
        assert_eq!(logfmt(&"x".repeat(65)), format!("path=\"{}...\" n=1 w=x\n", "x".repeat(64)));
        assert!(write::<true>(&"x".repeat(65)).contains(&format!(",\"path\":\"{}...\",\"n\":1", "x".repeat(64))));
        let whole = logfmt(&"x".repeat(64));
        assert!(whole.starts_with(&format!("path={} ", "x".repeat(64))));
    }

    #[test]
    fn each_byte_is_plain_escaped_or_quoted_as_it_was_ever() {
        for byte in 0..=0x7f_u8 {
            let value = format!("a{}", char::from(byte));
            let in_json = serde_json::from_str::<serde_json::Value>(&write::<true>(&value)).unwrap();
            assert_eq!(in_json["path"], *value);
            let is_bare = byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\');
            assert_eq!(logfmt(&value).starts_with("path=\""), !is_bare, "{value:?}");
        }
    }

    #[test]
    fn milliseconds_have_three_digits_after_the_point() {
        let shown = |value| {
            let mut out = Vec::new();
            Line::<true>(&mut out).milliseconds(name!("ms"), value);
            String::from_utf8(out).unwrap()
        };
        for micros in [0, 1, 999, 1_000, 4_005, 1_234_567, 86_400_000_001] {
            let exact = format!(",\"ms\":{}.{:03}", micros / 1_000, micros % 1_000);
            assert_eq!(shown(Duration::from_micros(micros)), exact);
        }
        assert_eq!(shown(Duration::from_nanos(1_999)), ",\"ms\":0.001");
    }
}
