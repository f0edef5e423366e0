//! Responses as they leave: from what is stored, with the client's conditions (RFC 9110 13) and ranges (14), and streaming.

use super::exchanges::{Lines, NOON, fields, stored};
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use std::time::Duration;
use vitrine::body::Body;
use vitrine::clock::Timestamp;
use vitrine::coding::Coding;
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::respond::{self, Keeper};
use vitrine::stored::{Coded, CodedForm, Lifetime, LifetimeFrom, Parts, StoredBody, StoredResponse};

const HIT: Outcome = Outcome::new(Kind::Hit, Reason::Fresh);
/// Noon as a date field has it.
const NOON_DATE: &str = "Tue, 24 Nov 2026 12:00:00 GMT";
const MODIFIED: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
const BODY: &str = "0123456789";

/// A page with an entity tag, a modification date and a day's lifetime.
fn page() -> StoredResponse {
    let lines = [
        ("content-type", "text/plain"),
        ("etag", "\"1\""),
        ("last-modified", MODIFIED),
        ("date", NOON_DATE),
        ("cache-control", "max-age=86400"),
        ("expires", "Wed, 25 Nov 2026 12:00:00 GMT"),
        ("vary", "accept-language"),
        ("content-location", "/products/1.html"),
        ("link", "a"),
        ("link", "b"),
        ("via", "1.1 upstream"),
        ("cache-status", "upstream; hit"),
    ];
    stored(&lines, BODY)
}

fn ask(stored: &StoredResponse, method: &Method, lines: Lines<'_>) -> (StatusCode, HeaderMap, String) {
    let now = Timestamp(NOON.0 + 7_999);
    read(respond::stored(stored, None, method, &fields(lines), &HIT, now))
}

fn read(response: Response<Body>) -> (StatusCode, HeaderMap, String) {
    let (head, body) = response.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

fn all(map: &HeaderMap, name: &str) -> Vec<String> {
    map.get_all(name).iter().map(|value| value.to_str().unwrap().to_string()).collect()
}

#[test]
fn a_hit_gives_the_stored_fields_an_age_and_a_signature() {
    let (status, fields, body) = ask(&page(), &Method::GET, &[]);
    assert_eq!((status, body.as_str()), (StatusCode::OK, BODY));
    assert_eq!(all(&fields, "link"), ["a", "b"]);
    assert_eq!(all(&fields, "age"), ["7"], "whole seconds, floored");
    assert_eq!(all(&fields, "date"), [NOON_DATE]);
    assert_eq!(all(&fields, "via"), ["1.1 upstream", "1.1 vitrine"]);
    assert_eq!(all(&fields, "cache-status"), ["upstream; hit", "vitrine; hit"]);
    assert_eq!(all(&fields, "x-cache"), ["HIT"]);
    assert_eq!(all(&fields, "cache-control"), ["max-age=86400"]);
    assert_eq!(all(&fields, "etag"), ["\"1\""]);
    let lifetime = Lifetime { initial_age: Duration::from_millis(3_001), ..page().lifetime() };
    let aged = StoredResponse::of(Parts { lifetime, ..page().to_parts() });
    assert_eq!(all(&ask(&aged, &Method::GET, &[]).1, "age"), ["11"]);
}

#[test]
fn head_has_the_length_and_no_body() {
    let (status, fields, body) = ask(&page(), &Method::HEAD, &[("range", "bytes=0-1")]);
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    assert_eq!(all(&fields, "content-length"), ["10"]);
    let empty = StoredResponse::of(Parts { status: StatusCode::NO_CONTENT, ..stored(&[], "").to_parts() });
    assert!(!ask(&empty, &Method::HEAD, &[]).1.contains_key("content-length"));
}

#[test]
fn where_the_rule_gave_the_lifetime_browsers_are_to_ask() {
    for from in [LifetimeFrom::Rule, LifetimeFrom::RuleNegative] {
        let lifetime = Lifetime { from, ..page().lifetime() };
        let ruled = StoredResponse::of(Parts { lifetime, ..page().to_parts() });
        for (status, lines) in [(200, &[][..]), (304, &[("if-none-match", "\"1\"")])] {
            let (got, fields, _) = ask(&ruled, &Method::GET, lines);
            assert_eq!(got.as_u16(), status);
            assert_eq!(all(&fields, "cache-control"), ["no-cache"]);
            assert!(!fields.contains_key("expires"));
        }
    }
}

#[test]
fn conditions_are_judged_in_the_order_of_13_2_2() {
    let earlier = "Mon, 23 Nov 2026 11:59:59 GMT";
    let table: &[(Lines<'_>, u16)] = &[
        (&[("if-none-match", "\"1\"")], 304),
        (&[("if-none-match", "W/\"1\"")], 304),
        (&[("if-none-match", "\"0\", \"a,b\" , W/\"1\"")], 304),
        (&[("if-none-match", "\"0\""), ("if-none-match", "\"1\"")], 304),
        // RFC 9110 8.8.3: in an entity tag a backslash is a character like others.
        (&[("if-none-match", "\"a\\\", \"1\"")], 304),
        (&[("if-none-match", "\"\u{e9}\", \"1\"")], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"2\"")], 200),
        (&[("if-none-match", "1")], 200),
        (&[("if-none-match", "\"1")], 200),
        (&[("if-none-match", "")], 200),
        (&[("if-modified-since", MODIFIED)], 304),
        (&[("if-modified-since", "Monday, 23-Nov-26 12:00:00 GMT")], 304),
        (&[("if-modified-since", "Mon Nov 23 12:00:00 2026")], 304),
        (&[("if-modified-since", NOON_DATE)], 304),
        (&[("if-modified-since", earlier)], 200),
        (&[("if-modified-since", "yesterday")], 200),
        // If-None-Match beats If-Modified-Since, both ways.
        (&[("if-none-match", "\"2\""), ("if-modified-since", MODIFIED)], 200),
        (&[("if-none-match", "\"1\""), ("if-modified-since", earlier)], 304),
        (&[("if-none-match", "\"1\""), ("range", "bytes=0-1")], 304),
    ];
    for (lines, expected) in table {
        for method in [Method::GET, Method::HEAD] {
            let expected = *expected;
            let (status, fields, body) = ask(&page(), &method, lines);
            assert_eq!(status.as_u16(), expected, "{method} {lines:?}");
            assert!(status == StatusCode::OK || body.is_empty());
            assert_eq!(all(&fields, "x-cache"), ["HIT"]);
        }
    }
    let odd = stored(&[("etag", "odd")], BODY);
    assert_eq!(ask(&odd, &Method::GET, &[("if-none-match", "odd")]).0, StatusCode::NOT_MODIFIED, "compared as it is");
    let missing = StoredResponse::of(Parts { status: StatusCode::NOT_FOUND, ..page().to_parts() });
    assert_eq!(ask(&missing, &Method::GET, &[("if-none-match", "\"1\"")]).0, StatusCode::NOT_FOUND, "13.2.1");
}

