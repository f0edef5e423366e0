//! Interim responses (RFC 9110 15.2): at once to the visitor whose own request brings them, and to nobody else; never stored.

use crate::stage::{Client, Gate, Got, Line, Stage, find, in_time, made, page, raw, request};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn early(link: &str) -> String {
    format!("HTTP/1.1 103 Early Hints\r\nlink: {link}\r\n\r\n")
}

fn whole(body: &str, fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{fields}\r\n{body}", body.len())
}

/// A hint, then nothing until the gate is open, then the page.
fn hinted(link: &str, gate: &Gate, body: &str) -> Line {
    raw(early(link)).then_held_by(gate).then(whole(body, ""))
}

async fn asking(stage: &Stage, target: &str, fields: &[&str]) -> Client {
    let mut client = stage.client().await;
    client.send(request("GET", target, fields)).await;
    client
}

/// The next head is a 103 with this link.
async fn expect_hint(client: &mut Client, link: &str) -> Got {
    let head = client.head().await.expect("a head");
    assert_eq!((head.status, head.all("link").as_str()), (103, link), "{head:?}");
    head
}

/// The rest of this connection, which is to end.
async fn to_the_end(client: &mut Client) -> String {
    String::from_utf8_lossy(&client.bytes(usize::MAX).await).into_owned()
}

#[tokio::test]
async fn a_visitor_is_told_what_the_origin_says_while_it_is_at_work() {
    let stage = Stage::open().await;
    for target in ["/checkout/a", "/"] {
        let gates = [Gate::shut(), Gate::shut(), Gate::shut()];
        let line = raw("HTTP/1.1 102 Processing\r\n\r\n")
            .then_held_by(&gates[0])
            .then(early("</a.css>; rel=preload"))
            .then_held_by(&gates[1])
            .then("HTTP/1.1 142 Something New\r\nx-odd: 1\r\n\r\n")
            .then_held_by(&gates[2])
            .then(whole("page", "link: </final.css>\r\n"));
        stage.origin.says(target, [line]);

        let mut client = asking(&stage, target, &[]).await;
        let processing = client.head().await.expect("a head");
        assert_eq!((processing.status, &*processing.phrase), (102, "Processing"));
        gates[0].open();
        let hint = expect_hint(&mut client, "</a.css>; rel=preload").await;
        assert_eq!((&*hint.phrase, &*hint.all("via")), ("Early Hints", "1.1 vitrine"));
        gates[1].open();
        let odd = client.head().await.expect("a head");
        assert_eq!((odd.status, odd.field("x-odd")), (142, Some("1")));
        gates[2].open();
        let got = client.response("GET").await;
        assert_eq!(got.expect(200, "page").all("link"), "</final.css>");
    }
}

#[tokio::test]
async fn what_is_stored_comes_without_them_and_a_hit_has_none() {
    let stage = Stage::open().await;
    stage.origin.says("/", [raw(early("</a.css>") + &whole("home", ""))]);

    let mut client = asking(&stage, "/", &[]).await;
    expect_hint(&mut client, "</a.css>").await;
    let first = client.response("GET").await;
    assert_eq!(first.expect(200, "home").field("link"), None);
    client.send(request("GET", "/", &[])).await;
    let second = client.response("GET").await;
    assert_eq!(second.expect(200, "home").hit().field("link"), None);
    client.send(request("HEAD", "/", &[])).await;
    client.response("HEAD").await.hit();
}

#[tokio::test]
async fn those_that_come_with_the_answer_come_before_it() {
    let stage = Stage::open().await;
    for (method, target) in [("GET", "/checkout/a"), ("POST", "/checkout/a"), ("GET", "/"), ("HEAD", "/products/a")] {
        let hints = early("<1>") + &early("<2>") + "HTTP/1.1 102 Processing\r\n\r\n";
        stage.origin.says(target, [raw(hints + &whole(if method == "HEAD" { "" } else { "page" }, ""))]);
        let mut client = stage.client().await;
        client.send(request(method, target, &[])).await;
        for expected in [103, 103, 102] {
            assert_eq!(client.head().await.expect("a head").status, expected);
        }
        assert_eq!(client.response(method).await.status, 200);
    }
}

#[tokio::test]
async fn neither_cookies_nor_tags_nor_framing_are_relayed_and_a_100_is_not() {
    let stage = Stage::open().await;
    let hint = "HTTP/1.1 100 Continue\r\nx-100: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nset-cookie: a=b\r\nsurrogate-key: t\r\n\
        connection: x-hop\r\nx-hop: 1\r\nlink: <a>\r\nlink: <b>\r\n\r\n";
    stage.origin.says("/checkout/a", [raw(hint.to_string() + &whole("page", ""))]);
    let mut client = asking(&stage, "/checkout/a", &[]).await;
    let head = expect_hint(&mut client, "<a>, <b>").await;
    let names: Vec<&str> = head.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["link", "link", "via"]);
    client.response("GET").await.expect(200, "page");
}

