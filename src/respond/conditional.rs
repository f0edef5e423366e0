//! The client's conditions, judged against a stored response (RFC 9110 13, RFC 9111 4.3.2).

use crate::clock::Timestamp;
use crate::headers::{Fields, tag_items};
use crate::policy::age::date;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// The stored representation that a request selects.
pub(super) struct Selected<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its entity tag: the origin's or ours.
    pub etag: &'a [u8],
    /// When it was last modified; none where that is not known.
    pub modified: Option<Timestamp>,
}

/// When a response was last modified: when it says, else at the latest when it was made (RFC 9111 4.3.2).
pub(super) fn modified(fields: &impl Fields, now: Timestamp) -> Option<Timestamp> {
    let told = if fields.has(&header::LAST_MODIFIED) { header::LAST_MODIFIED } else { header::DATE };
    date(fields, &told, now)
}

/// Whether the client has what is selected already, so that 304 takes its place: If-None-Match beats If-Modified-Since (13.2.2,
/// steps 3 and 4). If-Match and If-Unmodified-Since are not for a cache to judge (RFC 9111 4.3.2).
pub(super) fn is_unmodified(method: &Method, request: &impl Fields, selected: &Selected<'_>, now: Timestamp) -> bool {
    // 13.2.1: conditions count where the response without them would be a success.
    if !selected.status.is_success() || (method != Method::GET && method != Method::HEAD) {
        return false;
    }
    if request.has(&header::IF_NONE_MATCH) {
        return names(request, &header::IF_NONE_MATCH, |tag| weak(tag) == weak(selected.etag));
    }
    let since = date(request, &header::IF_MODIFIED_SINCE, now);
    matches!((since, selected.modified), (Some(since), Some(modified)) if modified <= since)
}

/// Whether If-Range allows a range: the same strong entity tag, or exactly the same date (13.1.5), where that is strong: at
/// least a second before the response was made (8.8.2.2). Where a content is sent in several codings, all of them have that date,
/// and whoever names it may hold a part of another one.
pub(super) fn if_range_holds(
    request: &HeaderMap,
    etag: &HeaderValue,
    response: &HeaderMap,
    is_negotiated: bool,
    now: Timestamp,
) -> bool {
    let Some(condition) = request.get(header::IF_RANGE) else { return true };
    if strong_equal(condition.as_bytes(), etag.as_bytes()) {
        return true;
    }
    let modified = date(response, &header::LAST_MODIFIED, now);
    let made = date(response, &header::DATE, now);
    let is_strong = !is_negotiated && modified.zip(made).is_some_and(|(modified, made)| modified < made);
    is_strong && response.get(header::LAST_MODIFIED).is_some_and(|modified| modified == condition)
}

/// Whether a list of entity tags has one that matches, or is `*`. Tags are bytes, whatever stands in them (8.8.3).
fn names(request: &impl Fields, name: &HeaderName, matches: impl Fn(&[u8]) -> bool) -> bool {
    tag_items(request, name).any(|tag| tag == b"*" || matches(tag))
}

fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn strong_equal(a: &[u8], b: &[u8]) -> bool {
    a == b && !a.starts_with(b"W/")
}
