//! RFC 9111 4.4 and RFC 9875: which URLs and groups an unsafe method lets go, and which tags a response bears.

use super::exchanges::{Lines, fields};
use http::{Method, StatusCode};
use vitrine::key::{Scheme, Target};
use vitrine::policy::{groups, invalidation};
use vitrine::tags::Tag;

fn target() -> Target {
    Target { scheme: Scheme::Https, host: "shop.example".into(), path: "/a/b".into(), query: Some("q=1".into()) }
}

/// The paths and queries that are let go; each of them of the target's own host.
fn let_go(method: &str, answer: Option<(u16, Lines<'_>)>) -> Vec<String> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let answer = answer.map(|(status, lines)| (StatusCode::from_u16(status).unwrap(), fields(lines)));
    let answer = answer.as_ref().map(|(status, fields)| (*status, fields));
    let urls = invalidation::targets(&method, &target(), answer, false);
    assert!(urls.iter().all(|url| url.host.as_deref() == Some("shop.example")));
    let text = |query: Option<Box<str>>| query.map(|query| format!("?{query}")).unwrap_or_default();
    urls.into_iter().map(|url| format!("{}{}", url.path, text(url.query))).collect()
}

#[test]
fn unsafe_methods_let_their_url_go_unless_they_were_refused() {
    for method in ["POST", "PUT", "PATCH", "DELETE", "FROB"] {
        for status in [200, 204, 201, 301, 303, 399] {
            assert_eq!(let_go(method, Some((status, &[]))), ["/a/b?q=1"], "{method} {status}");
        }
        for status in [400, 404, 500, 503] {
            assert!(let_go(method, Some((status, &[]))).is_empty(), "{method} {status}");
        }
        assert_eq!(let_go(method, None), ["/a/b?q=1"], "no answer may be a change");
    }
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert!(let_go(method, Some((200, &[("content-location", "/x")]))).is_empty(), "{method}");
    }
}

#[test]
fn what_the_answer_names_goes_too_where_it_is_of_the_same_host() {
    let table = [
        ("/x", Some("/x")),
        ("/x?y=z", Some("/x?y=z")),
        ("/go?to=http://other.example/", Some("/go?to=http://other.example/")),
        ("https://shop.example/x", Some("/x")),
        ("HTTPS://SHOP.example:443/x#top", Some("/x")),
        ("//shop.example/x", Some("/x")),
        ("x", Some("/a/x")),
        ("../x", Some("/x")),
        ("./x/../y/.", Some("/a/y/")),
        ("../../../x", Some("/x")),
        ("?y=z", Some("/a/b?y=z")),
        ("https://other.example/x", None),
        ("https://shop.example:8443/x", None),
        ("//other.example/x", None),
        ("mailto:shop@shop.example", None),
        ("https://shop.example.evil/x", None),
        ("https://shop.example@evil.example/x", None),
        ("/\u{e9}", None),
    ];
    for (named, expected) in table {
        let expected: Vec<&str> = [Some("/a/b?q=1"), expected].into_iter().flatten().collect();
        assert_eq!(let_go("POST", Some((200, &[("content-location", named)]))), expected, "{named}");
        assert_eq!(let_go("POST", Some((201, &[("location", named)]))), expected, "{named}");
    }
    // A redirect after a POST leads to a page that did not change.
    assert_eq!(let_go("POST", Some((303, &[("location", "/x")]))), ["/a/b?q=1"]);
    assert_eq!(let_go("POST", Some((200, &[("content-location", "")]))), ["/a/b?q=1"]);
    assert!(let_go("POST", Some((400, &[("content-location", "/x")]))).is_empty());
}

fn texts(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::as_str).collect()
}

#[test]
fn groups_are_a_structured_list_of_strings() {
    let groups = |lines: Lines<'_>| invalidation::groups(&fields(lines));
    let name = "cache-group-invalidation";
    assert_eq!(texts(&groups(&[(name, "\"a\", \"B\";x=1")])), ["a", "B"]);
    assert_eq!(texts(&groups(&[(name, "\"a\""), (name, "\"b\"")])), ["a", "b"]);
    // What is no tag has one that stands for it, the same on the responses that bear it.
    let odd = groups(&[(name, "\"a b\", \"c\"")]);
    assert_eq!(odd, groups::tags_of(&fields(&[("cache-groups", "\"a b\", \"c\"")])).unwrap());
    assert!(odd.len() == 2 && odd[0].as_str().starts_with("cache-group:") && odd[1].as_str() == "c");
    for invalid in ["a, b", "\"a\", b", "(\"a\")", "\"a", "\"a\",", "?1", "\u{e9}", ""] {
        assert!(groups(&[(name, invalid)]).is_empty(), "{invalid}");
    }
}

#[test]
fn tags_come_from_every_field_and_a_bad_one_spoils_the_list() {
    let tags = |lines: Lines<'_>| groups::tags_of(&fields(lines));
    let all = [("surrogate-key", "a b"), ("cache-tag", "c, d"), ("xkey", "e f,g"), ("cache-groups", "\"h\", \"i\"")];
    assert_eq!(texts(&tags(&all).unwrap()), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    assert_eq!(texts(&tags(&[("xkey", "a"), ("xkey", " b ")]).unwrap()), ["a", "b"]);
    assert!(tags(&[("cache-groups", "h, i")]).unwrap().is_empty(), "invalid, it does not count");
    assert!(tags(&[("cache-tag", "\u{e9}")]).is_err());
    assert!(tags(&[("surrogate-key", &"x".repeat(200))]).is_err());
    let mut kept = fields(&all);
    groups::strip_tag_fields(&mut kept);
    assert_eq!(kept, fields(&[("cache-groups", "\"h\", \"i\"")]));
}

#[test]
fn tags_are_read_in_the_spelling_of_every_purge_client_and_go_no_further() {
    let spellings: Lines<'_> = &[
        ("surrogate-key", "a b"),
        ("cache-tag", "a,b"),
        ("cache-tags", "a, b"),
        ("purge-cache-tags", "a b"),
        ("x-drupal-cache-tags", "a b"),
        ("x-cache-tags", "a,b"),
        ("xkey", "a b"),
        ("x-magento-tags", "a,b"),
        ("edge-cache-tag", "a , b"),
        ("cdn-tag", "a,b"),
        ("x-litespeed-tag", "a,b"),
    ];
    for line in spellings {
        let mut message = fields(&[*line, ("x-other", "kept")]);
        assert_eq!(texts(&groups::tags_of(&message).unwrap()), ["a", "b"], "{line:?}");
        assert!(groups::tags_of(&fields(&[(line.0, &"x".repeat(129))])).is_err(), "{line:?}");
        assert!(groups::tags_of(&fields(&[(line.0, "caf\u{e9}")])).is_err(), "{line:?}");
        groups::strip_tag_fields(&mut message);
        assert_eq!(message, fields(&[("x-other", "kept")]), "{line:?}");
    }
    // API Platform's tags are paths.
    assert_eq!(texts(&groups::tags_of(&fields(&[("cache-tags", "/foo,/foo/1?a=b")])).unwrap()), ["/foo", "/foo/1?a=b"]);
}
