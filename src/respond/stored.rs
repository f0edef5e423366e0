//! A response from the cache (RFC 9111 4, 5.1): the stored fields, its age, and as much of it as the client asks for.

use super::conditional::{Selected, if_range_holds, is_unmodified, modified};
use super::range::{Asked, asked};
use super::{Keeper, sign, tell_browser, vary_on};
use crate::body::Body;
use crate::clock::Timestamp;
use crate::crypto;
use crate::csrf::Splice;
use crate::headers::{AcceptedCodings, Fields, list_items};
use crate::outcome::{Kind, Outcome};
use crate::stored::{CodedForm, Piece, StoredBody, StoredResponse, TOKEN_BYTES};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use std::ops::Range;

/// The stored fields that describe the whole content, or say for how long it is good: not those of an error.
const FIELDS_OF_CONTENT: [HeaderName; 6] = [
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::EXPIRES,
    header::LAST_MODIFIED,
];

/// What was told of the content's bytes as they came.
pub(super) const CHECKSUMS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Pieces that are copied are shorter than this: to copy so much costs about as much as to send one piece more.
const COPIED_BYTES_MAX: usize = 8 * 1024;

/// What stands for a token in a page that is for no visitor.
static NO_TOKEN: Bytes = Bytes::from_static(&[b'0'; TOKEN_BYTES]);

/// The fields that a 304 repeats (RFC 9110 15.4.5), and Age.
pub(super) const FIELDS_OF_304: [HeaderName; 7] = [
    header::AGE,
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::VARY,
];

/// The answer to a request from a stored response; `own` is what of it is the visitor's alone, where it has places for that.
pub fn stored(
    stored: &StoredResponse,
    own: Option<&Splice>,
    method: &Method,
    request: &HeaderMap,
    outcome: &Outcome,
    now: Timestamp,
) -> Response<Body> {
    let (mut fields, lifetime) = (stored.fields().to_map(), stored.lifetime());
    let form = form_for(stored, own, method, request);
    let etag = match (own, form) {
        (Some(own), _) => etag_of_visitor(stored, own),
        (None, Some(_)) => weak(&stored.etag()),
        (None, None) => stored.etag(),
    };
    if stored.is_negotiated() {
        vary_on_coding(&mut fields);
    }
    let is_unmodified = {
        // A page with places for what is a visitor's own was made when they ask for it.
        let is_asked = own.is_none() && request.contains_key(header::IF_MODIFIED_SINCE);
        let modified = is_asked.then(|| modified(&fields, now)).flatten();
        let selected = Selected { status: stored.status, etag: etag.as_bytes(), modified };
        is_unmodified(method, request, &selected, now)
    };
    tell_browser(&mut fields, Keeper::of(stored, lifetime.from));
    fields.insert(header::ETAG, etag);
    // Age says that the origin was not asked for this answer (RFC 9111 5.1): what it just validated has none but what came with
    // its 304.
    if outcome.kind != Kind::Revalidated || fields.contains_key(header::AGE) {
        fields.insert(header::AGE, HeaderValue::from(lifetime.age(now).as_secs()));
    }
    let (status, body) = match form {
        _ if is_unmodified => {
            fields = only(&fields, &FIELDS_OF_304);
            (StatusCode::NOT_MODIFIED, Body::empty())
        }
        Some(form) => coded_content(stored, form, own, method, &mut fields),
        None => content(stored, own, method, request, &mut fields, now),
    };
    if let Some(line) = own.and_then(Splice::set_cookie).filter(|_| !is_unmodified) {
        fields.append(header::SET_COOKIE, line.clone());
    }
    sign(&mut fields, outcome);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}

/// A strong entity tag for a body to which the origin gave none. Where tokens stand counts, and not what they are.
pub fn etag_of_body(body: &StoredBody) -> HeaderValue {
    let pieces = body.pieces().iter();
    let parts: Vec<&[u8]> =
        pieces.map(|piece| if *piece == Piece::Token { &NO_TOKEN[..] } else { piece.shared() }).collect();
    text(format!("\"v-{}\"", crypto::hex(&crypto::checksum_128(&parts).to_be_bytes())))
}

