//! Whether two responses that were fetched for nobody in particular are alike. What differs between them would be one
//! visitor's alone, and sharing either of them would be a leak.
//!
//! Pure, and its work is bounded: allowances are read in one pass each, and a look for where two bodies go on alike sees a
//! fixed number of pieces ahead.

use http::{HeaderMap, HeaderName, StatusCode, header};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// Places that are told; who mends them looks again.
const PLACES_MAX: usize = 5;
/// Characters of what is shown of a place.
const SHOWN_CHARS_MAX: usize = 60;
/// Bytes before a difference that are shown with it, so that an allowance can be written from what is seen.
const BEFORE_BYTES_MAX: usize = 20;
/// Pieces of each body that are searched for where both go on alike.
const PIECES_AHEAD_MAX: usize = 32;

/// One of two responses.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub fields: &'a HeaderMap,
    /// Its whole body, without a content coding.
    pub body: &'a [u8],
}

/// Where two responses differ, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub at: At,
    /// What the first says there.
    pub first: String,
    /// What the second says there.
    pub second: String,
}

/// A place in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The status.
    Status,
    /// A field; of `Set-Cookie` the names.
    Field(HeaderName),
    /// The first body, counted from 1.
    Body {
        /// The line.
        line: usize,
        /// The character in it.
        column: usize,
    },
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Status => f.write_str("status"),
            At::Field(name) => f.write_str(name.as_str()),
            At::Body { line, column } => write!(f, "line {line}, column {column}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} | {}", self.at, self.first, self.second)
    }
}

/// Compares two responses but for what is allowed to differ. No place: they are alike.
pub fn differences(first: Sampled<'_>, second: Sampled<'_>, allow: &Allowances) -> Vec<Place> {
    let mut places = Vec::new();
    if first.status != second.status {
        places.push(told(At::Status, first.status.as_str(), second.status.as_str()));
    }
    for name in [header::CONTENT_TYPE, header::LOCATION, header::SET_COOKIE] {
        let (one, other) = (field(first.fields, &name), field(second.fields, &name));
        if Kept::of(one.as_bytes(), allow).text != Kept::of(other.as_bytes(), allow).text {
            places.push(told(At::Field(name), &one, &other));
        }
    }
    let room = PLACES_MAX.saturating_sub(places.len());
    places.extend(body_differences(&Kept::of(first.body, allow), &Kept::of(second.body, allow), room));
    places
}

fn told(at: At, first: &str, second: &str) -> Place {
    Place { at, first: shown(first.as_bytes()), second: shown(second.as_bytes()) }
}

/// A field as it is compared: of cookies the names alone, in any order, since their values are never stored.
fn field(fields: &HeaderMap, name: &HeaderName) -> String {
    let values = fields.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    if *name != header::SET_COOKIE {
        return values.collect::<Vec<_>>().join(", ");
    }
    let names: BTreeSet<String> =
        values.map(|value| value.split('=').next().unwrap_or_default().trim().to_string()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Texts that may differ. In each, `*` stands for any run of characters within one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowances(Box<[Allowance]>);

/// One of them: what stands between its stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance(Box<[Box<str>]>);

impl Allowance {
    /// Reads one.
    ///
    /// # Errors
    /// It would allow everything, or could match nothing; in words.
    pub fn parse(text: &str) -> Result<Allowance, &'static str> {
        if text.contains(['\n', '\r']) {
            return Err("has more than one line; what may differ is looked for in one line");
        }
        if text.chars().all(|c| c == '*' || c.is_whitespace()) {
            return Err("would allow everything to differ; write what stands around it, such as nonce=\"*\"");
        }
        Ok(Allowance(text.split('*').map(Into::into).collect()))
    }

    /// The first match in a line from a place on. Where there is none, there is none from any later place either: each line
    /// is read once.
    fn find(&self, line: &[u8], from: usize) -> Option<Range<usize>> {
        let (head, tail) = self.0.split_first()?;
        let start = from + find(&line[from..], head.as_bytes())?;
        let mut end = start + head.len();
        for (place, text) in tail.iter().enumerate() {
            let ends_with_star = text.is_empty() && place + 1 == tail.len();
            end = if ends_with_star { line.len() } else { end + find(&line[end..], text.as_bytes())? + text.len() };
        }
        Some(start..end)
    }
}

impl FromIterator<Allowance> for Allowances {
    fn from_iter<I: IntoIterator<Item = Allowance>>(all: I) -> Allowances {
        Allowances(all.into_iter().collect())
    }
}

impl Allowances {
    /// What may differ in a body, byte by byte: as large as the body, however often they match.
    fn mask(&self, body: &[u8]) -> Vec<bool> {
        let mut mask = vec![false; body.len()];
        let mut begin = 0;
        for whole in body.split_inclusive(|byte| *byte == b'\n') {
            let line = whole.strip_suffix(b"\n").unwrap_or(whole);
            for allowance in &self.0 {
                let mut from = 0;
                // A match is never empty: there is a text beside its stars.
                while let Some(range) = allowance.find(line, from) {
                    from = range.end;
                    mask[begin + range.start..begin + range.end].fill(true);
                }
            }
            begin += whole.len();
        }
        mask
    }
}

/// The first place of a text in bytes.
fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let Some(head) = text.first() else { return Some(0) };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == head) {
        if bytes[from + at..].starts_with(text) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// What of a body is compared.
struct Kept<'a> {
    body: &'a [u8],
    text: Vec<u8>,
    /// The bytes of the body that are left out.
    mask: Vec<bool>,
}