#[tokio::test]
async fn who_shares_another_visitors_fetch_gets_none_of_its_hints() {
    let stage = Stage::open().await;
    let (joined, rest) = (Gate::shut(), Gate::shut());
    let line = raw(early("<first>")).then_held_by(&joined).then(early("<second>")).then_held_by(&rest);
    stage.origin.says("/", [line.then(whole("home", ""))]);
    let mut leader = asking(&stage, "/", &[]).await;
    expect_hint(&mut leader, "<first>").await;
    let mut followers = [asking(&stage, "/", &[]).await, asking(&stage, "/", &[]).await];
    joined.open();
    expect_hint(&mut leader, "<second>").await;
    rest.open();
    leader.response("GET").await.expect(200, "home");
    for follower in &mut followers {
        follower.response("GET").await.expect(200, "home");
    }
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn each_visitor_whose_page_turns_out_private_sees_their_own_hints_alone() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    let private = |name: &str| whole(name, "cache-control: private\r\n");
    let (first, second) =
        (raw(early("<first>")).then_held_by(&gate).then(private("first")), raw(early("<second>") + &private("second")));
    stage.origin.says("/", [first, second]);

    let mut leader = asking(&stage, "/", &[]).await;
    expect_hint(&mut leader, "<first>").await;
    let mut follower = asking(&stage, "/", &[]).await;
    gate.open();
    leader.response("GET").await.expect(200, "first");
    expect_hint(&mut follower, "<second>").await;
    follower.response("GET").await.expect(200, "second");
}

#[tokio::test]
async fn a_leader_who_has_to_ask_again_is_told_both_times() {
    // What a fill brought for nobody is not this visitor's, whose cookies it did not send.
    let stage = Stage::open().await;
    let hint = |link: &str| raw(early(link) + &whole("page", "cache-control: private\r\n"));
    stage.origin.says("/", [hint("<nobody>"), hint("<own>")]);
    let mut client = asking(&stage, "/", &["cookie: seen=1"]).await;
    expect_hint(&mut client, "<nobody>").await;
    expect_hint(&mut client, "<own>").await;
    client.response("GET").await.expect(200, "page");
    assert_eq!(stage.origin.asked()[1].field("cookie").as_deref(), Some("seen=1"));
}

#[tokio::test]
async fn a_validation_that_is_waited_for_relays_them_and_one_behind_a_stale_page_does_not() {
    let stage = Stage::with(
        "store: { backend: memory }\nroutes:\n  - { name: strict, match: \"/strict\", ttl: 1m }\n  \
         - { name: lenient, match: \"/lenient\", ttl: 1m, stale_while_revalidate: 10m }\n  \
         - { name: checkout, match: \"/checkout/{*path}\", pass: true }\n",
    )
    .await;
    let (behind, passing) = (Gate::shut(), Gate::shut());
    let not_modified = early("<304>") + "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n";
    stage.origin.says("/strict", [page("strict", &["etag: \"1\""]), raw(not_modified.clone())]);
    stage.origin.says("/lenient", [page("one", &["etag: \"1\""]), raw(not_modified).held_by(&behind)]);
    stage.origin.says("/checkout/a", [raw(whole("passed", "")).held_by(&passing)]);
    stage.get("/strict").await.expect(200, "strict");
    stage.get("/lenient").await.expect(200, "one");
    stage.pass(Duration::from_mins(2));

    let mut client = asking(&stage, "/strict", &[]).await;
    expect_hint(&mut client, "<304>").await;
    client.response("GET").await.expect(200, "strict");

    client.send(request("GET", "/lenient", &[])).await;
    client.response("GET").await.expect(200, "one").cache_status(&["detail=stale-while-revalidate"]);
    // The next request of the same connection is under way when the validation's hint comes.
    client.send(request("GET", "/checkout/a", &[])).await;
    stage.origin.was_asked(5).await;
    behind.open();
    in_time("the page is fresh again", async {
        while stage.get("/lenient").await.all("cache-status").contains("stale-while-revalidate") {}
    })
    .await;
    passing.open();
    client.response("GET").await.expect(200, "passed");
}

