//! Misses and hits, and what they look like from outside.

use crate::stage::{Stage, answer, head_only, in_time, page, request};
use std::time::Duration;

#[tokio::test]
async fn a_page_is_fetched_once_and_then_served_from_the_cache() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &["content-type: text/html"])]);

    let miss = stage.get("/").await;
    miss.expect(200, "home").cache_status(&["vitrine", "fwd=uri-miss", "fwd-status=200", "stored"]);
    assert_eq!(miss.field("x-cache"), Some("MISS"));

    stage.pass(Duration::from_secs(7));
    let hit = stage.get("/").await;
    hit.expect(200, "home").cache_status(&["vitrine", "hit", "ttl=293"]);
    assert_eq!((hit.field("x-cache"), hit.field("age")), (Some("HIT"), Some("7")));
    assert_eq!(hit.field("content-type"), Some("text/html"));
    assert_eq!(hit.all("via"), "1.1 vitrine");
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn browsers_are_told_to_ask_again_where_the_rule_gave_the_lifetime() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[])]);
    stage.origin.says("/style.css", [page("css", &["cache-control: max-age=60"])]);

    for got in [stage.get("/").await, stage.get("/").await] {
        assert_eq!(got.field("cache-control"), Some("no-cache"));
    }
    let tag = stage.get("/").await.field("etag").expect("an entity tag of ours").to_string();
    let again = stage.get_with("/", &[&format!("if-none-match: {tag}")]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.field("etag"), Some(&*tag));

    for got in [stage.get("/style.css").await, stage.get("/style.css").await] {
        assert_eq!(got.field("cache-control"), Some("max-age=60"));
    }
}

#[tokio::test]
async fn the_origins_lifetime_wins_over_the_rules() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("short", &["cache-control: max-age=10"]), page("next", &[])]);

    stage.get("/").await;
    stage.pass(Duration::from_secs(11));
    stage.get("/").await.expect(200, "next");
}

#[tokio::test]
async fn what_says_private_or_no_store_is_never_kept_whatever_the_rule_says() {
    let stage = Stage::open().await;
    for directive in ["private", "no-store", "max-age=60, Private", "no-cache"] {
        stage.origin.says("/", [page("a", &[&format!("cache-control: {directive}")]), page("b", &[])]);
        stage.get("/").await.expect(200, "a");
        stage.get("/").await.expect(200, "b");
        stage.purge("/").await;
        // What was found not to be storable is remembered for a minute.
        stage.pass(Duration::from_secs(61));
    }
}

#[tokio::test]
async fn head_is_answered_from_what_get_stored() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[])]);

    stage.get("/").await;
    let head = stage.ask("HEAD", "/", &[]).await;
    head.hit();
    assert_eq!((head.status, head.field("content-length")), (200, Some("4")));
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn head_of_what_is_not_stored_reaches_the_origin_as_head_and_fills_nothing() {
    let stage = Stage::open().await;
    stage.origin.says("/", [head_only("200 OK", &["content-length: 4"]), page("home", &[])]);

    let head = stage.ask("HEAD", "/", &[]).await;
    head.cache_status(&["fwd=request"]);
    assert_eq!(head.field("content-length"), Some("4"));
    stage.get("/").await.expect(200, "home").cache_status(&["fwd=uri-miss"]);
    assert_eq!(stage.origin.asked()[0].method, "HEAD");
}

#[tokio::test]
async fn ranges_are_cut_from_what_is_stored_and_passed_where_nothing_is() {
    let stage = Stage::open().await;
    stage
        .origin
        .says("/", [answer("206 Partial Content", "01", &["content-range: bytes 0-1/10"]), page("0123456789", &[])]);

    let passed = stage.get_with("/", &["range: bytes=0-1"]).await;
    passed.expect(206, "01").cache_status(&["fwd=request"]);
    stage.get("/").await.expect(200, "0123456789");
    let part = stage.get_with("/", &["range: bytes=-3"]).await;
    part.expect(206, "789").hit();
    assert_eq!(part.field("content-range"), Some("bytes 7-9/10"));
    let beyond = stage.get_with("/", &["range: bytes=10-"]).await;
    assert_eq!((beyond.status, beyond.field("content-range")), (416, Some("bytes */10")));
}

