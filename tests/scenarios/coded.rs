//! What the shop sends plain, compressed once and sent in the coding that each visitor takes.

use crate::stage::{Got, Stage, answer, head_only, in_time, made, page};
use std::fmt::Write;
use std::io::Read;
use std::time::Duration;

const HTML: &str = "content-type: text/html; charset=utf-8";
const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];
const ROUTES: &str = r#"
routes:
  - { name: product, match: "/products/{product}", ttl: 30m, cache: products, tags: ["product:{product}"] }
  - { name: plain, match: "/plain/{*path}", ttl: 30m, compression: false }
  - { name: own, match: "/account/{*path}", ttl: 1h, audience: session }
  - { name: leave, match: "/leave", pass: true }
session_key: "0123456789abcdef0123456789abcdef"
"#;

async fn open() -> Stage {
    Stage::with(&format!("store: {{ backend: memory }}\n{ROUTES}")).await
}

/// A page of some kilobytes that is not the same line again and again.
fn text(seed: usize) -> String {
    let mut text = String::new();
    for number in 0..120 {
        let _ = writeln!(text, "<li data-id=\"{}\">Product {}</li>", number * 7_919 % 10_007, (number + seed) * 31);
    }
    text
}

fn accepting(coding: &str) -> String {
    format!("accept-encoding: {coding}")
}

/// The content as a browser sees it, of an answer that says truly how it is coded and how long it is.
#[track_caller]
fn unpacked(got: &Got) -> String {
    assert!(got.complete);
    assert_eq!(got.field("content-length"), Some(&*got.body.len().to_string()));
    let mut body = Vec::new();
    match got.field("content-encoding") {
        None => body.clone_from(&got.body),
        Some("br") => drop(brotli::Decompressor::new(&got.body[..], 4096).read_to_end(&mut body).unwrap()),
        Some("zstd") => body = zstd::stream::decode_all(&got.body[..]).unwrap(),
        Some("gzip") => drop(flate2::read::GzDecoder::new(&got.body[..]).read_to_end(&mut body).unwrap()),
        other => panic!("{other:?} is no coding"),
    }
    String::from_utf8(body).unwrap()
}