#[tokio::test]
async fn samples_of_a_guarded_route_relay_nothing() {
    let stage = Stage::with(
        "store: { backend: memory }\nroutes: [{ name: product, match: \"/products/{product}\", ttl: 30m, guard: sample }]\n",
    )
    .await;
    let hold = Gate::shut();
    // The visitor passes with their own cookies; the sample asks without any.
    let own = hold.clone();
    stage.origin.says(
        "/products/a",
        [made(move |asked| match asked.field("cookie") {
            Some(_) => hinted("<own>", &own, "page"),
            None => raw(early("<sample>") + &whole("page", "")),
        })],
    );
    let mut client = asking(&stage, "/products/a", &["cookie: other=1"]).await;
    expect_hint(&mut client, "<own>").await;
    // The visitor's, and both of the sample's.
    stage.origin.was_asked(3).await;
    hold.open();
    client.response("GET").await.expect(200, "page");
}

#[tokio::test]
async fn a_client_of_http_1_0_is_never_sent_one() {
    let stage = Stage::open().await;
    for target in ["/", "/checkout/a"] {
        stage.origin.says(target, [raw(early("<a>") + &whole("page", ""))]);
        let mut client = stage.client().await;
        client.send(format!("GET {target} HTTP/1.0\r\nHost: shop.example\r\n\r\n")).await;
        client.response("GET").await.expect(200, "page");
    }
}

#[tokio::test]
async fn they_can_be_turned_off() {
    let stage =
        Stage::with(&format!("store: {{ backend: memory }}\nlimits: {{ interim: false }}\n{}", crate::stage::ROUTES))
            .await;
    for target in ["/", "/checkout/a"] {
        stage.origin.says(target, [raw(early("<a>") + &whole("page", ""))]);
        stage.get(target).await.expect(200, "page");
    }
}

#[tokio::test]
async fn s43_fifty_hold_nothing_up_and_the_first_sixteen_are_relayed() {
    let stage = Stage::open().await;
    for target in ["/", "/checkout/a"] {
        let many: String = (0..50).map(|number| early(&format!("<{number}>"))).collect();
        stage.origin.says(target, [raw(many + &whole("page", ""))]);
        let mut client = asking(&stage, target, &[]).await;
        for number in 0..16 {
            expect_hint(&mut client, &format!("<{number}>")).await;
        }
        client.response("GET").await.expect(200, "page");
    }
}

#[tokio::test]
async fn s43_one_that_is_too_large_is_dropped_and_a_small_one_behind_it_is_not() {
    let stage = Stage::open().await;
    let large = early(&"x".repeat(20_000));
    stage.origin.says("/", [raw(large + &early("<small>") + &whole("page", ""))]);
    let mut client = asking(&stage, "/", &[]).await;
    expect_hint(&mut client, "<small>").await;
    client.response("GET").await.expect(200, "page");
}

#[tokio::test]
async fn s43_an_origin_that_says_nothing_else_runs_into_the_response_timeout() {
    let stage = Stage::open_with_origin("response_timeout: 1s").await;
    for target in ["/", "/checkout/a"] {
        stage.origin.says(target, [raw(early("<a>")).then_held_by(&Gate::shut())]);
        let mut client = asking(&stage, target, &[]).await;
        expect_hint(&mut client, "<a>").await;
        assert_eq!(client.response("GET").await.status, 504);
    }
}

#[tokio::test]
async fn an_origin_that_goes_away_behind_one_is_asked_again_where_that_is_safe() {
    let stage = Stage::open().await;
    stage.origin.says("/", [raw(early("<first>")).then_closes(), raw(early("<second>") + &whole("home", ""))]);
    let mut client = asking(&stage, "/", &[]).await;
    expect_hint(&mut client, "<first>").await;
    expect_hint(&mut client, "<second>").await;
    client.response("GET").await.expect(200, "home");

    stage.origin.says("/checkout/a", [raw(early("<first>")).then_closes(), page("again", &[])]);
    client.send(request("POST", "/checkout/a", &[])).await;
    expect_hint(&mut client, "<first>").await;
    assert_eq!(client.response("POST").await.status, 502);
}

#[tokio::test]
async fn pipelined_requests_each_get_their_own_before_their_own_answer() {
    let stage = Stage::open().await;
    // More than a socket takes, so that it is still being written when the next request could be read.
    let large = "x".repeat(8 * 1024 * 1024);
    stage.origin.says("/", [page(&large, &[])]);
    stage.get("/").await;
    stage.origin.says("/checkout/a", [raw(early("<a>") + &whole("a", ""))]);
    stage.origin.says("/checkout/b", [raw(early("<b>") + &whole("b", ""))]);

    let mut client = stage.client().await;
    let get = |target| request("GET", target, &[]);
    client.send(get("/") + &get("/checkout/a") + &get("/") + &get("/checkout/b") + &get("/checkout/a")).await;
    client.response("GET").await.expect(200, &large);
    expect_hint(&mut client, "<a>").await;
    client.response("GET").await.expect(200, "a");
    client.response("GET").await.expect(200, &large);
    expect_hint(&mut client, "<b>").await;
    client.response("GET").await.expect(200, "b");
    expect_hint(&mut client, "<a>").await;
    client.response("GET").await.expect(200, "a");
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told_so_and_then_the_hint() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/checkout/a",
        [made(|asked| {
            assert_eq!(asked.body, b"body");
            raw(early("<a>") + &whole("page", ""))
        })],
    );
    let mut client = stage.client().await;
    client.send(request("POST", "/checkout/a", &["Expect: 100-continue", "Content-Length: 4"])).await;
    assert_eq!(client.head().await.expect("a head").status, 100);
    client.send("body").await;
    expect_hint(&mut client, "<a>").await;
    client.response("POST").await.expect(200, "page");
}

