//! The client's conditions, judged against a stored response (RFC 9110 13, RFC 9111 4.3.2).

use crate::policy::age::date;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// What the conditions come to: 304 or 412 in place of the response, or none of them.
pub(super) fn judge(
    method: &Method,
    request: &HeaderMap,
    etag: &HeaderValue,
    response: &HeaderMap,
    status: StatusCode,
) -> Option<StatusCode> {
    let conditions = [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];
    let has_none = !conditions.iter().any(|name| request.contains_key(name));
    // 13.2.1: conditions count where the response without them would be a success.
    if has_none || !status.is_success() || (method != Method::GET && method != Method::HEAD) {
        return None;
    }
    precondition_failed(request, etag, response).or_else(|| not_modified(request, etag, response))
}

/// 13.2.2, steps 1 and 2.
fn precondition_failed(request: &HeaderMap, etag: &HeaderValue, response: &HeaderMap) -> Option<StatusCode> {
    let failed = if request.contains_key(header::IF_MATCH) {
        !names(request, &header::IF_MATCH, |tag| strong_equal(tag, etag.as_bytes()))
    } else {
        let since = date(request, &header::IF_UNMODIFIED_SINCE);
        let modified = date(response, &header::LAST_MODIFIED);
        matches!((since, modified), (Some(since), Some(modified)) if modified > since)
    };
    failed.then_some(StatusCode::PRECONDITION_FAILED)
}

/// 13.2.2, steps 3 and 4: If-None-Match beats If-Modified-Since.
fn not_modified(request: &HeaderMap, etag: &HeaderValue, response: &HeaderMap) -> Option<StatusCode> {
    let unmodified = if request.contains_key(header::IF_NONE_MATCH) {
        names(request, &header::IF_NONE_MATCH, |tag| weak(tag) == weak(etag.as_bytes()))
    } else {
        let since = date(request, &header::IF_MODIFIED_SINCE);
        let modified = date(response, &header::LAST_MODIFIED);
        matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
    };
    unmodified.then_some(StatusCode::NOT_MODIFIED)
}

/// Whether If-Range allows a range: the same strong entity tag, or exactly the same date (13.1.5), where that is strong: at
/// least a second before the response was made (8.8.2.2).
pub(super) fn if_range_holds(request: &HeaderMap, etag: &HeaderValue, response: &HeaderMap) -> bool {
    let Some(condition) = request.get(header::IF_RANGE) else { return true };
    if strong_equal(condition.as_bytes(), etag.as_bytes()) {
        return true;
    }
    let modified = date(response, &header::LAST_MODIFIED);
    let is_strong = modified.zip(date(response, &header::DATE)).is_some_and(|(modified, made)| modified < made);
    is_strong && response.get(header::LAST_MODIFIED).is_some_and(|modified| modified == condition)
}

fn names(request: &HeaderMap, name: &HeaderName, matches: impl Fn(&[u8]) -> bool) -> bool {
    request.get_all(name).iter().flat_map(entity_tags).any(|tag| tag == b"*" || matches(tag))
}

/// The items of a list of entity tags. These are no quoted strings (8.8.3): a backslash escapes nothing, and there may be bytes
/// beyond ASCII.
fn entity_tags(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let items = line.as_bytes().split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    });
    items.map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty())
}

fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn strong_equal(a: &[u8], b: &[u8]) -> bool {
    a == b && !a.starts_with(b"W/")
}
