//! The client's conditions against a stored response, in the order of RFC 9110 13.2.2.

use super::reading::entity_tags;
use super::scene::{Head, NOON, page, read};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::policy::age::date;
use vitrine::respond;
use vitrine::stored::StoredResponse;

const HIT: Outcome = Outcome::new(Kind::Hit, Reason::Fresh);
const CONDITIONS: [HeaderName; 4] =
    [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];

/// A request's head, with `:etag`, `:modified` and `:dated` for what is stored.
pub(super) fn conditions(bytes: &[u8]) {
    let head = Head::of(bytes);
    let mut own = HeaderMap::new();
    for (said, name) in [("etag", header::ETAG), ("modified", header::LAST_MODIFIED), ("dated", header::DATE)] {
        if let Some(value) = head.said(said).and_then(|text| HeaderValue::from_str(text.trim()).ok()) {
            own.insert(name, value);
        }
    }
    let stored = page(&own, "0123456789");
    let answer = |request: &HeaderMap| {
        let (status, fields, content) = read(respond::stored(&stored, None, &Method::GET, request, &HIT, NOON));
        told_whole(&stored, status, &fields, &content);
        status
    };
    let status = answer(&head.fields);
    let request = &head.fields;
    if let Some(expected) = judged(request, &stored) {
        assert_eq!(status == StatusCode::NOT_MODIFIED, expected == StatusCode::NOT_MODIFIED, "{request:?} {own:?}");
    }
    never_by_a_guess(request, &stored, status);
    let mut without = request.clone();
    without.remove(header::IF_MODIFIED_SINCE);
    assert!(!request.contains_key(header::IF_NONE_MATCH) || answer(&without) == status, "{request:?}");
    for name in [header::IF_MATCH, header::IF_UNMODIFIED_SINCE] {
        let mut without = request.clone();
        without.remove(name);
        assert_eq!(answer(&without), status, "for the origin alone: {request:?}");
    }
    let mut unconditional = request.clone();
    for name in &CONDITIONS {
        unconditional.remove(name);
    }
    assert!(![StatusCode::NOT_MODIFIED, StatusCode::PRECONDITION_FAILED].contains(&answer(&unconditional)));
    range_by_condition(request, &stored, answer(&unconditional));
}

/// What the RFC makes of conditions that its grammar can read; none where it cannot.
fn judged(request: &HeaderMap, stored: &StoredResponse) -> Option<StatusCode> {
    let etag = stored.etag();
    let fields = stored.fields().to_map();
    let told = if fields.contains_key(header::LAST_MODIFIED) { header::LAST_MODIFIED } else { header::DATE };
    let modified = date(&fields, &told, NOON);
    let weak = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let names = |name: &HeaderName| {
        let mut lines = request.get_all(name).iter();
        if request.get_all(name).iter().count() == 1 && request.get(name).is_some_and(|only| only == "*") {
            return Some(true);
        }
        let read: Option<Vec<_>> = lines.by_ref().map(|line| entity_tags(line.as_bytes())).collect();
        let is_one = entity_tags(etag.as_bytes()).is_some_and(|tags| tags.len() == 1);
        let own = is_one.then_some(etag.as_bytes())?;
        let is_same = |tag: &Vec<u8>| weak(tag) == weak(own);
        Some(read?.concat().iter().any(is_same))
    };
    let is_unmodified = if request.contains_key(header::IF_NONE_MATCH) {
        names(&header::IF_NONE_MATCH)?
    } else {
        date(request, &header::IF_MODIFIED_SINCE, NOON).zip(modified).is_some_and(|(since, own)| own <= since)
    };
    Some(if is_unmodified { StatusCode::NOT_MODIFIED } else { StatusCode::OK })
}

/// However a condition reads, a 304 is given only to who names the very tag, or a date.
fn never_by_a_guess(request: &HeaderMap, stored: &StoredResponse, status: StatusCode) {
    if status != StatusCode::NOT_MODIFIED || !request.contains_key(header::IF_NONE_MATCH) {
        return;
    }
    let etag = stored.etag();
    let opaque = etag.as_bytes().strip_prefix(b"W/").unwrap_or(etag.as_bytes());
    let is_named = |line: &HeaderValue| {
        let line = line.as_bytes();
        line.contains(&b'*') || opaque.is_empty() || line.windows(opaque.len()).any(|at| at == opaque)
    };
    assert!(request.get_all(header::IF_NONE_MATCH).iter().any(is_named), "{request:?} {etag:?}");
}

/// A 304 has no content and what it must repeat; a 200 has all of it.
fn told_whole(stored: &StoredResponse, status: StatusCode, fields: &HeaderMap, content: &[u8]) {
    match status {
        StatusCode::NOT_MODIFIED => {
            assert!(content.is_empty() && fields.get(header::ETAG) == Some(&stored.etag()));
            assert_eq!(fields.get(header::DATE).cloned(), stored.fields().get(&header::DATE));
        }
        StatusCode::PRECONDITION_FAILED => assert!(content.is_empty() && !fields.contains_key(header::ETAG)),
        StatusCode::OK => assert_eq!(content, b"0123456789"),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {}
        other => panic!("{other}"),
    }
}

/// A part only where If-Range names the response strongly (RFC 9110 13.1.5).
fn range_by_condition(request: &HeaderMap, stored: &StoredResponse, status: StatusCode) {
    let cut = [StatusCode::PARTIAL_CONTENT, StatusCode::RANGE_NOT_SATISFIABLE].contains(&status);
    let Some(condition) = request.get(header::IF_RANGE).filter(|_| cut) else { return };
    let etag = stored.etag();
    let by_tag = condition == etag && !etag.as_bytes().starts_with(b"W/");
    let by_date = stored.fields().get(&header::LAST_MODIFIED).is_some_and(|own| own == condition);
    assert!(by_tag || by_date, "{request:?}");
}