impl<'a> Kept<'a> {
    fn of(body: &'a [u8], allow: &Allowances) -> Kept<'a> {
        let mask = allow.mask(body);
        let text = body.iter().zip(&mask).filter(|(_, is_left_out)| !**is_left_out).map(|(byte, _)| *byte).collect();
        Kept { body, text, mask }
    }

    /// Where a place in `text` is in the body.
    fn in_body(&self, at: usize) -> usize {
        let mut kept = (0..self.body.len()).filter(|place| !self.mask[*place]);
        char_start(self.body, kept.nth(at).unwrap_or(self.body.len()))
    }

    /// What stands around a place.
    fn around(&self, at: usize) -> String {
        let line = line_start(self.body, at);
        let mut from = at.saturating_sub(BEFORE_BYTES_MAX).max(line);
        while from < at && is_inside_char(self.body[from]) {
            from += 1;
        }
        let rest = &self.body[from..];
        let end = rest.iter().skip(at - from).position(|byte| *byte == b'\n').map_or(rest.len(), |end| at - from + end);
        shown(&rest[..end])
    }
}

fn body_differences(first: &Kept<'_>, second: &Kept<'_>, room: usize) -> Vec<Place> {
    let mut places = Vec::new();
    let (mut one, mut other) = (0, 0);
    while places.len() < room {
        let (rest, other_rest) = (&first.text[one..], &second.text[other..]);
        let same = rest.iter().zip(other_rest).take_while(|(a, b)| a == b).count();
        (one, other) = (one + same, other + same);
        if one == first.text.len() && other == second.text.len() {
            break;
        }
        let (at, other_at) = (first.in_body(one), second.in_body(other));
        let (line, column) = position(first.body, at);
        let at_body = At::Body { line, column };
        places.push(Place { at: at_body, first: first.around(at), second: second.around(other_at) });
        let Some((skip, other_skip)) = go_on(&first.text[one..], &second.text[other..]) else { break };
        (one, other) = (one + skip, other + other_skip);
    }
    places
}

/// How far both have to go until they say the same again; none: not within sight.
fn go_on(first: &[u8], second: &[u8]) -> Option<(usize, usize)> {
    let (ones, others) = (pieces(first), pieces(second));
    for sum in 1..ones.len() + others.len() {
        for (place, (skip, piece)) in ones.iter().enumerate().take(sum + 1) {
            let Some((other_skip, other_piece)) = others.get(sum - place) else { continue };
            if piece == other_piece && !piece.trim_ascii().is_empty() {
                return Some((*skip, *other_skip));
            }
        }
    }
    None
}

/// The next pieces and where they begin. Lines alone would not do: pages are often one line.
fn pieces(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut begin = 0;
    let split = text.split_inclusive(|byte| matches!(byte, b'\n' | b'>' | b',')).take(PIECES_AHEAD_MAX);
    split
        .map(|piece| {
            let at = begin;
            begin += piece.len();
            (at, piece)
        })
        .collect()
}

fn is_inside_char(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The beginning of the character that a place is in; three bytes back at most, for what is no text.
fn char_start(body: &[u8], at: usize) -> usize {
    let back = (0..=3.min(at)).find(|back| body.get(at - back).is_none_or(|byte| !is_inside_char(*byte)));
    at - back.unwrap_or_default()
}

fn line_start(body: &[u8], at: usize) -> usize {
    body[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// Line and column, both from 1.
fn position(body: &[u8], at: usize) -> (usize, usize) {
    let start = line_start(body, at);
    let line = body[..start].split(|byte| *byte == b'\n').count();
    let column = body[start..at].iter().filter(|byte| !is_inside_char(**byte)).count() + 1;
    (line, column)
}

/// As much as is shown, with nothing in it that a terminal would obey.
fn shown(bytes: &[u8]) -> String {
    // No character has more than four bytes.
    let some = &bytes[..bytes.len().min(4 * SHOWN_CHARS_MAX)];
    let mut text = String::new();
    let mut room = SHOWN_CHARS_MAX;
    for c in String::from_utf8_lossy(some).chars() {
        let piece = if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let length = piece.chars().count();
        if length > room {
            break;
        }
        room -= length;
        text.push_str(&piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(texts: &[&str]) -> Allowances {
        texts.iter().map(|text| Allowance::parse(text).unwrap()).collect()
    }

    fn bodies(first: &[u8], second: &[u8], allowed: &[&str]) -> Vec<String> {
        let fields = HeaderMap::new();
        let sampled = |body| Sampled { status: StatusCode::OK, fields: &fields, body };
        let places = differences(sampled(first), sampled(second), &allow(allowed));
        places.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_differs_is_told_with_its_place() {
        let nothing: [&str; 0] = [];
        let table: [(&str, &str, &[&str]); 12] = [
            ("", "", &nothing),
            ("same\nlines\n", "same\nlines\n", &nothing),
            ("hello alice", "hello bob", &["line 1, column 7: hello alice | hello bob"]),
            ("a\nb\nc", "a\nB\nc", &["line 2, column 1: b | B"]),
            ("a\nb", "a\nb!", &["line 2, column 2: b | b!"]),
            ("a\nb", "", &["line 1, column 1: a | "]),
            ("née", "nèe", &["line 1, column 2: née | nèe"]),
            // What one has more does not make all that follows differ.
            ("a\nc\nd", "a\nb\nc\nd", &["line 2, column 1: c | b"]),
            ("1\nx\n3\n", "2\nx\n4\n", &["line 1, column 1: 1 | 2", "line 3, column 1: 3 | 4"]),
            // Two places of one line.
            (
                "<a x=1><b><c y=1>",
                "<a x=2><b><c y=2>",
                &[
                    "line 1, column 6: <a x=1><b><c y=1> | <a x=2><b><c y=2>",
                    "line 1, column 16: <a x=1><b><c y=1> | <a x=2><b><c y=2>",
                ],
            ),
            ("\u{1b}[2J1", "\u{1b}[2J2", &[r"line 1, column 5: \u{1b}[2J1 | \u{1b}[2J2"]),
            ("a\r\n", "a\n", &[r"line 1, column 2: a\r | a"]),
        ];
        for (first, second, expected) in table {
            assert_eq!(bodies(first.as_bytes(), second.as_bytes(), &[]), expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_left_out_on_both_sides() {
        let page = |nonce: &str, name: &str| format!("<p>{name}</p>\n<script nonce=\"{nonce}\">f()</script>\n");
        let table = [
            (page("a1", "x"), page("b2", "x"), &[r#"nonce="*""#][..], 0),
            (page("a1", "x"), page("longer", "x"), &[r#"nonce="*""#], 0),
            (page("a1", "x"), page("b2", "y"), &[r#"nonce="*""#], 1),
            (page("a1", "x"), page("b2", "x"), &[r#"Nonce="*""#], 1),
            // A star ends with its line.
            ("at 1\nalice".into(), "at 2\nbob".into(), &["at *"], 1),
            ("at 1\nalice".into(), "at 2\nalice".into(), &["at *"], 0),
            ("1 ms\nx".into(), "2 ms\nx".into(), &["* ms"], 0),
            // The nearest end counts, not the last.
            ("\"1\" x \"a\"".into(), "\"2\" y \"a\"".into(), &["\"*\""], 1),
            ("t=1;t=2;".into(), "t=3;t=4;".into(), &["t=*;"], 0),
            // One without an end on its line allows nothing.
            ("t=1\n;".into(), "t=2\n;".into(), &["t=*;"], 1),
            // Allowances may overlap.
            ("abcd1".into(), "abcd2".into(), &["ab*d", "c*"], 0),
            ("x1y".into(), "x2y".into(), &["x**y"], 0),
            ("now!".into(), String::new(), &["now!"], 0),
        ];
        for (first, second, allowed, expected) in table {
            let found = bodies(first.as_bytes(), second.as_bytes(), allowed);
            assert_eq!(found.len(), expected, "{first:?} {second:?} {allowed:?}: {found:?}");
        }
    }

    #[test]
    fn a_place_is_told_where_it_stands_in_the_body_and_not_in_what_is_left_of_it() {
        let found = bodies(b"<i n=\"1\">\n<i n=\"2\"> alice", b"<i n=\"33\">\n<i n=\"4\"> bob", &["n=\"*\""]);
        assert_eq!(found, ["line 2, column 11: <i n=\"2\"> alice | <i n=\"4\"> bob"]);
    }

    #[test]
    fn allowances_that_allow_everything_or_nothing_are_refused() {
        for text in ["", "*", "***", " * ", "a\nb"] {
            assert!(Allowance::parse(text).is_err(), "{text:?}");
        }
    }

    type Fields = &'static [(&'static str, &'static str)];

    #[test]
    fn the_head_is_compared_but_not_all_of_it() {
        let fields = |lines: &[(&str, &str)]| {
            let mut fields = HeaderMap::new();
            for (name, value) in lines {
                fields.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            fields
        };
        let table: [(u16, Fields, u16, Fields, &[&str]); 6] = [
            (200, &[("date", "a"), ("x-took", "1")], 200, &[("date", "b")], &[]),
            (200, &[], 404, &[], &["status: 200 | 404"]),
            (200, &[("content-type", "a/b")], 200, &[], &["content-type: a/b | "]),
            (302, &[("location", "/a?s=1")], 302, &[("location", "/a?s=2")], &["location: /a?s=1 | /a?s=2"]),
            (
                200,
                &[("set-cookie", "a=1"), ("set-cookie", "b=1")],
                200,
                &[("set-cookie", "b=2"), ("set-cookie", "a=2")],
                &[],
            ),
            (200, &[("set-cookie", "seen=1; Path=/")], 200, &[], &["set-cookie: seen | "]),
        ];
        for (status, first, other_status, second, expected) in table {
            let (first, second) = (fields(first), fields(second));
            let of = |status, fields| Sampled { status: StatusCode::from_u16(status).unwrap(), fields, body: b"" };
            let places = differences(of(status, &first), of(other_status, &second), &Allowances::default());
            assert_eq!(places.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
        let (first, second) = (fields(&[("location", "/a?s=1")]), fields(&[("location", "/a?s=2")]));
        let of = |fields| Sampled { status: StatusCode::FOUND, fields, body: b"" };
        assert!(differences(of(&first), of(&second), &allow(&["s=*"])).is_empty());
    }

    #[test]
    fn whatever_the_bodies_are_the_answer_is_short() {
        let long = "é".repeat(500);
        for (first, second) in [
            (format!("{long}1\n").into_bytes(), format!("{long}2\n").into_bytes()),
            ("1\nx\n".repeat(50).into_bytes(), "2\nx\n".repeat(50).into_bytes()),
            (vec![0xff; 300], vec![0xfe; 300]),
            (vec![0x80; 300], vec![0x81; 299]),
            (b">,".repeat(300), b",>".repeat(300)),
            (vec![0xc3, 0xa9, 0xc3], vec![0xc3, 0xa9, 0xa9]),
            (vec![b'a'; 300], Vec::new()),
        ] {
            let fields = HeaderMap::new();
            let sampled = |body| Sampled { status: StatusCode::OK, fields: &fields, body };
            let places = differences(sampled(&first), sampled(&second), &Allowances::default());
            assert!((1..=PLACES_MAX).contains(&places.len()), "{places:?}");
            for text in places.iter().flat_map(|place| [&place.first, &place.second]) {
                assert!(text.chars().count() <= SHOWN_CHARS_MAX, "{text}");
            }
        }
    }
}
