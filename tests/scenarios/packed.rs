//! Pages with form tokens as they leave: in gzip, large, and with fields that are right for one visitor.

use crate::coded::once_coded;
use crate::django_shop::{FORM, OTHER, ROUTES, SECRET, django, given, masked, open, rendered, tokens};
use crate::stage::{Got, Stage, made, page};
use std::io::Read;
use vitrine::csrf::Secret;

/// A page's bytes as a browser sees them.
#[track_caller]
fn unpacked(got: &Got) -> Got {
    assert_eq!(got.field("content-encoding"), Some("gzip"), "{got:?}");
    assert_eq!(got.field("content-length"), Some(&*got.body.len().to_string()));
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&got.body[..]).read_to_end(&mut body).unwrap();
    Got { body, ..got.clone() }
}

#[tokio::test]
async fn who_takes_gzip_gets_the_page_packed_with_a_token_of_their_own() {
    let stage = Stage::with(&format!("store: {{ backend: sqlite }}\n{ROUTES}")).await;
    let long = format!("{}{FORM}", "<p>The same words again and again.</p>".repeat(40));
    let template = long.clone();
    stage.origin.says("/", [made(move |asked| rendered(asked, &template, &[]))]);
    let gzip = "accept-encoding: br;q=1.0, gzip;q=0.8";
    let first = stage.get_with("/", &[gzip]).await;
    tokens(&unpacked(&first), &given(&first));
    let plain = stage.get("/").await;
    plain.hit();
    assert_eq!(plain.field("content-encoding"), None);
    let rest = tokens(&plain, &given(&plain)).1;
    // Also when it was read back from the store.
    let stage = stage.restart().await;
    for _ in 0..2 {
        let hit = stage.get_with("/", &[gzip]).await;
        hit.hit();
        assert!(hit.body.len() < plain.body.len() / 2, "{}", hit.body.len());
        assert_eq!(tokens(&unpacked(&hit), &given(&hit)).1, rest);
        assert_eq!(hit.all("vary"), "Cookie, Accept-Encoding");
    }
    let mine = format!("cookie: csrftoken={SECRET}");
    let known = stage.get_with("/", &[gzip, &mine]).await.field("etag").unwrap().to_string();
    assert_eq!(stage.get_with("/", &[gzip, &mine, &format!("if-none-match: {known}")]).await.status, 304);
    let head = stage.ask("HEAD", "/", &[gzip]).await;
    let whole = stage.get_with("/", &[gzip]).await.body.len().to_string();
    assert_eq!((head.field("content-encoding"), head.field("content-length")), (Some("gzip"), Some(&*whole)));
    assert_eq!(stage.get_with("/", &["accept-encoding: gzip;q=0"]).await.field("content-encoding"), None);
    assert_eq!(stage.origin.times_asked("/"), 1);
}

#[tokio::test]
async fn a_page_without_tokens_is_packed_too_and_can_still_be_cut() {
    let stage = open().await;
    let text = "<p>The same words again and again.</p>".repeat(40);
    stage.origin.says("/", [page(&text, &["content-type: text/html", "vary: accept-encoding", "etag: \"1\""])]);
    let gzip = "accept-encoding: gzip";
    stage.get_with("/", &[gzip]).await.expect(200, &text);
    let hit = once_coded(&stage, "/", &[gzip]).await;
    unpacked(&hit).expect(200, &text).hit();
    assert_eq!((hit.field("etag"), hit.field("cache-control")), (Some("W/\"1\""), Some("no-cache")));
    assert_eq!(hit.all("vary"), "accept-encoding", "said once");
    assert_eq!(stage.get("/").await.field("etag"), Some("\"1\""));
    assert_eq!(stage.get_with("/", &[gzip, "if-none-match: W/\"1\""]).await.status, 304);
    let part = stage.get_with("/", &[gzip, "range: bytes=3-10"]).await;
    assert_eq!((part.status, part.text(), part.field("content-encoding")), (206, text[3..11].to_string(), None));
}

