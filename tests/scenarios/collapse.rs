//! One fetch for many, and every way it can end: done, lost to a broken origin, not storable, refused, given up by its
//! client.

use crate::stage::{Gate, Stage, answer, head_only, page, request};
use std::time::Duration;

#[tokio::test]
async fn a_thousand_who_ask_at_once_cost_one_fetch() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says("/", [page("home", &[]).held_by(&gate)]);

    let mut clients = Vec::new();
    for _ in 0..1000 {
        let mut client = stage.client().await;
        client.send(request("GET", "/", &[])).await;
        clients.push(client);
    }
    gate.reached_by(1).await;
    gate.open();
    let mut collapsed = 0;
    for client in &mut clients {
        let got = client.response("GET").await;
        got.expect(200, "home");
        collapsed += usize::from(got.all("cache-status").contains("collapsed"));
    }
    assert_eq!(stage.origin.asked().len(), 1);
    // Those whose request was read after the fill's end are hits.
    assert!(collapsed > 0);
}

#[tokio::test]
async fn the_first_byte_reaches_every_client_before_the_last_has_left_the_origin() {
    let stage = Stage::open().await;
    let rest = Gate::shut();
    let head = head_only("200 OK", &["content-length: 10"]);
    stage.origin.says("/", [head.then("first").then_held_by(&rest).then("-last")]);

    let mut clients = [stage.client().await, stage.client().await];
    for client in &mut clients {
        client.send(request("GET", "/", &[])).await;
        assert_eq!(client.head().await.expect("a head").status, 200);
        assert_eq!(client.bytes(5).await, b"first");
    }
    rest.open();
    for client in &mut clients {
        assert_eq!(client.bytes(5).await, b"-last");
    }
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn whoever_has_read_a_page_whole_finds_it_stored() {
    for line in [
        page("home", &[]),
        crate::stage::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhome\r\n0\r\n\r\n"),
    ] {
        for _ in 0..50 {
            let stage = Stage::open().await;
            stage.origin.says("/", [line.clone()]);
            stage.get("/").await.expect(200, "home");
            stage.get("/").await.expect(200, "home").hit();
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_the_fill() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says("/", [page("home", &[]).held_by(&gate)]);

    let mut leader = stage.client().await;
    leader.send(request("GET", "/", &[])).await;
    gate.reached_by(1).await;
    drop(leader);
    let mut follower = stage.client().await;
    follower.send(request("GET", "/", &[])).await;
    gate.open();
    follower.response("GET").await.expect(200, "home");
    stage.get("/").await.hit();
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_stored_releases_its_waiters_at_once_and_is_remembered() {
    let stage = Stage::open().await;
    let (first, others) = (Gate::shut(), Gate::shut());
    let private = |gate| page("own", &["cache-control: private"]).held_by(gate);
    stage.origin.says("/", [private(&first), private(&others)]);

    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = stage.client().await;
        client.send(request("GET", "/", &[])).await;
        clients.push(client);
    }
    first.reached_by(1).await;
    first.open();
    // The four others are at the origin together, not one after the other.
    others.reached_by(4).await;
    others.open();
    for client in &mut clients {
        client.response("GET").await.expect(200, "own");
    }
    stage.get("/").await.expect(200, "own").cache_status(&["fwd=bypass", "detail=known-unstorable"]);
}

#[tokio::test]
async fn a_fetch_that_fails_fails_for_all_and_is_tried_anew_by_the_next() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says(
        "/",
        [crate::stage::raw("").held_by(&gate).then_closes(), crate::stage::raw("").then_closes(), page("home", &[])],
    );

    let mut clients = [stage.client().await, stage.client().await];
    for client in &mut clients {
        client.send(request("GET", "/", &[])).await;
    }
    gate.reached_by(1).await;
    gate.open();
    for client in &mut clients {
        let got = client.response("GET").await;
        assert_eq!(got.status, 502);
        got.cache_status(&["detail=origin-broken"]);
    }
    stage.get("/").await.expect(200, "home");
}

#[tokio::test]
async fn an_error_page_is_shared_by_those_who_wait_but_not_kept() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says("/", [answer("500 Internal Server Error", "oops", &[]).held_by(&gate), page("home", &[])]);

    let mut clients = [stage.client().await, stage.client().await, stage.client().await];
    for client in &mut clients {
        client.send(request("GET", "/", &[])).await;
    }
    gate.reached_by(1).await;
    gate.open();
    for client in &mut clients {
        client.response("GET").await.expect(500, "oops");
    }
    stage.get("/").await.expect(200, "home");
}

#[tokio::test]
async fn a_body_that_grows_too_large_streams_through_and_is_not_kept() {
    let stage =
        Stage::with(&format!("store: {{ backend: memory, object_max: 64KiB }}\n{}", crate::stage::ROUTES)).await;
    let large = "x".repeat(1024 * 1024);
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    stage.origin.says("/", [crate::stage::raw(chunked), page(&large, &[])]);

    stage.get("/").await.expect(200, &large);
    stage.get("/").await.expect(200, &large);
    assert_eq!(stage.origin.asked().len(), 2);
}

#[tokio::test]
async fn a_validation_under_way_is_for_those_alone_who_send_the_same_of_what_vary_names() {
    let visitors = [["cookie: city=rome", "cookie: city=oslo"], ["accept-encoding: gzip", "accept-encoding: br"]];
    for [of_one, of_other] in visitors {
        let stage = Stage::with("store: { backend: memory }").await;
        let gate = Gate::shut();
        let fields = ["cache-control: max-age=60", "vary: Cookie, Accept-Encoding"];
        let tagged = |tag: &'static str| [&fields[..], &[tag]].concat();
        let known = head_only("304 Not Modified", &tagged("etag: \"1\"")).held_by(&gate);
        stage
            .origin
            .says("/", [page("one's", &tagged("etag: \"1\"")), known, page("the other's", &tagged("etag: \"2\""))]);
        stage.origin.says("/read", [page("", &[])]);
        stage.get_with("/", &[of_one]).await.expect(200, "one's");
        stage.pass(Duration::from_secs(61));

        let (mut one, mut other) = (stage.client().await, stage.client().await);
        one.send(request("GET", "/", &[of_one])).await;
        gate.reached_by(1).await;
        other.send(request("GET", "/", &[of_other])).await;
        // By then the other's request has been read.
        stage.get("/read").await;
        gate.open();
        one.response("GET").await.expect(200, "one's");
        other.response("GET").await.expect(200, "the other's");
    }
}
