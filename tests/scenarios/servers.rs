//! Origins of several servers, and of servers that fail: who is asked, who is left alone, and who finds out that one is back.

use crate::stage::{Gate, Line, Origin, Stage, answer, head_only, page, raw, request, silence};
use std::time::Duration;

const PASS: &str = "store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", pass: true }]\n";
const KEPT: &str =
    "store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1m, stale_if_error: 1h }]\n";
const SECOND: Duration = Duration::from_secs(1);

fn server(status: &serde_json::Value, place: usize) -> &serde_json::Value {
    &status["origins"][0]["servers"][place]
}

impl Stage {
    async fn server_is(&self, place: usize, state: &str) {
        let what = format!("the server {place} is {state}");
        self.status_shows(&what, |status| server(status, place)["state"] == state).await;
    }

    /// Waits until nothing is under way at its servers: a response may have been read before its connection is given back.
    async fn is_idle(&self) {
        let count = |own: &serde_json::Value| own["under_way"].as_u64().unwrap_or_default();
        let idle = |status: &serde_json::Value| {
            status["origins"][0]["servers"].as_array().unwrap().iter().all(|own| count(own) == 0)
        };
        self.status_shows("nothing is under way", idle).await;
    }
}

#[tokio::test]
async fn idle_servers_are_asked_in_turn_and_one_that_hangs_is_not_asked_again() {
    let (stage, two) = Stage::with_two_servers("response_timeout: 1h", PASS).await;
    let gate = Gate::shut();
    for own in [&stage.origin, &two] {
        own.says("/", [page("home", &[])]);
    }
    for _ in 0..4 {
        stage.get("/").await.expect(200, "home");
        stage.is_idle().await;
    }
    assert_eq!((stage.origin.asked().len(), two.asked().len()), (2, 2));

    stage.origin.says("/slow", [page("slow", &[]).held_by(&gate)]);
    let mut slow = stage.client().await;
    slow.send(request("GET", "/slow", &[])).await;
    gate.reached_by(1).await;
    for _ in 0..3 {
        stage.get("/").await.expect(200, "home");
        stage.status_shows("the second is idle", |status| server(status, 1)["under_way"] == 0).await;
    }
    assert_eq!((stage.origin.asked().len(), two.asked().len()), (3, 5));
    gate.open();
    slow.response("GET").await.expect(200, "slow");
}

#[tokio::test]
async fn f1_what_could_not_be_sent_is_sent_to_the_next_server_its_body_too() {
    let (stage, two) = Stage::with_two_servers("breaker: { failures: 100 }", PASS).await;
    stage.origin.close().await;
    two.says("/", [page("home", &[])]);
    two.says("/form", [page("taken", &[])]);
    for _ in 0..4 {
        stage.get("/").await.expect(200, "home");
        stage.post("/form", "a=1&b=2").await.expect(200, "taken");
    }
    assert!(two.asked().iter().filter(|asked| asked.method == "POST").all(|asked| asked.body == b"a=1&b=2"));
    assert_eq!(two.asked().len(), 8);
    two.close().await;
    stage.get("/").await.cache_status(&["detail=origin-unreachable"]);
}

#[tokio::test]
async fn f7_what_got_no_answer_is_repeated_on_another_server_and_a_post_is_not() {
    let (stage, two) = Stage::with_two_servers("breaker: { failures: 100 }", PASS).await;
    for target in ["/", "/form"] {
        stage.origin.says(target, [raw("").then_closes()]);
        two.says(target, [raw("").then_closes(), page("whole", &[])]);
    }
    // The first server, then the second; both drop it: no third time.
    assert_eq!(stage.get("/").await.status, 502);
    assert_eq!((stage.origin.asked().len(), two.asked().len()), (1, 1));
    stage.is_idle().await;
    stage.get("/").await.expect(200, "whole");
    assert_eq!((stage.origin.asked().len(), two.asked().len()), (2, 2));
    stage.is_idle().await;
    let (asked, asked_two) = (stage.origin.asked().len(), two.asked().len());
    assert_eq!(stage.post("/form", "a").await.status, 502);
    assert_eq!(stage.origin.asked().len() + two.asked().len(), asked + asked_two + 1, "it may have been carried out");
}

