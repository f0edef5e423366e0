//! Clients that send what must not be acted on (rows S1 to S32, R6 to R10): each gets a clear answer, and the origin never
//! hears of it.

use crate::stage::{ROUTES, Stage, page, raw, request};

async fn refused(bytes: &str, status: u16) {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[])]);
    let mut client = stage.client().await;
    client.send(bytes).await;
    let head = client.head().await.unwrap_or_else(|| panic!("no answer to {bytes:?}"));
    assert_eq!(head.status, status, "{bytes:?}");
    assert_eq!(stage.origin.asked().len(), 0, "{bytes:?} reached the origin");
    stage.get("/").await.expect(200, "home");
}

#[tokio::test]
async fn s2_to_s12_framing_that_two_could_read_differently_is_refused() {
    for te in [
        "xchunked",
        "chunked;foo=bar",
        "\"chunked\"",
        "",
        "chunked,",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked, chunked",
        ",chunked",
    ] {
        refused(&format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {te}\r\n\r\n0\r\n\r\n"), 400).await;
    }
    for lines in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: 0x3",
        "Content-Length: -1",
        "Content-Length: ",
        "Content-Length: 18446744073709551616",
        "Content-Length: 003",
        "Transfer-Encoding:\r\n chunked",
        "X-A: b\r\n c",
        "Transfer-Encoding : chunked",
        "X: a\rTransfer-Encoding: chunked",
        "X: a\0b",
        "X: a\u{1}b",
        "X: a\u{7f}b",
        "X\0: a",
    ] {
        refused(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n0\r\n\r\n"), 400).await;
    }
    refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400).await;
    refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400).await;
    refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n", 431).await;
}

/// A stage whose front is on, or off, whatever the run says.
async fn with_front(front: &str) -> Stage {
    Stage::with(&format!("front: {front}\nstore: {{ backend: memory }}\n{ROUTES}")).await
}

#[tokio::test]
async fn s1_s3_s9_s13_what_two_could_read_differently_is_refused_by_the_front() {
    let chunked = "Transfer-Encoding: chunked";
    for lines in [
        &*format!("Content-Length: 13\r\n{chunked}"),
        &*format!("{chunked}\r\nContent-Length: 13"),
        &*format!("{chunked}\r\nContent-Length: xx"),
        "Content-Length: 3\r\nContent-Length: 3",
        &*format!("X: y\n{chunked}"),
    ] {
        let stage = with_front("on").await;
        stage.origin.says("/", [page("home", &[])]);
        let mut client = stage.client().await;
        let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{smuggled}")).await;
        let got = client.response("POST").await;
        assert_eq!(got.status, 400, "{lines:?}");
        assert!(client.head().await.is_none(), "{lines:?}: what follows was answered");
        assert_eq!(stage.origin.asked().len(), 0, "{lines:?} reached the origin");
        stage.get("/").await.expect(200, "home");
    }
}

/// What stands behind a refused head could be its body, or the next request: neither is answered, also where it is a hit, and the
/// end comes at once.
#[tokio::test]
async fn s1_s5_s9_s13_nothing_behind_a_refused_head_is_answered() {
    let hit = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunks = format!("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n{hit}");
    for (lines, behind) in [
        ("Content-Length: 27\r\nTransfer-Encoding: chunked", hit),
        ("Content-Length: 27\r\nContent-Length: 27", hit),
        ("X: y\nContent-Length: 27", hit),
        ("Content-Length: 27\r\nTransfer-Encoding: chunked", ""),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", &*chunks),
    ] {
        let lines_of_file = format!("limits: {{ head_timeout: 60s }}\nstore: {{ backend: memory }}\n{ROUTES}");
        let stage = Stage::with(&format!("front: on\n{lines_of_file}")).await;
        stage.origin.says("/", [page("home", &[])]);
        stage.get("/").await.expect(200, "home");
        stage.get("/").await.expect(200, "home").hit();
        let mut client = stage.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{behind}")).await;
        assert_eq!(client.response("POST").await.status, 400, "{lines:?}");
        assert!(client.head().await.is_none(), "{lines:?}: {behind:?} was answered");
    }
}

