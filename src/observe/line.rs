//! One log line: names and values, as a JSON object or as `key=value` pairs.
//!
//! Whatever a client sends, a line is one line of visible ASCII: everything else is written as an escape, and values are
//! cut at a size. Names are ours.

use super::Format;
use std::fmt::{Display, Write};

/// Writes the fields of one line, in the order of the calls, to the end of a text.
pub(super) struct Line<'a> {
    out: &'a mut String,
    format: Format,
    first: bool,
}

impl<'a> Line<'a> {
    pub(super) fn begin(out: &'a mut String, format: Format) -> Line<'a> {
        if format == Format::Json {
            out.push('{');
        }
        Line { out, format, first: true }
    }

    /// A value that clients may have chosen, cut at `bytes_max`.
    pub(super) fn text(&mut self, name: &str, value: &str, bytes_max: usize) -> &mut Self {
        self.name(name);
        let kept = cut(value, bytes_max);
        let bare = self.format == Format::Logfmt && kept.len() == value.len() && is_bare(kept);
        if bare {
            self.out.push_str(kept);
            return self;
        }
        self.out.push('"');
        escape_into(self.out, kept);
        if kept.len() < value.len() {
            self.out.push_str("...");
        }
        self.out.push('"');
        self
    }

    /// A value of ours that needs no escape: a word of a fixed set, a time, an address.
    pub(super) fn word(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.name(name);
        let quote = if self.format == Format::Json { "\"" } else { "" };
        self.out.push_str(quote);
        // Writing into a String cannot fail.
        let _ = write!(self.out, "{value}");
        self.out.push_str(quote);
        self
    }

    /// A number or a truth value.
    pub(super) fn number(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.name(name);
        let _ = write!(self.out, "{value}");
        self
    }

    pub(super) fn end(self) {
        self.out.push_str(if self.format == Format::Json { "}\n" } else { "\n" });
    }

    fn name(&mut self, name: &str) {
        let first = std::mem::replace(&mut self.first, false);
        let (before, after) = match (self.format, first) {
            (Format::Json, true) => ("\"", "\":"),
            (Format::Json, false) => (",\"", "\":"),
            (Format::Logfmt, true) => ("", "="),
            (Format::Logfmt, false) => (" ", "="),
        };
        for part in [before, name, after] {
            self.out.push_str(part);
        }
    }
}

fn cut(value: &str, bytes_max: usize) -> &str {
    &value[..value.floor_char_boundary(bytes_max.min(value.len()))]
}

fn is_bare(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\'))
}

/// The escapes of a JSON string, for everything that is not visible ASCII or a blank: control characters can neither end
/// a line nor steer a terminal, and text that is not ASCII cannot look like something else.
fn escape_into(out: &mut String, value: &str) {
    // Nearly every value needs none.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: Format, value: &str) -> String {
        let mut out = String::new();
        let mut line = Line::begin(&mut out, format);
        line.text("path", value, 64).number("n", 1).word("w", "x");
        line.end();
        out
    }

    #[test]
    fn no_value_ends_a_line_or_adds_a_field() {
        for value in
            ["/a\nb", "/\r\n{\"status\":200}", "/\u{1b}[2J", "/\u{7f}\u{85}\u{2028}é\u{202e}", "a\" n=2 \\", "", "/😀"]
        {
            for format in [Format::Json, Format::Logfmt] {
                let line = line(format, value);
                let inner = line.strip_suffix('\n').unwrap();
                assert!(inner.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{inner:?}");
            }
            let read: serde_json::Value = serde_json::from_str(&line(Format::Json, value)).unwrap();
            assert_eq!(read, serde_json::json!({ "path": value, "n": 1, "w": "x" }));
        }
    }

    #[test]
    fn logfmt_quotes_only_what_needs_it() {
        assert_eq!(line(Format::Logfmt, "/a?b"), "path=/a?b n=1 w=x\n");
        assert_eq!(line(Format::Logfmt, "/a?b=c"), "path=\"/a?b=c\" n=1 w=x\n");
        assert_eq!(line(Format::Logfmt, "/ n=2"), "path=\"/ n=2\" n=1 w=x\n");
        assert_eq!(line(Format::Logfmt, ""), "path=\"\" n=1 w=x\n");
    }

    #[test]
    fn long_values_are_cut_between_characters_and_say_so() {
        let cut = line(Format::Logfmt, &"é".repeat(33));
        assert_eq!(cut, format!("path=\"{}...\" n=1 w=x\n", "\\u00e9".repeat(32)));
        let whole = line(Format::Logfmt, &"x".repeat(64));
        assert!(whole.starts_with(&format!("path={} ", "x".repeat(64))));
    }
}