/// Those who keep answers on the way have to keep those of a content with coded forms apart: this one and all others of it.
pub fn vary_on_coding(fields: &mut HeaderMap) {
    vary_on(fields, "Accept-Encoding");
}

/// The coded form that suits best, where one is better than the content as it is. A range is of the content as it is: parts of two
/// compressions do not fit together. HEAD knows no ranges (RFC 9110 14.2).
pub(super) fn form_for<'a>(
    stored: &'a StoredResponse,
    own: Option<&Splice>,
    method: &Method,
    request: &impl Fields,
) -> Option<&'a CodedForm> {
    let forms = stored.forms();
    let is_cut = || own.is_none() && method == Method::GET && request.has(&header::RANGE);
    // Without the field no coding is accepted; that is asked first because it costs the least.
    if forms.is_empty() || !request.has(&header::ACCEPT_ENCODING) || is_cut() || forbids_transformation(request) {
        return None;
    }
    let place = AcceptedCodings::of(request).best(forms.iter().map(CodedForm::coding))?;
    forms.get(place)
}

/// RFC 9111 5.2.1.6.
fn forbids_transformation(request: &impl Fields) -> bool {
    list_items(request, &header::CACHE_CONTROL).any(|directive| directive.eq_ignore_ascii_case("no-transform"))
}

fn coded_content(
    stored: &StoredResponse,
    form: &CodedForm,
    own: Option<&Splice>,
    method: &Method,
    fields: &mut HeaderMap,
) -> (StatusCode, Body) {
    fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(form.coding().as_str()));
    for name in CHECKSUMS.iter().chain([&header::ACCEPT_RANGES]) {
        fields.remove(name);
    }
    if method == Method::HEAD {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(form.len() as u64));
        return (stored.status, Body::empty());
    }
    let body = match form {
        CodedForm::Whole(_, bytes) => Body::whole(bytes.clone()),
        CodedForm::Packed(packed) => {
            let token = own.map_or(&NO_TOKEN, Splice::token);
            gathered(&packed.body, token, &packed.end(token))
        }
    };
    (stored.status, body)
}

/// Of another coding, it is another representation: the same only to whoever compares weakly (RFC 9110 8.8.3.3).
fn weak(etag: &HeaderValue) -> HeaderValue {
    let is_weak = etag.as_bytes().starts_with(b"W/");
    let weak = || HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat()).ok();
    if is_weak { etag.clone() } else { weak().unwrap_or_else(|| etag.clone()) }
}

/// The page's, and the visitor's: with another secret it is another page. Weak, for each answer has another token of the same secret,
/// which is as good as the one before.
fn etag_of_visitor(stored: &StoredResponse, own: &Splice) -> HeaderValue {
    let whole = crypto::checksum_128(&[stored.etag().as_bytes(), own.seal()]);
    text(format!("W/\"v-{whole:032x}\""))
}

