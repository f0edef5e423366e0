//! Origins that answer with what is not a whole response: never stored, and the client sees the break (promise 3).

use crate::stage::{Line, Stage, page, raw, request};

/// Plays a broken answer so often, then a whole one: the first is seen as broken or refused, and was not kept.
async fn is_not_kept_after(times: usize, broken: Line) -> u16 {
    let stage = Stage::open().await;
    stage.origin.says("/", std::iter::repeat_n(broken, times).chain([page("whole", &[])]));
    let mut client = stage.client().await;
    client.send(request("GET", "/", &[])).await;
    let got = client.response("GET").await;
    assert!(!got.complete || got.status >= 500, "the break is not seen: {got:?}");
    let next = stage.get("/").await;
    next.expect(200, "whole");
    assert!(!next.all("cache-status").contains("hit"));
    got.status
}

async fn is_not_kept(broken: Line) -> u16 {
    is_not_kept_after(1, broken).await
}

#[tokio::test]
async fn f4_f6_a_body_cut_at_any_byte_is_seen_as_broken_and_not_kept() {
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n";
    for whole in [length, chunked] {
        let head_bytes = whole.find("\r\n\r\n").expect("a head") + 4;
        for cut in 1..whole.len() {
            // Before a head has come, a GET is tried once more.
            let times = if cut < head_bytes { 2 } else { 1 };
            is_not_kept_after(times, raw(&whole.as_bytes()[..cut]).then_closes()).await;
        }
    }
    let head_bytes = length.find("\r\n\r\n").expect("a head") + 4;
    for cut in [head_bytes, head_bytes + 5] {
        is_not_kept(raw(&length.as_bytes()[..cut]).then_resets()).await;
    }
}

#[tokio::test]
async fn s44_f8_heads_that_are_not_http_are_a_502() {
    for bad in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rSet-Cookie: x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ] {
        assert_eq!(is_not_kept(raw(bad).then_closes()).await, 502, "{bad:?}");
    }
    let many = (0..200).fold(String::new(), |many, n| many + &format!("x-{n}: a\r\n"));
    assert_eq!(is_not_kept(raw(format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n"))).await, 502);
    let large = format!("x: {}\r\n", "a".repeat(200 * 1024));
    assert_eq!(is_not_kept(raw(format!("HTTP/1.1 200 OK\r\n{large}content-length: 0\r\n\r\n"))).await, 502);
}

/// Plays an answer that is whole as far as anybody can tell, but whose end cannot be trusted: served, not kept.
async fn is_served_and_not_kept(doubtful: Line, body: &str) {
    let stage = Stage::open().await;
    stage.origin.says("/", [doubtful, page("next", &[])]);
    let got = stage.get("/").await;
    got.expect(200, body);
    assert_eq!(got.all("content-length").matches(',').count(), 0);
    stage.get("/").await.expect(200, "next");
}

#[tokio::test]
async fn s40_s41_f5_bodies_whose_end_is_in_doubt_are_served_and_not_kept() {
    let close = raw("HTTP/1.1 200 OK\r\n\r\nuntil close").then_closes();
    is_served_and_not_kept(close, "until close").await;
    let both = raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    is_served_and_not_kept(both, "abc").await;
    let coding = raw("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc").then_closes();
    is_served_and_not_kept(coding, "abc").await;
}

#[tokio::test]
async fn s42_bytes_after_a_response_poison_nobody() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/",
        [raw("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhomeHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")],
    );
    stage.origin.says("/products/a", [page("a", &[])]);
    stage.get("/").await.expect(200, "home");
    stage.get("/products/a").await.expect(200, "a");
}

#[tokio::test]
async fn a_206_that_nobody_asked_for_is_not_kept() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/",
        [crate::stage::answer("206 Partial Content", "01", &["content-range: bytes 0-1/10"]), page("whole", &[])],
    );
    stage.get("/").await;
    stage.get("/").await.expect(200, "whole");
}

#[tokio::test]
async fn f7_a_connection_that_died_in_the_pool_costs_the_client_nothing() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[]).then_closes()]);
    stage.origin.says("/products/a", [page("a", &[])]);
    for _ in 0..5 {
        stage.get("/").await.expect(200, "home");
        stage.get("/products/a").await.expect(200, "a");
        stage.purge("/").await;
        stage.purge("/products/a").await;
    }
}

#[tokio::test]
async fn f3_a_body_that_hangs_is_seen_as_broken_and_not_kept() {
    let stage = Stage::open_with_origin("body_idle_timeout: 300ms").await;
    let half = raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").then_held_by(&crate::stage::Gate::shut());
    stage.origin.says("/", [half, page("whole", &[])]);
    let got = stage.get("/").await;
    assert_eq!((got.status, got.complete), (200, false));
    stage.get("/").await.expect(200, "whole").cache_status(&["fwd=uri-miss"]);
}
