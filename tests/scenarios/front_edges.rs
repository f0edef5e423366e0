//! The edges of a connection that the front and hyper have in turn (rows S8, S23, S24, R6, R7, R10, R28): each play holds with the front
//! and without it.

use crate::stage::{Client, Gate, ROUTES, Stage, find, in_time, page, raw, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const FRONTS: [&str; 2] = ["on", "off"];
/// About as much as memory takes of one page.
const LARGE_BYTES: usize = 1_900_000;
/// So many of them are more than the system keeps for a client that does not read.
const LARGE_HITS: usize = 8;
const CUT: &str = "\"cut\":true";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
const UPGRADE: [&str; 2] = ["Connection: upgrade", "Upgrade: echo"];

/// A stage with a hit, of this size, at `/`.
async fn with(front: &str, lines: &str, bytes: usize) -> Stage {
    let stage = Stage::with(&format!("front: {front}\nstore: {{ backend: memory }}\n{lines}\n{ROUTES}")).await;
    let stage = stage.restarted_with(|config| config.replace("access: off", "access: \"${DATA}/access.log\"")).await;
    stage.origin.says("/", [page(&"x".repeat(bytes), &[])]);
    stage.origin.says("/save", [page("saved", &[])]);
    stage.get("/").await;
    stage.get("/").await.hit();
    stage
}

fn get(target: &str) -> String {
    request("GET", target, &[])
}

/// The lines of the access log once one of them has this.
async fn logged(stage: &Stage, what: &str) -> Vec<String> {
    let file = stage.data.path().join("access.log");
    in_time("a line is written", async {
        loop {
            let text = std::fs::read_to_string(&file).expect("it is there");
            let lines: Vec<String> = text.lines().map(str::to_string).collect();
            if lines.iter().any(|line| line.contains(what)) {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Waits until nobody is let in any more.
async fn shut(address: std::net::SocketAddr) {
    in_time("the door is shut", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_head_may_come_in_any_parts() {
    for front in FRONTS {
        let stage = with(front, "", 4).await;
        let mut client = stage.client().await;
        for byte in get("/").bytes() {
            client.send([byte]).await;
        }
        client.response("GET").await.expect(200, "xxxx").hit();
        // The end of one and the beginning of the next, of a hit and of a pass.
        let both = get("/") + &get("/") + &request("POST", "/save", &["content-length: 3"]) + "a=b" + &get("/");
        let (one, rest) = both.split_at(get("/").len() + 5);
        let (two, three) = rest.split_at(rest.len() - get("/").len() - 5);
        for part in [one, two, three] {
            client.send(part).await;
            client.response("GET").await.expect(200, "xxxx").hit();
            if part == two {
                break;
            }
        }
        client.send(three).await;
        client.response("POST").await.expect(200, "saved");
        client.response("GET").await.expect(200, "xxxx").hit();
    }
}

#[tokio::test]
async fn r10_a_client_that_does_not_read_a_hit_is_dropped_and_the_log_says_so() {
    for front in FRONTS {
        let stage = with(front, "limits: { write_timeout: 300ms, connections: 1 }", LARGE_BYTES).await;
        let mut client = Client::narrow(stage.app.public_addresses()[0]).await;
        client.send(get("/").repeat(LARGE_HITS)).await;
        // Its place is free again: it was dropped.
        stage.ask("HEAD", "/", &[]).await.hit();
        let (mut whole, mut broken) = (0, 0);
        while let Some(mut told) = client.head().await {
            client.body("GET", &mut told).await;
            *(if told.complete { &mut whole } else { &mut broken }) += 1;
        }
        assert!(whole < LARGE_HITS && broken <= 1, "{front}: {whole}, {broken}");
        // What hyper has taken counts as sent.
        if front == "on" {
            let lines = logged(&stage, "HEAD").await;
            let cut: Vec<bool> = lines.iter().map(|line| line.contains(CUT)).collect();
            // Two were asked for before, and the last is HEAD.
            let expected: Vec<bool> = (0..whole + 4).map(|number| number == whole + 2).collect();
            assert_eq!(cut, expected, "{lines:?}");
            assert!(lines[whole + 2].contains("\"outcome\":\"hit\""), "{lines:?}");
        }
    }
}

#[tokio::test]
async fn r28_a_client_that_leaves_in_the_middle_of_a_hit_gives_its_place_back() {
    for front in FRONTS {
        let stage = with(front, "limits: { connections: 1 }", LARGE_BYTES).await;
        let mut client = Client::narrow(stage.app.public_addresses()[0]).await;
        client.send(get("/").repeat(LARGE_HITS)).await;
        client.head().await.expect("a head");
        drop(client);
        stage.ask("HEAD", "/", &[]).await.hit();
        if front == "on" {
            let lines = logged(&stage, "HEAD").await;
            assert_eq!(lines.iter().filter(|line| line.contains(CUT)).count(), 1, "{lines:?}");
        }
    }
}

#[tokio::test]
async fn r28_each_way_a_connection_ends_gives_its_place_back() {
    for front in FRONTS {
        let stage = with(front, "limits: { connections: 1 }", 4).await;
        stage.origin.says("/checkout/socket", [raw(SWITCH).then("hello").then_closes()]);
        let close = ["connection: close"];
        for bytes in [
            request("GET", "/", &close),
            request("GET", "/checkout/x", &close),
            get("/") + &request("GET", "/checkout/x", &close),
            get("/") + &request("GET", "/checkout/socket", &UPGRADE),
            get("/") + "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
            get("/") + "no HTTP\r\n\r\n",
        ] {
            let mut client = stage.client().await;
            client.send(bytes).await;
            client.bytes(usize::MAX).await;
            drop(client);
            stage.get("/").await.expect(200, "xxxx").hit();
        }
    }
}

#[tokio::test]
async fn r7_an_idle_connection_and_a_slow_head_are_given_up_wherever_they_stand() {
    let before = ["", &get("/"), &get("/checkout/x"), &(request("POST", "/save", &["content-length: 3"]) + "a=b")];
    for front in FRONTS {
        let stage = with(front, "limits: { head_timeout: 300ms }", 4).await;
        stage.origin.says("/checkout/x", [page("pass", &[])]);
        for before in before {
            // The last is more than a head may have, and no head.
            for rest in ["", "GET / HTTP/1.1\r\nHost: a\r\nX: ", &"\r\n".repeat(20_000)] {
                let mut client = stage.client().await;
                if !before.is_empty() {
                    client.send(before).await;
                    client.response("GET").await;
                }
                client.send(rest).await;
                let head = client.head().await;
                assert!(head.is_none_or(|head| head.status >= 400), "{front}: {before:?}, then {rest:.40?}");
                assert!(client.head().await.is_none(), "{front}: {before:?}, then {rest:.40?}");
            }
        }
    }
}

/// What keeps its connection although it is refused leaves no way round the deadlines.
#[tokio::test]
async fn r7_s5_a_method_that_is_refused_brings_no_connection_without_deadlines() {
    for front in FRONTS {
        let stage = with(front, "limits: { head_timeout: 300ms }", 4).await;
        for (lines, status) in [("", 405), ("Transfer-Encoding: gzip, chunked\r\n", 400)] {
            let mut client = stage.client().await;
            let body = if lines.is_empty() { "" } else { "0\r\n\r\n" };
            client.send(format!("TRACE / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")).await;
            let refused = client.response("TRACE").await;
            assert!(client.head().await.is_none(), "{front}: {lines:?}");
            assert_eq!(refused.status, status, "{front}: {lines:?}");
        }
    }
}

/// The front has room for 100 fields; where more are allowed, hyper has the whole connection.
#[tokio::test]
async fn r7_r6_more_fields_than_the_front_reads_bring_no_connection_without_deadlines() {
    for front in FRONTS {
        let stage = with(front, "limits: { head_timeout: 300ms, fields: 200 }", 4).await;
        let many: Vec<String> = (0..150).map(|number| format!("x{number}: a")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut client = stage.client().await;
        client.send(request("GET", "/", &many)).await;
        client.response("GET").await.expect(200, "xxxx").hit();
        assert!(client.head().await.is_none(), "{front}");
        let mut slow = stage.client().await;
        slow.send(request("GET", "/", &many).trim_end()).await;
        assert!(slow.head().await.is_none_or(|head| head.status >= 400), "{front}");
    }
}

#[tokio::test]
async fn when_vitrine_stops_idle_connections_end_and_what_is_under_way_is_finished() {
    for front in FRONTS {
        let stage = with(front, "", LARGE_BYTES).await;
        let gate = Gate::shut();
        stage.origin.says("/checkout/slow", [page("slow", &[]).held_by(&gate)]);
        let (mut new, mut idle, mut after_pass) = (stage.client().await, stage.client().await, stage.client().await);
        idle.send(request("HEAD", "/", &[])).await;
        idle.response("HEAD").await.hit();
        after_pass.send(request("HEAD", "/checkout/x", &[])).await;
        after_pass.response("HEAD").await;
        let address = stage.app.public_addresses()[0];
        let mut narrow = Client::narrow(address).await;
        narrow.send(get("/").repeat(LARGE_HITS)).await;
        let mut half = narrow.head().await.expect("a head");
        let mut waiting = stage.client().await;
        waiting.send(get("/checkout/slow") + &get("/")).await;
        gate.reached_by(1).await;

        let Stage { app, .. } = stage;
        let stopping = tokio::spawn(app.stop());
        shut(address).await;
        for client in [&mut new, &mut idle, &mut after_pass] {
            assert!(client.head().await.is_none(), "{front}: an idle connection ends");
        }
        let mut hits = 0;
        loop {
            narrow.body("GET", &mut half).await;
            assert!(half.complete && half.body.len() == LARGE_BYTES, "{front}: a hit half sent is sent whole");
            hits += 1;
            match narrow.head().await {
                Some(next) => half = next,
                None => break,
            }
        }
        assert!(hits < LARGE_HITS, "{front}: those behind it are not begun");
        gate.open();
        waiting.response("GET").await.expect(200, "slow");
        assert!(waiting.head().await.is_none(), "{front}: nor after what was waited for");
        in_time("it stops", stopping).await.expect("it stops");
    }
}

#[tokio::test]
async fn s24_what_is_sent_early_into_a_tunnel_goes_through_it_and_is_no_request() {
    for front in FRONTS {
        let stage = with(front, "", 4).await;
        stage.origin.says("/checkout/socket", [raw(SWITCH)]);
        // The stage's origin hears what comes through the tunnel like a request, and answers it so.
        stage.origin.says("/", [raw("through the tunnel")]);
        stage.origin.says("later", [raw("later too")]);
        let mut client = stage.client().await;
        for _ in 0..3 {
            client.send(get("/")).await;
            client.response("GET").await.expect(200, "xxxx").hit();
        }
        client.send(request("GET", "/checkout/socket", &UPGRADE) + &get("/")).await;
        let head = client.head().await.expect("an answer");
        assert_eq!((head.status, head.field("upgrade")), (101, Some("echo")), "{front}");
        assert_eq!(client.bytes(18).await, b"through the tunnel", "{front}: a hit would be another answer");
        client.send("any later bytes\r\n\r\n").await;
        assert_eq!(client.bytes(9).await, b"later too", "{front}");
    }
}

/// An origin that answers when so much has come, whatever is still to come.
async fn answers_after(bytes: &'static [u8], listener: TcpListener) {
    let mut origin = listener.accept().await.expect("vitrine asks").0;
    let mut asked = Vec::new();
    while find(&asked, bytes).is_none() {
        assert!(origin.read_buf(&mut asked).await.expect("it comes") > 0, "it breaks off");
    }
    origin.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly").await.expect("it is read");
    // It listens on until vitrine has had enough.
    while origin.read_buf(&mut asked).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn s8_s23_a_body_that_outlives_its_answer_never_becomes_a_request() {
    for front in FRONTS {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let stage = with(front, "", 4).await;
        stage.origin.says("/", [page("xxxx", &[])]);
        let own = stage.origin.address.to_string();
        let stage = stage.restarted_with(|config| config.replace(&own, &address)).await;
        let origin = tokio::spawn(answers_after(b"12345", listener));
        let mut client = stage.client().await;
        let hidden = get("/smuggled");
        let length = format!("content-length: {}", 5 + hidden.len());
        client.send(request("POST", "/save", &[&length]) + "12345").await;
        client.response("POST").await.expect(200, "early");
        // The connection ends, or the rest is taken for what it is.
        client.send(hidden + &request("DELETE", "/", &["expect: x", "connection: close"])).await;
        let next = client.head().await;
        assert!(next.as_ref().is_none_or(|next| next.status == 417), "{front}: {next:?}");
        origin.abort();
    }
}

#[tokio::test]
async fn r6_each_limit_of_size_is_the_same_for_a_hit() {
    let field = |name: &str, bytes: usize| format!("{name}: {}", "a".repeat(bytes - name.len()));
    for front in FRONTS {
        let stage = with(front, "", 4).await;
        let long = format!("/{}", "a".repeat(8 * 1024 - 1));
        stage.origin.says(&long, [page("long", &["cache-control: max-age=60"])]);
        stage.get(&long).await;
        stage.get(&long).await.expect(200, "long").hit();
        assert_eq!(stage.get(&format!("{long}a")).await.status, 414, "{front}");

        stage.get_with("/", &[&field("x", 8 * 1024)]).await.expect(200, "xxxx").hit();
        assert_eq!(stage.get_with("/", &[&field("x", 8 * 1024 + 1)]).await.status, 431, "{front}");

        let many: Vec<String> = (0..100).map(|number| format!("x{number}: a")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        stage.get_with("/", &many[..99]).await.expect(200, "xxxx").hit();
        assert_eq!(stage.get_with("/", &many).await.status, 431, "{front}");

        // All heads are as long as one with an empty field and what that holds.
        let parts = |last: usize| [8_000, 8_000, 8_000, 4_000, last].map(|bytes| field("x", bytes));
        let bytes = |last: usize| request("GET", "/", &parts(last).each_ref().map(String::as_str)).len();
        let most = 32 * 1024 - bytes(1) + 1;
        assert_eq!(bytes(most), 32 * 1024);
        stage.get_with("/", &parts(most).each_ref().map(String::as_str)).await.expect(200, "xxxx").hit();
        assert_eq!(stage.get_with("/", &parts(most + 1).each_ref().map(String::as_str)).await.status, 431, "{front}");
    }
}