#[tokio::test]
async fn a_hint_may_come_while_the_request_is_still_being_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (stage, address) = (Stage::open().await, listener.local_addr().expect("it is bound"));
    let first = stage.origin.address.to_string();
    let stage = stage.restarted_with(|config| config.replace(&first, &address.to_string())).await;
    // The stage's own origin hears a request to its end before it says anything.
    let origin = tokio::spawn(async move {
        let mut origin = listener.accept().await.expect("vitrine asks").0;
        let mut asked = Vec::new();
        while find(&asked, b"12345").is_none() {
            origin.read_buf(&mut asked).await.expect("half of the body comes");
        }
        origin.write_all(early("<a>").as_bytes()).await.expect("it is read");
        while find(&asked, b"67890").is_none() {
            origin.read_buf(&mut asked).await.expect("the rest comes");
        }
        origin.write_all(whole("page", "").as_bytes()).await.expect("it is read");
    });
    let mut client = stage.client().await;
    client.send(request("POST", "/checkout/a", &["Content-Length: 10"]) + "12345").await;
    expect_hint(&mut client, "<a>").await;
    client.send("67890").await;
    client.response("POST").await.expect(200, "page");
    origin.await.expect("the origin's part");
}

#[tokio::test]
async fn a_hint_before_an_upgrade_comes_before_it_and_nothing_comes_into_the_tunnel() {
    let stage = Stage::open().await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
    stage.origin.says("/checkout/socket", [raw(early("<a>") + switch + &early("<bytes of the tunnel>")).then_closes()]);
    let mut client = asking(&stage, "/checkout/socket", &["Connection: Upgrade", "Upgrade: echo"]).await;
    expect_hint(&mut client, "<a>").await;
    assert_eq!(client.head().await.expect("an answer").status, 101);
    // What looks like one is the tunnel's own, and goes through as it is.
    assert_eq!(to_the_end(&mut client).await, early("<bytes of the tunnel>"));
}

#[tokio::test]
async fn a_leader_who_has_left_stops_nothing_and_nobody_is_told_in_their_place() {
    let stage = Stage::open().await;
    let (hint, rest) = (Gate::shut(), Gate::shut());
    stage.origin.says("/", [hinted("<a>", &rest, "home").held_by(&hint)]);
    let leader = asking(&stage, "/", &[]).await;
    hint.reached_by(1).await;
    let mut follower = asking(&stage, "/", &[]).await;
    drop(leader);
    hint.open();
    rest.reached_by(1).await;
    rest.open();
    follower.response("GET").await.expect(200, "home");
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn while_vitrine_stops_they_are_relayed_as_ever() {
    let Stage { app, origin, .. } = Stage::open().await;
    let (hint, rest) = (Gate::shut(), Gate::shut());
    origin.says("/checkout/a", [hinted("<a>", &rest, "page").held_by(&hint)]);
    let mut client = Client::connect(app.public_addresses()[0]).await;
    client.send(request("GET", "/checkout/a", &[])).await;
    hint.reached_by(1).await;
    let address = app.public_addresses()[0];
    let stopping = tokio::spawn(app.stop());
    in_time("the door is shut", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    hint.open();
    expect_hint(&mut client, "<a>").await;
    rest.open();
    client.response("GET").await.expect(200, "page");
    stopping.await.expect("it stops");
}

#[tokio::test]
async fn an_error_behind_a_hint_is_answered_as_ever() {
    let stage = Stage::open().await;
    let hint = early("<a>");
    let failing = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\ndown";
    stage.origin.says("/", [raw(hint.clone() + failing)]);
    let mut client = asking(&stage, "/", &[]).await;
    expect_hint(&mut client, "<a>").await;
    client.response("GET").await.expect(503, "down");

    stage.origin.says("/products/a", [raw(hint + "garbage\r\n\r\n").then_closes()]);
    client.send(request("GET", "/products/a", &[])).await;
    expect_hint(&mut client, "<a>").await;
    assert_eq!(client.response("GET").await.status, 502);
}