#[test]
fn a_304_repeats_what_keeps_the_client_current_and_no_more() {
    let (_, fields, _) = ask(&page(), &Method::GET, &[("if-none-match", "\"1\"")]);
    let mut names: Vec<&str> = fields.keys().map(header::HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = [
        "age",
        "cache-control",
        "cache-status",
        "content-location",
        "date",
        "etag",
        "expires",
        "vary",
        "via",
        "x-cache",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_body_without_the_origins_tag_has_ours_and_it_is_the_bodys() {
    let tag = |body: &str| respond::etag_of_body(&StoredBody::whole(body.to_string().into()));
    assert_eq!(tag("a"), tag("a"));
    assert_ne!(tag("a"), tag("b"));
    let own = stored(&[], "a");
    let etag = own.etag();
    let sent = etag.to_str().unwrap();
    assert!(sent.starts_with('"') && sent.ends_with('"'), "strong");
    assert_eq!(ask(&own, &Method::GET, &[("if-none-match", sent)]).0, StatusCode::NOT_MODIFIED);
}

#[test]
fn one_range_is_cut_and_what_is_not_there_is_416() {
    let (status, fields, body) = ask(&page(), &Method::GET, &[("range", "bytes=2-4")]);
    assert_eq!((status, body.as_str()), (StatusCode::PARTIAL_CONTENT, "234"));
    assert_eq!(all(&fields, "content-range"), ["bytes 2-4/10"]);
    assert_eq!(all(&fields, "link"), ["a", "b"]);
    let beyond = [("range", "bytes=10-, 18446744073709551615-18446744073709551616")];
    assert_eq!(ask(&page(), &Method::GET, &beyond).0, StatusCode::RANGE_NOT_SATISFIABLE);
    let (status, fields, body) = ask(&page(), &Method::GET, &[("range", "bytes=10-")]);
    assert_eq!((status, body.as_str()), (StatusCode::RANGE_NOT_SATISFIABLE, ""));
    assert_eq!(all(&fields, "content-range"), ["bytes */10"]);
    assert_eq!(all(&fields, "cache-control"), ["no-store"], "an error is good for no day");
    let missing = StoredResponse::of(Parts { status: StatusCode::NOT_FOUND, ..page().to_parts() });
    assert_eq!(ask(&missing, &Method::GET, &[("range", "bytes=0-1")]).2, BODY, "only of a 200");
}

#[test]
fn several_ranges_are_parts_of_one_body() {
    let (status, fields, body) = ask(&page(), &Method::GET, &[("range", "bytes=0-1,-2")]);
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    let sent_type = &all(&fields, "content-type")[0];
    let boundary = sent_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, text: &str| {
        format!("\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {range}/10\r\n\r\n{text}")
    };
    assert_eq!(body, format!("{}{}\r\n--{boundary}--\r\n", part("0-1", "01"), part("8-9", "89")));
    assert!(!fields.contains_key("content-range"));
    let (status, _, body) = ask(&page(), &Method::GET, &[("range", "bytes=0-1,1-3,2-2")]);
    assert_eq!((status, body.as_str()), (StatusCode::PARTIAL_CONTENT, "0123"), "overlaps are one");
    let coded = stored(&[("content-encoding", "gzip")], BODY);
    let (status, _, body) = ask(&coded, &Method::GET, &[("range", "bytes=0-1,-2")]);
    assert_eq!((status, body.as_str()), (StatusCode::OK, BODY), "parts of what is coded are not themselves coded");
}

#[test]
fn if_range_wants_a_strong_validator() {
    let weak = stored(&[("etag", "W/\"1\""), ("last-modified", NOON_DATE), ("date", NOON_DATE)], BODY);
    let table = [
        (page(), "\"1\"", 206),
        (page(), "\"2\"", 200),
        (page(), "W/\"1\"", 200),
        (page(), MODIFIED, 206),
        (page(), NOON_DATE, 200),
        (page(), "Monday, 23-Nov-26 12:00:00 GMT", 200),
        (weak, "W/\"1\"", 200),
        // Changed within the second in which it was made: there may have been two.
        (stored(&[("last-modified", NOON_DATE), ("date", NOON_DATE)], BODY), NOON_DATE, 200),
        (stored(&[("etag", "odd")], BODY), "odd", 206),
    ];
    for (response, condition, expected) in table {
        let (status, ..) = ask(&response, &Method::GET, &[("range", "bytes=0-1"), ("if-range", condition)]);
        assert_eq!(status.as_u16(), expected, "{condition}");
    }
}

/// The page with two coded forms, of which one is in place of the other's bytes only to be told apart.
fn coded() -> StoredResponse {
    let forms = [(Coding::Brotli, "in br"), (Coding::Gzip, "gz")];
    let forms = forms.map(|(coding, text)| CodedForm::Whole(coding, text.into()));
    StoredResponse::of(Parts { coded: Coded::Made(forms.into()), ..page().to_parts() })
}

#[test]
fn of_the_coded_forms_the_right_one_is_sent_and_said_so() {
    let table: &[(Lines<'_>, u16, &str, &str)] = &[
        (&[], 200, BODY, "\"1\""),
        (&[("accept-encoding", "zstd")], 200, BODY, "\"1\""),
        (&[("accept-encoding", "gzip, br")], 200, "in br", "W/\"1\""),
        (&[("accept-encoding", "gzip, br;q=0.9")], 200, "gz", "W/\"1\""),
        (&[("accept-encoding", "br, identity")], 200, "in br", "W/\"1\""),
        (&[("accept-encoding", "br;q=0.5, identity")], 200, BODY, "\"1\""),
        (&[("accept-encoding", "identity;q=0, zstd")], 200, BODY, "\"1\""),
        (&[("accept-encoding", "br"), ("cache-control", "max-age=60, No-Transform")], 200, BODY, "\"1\""),
        (&[("accept-encoding", "br"), ("range", "bytes=0-1")], 206, "01", "\"1\""),
        (&[("accept-encoding", "br"), ("range", "bytes=99-")], 416, "", "\"1\""),
        (&[("accept-encoding", "br"), ("range", "bytes=0-1"), ("if-range", MODIFIED)], 200, BODY, "\"1\""),
        (&[("accept-encoding", "br"), ("range", "bytes=0-1"), ("if-range", "\"1\"")], 206, "01", "\"1\""),
        (&[("accept-encoding", "br"), ("if-none-match", "\"1\"")], 304, "", "W/\"1\""),
        (&[("accept-encoding", "br"), ("if-none-match", "W/\"1\"")], 304, "", "W/\"1\""),
        (&[("if-none-match", "W/\"1\"")], 304, "", "\"1\""),
        (&[("accept-encoding", "br"), ("if-modified-since", MODIFIED)], 304, "", "W/\"1\""),
    ];
    for (lines, expected, body, etag) in table {
        let (status, fields, sent) = ask(&coded(), &Method::GET, lines);
        assert_eq!((status.as_u16(), sent.as_str()), (*expected, *body), "{lines:?}");
        assert_eq!(
            (all(&fields, "etag"), all(&fields, "vary").concat()),
            (vec![(*etag).into()], "accept-languageAccept-Encoding".into())
        );
        let said = match *body {
            "in br" => vec!["br"],
            "gz" => vec!["gzip"],
            _ => vec![],
        };
        assert_eq!(all(&fields, "content-encoding"), said, "{lines:?}");
    }
}

#[test]
fn head_tells_the_length_of_the_form_that_get_would_send() {
    for (accepted, length) in [("br", "5"), ("gzip", "2"), ("zstd", "10")] {
        let lines = [("accept-encoding", accepted), ("range", "bytes=0-1")];
        let (status, fields, body) = ask(&coded(), &Method::HEAD, &lines);
        assert_eq!((status, body.as_str(), all(&fields, "content-length")), (StatusCode::OK, "", vec![length.into()]));
    }
}

#[test]
fn what_awaits_its_forms_says_so_to_those_on_the_way() {
    for (coded, said) in [(Coded::No, false), (Coded::Awaited, true), (Coded::Made([].into()), true)] {
        let own = StoredResponse::of(Parts { coded, ..page().to_parts() });
        let (status, fields, body) = ask(&own, &Method::GET, &[("accept-encoding", "br")]);
        assert_eq!((status, body.as_str()), (StatusCode::OK, BODY));
        assert_eq!(all(&fields, "vary").contains(&"Accept-Encoding".to_string()), said);
        assert_eq!(all(&fields, "etag"), ["\"1\""]);
    }
}

#[test]
fn what_streams_through_is_signed_and_keeps_its_age() {
    let upstream = [
        ("age", "7200"),
        ("via", "1.1 upstream"),
        ("cache-status", "upstream; fwd=miss"),
        ("x-cache", "HIT from elsewhere"),
        ("cache-control", "max-age=9000"),
        ("surrogate-key", "products"),
    ];
    let outcome = Outcome { fwd_status: Some(200), ..Outcome::new(Kind::Miss, Reason::NotStored) };
    let stream = |from| {
        let (body, fields) = (Body::whole("x"), fields(&upstream));
        read(respond::streaming(StatusCode::OK, fields, body, &outcome, from))
    };
    let (status, fields, body) = stream(None);
    assert_eq!((status, body.as_str()), (StatusCode::OK, "x"));
    assert_eq!(all(&fields, "age"), ["7200"]);
    assert_eq!(all(&fields, "via"), ["1.1 upstream", "1.1 vitrine"]);
    assert_eq!(all(&fields, "cache-status"), ["upstream; fwd=miss", "vitrine; fwd=uri-miss; fwd-status=200"]);
    assert_eq!(all(&fields, "x-cache"), ["MISS"]);
    assert_eq!(all(&fields, "cache-control"), ["max-age=9000"]);
    assert!(!fields.contains_key("surrogate-key"), "tags are between the shop and its caches");
    assert_eq!(all(&stream(Some(Keeper::Shared(LifetimeFrom::Origin))).1, "cache-control"), ["max-age=9000"]);
    assert_eq!(all(&stream(Some(Keeper::Shared(LifetimeFrom::Rule))).1, "cache-control"), ["no-cache"]);
    let own = stream(Some(Keeper::Visitor)).1;
    assert_eq!(all(&own, "cache-control"), ["private, no-cache"]);
    assert_eq!(all(&own, "vary"), ["Cookie"]);
}

#[test]
fn l7_an_error_page_says_its_sentence_and_is_kept_by_nobody() {
    let outcome = Outcome::new(Kind::Error, Reason::OriginTimeout);
    let message = "The shop <took> too long & \"gave up\".";
    let (status, fields, body) = read(respond::error(StatusCode::GATEWAY_TIMEOUT, &outcome, message));
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(all(&fields, "cache-control"), ["no-store"]);
    assert_eq!(all(&fields, "cache-status"), ["vitrine; detail=origin-timeout"]);
    assert!(body.contains("The shop &lt;took&gt; too long &amp; &quot;gave up&quot;."));
}