/// A hit once its forms are made: they come behind those who waited for it.
pub(crate) async fn once_coded(stage: &Stage, target: &str, fields: &[&str]) -> Got {
    in_time("its coded forms are there", async {
        loop {
            let got = stage.get_with(target, fields).await;
            if got.field("content-encoding").is_some() {
                return got;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_page_is_fetched_once_and_sent_in_each_coding_also_after_a_restart() {
    let stage = Stage::with(&format!("store: {{ backend: sqlite }}\n{ROUTES}")).await;
    let text = text(0);
    let told = [HTML, "etag: \"1\"", "accept-ranges: bytes", "repr-digest: sha-256=:x:", "content-md5: x"];
    stage.origin.says("/products/a", [page(&text, &told)]);
    let first = stage.get_with("/products/a", &[&accepting("br")]).await;
    first.expect(200, &text);
    assert_eq!((first.field("content-encoding"), first.all("vary")), (None, "Accept-Encoding".into()));
    once_coded(&stage, "/products/a", &[&accepting("br")]).await;
    let stage = stage.restart().await;
    for _ in 0..2 {
        for coding in CODINGS {
            let got = stage.get_with("/products/a", &[&accepting(coding)]).await;
            got.hit();
            assert_eq!(got.field("content-encoding"), Some(coding));
            assert_eq!((unpacked(&got), got.all("vary")), (text.clone(), "Accept-Encoding".into()));
            assert!(got.body.len() * 2 < text.len(), "{coding}: {} of {}", got.body.len(), text.len());
            assert_eq!(got.field("etag"), Some("W/\"1\""));
            for name in ["repr-digest", "content-md5", "accept-ranges"] {
                assert_eq!(got.field(name), None, "{name}");
            }
            let head = stage.ask("HEAD", "/products/a", &[&accepting(coding)]).await;
            for name in ["content-encoding", "content-length", "etag", "vary", "content-type"] {
                assert_eq!(head.field(name), got.field(name), "{name}");
            }
        }
        let plain = stage.get("/products/a").await;
        plain.expect(200, &text).hit();
        let told = ["etag", "accept-ranges", "repr-digest", "vary"].map(|name| plain.field(name).unwrap_or_default());
        assert_eq!(told, ["\"1\"", "bytes", "sha-256=:x:", "Accept-Encoding"]);
    }
    assert_eq!(stage.origin.times_asked("/products/a"), 1);
    let explained = stage.admin("/api/v1/explain?url=http%3A%2F%2Fshop.example%2Fproducts%2Fa").await.text();
    assert!(explained.contains(r#""coded":[["br","#), "{explained}");
}

#[tokio::test]
async fn the_coding_is_the_one_that_the_visitor_weighs_most_and_then_ours() {
    let stage = open().await;
    let text = text(0);
    stage.origin.says("/products/a", [page(&text, &[HTML])]);
    stage.get("/products/a").await;
    once_coded(&stage, "/products/a", &[&accepting("gzip")]).await;
    for (line, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("br;q=0.5, gzip", Some("gzip")),
        ("X-GZIP", Some("gzip")),
        ("*", Some("br")),
        ("identity;q=0, gzip;q=0.1", Some("gzip")),
        ("identity, br;q=0.9", None),
        ("identity;q=0", None),
        ("identity;q=0, deflate", None),
        ("br;q=x", None),
        ("", None),
    ] {
        let got = stage.get_with("/products/a", &[&accepting(line)]).await;
        assert_eq!(got.field("content-encoding"), coding, "{line}");
        assert_eq!(unpacked(got.hit()), text, "{line}");
    }
    assert_eq!(stage.origin.times_asked("/products/a"), 1);
}

#[tokio::test]
async fn either_tag_is_known_again_and_parts_are_of_the_plain_page_alone() {
    let stage = open().await;
    let (text, modified) = (text(0), "Mon, 23 Nov 2026 12:00:00 GMT");
    stage.origin.says("/products/a", [page(&text, &[HTML, "etag: \"1\"", &format!("last-modified: {modified}")])]);
    stage.get("/products/a").await;
    let br = accepting("br");
    once_coded(&stage, "/products/a", &[&br]).await;
    for tag in ["\"1\"", "W/\"1\""] {
        for (coding, own) in [("br", "W/\"1\""), ("identity", "\"1\"")] {
            let fields = [&*accepting(coding), &format!("if-none-match: {tag}")];
            let got = stage.get_with("/products/a", &fields).await;
            assert_eq!((got.status, got.field("etag")), (304, Some(own)), "{coding} {tag}");
            assert_eq!(got.all("vary"), "Accept-Encoding");
            assert_eq!(got.field("content-encoding"), None);
        }
    }
    let part = stage.get_with("/products/a", &[&br, "range: bytes=3-10"]).await;
    assert_eq!((part.status, part.text(), part.field("content-encoding")), (206, text[3..11].to_string(), None));
    assert_eq!((part.field("etag"), part.all("vary")), (Some("\"1\""), "Accept-Encoding".into()));
    // Whoever has a part of a coded page has its weak tag, or a date that is that of all.
    for (condition, status) in [("\"1\"", 206), ("W/\"1\"", 200), (modified, 200)] {
        let fields = [&*br, "range: bytes=3-", &format!("if-range: {condition}")];
        let got = stage.get_with("/products/a", &fields).await;
        assert_eq!((got.status, got.field("content-encoding")), (status, None), "{condition}");
    }
    // A method without ranges tells what a whole answer would be.
    let head = stage.ask("HEAD", "/products/a", &[&br, "range: bytes=3-10"]).await;
    assert_eq!((head.status, head.field("content-encoding")), (200, Some("br")));
}

#[tokio::test]
async fn what_is_not_to_be_compressed_is_not() {
    let stage = open().await;
    let text = text(0);
    let small = "x".repeat(1_023);
    let table: [(&str, &str, &str, &[&str]); 8] = [
        ("/products/picture", "200 OK", &text, &["content-type: image/png"]),
        ("/products/unnamed", "200 OK", &text, &[]),
        ("/products/small", "200 OK", &small, &[HTML]),
        ("/products/forbidden", "200 OK", &text, &[HTML, "cache-control: max-age=60, no-transform"]),
        ("/products/edge", "200 OK", &text, &[HTML, "cdn-cache-control: max-age=60, no-transform"]),
        ("/products/missing", "404 Not Found", &text, &[HTML]),
        ("/plain/a", "200 OK", &text, &[HTML]),
        ("/leave", "200 OK", &text, &[HTML, "cache-control: max-age=60"]),
    ];
    for (path, status, body, fields) in table {
        stage.origin.says(path, [answer(status, body, fields)]);
        stage.get_with(path, &[&accepting("gzip")]).await;
    }
    // What is fetched last is coded last: when it is, all before it would be.
    stage.origin.says("/products/last", [page(&text, &[HTML])]);
    stage.get("/products/last").await;
    once_coded(&stage, "/products/last", &[&accepting("gzip")]).await;
    for (path, _, body, _) in table {
        let got = stage.get_with(path, &[&accepting("gzip")]).await;
        assert_eq!((got.field("content-encoding"), got.field("vary")), (None, None), "{path}");
        assert_eq!(got.text(), body);
    }
}

#[tokio::test]
async fn l8_a_visitors_own_page_is_compressed_only_where_the_file_says_so() {
    let mine = "cookie: sessionid=alice5ec4e7";
    let text = text(0);
    let stage = open().await;
    stage.origin.says("/account/a", [page(&text, &[HTML])]);
    stage.origin.says("/products/last", [page(&text, &[HTML])]);
    let (gzip, zstd) = (accepting("gzip"), accepting("zstd"));
    stage.get_with("/account/a", &[mine]).await;
    stage.get("/products/last").await;
    once_coded(&stage, "/products/last", &[&gzip]).await;
    let own = stage.get_with("/account/a", &[mine, &gzip]).await;
    assert_eq!((unpacked(own.hit()), own.field("content-encoding")), (text.clone(), None));

    let told = format!("store: {{ backend: memory }}\ncompression: {{ sessions: true, codings: [zstd] }}\n{ROUTES}");
    let stage = Stage::with(&told).await;
    stage.origin.says("/account/a", [page(&text, &[HTML])]);
    stage.get_with("/account/a", &[mine]).await;
    let own = once_coded(&stage, "/account/a", &[mine, &zstd]).await;
    assert_eq!(unpacked(own.hit()), text);
    assert_eq!(
        (own.all("cache-control"), own.all("vary")),
        ("private, no-cache".into(), "Accept-Encoding, Cookie".into())
    );
    let other = stage.get_with("/account/a", &[mine, &gzip]).await;
    assert_eq!(other.field("content-encoding"), None, "only what is told");
}

#[tokio::test]
async fn a_file_that_says_no_leaves_everything_as_it_came() {
    let stage = Stage::with(&format!("store: {{ backend: memory }}\ncompression: false\n{ROUTES}")).await;
    let text = text(0);
    stage.origin.says("/products/a", [page(&text, &[HTML])]);
    stage.get_with("/products/a", &[&accepting("gzip")]).await;
    // Another configuration is other rules: what was stored under the old ones is fetched again, and then coded.
    let config = stage.config().replace("compression: false\n", "");
    let stage = stage.restarted_with(|_| config).await;
    stage.origin.says("/products/a", [page(&text, &[HTML])]);
    stage.get("/products/a").await;
    once_coded(&stage, "/products/a", &[&accepting("gzip")]).await;
    let stage = stage.restarted_with(|config| format!("{config}\ncompression: false\n")).await;
    stage.origin.says("/products/a", [page(&text, &[HTML])]);
    for _ in 0..2 {
        let got = stage.get_with("/products/a", &[&accepting("gzip")]).await;
        assert_eq!((unpacked(&got), got.field("content-encoding"), got.field("vary")), (text.clone(), None, None));
    }
}

#[tokio::test]
async fn what_the_shop_compresses_is_kept_as_it_came_for_each_list_of_codings() {
    let stage = open().await;
    let text = text(0);
    stage.origin.says(
        "/products/a",
        [made(move |asked| {
            // Not unpacked by anybody here: only its name counts.
            let accepted = asked.field("accept-encoding").unwrap_or_default();
            let coding = ["gzip", "br"].into_iter().find(|coding| accepted.contains(coding));
            let told = coding.map(|coding| format!("content-encoding: {coding}"));
            let body = format!("{}{text}", coding.unwrap_or("plain"));
            let fields: Vec<&str> = [HTML, "vary: Accept-Encoding"].into_iter().chain(told.as_deref()).collect();
            page(&body, &fields)
        })],
    );
    let lists = [("br, gzip", "gzip"), ("gzip", "gzip"), ("br;q=0.1", "br"), ("zstd", "plain"), ("", "plain")];
    for (list, expected) in lists {
        let got = stage.get_with("/products/a", &[&accepting(list)]).await;
        assert!(got.text().starts_with(expected), "{list}");
    }
    // The variant that came plain for those who take zstd is the only one that more can be made of.
    once_coded(&stage, "/products/a", &[&accepting("zstd")]).await;
    for (list, expected) in lists.into_iter().chain([("x-gzip;q=1, *;q=0", "gzip")]) {
        let got = stage.get_with("/products/a", &[&accepting(list)]).await;
        got.hit();
        match list {
            "zstd" => assert!(unpacked(&got).starts_with(expected)),
            _ => assert!(got.text().starts_with(expected), "{list}"),
        }
        assert_eq!(got.all("vary"), "Accept-Encoding", "{list}");
    }
    assert_eq!(stage.origin.times_asked("/products/a"), 5);
}

#[tokio::test]
async fn a_304_keeps_the_forms_unless_it_forbids_them() {
    let stage = open().await;
    let text = text(0);
    stage.origin.says(
        "/products/a",
        [
            page(&text, &[HTML, "etag: \"1\""]),
            head_only("304 Not Modified", &["etag: \"1\""]),
            head_only("304 Not Modified", &["etag: \"1\"", "cache-control: max-age=60, no-transform"]),
        ],
    );
    stage.get("/products/a").await;
    let br = accepting("br");
    once_coded(&stage, "/products/a", &[&br]).await;
    stage.pass(Duration::from_mins(31));
    let kept = stage.get_with("/products/a", &[&br]).await;
    assert_eq!((unpacked(&kept), kept.field("content-encoding")), (text.clone(), Some("br")));
    assert_eq!(unpacked(stage.get_with("/products/a", &[&br]).await.hit()), text);
    stage.pass(Duration::from_mins(31));
    for _ in 0..2 {
        let forbidden = stage.get_with("/products/a", &[&br]).await;
        assert_eq!((unpacked(&forbidden), forbidden.field("content-encoding")), (text.clone(), None));
        assert_eq!(forbidden.field("vary"), None);
    }
    assert_eq!(stage.origin.times_asked("/products/a"), 3);
}

#[tokio::test]
async fn a_head_and_a_304_for_another_variant_forbid_the_forms_too() {
    let (text, br) = (text(0), accepting("br"));
    let told = ["etag: \"1\"", "cache-control: max-age=60, no-transform"];
    let kinds = ["x-kind: red", "x-kind: blue"];
    for (method, answer) in [("HEAD", head_only("200 OK", &told)), ("GET", head_only("304 Not Modified", &told))] {
        let stage = Stage::with("store: { backend: memory }").await;
        let whole = page(&text, &[HTML, "etag: \"1\"", "cache-control: max-age=60", "vary: x-kind"]);
        stage.origin.says("/a", [whole.clone(), whole, answer]);
        for kind in kinds {
            stage.get_with("/a", &[kind]).await;
            once_coded(&stage, "/a", &[&br, kind]).await;
        }
        stage.pass(Duration::from_secs(61));
        let asked = usize::from(method == "GET");
        stage.ask(method, "/a", &[kinds[1 - asked]]).await;
        let forbidden = stage.get_with("/a", &[&br, kinds[1]]).await;
        assert_eq!((unpacked(forbidden.hit()), forbidden.field("content-encoding")), (text.clone(), None), "{method}");
    }
}

#[tokio::test]
async fn what_was_purged_or_replaced_while_it_waited_to_be_coded_stays_so() {
    let stage = Stage::with(&format!("store: {{ backend: sqlite }}\n{ROUTES}")).await;
    // It takes a while, and the others wait behind it.
    let large = (0..60).map(text).collect::<String>().repeat(8);
    stage.origin.says("/products/large", [page(&large, &[HTML])]);
    let (old, new, gzip) = (text(1), text(2), accepting("gzip"));
    // Nothing is made of what comes after: where it is not there, something else has taken its place.
    let after = || page(&new, &[HTML, "cache-control: max-age=600, no-transform"]);
    stage.origin.says("/products/purged", [page(&old, &[HTML]), after()]);
    stage.origin.says("/products/replaced", [page(&old, &[HTML, "cache-control: max-age=1", "etag: \"1\""]), after()]);
    stage.origin.says("/products/last", [page(&old, &[HTML])]);
    stage.get("/products/large").await.expect(200, &large);
    stage.get("/products/purged").await.expect(200, &old);
    stage.purge_tag("product:purged").await;
    stage.get("/products/purged").await.expect(200, &new);
    stage.get("/products/replaced").await.expect(200, &old);
    stage.pass(Duration::from_secs(2));
    stage.get("/products/replaced").await.expect(200, &new);
    stage.get("/products/last").await;
    assert_eq!(unpacked(&once_coded(&stage, "/products/last", &[&gzip]).await), old);
    assert_eq!(unpacked(&once_coded(&stage, "/products/large", &[&gzip]).await), large);
    let as_it_came = async |stage: &Stage| {
        for path in ["/products/purged", "/products/replaced"] {
            let got = stage.get_with(path, &[&gzip]).await;
            assert_eq!((unpacked(got.hit()), got.field("content-encoding")), (new.clone(), None), "{path}");
            assert_eq!(stage.origin.times_asked(path), 2, "{path}");
        }
    };
    as_it_came(&stage).await;
    let stage = stage.restart().await;
    as_it_came(&stage).await;
    assert_eq!(unpacked(stage.get_with("/products/large", &[&gzip]).await.hit()), large);
}

#[tokio::test]
async fn a_page_that_is_validated_at_each_request_gets_its_forms_all_the_same() {
    let stage = open().await;
    let (text, gzip) = (text(0), accepting("gzip"));
    let told = ["cache-control: no-cache", "etag: \"1\""];
    stage.origin.says("/products/a", [page(&text, &[HTML, told[0], told[1]]), head_only("304 Not Modified", &told)]);
    stage.get("/products/a").await.expect(200, &text);
    // What a 304 makes of it has another generation, and each request brings one.
    let got = once_coded(&stage, "/products/a", &[&gzip]).await;
    assert_eq!(unpacked(got.cache_status(&["fwd-status=304"])), text);
    assert_eq!(stage.get_with("/products/a", &[&gzip]).await.field("content-encoding"), Some("gzip"), "and keeps them");
}
