//! Ranges of a stored body (RFC 9110 14): single, suffix, several; bounded, overlaps merged (rows R1 and R3).

use http::HeaderMap;
use http::header::RANGE;
use std::ops::Range;

/// Ranges in one request; with more, the whole is sent.
const RANGES_MAX: usize = 8;

/// What a Range field asks of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: no Range, or one that is not understood, or not worth it.
    Whole,
    /// These parts, in order, none of them overlapping.
    Parts(Vec<Range<u64>>),
    /// Only parts that are not there: 416.
    Nothing,
}

/// Reads the Range field for a body of `length` bytes.
pub(super) fn asked(request: &HeaderMap, length: u64) -> Asked {
    let mut lines = request.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Asked::Whole };
    let Some((unit, specs)) = line.to_str().ok().and_then(|text| text.split_once('=')) else { return Asked::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let mut parts = Vec::new();
    for (count, spec) in specs.split(',').map(str::trim).filter(|spec| !spec.is_empty()).enumerate() {
        match read(spec, length) {
            None => return Asked::Whole,
            Some(_) if count == RANGES_MAX => return Asked::Whole,
            Some(part) if part.is_empty() => {}
            Some(part) => parts.push(part),
        }
    }
    if parts.is_empty() { Asked::Nothing } else { Asked::Parts(merged(parts)) }
}

/// One range, cut to what is there; empty where nothing of it is; none where it cannot be read.
fn read(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(length.saturating_sub(number(last)?)..length);
    }
    let first = number(first)?;
    let end = if last.is_empty() { u64::MAX } else { number(last)?.saturating_add(1) };
    if end <= first {
        return None;
    }
    Some(first.min(length)..end.min(length))
}

/// Digits; more than a number holds is beyond every body, and what lies beyond has one value, so that its order is kept.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX).min(u64::MAX - 1))
}

/// Sorted, with those that overlap or touch made one, so that no byte is sent twice.
fn merged(mut parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    parts.sort_by_key(|part| part.start);
    let mut out: Vec<Range<u64>> = Vec::with_capacity(parts.len());
    for part in parts {
        match out.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn r1_r3_ranges_are_read_cut_and_merged() {
        let parts = |parts: &[(u64, u64)]| Asked::Parts(parts.iter().map(|(from, to)| *from..*to).collect());
        let table = [
            ("bytes=0-1", parts(&[(0, 2)])),
            ("bytes=5-", parts(&[(5, 10)])),
            ("bytes=-3", parts(&[(7, 10)])),
            ("bytes=-99", parts(&[(0, 10)])),
            ("bytes=8-99", parts(&[(8, 10)])),
            ("bytes=0-1,4-5", parts(&[(0, 2), (4, 6)])),
            ("bytes=4-5, 0-1, 1-2", parts(&[(0, 3), (4, 6)])),
            ("bytes=0-,0-,0-", parts(&[(0, 10)])),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=", Asked::Nothing),
            ("bytes=99999999999999999999-", Asked::Nothing),
            ("bytes=-9223372036854775807", parts(&[(0, 10)])),
            ("bytes=2-1", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=1", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("Bytes=0-1", parts(&[(0, 2)])),
            ("bytes", Asked::Whole),
            ("bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8", Asked::Whole),
        ];
        for (field, expected) in table {
            let mut request = HeaderMap::new();
            request.insert(RANGE, HeaderValue::from_static(field));
            assert_eq!(asked(&request, 10), expected, "{field}");
        }
    }
}