#[tokio::test]
async fn f7_what_may_have_been_carried_out_counts_as_done_whatever_the_next_server_did() {
    let (stage, two) = Stage::with_two_servers("connect_timeout: 2s", KEPT).await;
    stage.origin.says("/a", [page("old", &[]), raw("").then_closes(), page("new", &[])]);
    two.says("/b", [page("b", &[])]);
    for (target, body) in [("/a", "old"), ("/b", "b")] {
        stage.get(target).await.expect(200, body);
        stage.is_idle().await;
    }
    two.close().await;
    // The first server gets it and does not answer; the second cannot be reached.
    let got = stage.ask("DELETE", "/a", &[]).await;
    assert_eq!(got.status, 502, "{got:?}");
    stage.get("/a").await.expect(200, "new");
}

#[tokio::test]
async fn f1_a_server_that_fails_is_left_alone_and_one_request_finds_out_that_it_is_back() {
    let (stage, two) = Stage::with_two_servers("breaker: { failures: 2, open: 5s }", PASS).await;
    for target in ["/", "/probe"] {
        stage.origin.says(target, [page("one", &[])]);
        two.says(target, [page("two", &[])]);
    }
    stage.origin.close().await;
    for _ in 0..6 {
        stage.get("/").await.expect(200, "two");
        stage.is_idle().await;
    }
    stage.server_is(0, "open").await;
    let shown = stage.admin("/api/v1/status").await.text();
    assert!(shown.contains(r#""failures":2"#) && shown.contains("cannot be reached"), "{shown}");
    let metrics = stage.admin("/metrics").await.text();
    let labels = format!("origin=\"default\",server=\"{}\"", stage.origin.address);
    for line in [
        format!("vitrine_origin_server_state{{{labels},state=\"open\"}} 1"),
        format!("vitrine_origin_server_state{{{labels},state=\"up\"}} 0"),
        format!("vitrine_origin_server_failures_total{{{labels},kind=\"unreachable\"}} 2"),
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line} is not in {metrics}");
    }
    assert_eq!(stage.admin("/health/ready").await.status, 200, "what is down is the shop, not vitrine");

    stage.origin.reopen().await;
    stage.pass(5 * SECOND);
    stage.server_is(0, "half-open").await;
    stage.post("/", "a").await.expect(200, "two");
    assert_eq!(stage.origin.asked().len(), 0, "what cannot be repeated finds out nothing");
    let gate = Gate::shut();
    stage.origin.says("/probe", [page("one", &[]).held_by(&gate)]);
    let mut probe = stage.client().await;
    probe.send(request("GET", "/probe", &[])).await;
    gate.reached_by(1).await;
    for _ in 0..3 {
        stage.get("/").await.expect(200, "two");
    }
    gate.open();
    probe.response("GET").await.expect(200, "one");
    stage.server_is(0, "up").await;
}

#[tokio::test]
async fn f1_with_no_server_up_one_request_at_a_time_goes_out_and_the_others_fail_at_once() {
    let stage = Stage::with_origin("response_timeout: 1h, breaker: { failures: 1 }", PASS).await;
    stage.origin.close().await;
    stage.get("/").await.cache_status(&["detail=origin-unreachable"]);
    stage.server_is(0, "open").await;

    stage.origin.reopen().await;
    let gate = Gate::shut();
    stage.origin.says("/", [page("back", &[]).held_by(&gate)]);
    let mut first = stage.client().await;
    first.send(request("GET", "/", &[])).await;
    gate.reached_by(1).await;
    let other = stage.get("/").await;
    assert_eq!(other.status, 503, "{other:?}");
    other.cache_status(&["detail=origin-down"]);
    assert!(!other.text().contains("127.0.0.1"), "{}", other.text());
    let metrics = stage.admin("/metrics").await.text();
    let failed = "vitrine_origin_requests_total{route=\"all\",status_class=\"failed\"} 1\n";
    assert!(metrics.contains(failed), "what is not sent is no request to the origin: {metrics}");
    // It may be this page alone that is slow.
    stage.pass(SECOND);
    stage.origin.says("/quick", [page("quick", &[])]);
    for _ in 0..3 {
        stage.get("/quick").await.expect(200, "quick");
    }
    gate.open();
    first.response("GET").await.expect(200, "back");
}

#[tokio::test]
async fn f1_a_server_that_takes_no_connection_is_a_502_within_the_deadline() {
    // Its queue is full, and nobody accepts: what is sent to it is dropped as by a machine that is gone.
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    let _waits = std::net::TcpStream::connect(address).unwrap();
    let lines =
        format!("origin: {{ url: \"http://{address}\", connect_timeout: 100ms, response_timeout: 1h }}\n{PASS}");
    let stage = Stage::before(Origin::open().await, &lines);
    let got = stage.get("/").await;
    assert_eq!(got.status, 502, "{got:?}");
    got.cache_status(&["detail=origin-unreachable"]);
}

#[tokio::test]
async fn f1_a_visitor_who_leaves_makes_room_for_the_next_to_find_out() {
    let stage = Stage::with_origin("response_timeout: 1h, breaker: { failures: 1 }", PASS).await;
    stage.origin.says("/", [raw("garbage\r\n\r\n").then_closes(), silence(), page("back", &[])]);
    assert_eq!(stage.get("/").await.status, 502);
    let mut gone = stage.client().await;
    gone.send(request("GET", "/", &[])).await;
    stage.origin.was_asked(2).await;
    drop(gone);
    stage.is_idle().await;
    stage.get("/").await.expect(200, "back");
}

#[tokio::test]
async fn f1_what_is_stale_answers_at_once_while_no_server_is_up() {
    let stage = Stage::with_origin("response_timeout: 1h, breaker: { failures: 1 }", KEPT).await;
    let gate = Gate::shut();
    stage.origin.says("/", [page("old", &[]), raw("garbage\r\n\r\n").then_closes(), page("new", &[]).held_by(&gate)]);
    stage.get("/").await.expect(200, "old");
    stage.pass(61 * SECOND);
    // This one finds it out; from then on nobody waits, not even for the one request that finds out whether it is back.
    stage.get("/").await.expect(200, "old").cache_status(&["detail=stale-if-error"]);
    for _ in 0..5 {
        stage.get("/").await.expect(200, "old").cache_status(&["detail=stale-if-error"]);
    }
    stage.origin.was_asked(3).await;
    assert_eq!(stage.origin.asked().len(), 3);
    gate.open();
    stage.server_is(0, "up").await;
    stage.fetched_behind("/", "old", "new").await;
}

#[tokio::test]
async fn f2_a_page_that_may_be_stale_is_answered_when_patience_is_over_and_fetched_behind() {
    let stage = Stage::with_origin("response_timeout: 1h, stale_after: 50ms", KEPT).await;
    let gate = Gate::shut();
    stage.origin.says("/", [page("old", &[]), page("new", &[]).held_by(&gate)]);
    stage.get("/").await.expect(200, "old");
    stage.pass(61 * SECOND);
    for _ in 0..3 {
        stage.get("/").await.expect(200, "old").cache_status(&["detail=stale-if-slow"]);
    }
    assert_eq!(stage.origin.asked().len(), 2, "one fetch for all");
    gate.open();
    stage.fetched_behind("/", "old", "new").await;
    stage.server_is(0, "up").await;
}

/// A shared page that is stale and whose origin is silent: when it has been answered, the patience of whoever came before is
/// over too.
async fn patience_is_over(stage: &Stage) {
    stage.get("/products/late").await.expect(200, "old").cache_status(&["detail=stale-if-slow"]);
}

/// A stage whose patience is short, with what [`patience_is_over`] needs, after a minute in which everything became stale.
async fn impatient(target: &str, field: &str, new: Line) -> Stage {
    let lines = "store: { backend: memory }\nroutes:\n\
        - { name: own, match: /own, ttl: 1m, stale_if_error: 1h, audience: session }\n\
        - { name: all, match: \"/{*path}\", ttl: 1m, stale_if_error: 1h }\n";
    let stage = Stage::with_origin("response_timeout: 1h, stale_after: 1ms", lines).await;
    stage.origin.says("/products/late", [page("old", &[]), silence()]);
    stage.origin.says(target, [page("old", &[]), new]);
    for (target, field) in [(target, field), ("/products/late", "x: y")] {
        // What has nothing stale is waited for.
        stage.get_with(target, &[field]).await.expect(200, "old");
    }
    stage.pass(61 * SECOND);
    stage
}

#[tokio::test]
async fn f2_where_nothing_stored_may_answer_the_origin_is_waited_for() {
    let gate = Gate::shut();
    let stage = impatient("/", "x: y", page("new", &[]).held_by(&gate)).await;
    stage.purge("/").await;
    let mut client = stage.client().await;
    client.send(request("GET", "/", &[])).await;
    gate.reached_by(1).await;
    patience_is_over(&stage).await;
    gate.open();
    client.response("GET").await.expect(200, "new");
}

#[tokio::test]
async fn f2_a_sessions_own_page_is_waited_for_with_the_cookies_that_come_with_it() {
    let gate = Gate::shut();
    let renewed = page("new", &["set-cookie: sessionid=renewed"]).held_by(&gate);
    let stage = impatient("/own", "cookie: sessionid=a", renewed).await;
    let mut client = stage.client().await;
    client.send(request("GET", "/own", &["cookie: sessionid=a"])).await;
    gate.reached_by(1).await;
    patience_is_over(&stage).await;
    gate.open();
    let got = client.response("GET").await;
    got.expect(200, "new");
    assert_eq!(got.field("set-cookie"), Some("sessionid=renewed"));
}

#[tokio::test]
async fn f9_error_pages_take_no_server_away_and_no_good_page_with_them() {
    let stage = Stage::with_origin("breaker: { failures: 2 }", KEPT).await;
    stage.origin.says("/", [page("home", &[])]);
    stage.origin.says("/broken", [answer("500 Internal Server Error", "oops", &[])]);
    stage.get("/").await.expect(200, "home");
    for _ in 0..20 {
        stage.get("/broken").await.expect(500, "oops");
    }
    stage.server_is(0, "up").await;
    stage.pass(61 * SECOND);
    stage.origin.says("/", [answer("503 Service Unavailable", "oops", &[])]);
    for _ in 0..20 {
        stage.get("/").await.expect(200, "home").cache_status(&["detail=stale-if-error"]);
    }
    stage.server_is(0, "up").await;
}

#[tokio::test]
async fn f9_statuses_that_are_configured_count_as_failures() {
    let keys = "breaker: { failures: 2, statuses: [502, 503] }";
    let (stage, two) = Stage::with_two_servers(keys, PASS).await;
    stage.origin.says("/", [answer("503 Service Unavailable", "front", &[])]);
    two.says("/", [answer("500 Internal Server Error", "page", &[])]);
    for _ in 0..8 {
        stage.get("/").await;
        stage.is_idle().await;
    }
    stage.server_is(0, "open").await;
    stage.server_is(1, "up").await;
    assert_eq!(stage.origin.asked().len(), 2);
}

#[tokio::test]
async fn health_checks_take_a_server_out_and_bring_it_back_whether_requests_come_or_not() {
    let keys =
        "health: { path: /healthz?deep, host: shop.example, interval: 5ms, unhealthy_after: 2, healthy_after: 2 }";
    let (stage, two) = Stage::with_two_servers(keys, PASS).await;
    let well = || page("well", &[]);
    stage.origin.says("/healthz?deep", [answer("503 Service Unavailable", "no", &[])]);
    two.says("/healthz?deep", [well()]);
    for own in [&stage.origin, &two] {
        own.says("/", [page("home", &[])]);
    }
    stage.server_is(0, "unhealthy").await;
    let shown = stage.admin("/api/v1/status").await.text();
    assert!(shown.contains("it answered 503 to /healthz\""), "{shown}");
    let asked = stage.origin.asked()[0].clone();
    assert_eq!((asked.method.as_str(), asked.field("host").as_deref()), ("GET", Some("shop.example")));
    for _ in 0..4 {
        stage.get("/").await.expect(200, "home");
    }
    assert_eq!((stage.origin.times_asked("/"), two.times_asked("/")), (0, 4));

    // What they say of all at once turns nobody away.
    two.says("/healthz?deep", [raw("garbage\r\n\r\n").then_closes()]);
    stage.server_is(1, "unhealthy").await;
    for _ in 0..4 {
        stage.get("/").await.expect(200, "home");
    }
    stage.origin.says("/healthz?deep", [well()]);
    stage.server_is(0, "up").await;
    stage.server_is(1, "unhealthy").await;
}

#[tokio::test]
async fn a_rule_asks_its_origin_and_uses_no_page_of_another() {
    let (shop, search) = (Origin::open().await, Origin::open().await);
    let lines = format!(
        "origin: {{ url: \"http://{}\" }}\norigins: {{ search: {{ url: \"http://{}\" }} }}\nstore: {{ backend: memory }}\n\
         routes: [{{ name: search, match: \"/search/{{*path}}\", ttl: 1h, origin: search }}, {{ name: all, match: \"/{{*path}}\", ttl: 1h }}]\n",
        shop.address, search.address
    );
    let stage = Stage::before(shop, &lines);
    stage.origin.says("/", [page("shop", &[])]);
    stage.origin.says("/search/a", [page("of the shop", &[])]);
    let gate = Gate::shut();
    search.says("/search/a", [page("of the search", &[])]);
    search.says("/search/b", [page("of the search", &[]).held_by(&gate)]);
    stage.origin.says("/search/b", [page("of the shop", &[])]);
    stage.get("/").await.expect(200, "shop");
    stage.get("/search/a").await.expect(200, "of the search");
    let mut early = stage.client().await;
    early.send(request("GET", "/search/b", &[])).await;
    gate.reached_by(1).await;

    let elsewhere = stage.config().replace("ttl: 1h, origin: search", "ttl: 1h, origin: default");
    stage.save(&elsewhere);
    assert!(stage.app.reload().expect("a good file").needs_restart.is_empty());
    stage.get("/search/a").await.expect(200, "of the shop").cache_status(&["detail=rule-changed"]);
    // What is under way was asked for under the old rule.
    let mut late = stage.client().await;
    late.send(request("GET", "/search/b", &[])).await;
    stage.origin.says("/other", [page("other", &[])]);
    stage.get("/other").await;
    gate.open();
    early.response("GET").await.expect(200, "of the search");
    late.response("GET").await.expect(200, "of the shop");
    stage.get("/search/b").await.expect(200, "of the shop");
}

#[tokio::test]
async fn a_reload_that_sends_to_a_new_origin_is_refused_and_other_servers_wait_for_a_restart() {
    let stage = Stage::with(KEPT).await;
    stage.origin.says("/", [page("home", &[])]);
    let new = "origins: { search: { url: \"http://127.0.0.1:9\" } }\nstore:";
    stage.save(&stage.config().replace("store:", new).replace("ttl: 1m", "ttl: 1m, origin: search"));
    let refused = stage.app.reload().expect_err("it takes a restart").to_string();
    assert!(
        refused.contains("the rule all sends to the origin search, which is new: that takes a restart"),
        "{refused}"
    );
    stage.get("/").await.expect(200, "home");
    stage.save(&stage.config().replace("store:", new));
    assert_eq!(stage.app.reload().expect("no rule uses it").needs_restart, ["origin and origins"]);
}

#[tokio::test]
async fn visitors_who_are_slow_to_send_take_no_server_away() {
    let stage = Stage::with_origin("response_timeout: 200ms, breaker: { failures: 2 }", PASS).await;
    for framing in ["content-length: 100", "transfer-encoding: chunked"] {
        for _ in 0..3 {
            let mut slow = stage.client().await;
            slow.send(format!("{}5\r\nabcde\r\n", request("POST", "/form", &[framing]))).await;
            assert_eq!(slow.response("POST").await.status, 504);
        }
        stage.server_is(0, "up").await;
    }
    // What has come whole is the server's to answer.
    stage.origin.says("/form", [silence()]);
    for _ in 0..2 {
        assert_eq!(stage.post("/form", "a=1").await.status, 504);
    }
    stage.server_is(0, "open").await;
}

#[tokio::test]
async fn a_server_that_takes_no_large_uploads_is_not_down() {
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = door.accept().await.unwrap();
            // Some of it is read, so that it is known to have been sent; then it hangs up.
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 64]).await;
        }
    });
    let lines = format!("origin: {{ url: \"http://{address}\", breaker: {{ failures: 2 }} }}\n{PASS}");
    let stage = Stage::before(Origin::open().await, &lines);
    for _ in 0..3 {
        let mut client = stage.client().await;
        client.send(request("POST", "/form", &["content-length: 1000000"]) + "a=1").await;
        assert_eq!(client.response("POST").await.status, 502);
    }
    stage.server_is(0, "up").await;
    for _ in 0..2 {
        assert_eq!(stage.post("/form", "a=1").await.status, 502);
    }
    stage.server_is(0, "open").await;
}

