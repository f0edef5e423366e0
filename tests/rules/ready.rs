//! A hit that goes the short way is what the long way, and hyper, make of it: the same lines and the same content. Only the order of
//! lines of different names may differ.

use super::exchanges::{NOON, stored};
use super::hyper_server::served;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::cell::RefCell;
use std::time::Duration;
use vitrine::accept::Limits;
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::coding::Coding;
use vitrine::csrf::CookieForm;
use vitrine::headers::X_REQUEST_ID;
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::respond;
use vitrine::stored::{
    Coded, CodedForm, FieldBlock, Lifetime, LifetimeFrom, Packed, Parts, Piece, StoredBody, StoredResponse,
};

/// What the outside adds to either.
const ID: &str = "req-1";

/// Fields that one of the two ways could treat in a way of its own, with values that belong there.
const SPECIAL: [(&str, &[&str]); 28] = [
    ("cache-control", &["max-age=60", "public, max-age=600", "no-cache", "private"]),
    ("expires", &["Wed, 25 Nov 2026 12:00:00 GMT", "0"]),
    ("pragma", &["no-cache"]),
    ("age", &["0", "7200", "odd"]),
    ("etag", &["\"1\"", "W/\"1\"", "\"2\"", "odd", ""]),
    ("vary", &["accept-language", "Accept-Encoding", "cookie, Accept", "COOKIE", "", "*"]),
    ("via", &["1.1 upstream", "1.0 a, 1.1 b"]),
    ("cache-status", &["upstream; hit", "upstream; fwd=miss"]),
    ("x-cache", &["HIT from elsewhere"]),
    ("x-request-id", &["of-the-origin"]),
    ("content-encoding", &["gzip"]),
    ("content-type", &["text/html; charset=utf-8"]),
    ("content-language", &["de"]),
    ("content-location", &["/products/1.html"]),
    ("accept-ranges", &["bytes", "none"]),
    ("content-digest", &["sha-256=:AA==:"]),
    ("content-md5", &["AA=="]),
    ("digest", &["sha-256=AA=="]),
    ("repr-digest", &["sha-256=:AA==:"]),
    ("surrogate-control", &["max-age=60"]),
    ("cdn-cache-control", &["max-age=60"]),
    ("shop-cache-control", &["max-age=60"]),
    ("edge-control", &["max-age=60"]),
    ("x-accel-expires", &["60"]),
    ("set-cookie", &["seen=1", "theme=dark; Path=/"]),
    ("last-modified", &["Mon, 23 Nov 2026 12:00:00 GMT", "yesterday"]),
    ("link", &["</a.css>; rel=preload", "</b.css>; rel=preload"]),
    ("server", &["shop"]),
];

/// A date, which every stored response has.
const DATES: [&str; 3] = ["Tue, 24 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 11:00:00 GMT", "odd"];

/// What of a request decides how a stored response is sent.
const ASKED: [(&str, &[&str]); 6] = [
    ("if-none-match", &["\"1\"", "W/\"1\"", "\"2\"", "\"0\", \"1\"", "*", "odd", ""]),
    ("if-modified-since", &["Mon, 23 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 11:30:00 GMT", "odd"]),
    ("accept-encoding", &["gzip, deflate, br, zstd", "gzip", "br;q=0.5, zstd", "identity", "*", "gzip;q=0", "odd;;"]),
    ("cache-control", &["no-transform", "max-age=0, No-Transform", "no-cache"]),
    ("range", &["bytes=0-1"]),
    ("accept", &["*/*"]),
];

const STATUSES: [u16; 18] = [200, 200, 200, 200, 203, 204, 205, 206, 299, 301, 302, 304, 308, 404, 404, 410, 500, 503];

