//! The admin API over a scripted backstage: what is asked reaches it, what it says comes out, and nothing unbounded goes in.

use crate::admin_script::{Answered, Script, desk};
use http::Request;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use vitrine::admin::Phase;
use vitrine::fetch::{OriginFigures, ServerFigures, ServerState};
use vitrine::ledger::OnIsolation;
use vitrine::store::redis::RedisFigures;
use vitrine::store::redis::log::{LogFigures, ProxyFigures};

#[tokio::test]
async fn what_is_not_there_is_told_apart_and_in_json() {
    let desk = desk(Script::default());
    for (method, target, status, allow) in [
        ("GET", "/nowhere", 404, None),
        ("GET", "/api/v1/purge", 405, Some("POST")),
        ("PURGE", "/metrics", 405, Some("GET, HEAD")),
        ("OPTIONS", "/api/v1/purge", 405, Some("POST")),
    ] {
        let answered = desk.ask(method, target, "").await;
        assert_eq!(answered.status, status, "{method} {target}");
        assert_eq!(answered.fields.get("allow").map(|value| value.to_str().unwrap()), allow);
        assert_eq!(answered.json()["status"], status);
        assert!(!answered.fields.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn a_stranger_gets_health_and_the_empty_dashboard_alone() {
    let desk = desk(Script { store_trouble: Some("/var/lib/vitrine/cache.db is locked".into()), ..Script::default() });
    for target in ["/", "/health/live", "/health/ready", "/api/v1/openapi.json"] {
        let answered = desk.send(Request::get(target), "").await;
        assert_eq!(answered.status, 200, "{target}");
        assert!(!answered.text.contains("/var/lib"), "{target} tells a stranger where files are");
    }
    for (method, target) in [
        ("GET", "/metrics"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/explain?url=/"),
        ("GET", "/api/v1/ledger"),
        ("GET", "/api/v1/deliveries"),
        ("POST", "/api/v1/purge"),
        ("POST", "/api/v1/clear"),
        ("POST", "/api/v1/reload"),
    ] {
        let answered = desk.send(Request::builder().method(method).uri(target), "{}").await;
        assert_eq!(answered.status, 401, "{target}");
        assert_eq!(answered.fields["www-authenticate"], "Bearer realm=\"vitrine\"");
    }
    assert!(desk.script.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn readiness_names_the_part_that_is_not_well() {
    let well = json!({ "proxy": "ok", "store": "ok", "ledger": "ok", "config": "ok" });
    let with = |part: &str, word: &str| {
        let mut parts = well.clone();
        parts[part] = word.into();
        parts
    };
    let trouble = || Some("broken".to_string());
    for (script, status, parts) in [
        (Script::default(), 200, well.clone()),
        (Script { store_trouble: trouble(), ..Script::default() }, 200, with("store", "degraded")),
        (Script { ledger_trouble: trouble(), ..Script::default() }, 200, with("ledger", "degraded")),
        (Script { sharing: Some(shared(trouble())), ..Script::default() }, 200, with("ledger", "degraded")),
        (Script { sharing: Some(shared(None)), ..Script::default() }, 200, well.clone()),
        (Script { refused: vec!["a mistake".into()], ..Script::default() }, 200, with("config", "refused")),
        (Script { phase: Phase::Starting, ..Script::default() }, 503, with("proxy", "starting")),
        (Script { phase: Phase::Draining, ..Script::default() }, 503, with("proxy", "draining")),
    ] {
        let answered = desk(script).send(Request::get("/health/ready"), "").await;
        assert_eq!((answered.status, &answered.json()["parts"]), (status, &parts));
        assert_eq!(answered.json()["ready"], status == 200);
    }
}

/// A ledger that is shared by two proxies, one of which has not read all of it.
fn shared(trouble: Option<String>) -> LogFigures {
    let proxy = |name: &str, applied, is_live| ProxyFigures {
        id: format!("id-{name}"),
        name: name.into(),
        applied,
        is_live,
        on_isolation: OnIsolation::Revalidate,
    };
    LogFigures {
        is_connected: trouble.is_none(),
        trouble,
        lease_left: Duration::from_millis(2_500),
        lag: 3,
        sessions: 2,
        proxies: vec![proxy("a", Some(7), true), proxy("b", None, false)],
    }
}

#[tokio::test]
async fn the_status_and_the_metrics_show_what_is_shared() {
    let redis = RedisFigures {
        version: Some("Redis 7.0.15".into()),
        memory_bytes: Some(1_000),
        hits: Some(9),
        writing_pauses: true,
        warnings: vec!["set maxmemory".into()],
        ..RedisFigures::default()
    };
    let desk = desk(Script { sharing: Some(shared(None)), redis: Some(redis), ..Script::default() });
    let status = desk.ask("GET", "/api/v1/status", "").await.json();
    for (pointer, expected) in [
        ("/ledger/sharing/connected", json!(true)),
        ("/ledger/sharing/lease_ms", json!(2_500)),
        ("/ledger/sharing/lag", json!(3)),
        (
            "/ledger/sharing/proxies/1",
            json!({ "id": "id-b", "name": "b", "applied": null, "live": false, "on_isolation": "revalidate" }),
        ),
        ("/store/redis/version", json!("Redis 7.0.15")),
        ("/store/redis/memory_bytes", json!(1_000)),
        ("/store/redis/memory_bytes_max", json!(null)),
        ("/store/redis/breaker", json!("writing")),
        ("/store/redis/warnings/0", json!("set maxmemory")),
    ] {
        assert_eq!(status.pointer(pointer), Some(&expected), "{pointer}");
    }
    let metrics = desk.ask("GET", "/metrics", "").await.text;
    for line in [
        "vitrine_ledger_connected 1",
        "vitrine_ledger_lease_seconds 2.5",
        "vitrine_ledger_lag_records 3",
        "vitrine_ledger_sessions_total 2",
        "vitrine_ledger_proxies{state=\"lapsed\"} 1",
        "vitrine_redis_breaker_open{operation=\"read\"} 0",
        "vitrine_redis_breaker_open{operation=\"write\"} 1",
        "vitrine_redis_keyspace_hits_total 9",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line} is not in {metrics}");
    }
    assert!(!metrics.contains("vitrine_redis_evicted"), "what the server did not tell is left out");
}

#[tokio::test]
async fn the_status_shows_every_part() {
    let desk = desk(Script { refused: vec!["proxy.yaml:3:5: unknown key".into()], ..Script::default() });
    let status = desk.ask("GET", "/api/v1/status", "").await.json();
    for (pointer, expected) in [
        ("/version", json!("1.2.3")),
        ("/uptime_seconds", json!(61)),
        ("/config/path", json!("/etc/vitrine/proxy.yaml")),
        ("/config/loaded", json!("1970-01-01T00:00:02.000Z")),
        ("/config/refused/0", json!("proxy.yaml:3:5: unknown key")),
        ("/store/backend", json!("sqlite")),
        (
            "/caches/1",
            json!({
                "name": "products",
                "memory": { "entries": 2, "bytes": 20, "bytes_max": 100, "evictions": 0 },
                "store": { "entries": 2, "bytes": 20, "bytes_max": 100, "evictions": 0 },
            }),
        ),
        ("/ledger", json!({ "epoch": "00000000000000fe", "floor": 1, "position": 2, "trouble": null, "waiting": 0 })),
        ("/routes/0/name", json!("home")),
        ("/routes/0/requests/hit", json!(0)),
        ("/hit_ratio", json!(null)),
    ] {
        assert_eq!(status.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[tokio::test]
async fn the_status_shows_each_server_and_why_it_is_not_up() {
    let server = |name: &str, state, trouble: Option<&str>| ServerFigures {
        server: name.into(),
        state,
        pause_left: Duration::from_millis(2_500),
        under_way: 1,
        requests: 9,
        failures: [5, 0, 1, 0, 0],
        trouble: trouble.map(Into::into),
    };
    let servers = vec![server("a:1", ServerState::Open, Some("refused")), server("b:1", ServerState::Up, None)];
    let desk = desk(Script { origins: vec![OriginFigures { name: "search".into(), servers }], ..Script::default() });
    let status = desk.ask("GET", "/api/v1/status", "").await.json();
    let shown = |server: &str, state: &str, trouble: Option<&str>| json!({ "server": server, "state": state, "pause_ms": 2_500, "under_way": 1, "requests": 9, "failures": 6, "trouble": trouble });
    let servers = [shown("a:1", "open", Some("refused")), shown("b:1", "up", None)];
    assert_eq!(status["origins"], json!([{ "name": "search", "servers": servers }]));
    let ready = desk.send(Request::get("/health/ready"), "").await;
    assert_eq!(ready.status, 200, "it is the shop that is down");
}

#[tokio::test]
async fn metrics_come_in_the_text_format() {
    let answered = desk(Script::default()).ask("GET", "/metrics", "").await;
    assert_eq!(answered.fields["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(answered.text.contains("\nvitrine_ledger_position 2\n"));
}

#[tokio::test]
async fn an_explanation_is_asked_with_the_decoded_url() {
    let answered = desk(Script::default()).ask("GET", "/api/v1/explain?url=%2Fa%3Fb%3Dc", "").await.json();
    assert_eq!((&answered["url"], &answered["verdict"]["reason"]), (&json!("/a?b=c"), &json!("not-stored")));
}

#[tokio::test]
async fn orders_reach_backstage_or_are_refused_whole() {
    let desk = desk(Script::default());
    assert_eq!(desk.ask("POST", "/api/v1/purge", r#"{"tags":["a"]}"#).await.json()["confirmed"], true);
    assert_eq!(desk.ask("POST", "/api/v1/clear", "").await.json()["caches"].as_array().unwrap().len(), 3);
    assert_eq!(
        desk.ask("POST", "/api/v1/clear", r#"{"cache":"products"}"#).await.json()["caches"],
        json!(["products"])
    );
    for body in [r#"{"cache":"prodcuts"}"#, r#"{"cahce":"products"}"#, r#"["products"]"#, "{", r#"{"cache":7}"#] {
        assert_eq!(desk.ask("POST", "/api/v1/clear", body).await.status, 400, "{body}");
    }
    assert_eq!(desk.ask("POST", "/api/v1/purge", vec![b' '; 64 * 1024 + 1]).await.status, 413);
    let reload = desk.ask("POST", "/api/v1/reload", "{}").await;
    assert_eq!((reload.status, &reload.json()["detail"]), (422, &json!("proxy.yaml:3:5: unknown key")));
    assert_eq!(*desk.script.asked.lock().unwrap(), [r#"{"tags":["a"]}"#, "clear None", "clear Some(Products)"]);
}

#[tokio::test]
async fn a_purge_may_say_in_its_query_how_long_to_wait_and_one_that_is_pending_is_202() {
    let desk = desk(Script::default());
    assert_eq!(desk.ask("POST", "/api/v1/purge", r#"{"tags":["pending"]}"#).await.status, 202);
    for (query, order, expected) in [
        ("?wait=3s", r#"{"all":true}"#, r#"{"all":true,"wait":"3s"}"#),
        ("?wait=3s", r#"{"all":true,"wait":"1s"}"#, r#"{"all":true,"wait":"1s"}"#),
        ("?wait=3s", "[]", "[]"),
    ] {
        desk.ask("POST", &format!("/api/v1/purge{query}"), order).await;
        assert_eq!(desk.script.asked.lock().unwrap().last().map(String::as_str), Some(expected));
    }
    assert_eq!(desk.ask("POST", "/api/v1/purge?wiat=3s", r#"{"all":true}"#).await.status, 400);
}

#[tokio::test]
async fn the_ledger_is_read_in_pages() {
    let desk = desk(Script::default());
    let page = desk.ask("GET", "/api/v1/ledger?after=1&limit=1", "").await.json();
    assert_eq!(
        page["records"][0],
        json!({
            "position": 2, "time": "1970-01-01T00:00:00.000Z", "scope": { "all": true }, "mode": "soft", "settle_ms": 2000,
            "source": "admin", "reason": "a test",
        })
    );
    assert_eq!(desk.ask("GET", "/api/v1/ledger?after=-1", "").await.status, 400);
    assert_eq!(desk.ask("GET", "/api/v1/ledger?befor=1", "").await.status, 400);
}

#[tokio::test]
async fn deliveries_are_listed_without_their_bodies_and_one_is_shown_with_it() {
    let desk = desk(Script::default());
    let listed = desk.ask("GET", "/api/v1/deliveries?limit=1", "").await.json();
    let expected = json!({
        "number": 7, "time": "1970-01-01T00:00:01.000Z", "path": "/webhooks/shop", "scheme": "shopify", "id": "a",
        "event": null, "verdict": "malformed", "signed": true, "answer": { "status": "error" }, "repeats": 2,
        "replayed": "1970-01-01T00:00:02.000Z", "body_bytes": 2,
    });
    assert_eq!(listed, json!({ "deliveries": [expected] }));
    let one = desk.ask("GET", "/api/v1/deliveries?number=7", "").await.json();
    assert_eq!(one["deliveries"][0]["body"], "{}");
    let missing = desk.ask("GET", "/api/v1/deliveries?number=8", "").await;
    assert_eq!((missing.status, &missing.json()["detail"]), (404, &json!("no delivery 8 is kept")));
    for query in ["?number=x", "?nmuber=7"] {
        assert_eq!(desk.ask("GET", &format!("/api/v1/deliveries{query}"), "").await.status, 400, "{query}");
    }
}

/// Polls once, so that the request stands where it waits.
async fn step(future: &mut (impl Future<Output = Answered> + Unpin)) -> Option<Answered> {
    std::future::poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        std::task::Poll::Ready(answered) => std::task::Poll::Ready(Some(answered)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_record_gets_it_when_it_comes_or_an_empty_page() {
    let desk = desk(Script::default());
    let mut waiting = Box::pin(desk.ask("GET", "/api/v1/ledger?after=2&wait=30", ""));
    assert!(step(&mut waiting).await.is_none(), "nothing to tell yet");
    desk.script.position.store(3, Ordering::SeqCst);
    desk.script.recorded.notify_waiters();
    assert_eq!(waiting.await.json()["records"][0]["position"], 3);

    let begun = tokio::time::Instant::now();
    let empty = desk.ask("GET", "/api/v1/ledger?after=3&wait=9999", "").await.json();
    assert_eq!((&empty["records"], begun.elapsed()), (&json!([]), Duration::from_secs(30)));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_wait_at_once() {
    let desk = desk(Script::default());
    let target = "/api/v1/ledger?after=2&wait=30";
    let mut waiting: Vec<_> = (0..32).map(|_| Box::pin(desk.ask("GET", target, ""))).collect();
    for each in &mut waiting {
        assert!(step(each).await.is_none());
    }
    let mut one_too_many = Box::pin(desk.ask("GET", target, ""));
    assert_eq!(step(&mut one_too_many).await.unwrap().json()["records"], json!([]));
    drop(waiting.pop());
    let mut next = Box::pin(desk.ask("GET", target, ""));
    assert!(step(&mut next).await.is_none(), "a place is free again");
}