#[tokio::test]
async fn fields_are_replayed_as_they_came_but_for_the_hop_and_for_tags() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/",
        [page(
            "home",
            &[
                "link: <a>",
                "link: <b>",
                "connection: x-hop",
                "x-hop: 1",
                "surrogate-key: product:1",
                "date: Tue, 24 Nov 2026 12:00:00 GMT",
            ],
        )],
    );

    for got in [stage.get("/").await, stage.get("/").await] {
        let links: Vec<_> = got.fields.iter().filter(|(name, _)| name == "link").map(|(_, value)| &**value).collect();
        assert_eq!(links, ["<a>", "<b>"]);
        assert_eq!((got.field("x-hop"), got.field("surrogate-key")), (None, None));
        assert_eq!(got.field("date"), Some("Tue, 24 Nov 2026 12:00:00 GMT"));
    }
}

#[tokio::test]
async fn a_status_that_says_nothing_is_there_is_kept_for_ten_seconds() {
    let stage = Stage::open().await;
    stage.origin.says("/products/x", [answer("404 Not Found", "no", &[]), page("yes", &[])]);

    stage.get("/products/x").await.expect(404, "no");
    stage.get("/products/x").await.expect(404, "no").hit();
    stage.pass(Duration::from_secs(11));
    stage.get("/products/x").await.expect(200, "yes");
}

#[tokio::test]
async fn a_path_without_a_rule_is_cached_by_what_the_origin_says_alone() {
    let stage = Stage::open().await;
    stage.origin.says("/plain", [page("a", &[]), page("b", &[])]);
    stage.origin.says("/image", [page("a", &["cache-control: public, max-age=60"])]);

    stage.get("/plain").await.expect(200, "a");
    stage.get("/plain").await.expect(200, "b");
    stage.get("/image").await;
    stage.get("/image").await.expect(200, "a").hit();
}

#[tokio::test]
async fn other_methods_pass_and_so_does_a_body() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[])]);
    stage.get("/").await;

    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 4\r\n\r\na=b\n").await;
    client.response("POST").await.expect(200, "home").cache_status(&["fwd=method"]);
    client.send(request("OPTIONS", "/", &[])).await;
    client.response("OPTIONS").await.cache_status(&["fwd=method"]);
    let asked = stage.origin.asked();
    assert_eq!((asked[1].method.as_str(), asked[1].body.as_slice()), ("POST", &b"a=b\n"[..]));
}

#[tokio::test]
async fn a_page_that_grew_too_large_for_memory_takes_the_place_of_the_one_that_was_there() {
    let lines = "store: { backend: sqlite }\nroutes: [{ name: all, match: \"/{*path}\" }]\n";
    let stage = Stage::with(lines).await;
    let large = "x".repeat(3 << 20);
    stage
        .origin
        .says("/", [page("small", &["cache-control: max-age=1"]), page(&large, &["cache-control: max-age=600"])]);
    stage.get("/").await.expect(200, "small");
    stage.pass(std::time::Duration::from_secs(2));
    assert_eq!(stage.get("/").await.body.len(), large.len());
    // It is in the store alone, which is written behind the response.
    let kept = format!("\"body_bytes\":{}", large.len());
    in_time("the store has it", async {
        while !stage.admin("/api/v1/explain?url=http%3A%2F%2Fshop.example%2F").await.text().contains(&kept) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let again = stage.get("/").await;
    assert_eq!(again.body.len(), large.len());
    again.hit();
    assert_eq!(stage.origin.times_asked("/"), 2);
}
