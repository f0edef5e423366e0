//! A response from the cache as it stands on the wire, put together in one pass over the stored fields: what [`super::stored`] makes,
//! where nothing but the whole content, or that it has not changed, is asked for.
//!
//! Both say the same, line for line; `tests/rules/ready.rs` holds them beside each other.

use super::conditional::{Selected, is_unmodified, modified};
use super::stored::{CHECKSUMS, FIELDS_OF_304, form_for};
use super::{Keeper, is_for_caches, put_cache_status, x_cache};
use crate::clock::Timestamp;
use crate::coding::Coding;
use crate::digits::put_decimal;
use crate::headers::{Fields, list_items};
use crate::outcome::{Kind, Outcome};
use crate::stored::{CodedForm, Piece, StoredResponse};
use bytes::Bytes;
use http::{HeaderName, Method, StatusCode, header};

/// What was put together.
#[derive(Debug)]
pub struct Whole {
    /// The status.
    pub status: StatusCode,
    /// The content; empty where none is sent.
    pub body: Bytes,
    /// The coding that the content was given here.
    pub coding: Option<Coding>,
}

/// Writes the head of an answer to the end of `head`, whole but for the empty line, and gives its content. None, and nothing is
/// written, where the long way has to be taken: what is stored has places for what is a visitor's own, say.
pub fn ready(
    stored: &StoredResponse,
    method: &Method,
    request: &impl Fields,
    outcome: &Outcome,
    now: Timestamp,
    head: &mut Vec<u8>,
) -> Option<Whole> {
    let plain = match stored.body.pieces() {
        [] => None,
        [Piece::Shared(bytes)] => Some(bytes),
        _ => return None,
    };
    if outcome.kind == Kind::Revalidated || !is_ordinary(stored.status) || request.has(&header::RANGE) {
        return None;
    }
    let (form, content) = match form_for(stored, None, method, request) {
        None => (None, plain),
        Some(form @ CodedForm::Whole(_, bytes)) => (Some(form), Some(bytes)),
        Some(CodedForm::Packed(_)) => return None,
    };
    let etag = stored.etag_bytes();
    let view = stored.field_view();
    let modified = request.has(&header::IF_MODIFIED_SINCE).then(|| modified(&view, now)).flatten();
    // Tags are compared weakly here: that a coded form's is weak makes no difference.
    let selected = Selected { status: stored.status, etag, modified };
    let is_unmodified = is_unmodified(method, request, &selected, now);
    let status = if is_unmodified { StatusCode::NOT_MODIFIED } else { stored.status };

    let reason = status.canonical_reason()?;
    put(head, &[b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"]);
    let shown = Shown { stored, keeper: Keeper::of(stored, stored.lifetime().from), form, is_unmodified };
    shown.write_fields(head);
    let weakened: &[u8] = if form.is_some() && !etag.starts_with(b"W/") { b"W/" } else { b"" };
    put(head, &[b"etag: ", weakened, etag, b"\r\n"]);
    put_number(head, b"age: ", stored.lifetime().age(now).as_secs());
    if !is_unmodified {
        if let Some(form) = form {
            put(head, &[b"content-encoding: ", form.coding().as_str().as_bytes(), b"\r\n"]);
        }
        put_number(head, b"content-length: ", content.map_or(0, Bytes::len) as u64);
    }
    put(head, &[b"via: 1.1 vitrine\r\ncache-status: "]);
    put_cache_status(head, outcome);
    put(head, &[b"\r\nx-cache: ", x_cache(outcome).as_bytes(), b"\r\n"]);
    let is_sent = !is_unmodified && method != Method::HEAD;
    let body = content.filter(|_| is_sent).cloned().unwrap_or_default();
    Some(Whole { status, body, coding: form.map(CodedForm::coding) })
}

/// What of a stored response is shown.
struct Shown<'a> {
    stored: &'a StoredResponse,
    keeper: Keeper,
    form: Option<&'a CodedForm>,
    is_unmodified: bool,
}

impl Shown<'_> {
    /// The stored fields, and what takes their place for those further on.
    fn write_fields(&self, head: &mut Vec<u8>) {
        let view = self.stored.field_view();
        for (name, value) in view.iter().filter(|(name, _)| self.keeps(name)) {
            put(head, &[name, b": ", value, b"\r\n"]);
        }
        if let Some(told) = self.keeper.told_to_browser() {
            put(head, &[b"cache-control: ", told.as_bytes(), b"\r\n"]);
        }
        let varies_on = |name: &str| list_items(&view, &header::VARY).any(|own| own.eq_ignore_ascii_case(name));
        if self.stored.is_negotiated() && !varies_on("Accept-Encoding") {
            put(head, &[b"vary: Accept-Encoding\r\n"]);
        }
        if self.keeper == Keeper::Visitor && !varies_on("Cookie") {
            put(head, &[b"vary: Cookie\r\n"]);
        }
    }

    /// Whether a stored field is sent as it is: not if something of ours stands in its place.
    fn keeps(&self, name: &[u8]) -> bool {
        let is_among = |names: &[HeaderName]| names.iter().any(|own| own.as_str().as_bytes() == name);
        let is_told_anew = self.keeper.told_to_browser().is_some();
        match name {
            b"age" | b"etag" | b"x-cache" | b"x-request-id" => false,
            b"cache-control" | b"expires" | b"pragma" if is_told_anew => false,
            b"content-encoding" | b"accept-ranges" if self.form.is_some() => false,
            _ if self.form.is_some() && is_among(&CHECKSUMS) => false,
            _ if self.keeper == Keeper::Visitor && str::from_utf8(name).is_ok_and(is_for_caches) => false,
            _ => !self.is_unmodified || is_among(&FIELDS_OF_304),
        }
    }
}

/// Whether a status is one whose answer has a content and a length like any other.
fn is_ordinary(status: StatusCode) -> bool {
    let is_special = matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
    );
    !is_special && !status.is_informational() && status.canonical_reason().is_some()
}

fn put(head: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        head.extend_from_slice(part);
    }
}

fn put_number(head: &mut Vec<u8>, name: &[u8], number: u64) {
    head.extend_from_slice(name);
    put_decimal(head, number);
    head.extend_from_slice(b"\r\n");
}