#[tokio::test]
async fn a_tunnel_is_under_way_at_its_server_until_it_ends() {
    let stage = Stage::with_origin("connections: 1", PASS).await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
    let gate = Gate::shut();
    stage.origin.says("/socket", [raw(switch).then_held_by(&gate).then_closes()]);
    stage.origin.says("/", [page("home", &[])]);
    let mut client = stage.client().await;
    client.send(request("GET", "/socket", &["Connection: Upgrade", "Upgrade: echo"])).await;
    assert_eq!(client.head().await.expect("a head").status, 101);
    // It is none of the connections that requests wait for.
    stage.get("/").await.expect(200, "home");
    stage.status_shows("the tunnel alone is under way", |status| server(status, 0)["under_way"] == 1).await;
    gate.open();
    drop(client);
    stage.is_idle().await;
}

#[tokio::test]
async fn a_health_check_goes_by_the_head_of_the_answer_whatever_its_body_does() {
    let keys = "health: { path: /healthz, interval: 5ms, timeout: 100ms, unhealthy_after: 1 }";
    let stage = Stage::with_origin(keys, PASS).await;
    let gate = Gate::shut();
    let trickling = || raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").then_held_by(&gate);
    stage.origin.says("/healthz", [answer("503 Service Unavailable", "no", &[]), page("well", &[]), trickling()]);
    stage.origin.was_asked(5).await;
    stage.server_is(0, "up").await;
    let shown = stage.admin("/metrics").await.text();
    assert!(!shown.contains("state=\"unhealthy\"} 1"), "{shown}");
}