#[tokio::test]
async fn s16_s18_chunks_that_two_could_read_differently_end_the_connection() {
    for chunk in ["3;x=\0\u{1}\r\na=b\r\n0\r\n\r\n", "3 \r\na=b\r\n0\r\n\r\n", "3;x\na=b\r\n0\r\n\r\n"] {
        let stage = with_front("on").await;
        stage.origin.says("/save", [page("saved", &[])]);
        stage.origin.says("/", [page("home", &[])]);
        let mut client = stage.client().await;
        client.send(format!("POST /save HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")).await;
        let head = client.head().await;
        assert!(head.is_none_or(|head| head.status >= 400), "{chunk:?} was taken");
        let asked = stage.origin.asked();
        assert!(asked.iter().all(|asked| !asked.body.ends_with(b"0\r\n\r\n")), "{chunk:?} was sent on whole");
        stage.get("/").await.expect(200, "home");
    }
}

/// The rows that docs/security.md lists as open without the front: what the library reads, it reads in one way, and the origin is
/// asked anew.
#[tokio::test]
async fn s1_s3_s9_s13_s16_s18_what_hyper_takes_is_framed_anew_and_smuggles_nothing() {
    let chunked = "Transfer-Encoding: chunked";
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (lines, body, as_sent) in [
        (&*format!("Content-Length: 13\r\n{chunked}"), smuggled, "0\r\n\r\n"),
        (&*format!("{chunked}\r\nContent-Length: 13"), smuggled, "0\r\n\r\n"),
        (&*format!("{chunked}\r\nContent-Length: xx"), smuggled, "0\r\n\r\n"),
        ("Content-Length: 3\r\nContent-Length: 3", "a=b", "a=b"),
        (&*format!("X: y\n{chunked}"), "3\r\na=b\r\n0\r\n\r\n", "3\r\na=b\r\n0\r\n\r\n"),
        (chunked, "3;x=\0\u{1}\r\na=b\r\n0\r\n\r\n", "3\r\na=b\r\n0\r\n\r\n"),
        (chunked, "3 \r\na=b\r\n0\r\n\r\n", "3\r\na=b\r\n0\r\n\r\n"),
        (chunked, "0000003\r\na=b\r\n0\r\n\r\n", "3\r\na=b\r\n0\r\n\r\n"),
    ] {
        let stage = with_front("off").await;
        stage.origin.says("/save", [page("saved", &[])]);
        let mut client = stage.client().await;
        client.send(format!("POST /save HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}")).await;
        client.response("POST").await.expect(200, "saved");
        if body == smuggled {
            assert!(client.head().await.is_none(), "{lines:?}: what follows was answered");
        }
        let asked = stage.origin.asked();
        assert_eq!((asked.len(), asked[0].body.as_slice()), (1, as_sent.as_bytes()), "{lines:?} {body:?}");
        let framing = [asked[0].field("content-length"), asked[0].field("transfer-encoding")];
        assert_eq!(framing.iter().flatten().count(), 1, "{lines:?} {body:?}: {}", asked[0].head);
    }
}

#[tokio::test]
async fn s15_s27_k13_names_that_would_pass_for_others_are_dropped_and_connection_strikes_nothing_relied_on() {
    let stage = Stage::open().await;
    stage.origin.says("/checkout/", [page("own", &[])]);
    let fields = [
        "Content_Length: 3",
        "X_Forwarded_Host: evil",
        "X-Vitrine-Session: evil",
        "Connection: cookie, x-forwarded-for, x-forwarded-proto, host",
        "Cookie: sessionid=1",
    ];
    stage.get_with("/checkout/", &fields).await.expect(200, "own");
    let asked = stage.origin.asked().remove(0);
    assert!(!asked.head.contains('_') && !asked.head.contains("evil"), "{}", asked.head);
    assert_eq!(asked.field("cookie").as_deref(), Some("sessionid=1"));
    assert_eq!(asked.field("host").as_deref(), Some("shop.example"));
    assert!(asked.field("x-forwarded-for").is_some() && asked.field("x-forwarded-proto").is_some(), "{}", asked.head);
}