fn only(fields: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(16);
    for name in names {
        for value in fields.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// The content that is asked for, with the fields that describe it.
fn content(
    stored: &StoredResponse,
    own: Option<&Splice>,
    method: &Method,
    request: &HeaderMap,
    fields: &mut HeaderMap,
    now: Timestamp,
) -> (StatusCode, Body) {
    let length = stored.body.len() as u64;
    if method == Method::HEAD {
        // RFC 9110 8.6: never with a 204.
        if stored.status != StatusCode::NO_CONTENT {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        return (stored.status, Body::empty());
    }
    if let Some(own) = own {
        // Parts of two answers would not fit together: a range is not for such a page.
        return (stored.status, gathered(&stored.body, own.token(), &[]));
    }
    let may_cut = stored.status == StatusCode::OK
        && request.contains_key(header::RANGE)
        && if_range_holds(request, &stored.etag(), fields, stored.is_negotiated(), now);
    match if may_cut { asked(request, length) } else { Asked::Whole } {
        Asked::Nothing => {
            for name in &FIELDS_OF_CONTENT {
                fields.remove(name);
            }
            fields.insert(header::CONTENT_RANGE, text(format!("bytes */{length}")));
            fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            (StatusCode::RANGE_NOT_SATISFIABLE, Body::empty())
        }
        Asked::Parts(parts) if parts.len() == 1 => {
            fields.insert(header::CONTENT_RANGE, text(content_range(&parts[0], length)));
            (StatusCode::PARTIAL_CONTENT, Body::pieces(cut(&stored.body, &parts[0])))
        }
        // A multipart body is not in the content's coding, and could not say so.
        Asked::Parts(parts) if !fields.contains_key(header::CONTENT_ENCODING) => {
            (StatusCode::PARTIAL_CONTENT, several(stored, &parts, length, fields))
        }
        Asked::Whole | Asked::Parts(_) => (stored.status, whole(&stored.body)),
    }
}

/// Several parts (RFC 9110 14.6). What stands between them is random to whoever wrote the content.
fn several(stored: &StoredResponse, parts: &[Range<u64>], length: u64, fields: &mut HeaderMap) -> Body {
    let boundary = format!("vitrine-{:016x}", stored.generation);
    let of_type = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let of_type = of_type.map(|value| format!("Content-Type: {value}\r\n")).unwrap_or_default();
    let mut pieces = Vec::new();
    for part in parts {
        let range = content_range(part, length);
        pieces.push(Bytes::from(format!("\r\n--{boundary}\r\n{of_type}Content-Range: {range}\r\n\r\n")));
        pieces.extend(cut(&stored.body, part));
    }
    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    fields.insert(header::CONTENT_TYPE, text(format!("multipart/byteranges; boundary={boundary}")));
    Body::pieces(pieces)
}

fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1))
}

fn text(text: String) -> HeaderValue {
    // Digits and fixed words are always a field value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn whole(body: &StoredBody) -> Body {
    match body.pieces() {
        [Piece::Shared(bytes)] => Body::whole(bytes.clone()),
        _ => Body::pieces(pieces(body).collect()),
    }
}

fn pieces(body: &StoredBody) -> impl Iterator<Item = Bytes> {
    body.pieces().iter().map(|piece| match piece {
        Piece::Shared(bytes) => bytes.clone(),
        Piece::Token => NO_TOKEN.clone(),
    })
}

/// A body with a token in its places, and an end. Large pieces are sent as they are; small ones are copied together, because each
/// piece on its own costs the connection more than that.
fn gathered(body: &StoredBody, token: &[u8], end: &[u8]) -> Body {
    let is_small = |piece: &&Piece| piece.len() < COPIED_BYTES_MAX;
    let small: usize = body.pieces().iter().filter(is_small).map(Piece::len).sum();
    let mut copied = BytesMut::with_capacity(small + end.len());
    let mut pieces = Vec::new();
    for piece in body.pieces() {
        match piece {
            Piece::Shared(bytes) if bytes.len() >= COPIED_BYTES_MAX => {
                pieces.push(copied.split().freeze());
                pieces.push(bytes.clone());
            }
            Piece::Shared(bytes) => copied.extend_from_slice(bytes),
            Piece::Token => copied.extend_from_slice(token),
        }
    }
    copied.extend_from_slice(end);
    if pieces.is_empty() {
        return Body::whole(copied);
    }
    pieces.push(copied.freeze());
    Body::pieces(pieces)
}

/// The bytes of a range, none of them copied.
fn cut(body: &StoredBody, part: &Range<u64>) -> Vec<Bytes> {
    // A stored body is in memory, and its range lies within it.
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let (mut from, mut to) = (place(part.start), place(part.end));
    let mut out = Vec::new();
    for piece in pieces(body) {
        let (start, end) = (from.min(piece.len()), to.min(piece.len()));
        if start < end {
            out.push(piece.slice(start..end));
        }
        from = from.saturating_sub(piece.len());
        to = to.saturating_sub(piece.len());
    }
    out
}
