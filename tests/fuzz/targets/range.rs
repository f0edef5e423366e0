//! Ranges: what is sent are the bytes that were asked for, in order, each once.

use super::scene::{NOON, page, read, under, values};
use http::{HeaderMap, Method, StatusCode, header};
use std::ops::Range;
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::respond;

const HIT: Outcome = Outcome::new(Kind::Hit, Reason::Fresh);
const CONTENT: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
const LENGTH: u128 = CONTENT.len() as u128;
/// Ranges in one request that are answered.
const RANGES_MAX: usize = 8;

/// Any Range lines.
pub(super) fn range(bytes: &[u8]) {
    let lines = values(bytes);
    let request = under(&header::RANGE, &lines);
    let stored = page(&HeaderMap::new(), CONTENT);
    let (status, fields, content) = read(respond::stored(&stored, None, &Method::GET, &request, &HIT, NOON));
    let parts = match status {
        StatusCode::OK => vec![whole(&content)],
        StatusCode::RANGE_NOT_SATISFIABLE => {
            assert!(content.is_empty() && fields[header::CONTENT_RANGE] == "bytes */36");
            Vec::new()
        }
        StatusCode::PARTIAL_CONTENT => match fields.get(header::CONTENT_RANGE) {
            Some(line) => vec![part(line.to_str().unwrap(), &content)],
            None => several(&fields, &content),
        },
        other => panic!("{other} for {lines:?}"),
    };
    assert!(parts.windows(2).all(|pair| pair[0].end < pair[1].start), "in order, and apart: {lines:?}");
    let expected = lines.len() == 1 && lines[0].to_str().is_ok();
    let Some(asked) = expected.then(|| strictly(lines[0].to_str().unwrap())).flatten() else {
        return;
    };
    let is_asked = |at: u128| asked.iter().any(|range| range.contains(&at));
    let is_sent = |at: u128| parts.iter().any(|range| range.contains(&(at as usize)));
    if asked.len() > RANGES_MAX {
        assert_eq!(status, StatusCode::OK);
        return;
    }
    assert_eq!(status == StatusCode::RANGE_NOT_SATISFIABLE, (0..LENGTH).all(|at| !is_asked(at)), "{lines:?}");
    assert!((0..LENGTH).all(|at| is_asked(at) == is_sent(at)), "what was asked for: {lines:?} {parts:?}");
}

fn whole(content: &[u8]) -> Range<usize> {
    assert_eq!(content, CONTENT.as_bytes());
    0..CONTENT.len()
}

/// One part, which must be where it says.
fn part(line: &str, content: &[u8]) -> Range<usize> {
    let (range, length) = line.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    assert_eq!(length, "36");
    assert_eq!(content, &CONTENT.as_bytes()[first..=last]);
    first..last + 1
}

/// The parts of a multipart content (RFC 2046 5.1).
fn several(fields: &HeaderMap, content: &[u8]) -> Vec<Range<usize>> {
    let of_type = fields[header::CONTENT_TYPE].to_str().unwrap();
    let boundary = of_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let text = std::str::from_utf8(content).unwrap();
    let inner = text.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    let between = format!("\r\n--{boundary}\r\n");
    let parts = inner.split(&between).skip(1).map(|each| {
        let (head, content) = each.split_once("\r\n\r\n").unwrap();
        part(head.strip_prefix("Content-Range: ").unwrap(), content.as_bytes())
    });
    parts.collect()
}

/// `bytes=` and `1#( int-range / suffix-range )` (RFC 9110 14.1.1); none where it is anything else.
fn strictly(text: &str) -> Option<Vec<Range<u128>>> {
    let (unit, set) = text.split_once('=')?;
    let items: Vec<&str> =
        set.split(',').map(|item| item.trim_matches([' ', '\t'])).filter(|item| !item.is_empty()).collect();
    if !unit.eq_ignore_ascii_case("bytes") || items.is_empty() {
        return None;
    }
    items.into_iter().map(one).collect()
}

fn one(text: &str) -> Option<Range<u128>> {
    let number = |text: &str| -> Option<u128> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u128::MAX - 1))
    };
    match text.split_once('-')? {
        ("", last) => Some(LENGTH.saturating_sub(number(last)?)..LENGTH),
        (first, "") => Some(number(first)?..LENGTH.max(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(first..last + 1)
        }
    }
}