fn a_line(of: &'static [(&'static str, &'static [&'static str])]) -> impl Strategy<Value = (HeaderName, HeaderValue)> {
    let any = vec(prop_oneof![9 => 0x20..0x7f_u8, 1 => 0x80..=0xff_u8], 1..20);
    let any = any.prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap());
    select(of).prop_flat_map(move |(name, values)| {
        let known = select(values).prop_map(HeaderValue::from_static);
        (Just(HeaderName::from_static(name)), prop_oneof![9 => known, 1 => any.clone()])
    })
}

fn response_fields() -> impl Strategy<Value = HeaderMap> {
    (vec(a_line(&SPECIAL), 0..12), select(&DATES), any::<prop::sample::Index>()).prop_map(|(mut lines, date, at)| {
        lines.insert(at.index(lines.len() + 1), (header::DATE, HeaderValue::from_static(date)));
        lines.into_iter().collect()
    })
}

fn coded_forms() -> impl Strategy<Value = Coded> {
    let all = vec![(Coding::Brotli, "in br"), (Coding::Zstd, "in zstd"), (Coding::Gzip, "gz")];
    let forms = subsequence(all, 0..=3).prop_map(|forms| {
        let whole = |(coding, text): (Coding, &str)| CodedForm::Whole(coding, Bytes::copy_from_slice(text.as_bytes()));
        Coded::Made(forms.into_iter().map(whole).collect())
    });
    let text = || Piece::Shared("a word ".repeat(200).into());
    let page = StoredBody::of_pieces(vec![text(), Piece::Token, text()]);
    let packed = Coded::Made([CodedForm::Packed(Packed::of(&page).unwrap())].into());
    prop_oneof![2 => Just(Coded::No), 1 => Just(Coded::Awaited), 6 => forms, 1 => Just(packed)]
}

fn body() -> impl Strategy<Value = StoredBody> {
    let tokens = StoredBody::of_pieces(vec![Piece::Shared("a".into()), Piece::Token]);
    let whole = |text: &str| Just(StoredBody::whole(Bytes::copy_from_slice(text.as_bytes())));
    prop_oneof![8 => whole("0123456789"), 1 => whole(""), 1 => whole(&"x".repeat(70_000)), 1 => Just(tokens)]
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    use LifetimeFrom::{Heuristic, Origin, Rule, RuleNegative};
    let from = select(&[Origin, Heuristic, Rule, RuleNegative][..]);
    (from, 0..100_000_000_u64).prop_map(|(from, initial_age_ms)| Lifetime {
        from,
        initial_age: Duration::from_millis(initial_age_ms),
        ..stored(&[], "").lifetime()
    })
}

