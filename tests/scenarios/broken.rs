//! Origins that answer with what is not a whole response: never stored, and the client sees the break (promise 3).

use crate::stage::{Gate, Line, Stage, page, raw, request};

/// Plays a broken answer, then a whole one: the first is seen as broken or refused, and was not kept.
async fn is_not_kept(broken: Line) -> u16 {
    let stage = Stage::open().await;
    stage.origin.says("/", [broken]);
    let got = stage.get("/").await;
    assert!(!got.complete || got.status >= 500, "the break is not seen: {got:?}");
    stage.origin.says("/", [page("whole", &[])]);
    let next = stage.get("/").await;
    next.expect(200, "whole");
    assert!(!next.all("cache-status").contains("hit"));
    got.status
}

const BY_LENGTH: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n";

#[tokio::test]
async fn f4_a_response_cut_at_any_byte_is_seen_as_broken_and_not_kept() {
    for whole in [BY_LENGTH, CHUNKED] {
        for cut in 1..whole.len() {
            is_not_kept(raw(&whole.as_bytes()[..cut]).then_closes()).await;
        }
    }
}

#[tokio::test]
async fn f4_f6_a_response_reset_at_any_byte_is_seen_as_broken_and_not_kept() {
    for whole in [BY_LENGTH, CHUNKED] {
        for cut in 0..whole.len() {
            is_not_kept(raw(&whole.as_bytes()[..cut]).then_resets()).await;
        }
    }
}

#[tokio::test]
async fn f6_what_a_client_has_seen_the_beginning_of_is_not_asked_for_again() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says("/", [raw(&BY_LENGTH.as_bytes()[..44]).then_held_by(&gate).then_resets(), page("another", &[])]);
    let mut client = stage.client().await;
    client.send(request("GET", "/", &[])).await;
    assert_eq!(client.head().await.expect("a head").status, 200);
    assert_eq!(client.bytes(5).await, b"01234");
    gate.open();
    assert_eq!(client.bytes(5).await, b"", "the connection ends");
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn s44_f8_heads_that_are_not_http_are_a_502() {
    for bad in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rSet-Cookie: x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\rSet-Cookie: x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
    ] {
        assert_eq!(is_not_kept(raw(bad).then_closes()).await, 502, "{bad:?}");
    }
    let many = (0..200).fold(String::new(), |many, n| many + &format!("x-{n}: a\r\n"));
    assert_eq!(is_not_kept(raw(format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n"))).await, 502);
    let large = format!("x: {}\r\n", "a".repeat(200 * 1024));
    assert_eq!(is_not_kept(raw(format!("HTTP/1.1 200 OK\r\n{large}content-length: 0\r\n\r\n"))).await, 502);
}

#[tokio::test]
async fn s43_statuses_that_are_none_and_a_switch_that_nobody_asked_for_are_a_502() {
    for bad in [
        "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 600 What\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 099 What\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ] {
        assert_eq!(is_not_kept(raw(bad).then_closes()).await, 502, "{bad:?}");
    }
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
    let turned = raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    is_served_and_not_kept(turned, "abc").await;
    for coding in ["gzip", "identity", "gzip, chunked, gzip"] {
        let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\ncontent-length: 1\r\n\r\n");
        is_served_and_not_kept(raw(head + "abc").then_closes(), "abc").await;
    }
}

#[tokio::test]
async fn s40_s41_a_connection_whose_framing_is_in_doubt_is_not_used_again() {
    for head in [
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    ] {
        let stage = Stage::open_with_origin("idle_timeout: 1h").await;
        stage.origin.says("/", [raw(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))]);
        stage.origin.says("/products/a", [page("a", &[])]);
        stage.get("/").await;
        stage.origin.has_ended(1).await;
        stage.get("/products/a").await.expect(200, "a");
        assert_eq!(stage.origin.connections(), 2, "{head}");
    }
}

#[tokio::test]
async fn f5_a_body_that_ends_with_a_reset_was_not_ended() {
    is_not_kept(raw("HTTP/1.1 200 OK\r\n\r\nuntil close").then_resets()).await;
}

#[tokio::test]
async fn s42_bytes_after_a_response_end_the_connection_and_poison_nobody() {
    let evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let home = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhome";
    let ended_by_chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhome\r\n0\r\n\r\n";
    let bodiless = "HTTP/1.1 204 No Content\r\n\r\n";
    for (before, status, body) in [(home, 200, "home"), (ended_by_chunks, 200, "home"), (bodiless, 204, "")] {
        for stray in [evil, "x"] {
            let (stage, gate) = (Stage::open_with_origin("idle_timeout: 1h").await, Gate::shut());
            // In one piece with the response, and later, when the connection lies idle.
            let later = raw(before).then_held_by(&gate).then(stray);
            stage.origin.says("/checkout/", [raw(format!("{before}{stray}")), later]);
            stage.origin.says("/products/a", [page("a", &[])]);
            stage.get("/checkout/").await.expect(status, body);
            stage.get("/checkout/").await.expect(status, body);
            gate.open();
            stage.origin.has_ended(2).await;
            stage.get("/products/a").await.expect(200, "a");
            assert_eq!(stage.origin.connections(), 3, "{before:?} {stray:?}");
        }
    }
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
async fn f7_a_server_that_closes_without_an_answer_is_asked_once_more_on_a_fresh_connection() {
    for without_answer in [raw("").then_closes(), raw("").then_resets(), raw("").then_half_closes()] {
        let stage = Stage::open().await;
        stage.origin.says("/", [without_answer.clone(), page("home", &[])]);
        stage.get("/").await.expect(200, "home");
        assert_eq!((stage.origin.asked().len(), stage.origin.connections()), (2, 2));

        stage.origin.says("/form", [without_answer, page("twice", &[])]);
        assert_eq!(stage.post("/form", "a=1").await.status, 502);
        assert_eq!(stage.origin.times_asked("/form"), 1, "it may have been carried out");
    }
}

#[tokio::test]
async fn f3_a_body_that_hangs_is_seen_as_broken_and_not_kept() {
    let stage = Stage::open_with_origin("body_idle_timeout: 300ms").await;
    let half = raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").then_held_by(&Gate::shut());
    stage.origin.says("/", [half, page("whole", &[])]);
    let got = stage.get("/").await;
    assert_eq!((got.status, got.complete), (200, false));
    stage.get("/").await.expect(200, "whole").cache_status(&["fwd=uri-miss"]);
}