#[tokio::test]
async fn no_cache_on_the_way_is_told_that_it_may_keep_a_visitors_page() {
    let stage = open().await;
    let told = [
        "cache-control: max-age=60",
        "cdn-cache-control: max-age=600",
        "cloudflare-cdn-cache-control: max-age=600",
        "surrogate-control: max-age=600",
        "x-accel-expires: 600",
    ];
    stage.origin.says("/", [made(move |asked| rendered(asked, FORM, &told))]);
    let mine = format!("cookie: csrftoken={SECRET}");
    for got in [stage.get_with("/", &[&mine]).await, stage.get_with("/", &[&mine]).await] {
        tokens(&got, &Secret::of_cookie(SECRET).unwrap());
        assert_eq!(got.all("cache-control"), "private, no-cache");
        for line in &told[1..] {
            let name = line.split(':').next().unwrap();
            assert_eq!(got.field(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn a_packed_page_has_no_checksum_of_the_unpacked_one_and_none_is_made_where_the_shop_forbids_it() {
    let stage = open().await;
    let text = "<p>The same words again and again.</p>".repeat(40);
    let told = ["content-type: text/html", "content-md5: 1", "digest: 1", "repr-digest: 1", "content-digest: 1"];
    stage.origin.says("/products/a", [page(&text, &told)]);
    let gzip = "accept-encoding: gzip";
    stage.get_with("/products/a", &[gzip]).await;
    let packed = once_coded(&stage, "/products/a", &[gzip]).await;
    unpacked(&packed).expect(200, &text).hit();
    let plain = stage.get("/products/a").await;
    for line in &told[1..] {
        let name = line.split(':').next().unwrap();
        assert_eq!((packed.field(name), plain.field(name)), (None, Some("1")), "{name}");
    }
    let forbids = ["content-type: text/html", "cache-control: max-age=60, no-transform"];
    stage.origin.says("/products/b", [page(&text, &forbids)]);
    stage.get_with("/products/b", &[gzip]).await;
    let hit = stage.get_with("/products/b", &[gzip]).await;
    hit.expect(200, &text).hit();
    assert_eq!((hit.field("content-encoding"), hit.field("vary")), (None, None));
}

#[tokio::test]
async fn a_token_is_looked_for_in_whatever_may_hold_one() {
    let stage = open().await;
    let theirs = FORM.replace("TOKEN", &masked(&Secret::of_cookie(OTHER).unwrap()));
    let kinds = [None, Some("application/json"), Some("text/plain; charset=utf-8")];
    for (number, kind) in kinds.into_iter().enumerate() {
        let path = format!("/products/{number}");
        let kind = kind.map(|kind| format!("content-type: {kind}"));
        let fields: Vec<&str> = kind.iter().map(String::as_str).collect();
        stage.origin.says(&path, [page(&theirs, &fields)]);
        for _ in 0..2 {
            let got = stage.get(&path).await;
            assert_eq!(got.status, 200);
            assert!(!got.all("cache-status").contains("; hit"), "{kind:?}: {got:?}");
        }
    }
}

#[tokio::test]
async fn a_large_page_comes_whole_for_each_visitor() {
    let stage = open().await;
    let large = "x".repeat(20_000);
    let template = format!("{large}{FORM}{large}{FORM}{large}");
    let expected = template.replace("value=\"TOKEN", "");
    stage.origin.says("/", [made(move |asked| rendered(asked, &template, &[]))]);
    stage.get("/").await;
    let plain = stage.get("/").await;
    assert_eq!(tokens(&plain, &given(&plain)).1, expected);
    let packed = stage.get_with("/", &["accept-encoding: gzip"]).await;
    assert_eq!(tokens(&unpacked(&packed), &given(&packed)).1, expected);
}

#[tokio::test]
async fn a_form_that_moves_is_another_page() {
    let stage = open().await;
    let (before, after) = ("<p><b value=\"TOKEN\"></p>", "<p><b value=\"\"></p>TOKEN");
    stage.origin.says("/products/lamp", [django(before), django(after)]);
    let mine = format!("cookie: csrftoken={SECRET}");
    let known = stage.get_with("/products/lamp", &[&mine]).await.field("etag").unwrap().to_string();
    stage.purge("/products/lamp").await;
    let got = stage.get_with("/products/lamp", &[&mine, &format!("if-none-match: {known}")]).await;
    assert_eq!(got.status, 200);
}