#[tokio::test]
async fn s30_to_s32_odd_targets_are_sent_as_they_were_judged() {
    let stage = Stage::open().await;
    for target in ["//evil/x", "/products/%zz%00%0d%0a", "*"] {
        stage.origin.says(target, [page("as it came", &[])]);
    }
    stage.origin.says("/", [page("home", &[])]);
    for target in ["//evil/x", "/products/%zz%00%0d%0a"] {
        stage.get(target).await.expect(200, "as it came").cache_status(&["fwd=bypass", "detail=path-alias"]);
    }
    stage.ask("OPTIONS", "*", &[]).await.expect(200, "as it came").cache_status(&["fwd=method"]);
    // S31: a fragment is in neither the key nor the request.
    stage.get("/#a").await.expect(200, "home");
    stage.get("/").await.expect(200, "home").hit();
    let targets: Vec<String> = stage.origin.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(targets, ["//evil/x", "/products/%zz%00%0d%0a", "*", "/"]);
}

#[tokio::test]
async fn what_is_refused_before_it_has_a_route_is_counted_as_such() {
    let stage = Stage::open().await;
    for bytes in ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = stage.client().await;
        client.send(bytes).await;
        client.response("GET").await;
    }
    let counted = r#"vitrine_requests_total{cache="default",outcome="error",reason="bad-request",route="(none)"} 2"#;
    let metrics = stage.admin("/metrics").await.text();
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn s22_s26_s28_to_s32_targets_hosts_and_expectations_that_are_none_are_refused() {
    for (bytes, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a@b/x\r\n\r\n", 400),
        ("GET http://evil/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET foo HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc", 400),
    ] {
        refused(bytes, status).await;
    }
}

#[tokio::test]
async fn r6_heads_beyond_the_limits_are_refused() {
    let field = |bytes: usize| format!("X: {}\r\n", "a".repeat(bytes));
    refused(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000)), 414).await;
    refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", field(9000)), 431).await;
    refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", field(8000).repeat(5)), 431).await;
    refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", field(1).repeat(101)), 431).await;
}

#[tokio::test]
async fn s8_s23_bytes_behind_a_request_never_become_part_of_it_or_of_another() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[])]);
    stage.get("/").await;
    // S23: a body that a hit leaves unread.
    let mut client = stage.client().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    client
        .send(format!("GET / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len()))
        .await;
    client.response("GET").await.expect(200, "home");
    assert_eq!(stage.origin.times_asked("/smuggled"), 0);
    // S8: HTTP/1.0 without a length has no body.
    let mut client = stage.client().await;
    client.send("POST /products/x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").await;
    client.response("POST").await;
    assert!(stage.origin.asked().last().expect("passed").body.is_empty());
}

#[tokio::test]
async fn s20_s21_no_framing_of_a_client_reaches_the_origin() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &["etag: \"1\""])]);
    stage.origin.says("/save", [page("saved", &[])]);
    let mut client = stage.client().await;
    client
        .send("POST /save HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\na=b\r\n0\r\nContent-Length: 50\r\nHost: evil\r\n\r\n")
        .await;
    client.response("POST").await.expect(200, "saved");
    let asked = stage.origin.asked().remove(0);
    assert_eq!(asked.body, b"3\r\na=b\r\n0\r\n\r\n");
    assert!(!asked.head.contains("evil") && asked.field("trailer").is_none(), "{}", asked.head);
    // A fill for a client that sent framing of its own has none.
    stage.get_with("/", &["Content-Length: 0"]).await.expect(200, "home");
    let fill = stage.origin.asked().remove(1);
    assert_eq!((fill.field("content-length"), fill.field("transfer-encoding")), (None, None));
}