fn stored_response() -> impl Strategy<Value = StoredResponse> {
    let cache = select(&CacheName::ALL[..]);
    let form_cookie = option::weighted(0.1, Just(CookieForm::usual("csrftoken")));
    (select(&STATUSES[..]), response_fields(), body(), coded_forms(), lifetime(), cache, form_cookie).prop_map(
        |(status, fields, body, coded, lifetime, cache, form_cookie)| {
            StoredResponse::of(Parts {
                status: StatusCode::from_u16(status).unwrap(),
                etag: fields.get(header::ETAG).cloned().unwrap_or_else(|| respond::etag_of_body(&body)),
                fields: FieldBlock::copy_of(&fields).unwrap(),
                body,
                coded,
                lifetime,
                cache,
                form_cookie,
                ..stored(&[], "").to_parts()
            })
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let kind = select(vec![
        (Kind::Hit, Reason::Fresh),
        (Kind::Hit, Reason::Fresh),
        (Kind::Stale, Reason::StaleWhileRevalidate),
        (Kind::Revalidated, Reason::Validated),
    ]);
    (kind, option::of(any::<i64>()))
        .prop_map(|((kind, reason), ttl_secs)| Outcome { ttl_secs, ..Outcome::new(kind, reason) })
}

/// An answer as it stands on the wire: its status line, its lines in order of their names, its content.
#[derive(Debug, PartialEq)]
struct Answer {
    status: Vec<u8>,
    lines: Vec<(Vec<u8>, Vec<u8>)>,
    content: Vec<u8>,
}

impl Answer {
    fn of(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let mut rest = &bytes[..end + 2];
        let mut lines = Vec::new();
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            lines.push(&rest[..end]);
            rest = &rest[end + 2..];
        }
        let status = lines.remove(0).to_vec();
        let parts = |line: &[u8]| {
            let colon = line.windows(2).position(|pair| pair == b": ").unwrap();
            (line[..colon].to_vec(), line[colon + 2..].to_vec())
        };
        let mut lines: Vec<_> = lines.into_iter().map(parts).collect();
        // Lines of one name keep their order.
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        Answer { status, lines, content: bytes[end + 4..].to_vec() }
    }
}

/// What hyper writes of the answer that the long way makes.
fn the_long_way(
    stored: &StoredResponse,
    method: &Method,
    request: &HeaderMap,
    outcome: &Outcome,
    now: Timestamp,
) -> Answer {
    let mut response = respond::stored(stored, None, method, request, outcome, now);
    response.headers_mut().insert(X_REQUEST_ID, HeaderValue::from_static(ID));
    let response = RefCell::new(Some(response));
    let asked = format!("{method} / HTTP/1.1\r\nhost: a\r\n\r\n");
    let (written, _) = served(asked.as_bytes(), &Limits::default(), |_| {
        std::future::ready(response.take().expect("it is asked once"))
    });
    Answer::of(&written)
}

/// Whether the short way can make it: nothing is asked for but the whole content, or that it has not changed.
fn is_for_the_short_way(stored: &StoredResponse, request: &HeaderMap, outcome: &Outcome) -> bool {
    let has_content = ![204, 205, 206, 304, 299].contains(&stored.status.as_u16());
    let is_whole = stored.body.tokens() == 0;
    has_content && is_whole && outcome.kind != Kind::Revalidated && !request.contains_key(header::RANGE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_short_way_says_what_the_long_way_says(
        stored in stored_response(),
        method in select(&[Method::GET, Method::GET, Method::HEAD][..]),
        lines in vec(a_line(&ASKED), 0..4),
        outcome in outcome(),
        later_ms in 0..1_000_000_u64,
    ) {
        let (request, now) = (HeaderMap::from_iter(lines), Timestamp(NOON.0 + later_ms));
        let mut head = b"what stood there\r\n\r\n".to_vec();
        let before = head.len();
        let whole = respond::ready(&stored, &method, &request, &outcome, now, &mut head);
        let is_packed = stored.forms().iter().any(|form| matches!(form, CodedForm::Packed(_)));
        prop_assert!(is_packed || whole.is_some() == is_for_the_short_way(&stored, &request, &outcome));
        let Some(whole) = whole else {
            prop_assert_eq!(head.len(), before, "something was written");
            return Ok(());
        };
        let end = format!("x-request-id: {ID}\r\n\r\n");
        let short = Answer::of(&[&head[before..], end.as_bytes(), &whole.body].concat());
        let long = the_long_way(&stored, &method, &request, &outcome, now);
        prop_assert_eq!(String::from_utf8_lossy(&short.status), format!("HTTP/1.1 {}", reason(whole.status)));
        prop_assert_eq!(short, long);
        prop_assert!(whole.body.is_empty() || whole.body == content_in(&stored, whole.coding));
    }
}

/// What is stored in a coding, or as it came.
fn content_in(stored: &StoredResponse, coding: Option<Coding>) -> Bytes {
    let Some(coding) = coding else { return Bytes::copy_from_slice(stored.body.pieces()[0].shared()) };
    let forms = stored.forms().iter();
    let own = forms.filter_map(|form| match form {
        CodedForm::Whole(own, bytes) => (*own == coding).then(|| bytes.clone()),
        CodedForm::Packed(_) => None,
    });
    own.last().unwrap_or_default()
}

fn reason(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap())
}