#[tokio::test]
async fn a_tunnel_keeps_its_visitors_place_among_the_connections() {
    let lines = format!("limits: {{ connections: 1 }}\n{PASS}");
    let stage = Stage::with(&lines).await;
    let gate = Gate::shut();
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
    stage.origin.says("/socket", [raw(switch).then_held_by(&gate).then_closes()]);
    stage.origin.says("/", [page("home", &[])]);
    let mut tunnel = stage.client().await;
    tunnel.send(request("GET", "/socket", &["Connection: Upgrade", "Upgrade: echo"])).await;
    assert_eq!(tunnel.head().await.expect("a head").status, 101);
    let mut other = stage.client().await;
    other.send(request("GET", "/", &[])).await;
    let early = tokio::time::timeout(Duration::from_secs(1), other.response("GET")).await;
    assert!(early.is_err(), "one connection is allowed, and two are served: {early:?}");
}

#[tokio::test]
async fn a_304_that_is_of_no_use_does_not_hold_the_connection_that_the_whole_needs() {
    let lines = "store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1m }]\n";
    let stage = Stage::with_origin("connections: 1, connect_timeout: 300ms", lines).await;
    let of_another = head_only("304 Not Modified", &["etag: \"2\""]);
    stage.origin.says("/", [page("old", &["etag: \"1\""]), of_another, page("new", &["etag: \"2\""])]);
    stage.get("/").await.expect(200, "old");
    stage.pass(61 * SECOND);
    stage.get("/").await.expect(200, "new");
}

#[tokio::test]
async fn an_answer_that_is_nobodys_does_not_hold_the_connection_that_the_visitors_own_needs() {
    let lines = "store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1m }]\n";
    let stage = Stage::with_origin("connections: 1, connect_timeout: 300ms", lines).await;
    stage.origin.says("/", [page("nobody's", &["cache-control: private"]), page("own", &["cache-control: private"])]);
    stage.get_with("/", &["cookie: basket=1"]).await.expect(200, "own");
}