#[tokio::test]
async fn s17_s19_a_request_body_that_breaks_is_never_finished_towards_the_origin() {
    for broken in [
        "3;a\nabc\r\n",
        "3\nabc\r\n",
        "0x3\r\nabc\r\n",
        "+3\r\nabc\r\n",
        "3\r\nabcXX0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "10000000000000003\r\nabc",
    ] {
        let stage = Stage::open().await;
        stage.origin.says("/save", [page("saved", &[])]);
        let mut client = stage.client().await;
        client.send(format!("POST /save HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{broken}")).await;
        // The client's fault, and told and counted as such: not the origin's.
        let got = client.response("POST").await;
        assert_eq!(got.status, 400, "{broken:?}");
        got.cache_status(&["detail=bad-request"]);
        assert_eq!(stage.origin.times_asked("/save"), 0, "{broken:?} was finished");
        let metrics = stage.admin("/metrics").await.text();
        assert!(!metrics.contains(r#"status_class="failed""#), "{broken:?} was counted against the origin");
    }
}

#[tokio::test]
async fn s24_s25_an_upgrade_happens_only_on_a_route_that_passes() {
    let stage = Stage::open().await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
    stage.origin.says("/checkout/socket", [raw(switch).then("hello from the origin")]);
    stage.origin.says("/", [page("home", &[])]);
    let fields = ["Connection: Upgrade", "Upgrade: echo"];

    let mut client = stage.client().await;
    client.send(request("GET", "/checkout/socket", &fields)).await;
    let head = client.head().await.expect("an answer");
    assert_eq!((head.status, head.field("upgrade")), (101, Some("echo")));
    assert_eq!(client.bytes(21).await, b"hello from the origin");

    stage.get_with("/", &fields).await.expect(200, "home");
    assert_eq!(stage.origin.asked().last().expect("passed").field("upgrade"), None);
    let h2c = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x"];
    stage.get_with("/", &h2c).await.expect(200, "home");
    let asked = stage.origin.asked().pop().expect("passed");
    assert_eq!((asked.field("upgrade"), asked.field("http2-settings")), (None, None));
}

#[tokio::test]
async fn purge_is_for_allowed_peers_and_never_reaches_the_origin() {
    let stage = Stage::with(&format!(
        "store: {{ backend: memory }}\ninvalidation: {{ allow: [192.0.2.1] }}\n{}",
        crate::stage::ROUTES
    ))
    .await;
    assert_eq!(stage.ask("PURGE", "/", &[]).await.status, 403);
    assert_eq!(stage.ask("BAN", "/", &[]).await.status, 405);
    assert_eq!(stage.origin.asked().len(), 0);
}

/// A stage with short deadlines and few places.
async fn impatient() -> Stage {
    let limits = "limits: { head_timeout: 300ms, body_idle_timeout: 300ms, connections: 2 }";
    Stage::with(&format!("store: {{ backend: memory }}\n{limits}\n{}", crate::stage::ROUTES)).await
}

#[tokio::test]
async fn r7_r9_a_head_or_body_that_does_not_come_is_given_up() {
    let stage = impatient().await;
    stage.origin.says("/save", [page("saved", &[])]);
    let mut silent = stage.client().await;
    assert!(silent.head().await.is_none());
    let mut slow = stage.client().await;
    slow.send("GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    assert!(slow.head().await.is_none_or(|got| got.status == 408));
    let mut unfinished = stage.client().await;
    unfinished.send("POST /save HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert_eq!(unfinished.response("POST").await.status, 400);
    assert_eq!(stage.origin.times_asked("/save"), 0);
}

#[tokio::test]
async fn r28_connections_beyond_the_bound_wait_until_one_ends() {
    let stage = impatient().await;
    stage.origin.says("/", [page("home", &[])]);
    let held = [stage.client().await, stage.client().await];
    let mut third = stage.client().await;
    third.send(request("GET", "/", &[])).await;
    // The two that hold the places say nothing and are given up; then it is the third one's turn.
    third.response("GET").await.expect(200, "home");
    drop(held);
}
