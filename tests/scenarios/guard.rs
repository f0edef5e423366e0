//! The leak detector: a guarded route keeps nothing until two anonymous fetches were alike, and lets go of everything when
//! two differ.

use crate::stage::{Gate, Got, Stage, answer, in_time, page, request};
use serde_json::Value;
use std::time::Duration;

/// One guarded rule over products.
const GUARDED: &str = "store: { backend: memory }\n\
    routes: [{ name: product, match: \"/products/{product}\", ttl: 30m, guard: sample }]\n\
    query: { ignore: [utm_*] }\n\
    cookies: { drop: [seen] }\n";

fn allowing(texts: &str) -> String {
    format!("guard: {{ allow: [{texts}] }}\n{GUARDED}")
}

/// Pages with a token of their own each, as many as a play could ask for.
fn with_tokens(name: &str) -> Vec<crate::stage::Line> {
    (0..100).map(|n| page(&format!("<h1>{name}</h1>\n<i nonce=\"t{n}\">\n"), &[])).collect()
}

async fn explained(stage: &Stage, url: &str) -> Value {
    let answer = stage.admin(&format!("/api/v1/explain?url={url}")).await;
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
}

/// Waits until the guard has come to something.
async fn stands(stage: &Stage, url: &str, standing: &str) -> Value {
    in_time(&format!("the route is {standing}"), async {
        loop {
            let explained = explained(stage, url).await;
            if explained["guard"]["standing"] == standing {
                return explained;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Waits for a line of the metrics.
async fn counted(stage: &Stage, line: &str) {
    in_time(&format!("{line} is counted"), async {
        while !stage.admin("/metrics").await.text().lines().any(|own| own == line) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn samples(result: &str, count: usize) -> String {
    format!("vitrine_guard_samples_total{{result=\"{result}\",route=\"product\"}} {count}")
}

fn passed(got: &Got, reason: &str) {
    got.cache_status(&["fwd=bypass", &format!("detail={reason}")]);
}

#[tokio::test]
async fn a_page_that_is_alike_is_passed_first_and_then_kept() {
    let stage = Stage::with(GUARDED).await;
    let gate = Gate::shut();
    // Visitors who pass ask as they came, the sample as a fill would.
    stage.origin.says("/products/a?utm_source=x", [page("a", &[])]);
    stage.origin.says("/products/a", [page("a", &[]).held_by(&gate), page("a", &[])]);

    let by_link = || stage.get_with("/products/a?utm_source=x", &["cookie: other=1"]);
    passed(&by_link().await, "guard-unproven");
    gate.reached_by(1).await;
    // While the sample is under way nothing is kept, and no other begins.
    passed(&by_link().await, "guard-unproven");
    assert_eq!(explained(&stage, "/products/a").await["verdict"]["reason"], "guard-unproven");
    gate.open();
    let proven = stands(&stage, "/products/a", "proven").await;
    assert_eq!(proven["guard"]["since"], "2026-11-24T12:00:00.000Z");

    stage.get("/products/a").await.expect(200, "a").cache_status(&["fwd=uri-miss", "stored"]);
    stage.get("/products/a").await.expect(200, "a").hit();
    // Another page of the route needs no sample of its own.
    stage.origin.says("/products/b", [page("b", &[])]);
    stage.get("/products/b").await;
    stage.get("/products/b").await.expect(200, "b").hit();

    // Two samples and a fill, all three for nobody.
    let (all, target) = (stage.origin.asked(), "/products/a");
    let asked: Vec<_> = all.iter().filter(|asked| asked.target == target).collect();
    assert!(asked.len() == 3 && asked.iter().all(|asked| asked.field("cookie").is_none()), "{asked:?}");
    assert_eq!(asked[0].field("accept-encoding").as_deref(), Some("identity"));
    counted(&stage, &samples("alike", 1)).await;
    counted(&stage, "vitrine_guard_suspect{route=\"product\"} 0").await;
}

#[tokio::test]
async fn a_page_with_a_token_is_never_kept_and_its_place_is_shown() {
    let stage = Stage::with(GUARDED).await;
    stage.origin.says("/products/a", with_tokens("a"));
    stage.origin.says("/products/a?utm_source=x", [page("a", &[])]);
    passed(&stage.get("/products/a?utm_source=x").await, "guard-unproven");
    let suspect = stands(&stage, "/products/a", "suspect").await;
    let (guard, place) = (&suspect["guard"], &suspect["guard"]["places"][0]);
    assert_eq!(guard["url"], "http://shop.example/products/a");
    assert_eq!((&place["line"], &place["column"]), (&2.into(), &12.into()), "{guard}");
    assert_eq!((&place["first"], &place["second"]), (&"<i nonce=\"t0\">".into(), &"<i nonce=\"t1\">".into()));
    assert_eq!(suspect["verdict"]["reason"], "guard-differs");

    // Whatever time passes, it is not tried again, and no page of the route is kept.
    stage.pass(Duration::from_hours(1));
    for target in ["/products/a", "/products/a", "/products/b"] {
        passed(&stage.get(target).await, "guard-differs");
    }
    counted(&stage, &samples("different", 1)).await;
    counted(&stage, "vitrine_guard_suspect{route=\"product\"} 1").await;
}

#[tokio::test]
async fn what_is_allowed_to_differ_is_kept() {
    let stage = Stage::with(&allowing("'nonce=\"*\"'")).await;
    stage.origin.says("/products/a", with_tokens("a"));
    stage.get("/products/a").await;
    stands(&stage, "/products/a", "proven").await;
    let kept = stage.get("/products/a").await;
    stage.get("/products/a").await.expect(200, &kept.text()).hit();
}

#[tokio::test]
async fn a_route_that_begins_to_differ_is_caught_and_what_it_had_stored_is_gone() {
    let stage = Stage::with(GUARDED).await;
    for name in ["a", "b", "c"] {
        stage.origin.says(&format!("/products/{name}"), [page(name, &[])]);
    }
    stage.get("/products/a").await;
    stands(&stage, "/products/a", "proven").await;
    stage.get("/products/a").await.cache_status(&["stored"]);

    // Within the time between two samples nothing is looked at, after it by a fill; hits begin none.
    stage.origin.says("/products/b", with_tokens("b"));
    stage.get("/products/b").await.cache_status(&["stored"]);
    stage.pass(Duration::from_mins(10));
    stage.get("/products/a").await.expect(200, "a").hit();
    counted(&stage, &samples("alike", 1)).await;
    stage.origin.says("/products/d", with_tokens("d"));
    stage.get("/products/d").await.cache_status(&["fwd=uri-miss"]);
    stands(&stage, "/products/d", "suspect").await;
    for target in ["/products/a", "/products/b", "/products/d"] {
        passed(&stage.get(target).await, "guard-differs");
    }
    let purged = "vitrine_purges_total{mode=\"hard\",result=\"confirmed\",source=\"guard\"} 1";
    counted(&stage, purged).await;

    // Mended and loaded again, the route is sampled anew; what was stored before does not come back.
    stage.origin.says("/products/a", [page("mended", &[])]);
    stage.app.reload().expect("a good file");
    passed(&stage.get("/products/a").await, "guard-unproven");
    stands(&stage, "/products/a", "proven").await;
    stage.get("/products/a").await.expect(200, "mended").cache_status(&["stored"]);
}

#[tokio::test]
async fn a_failing_origin_proves_nothing_and_is_not_stormed() {
    let stage = Stage::with(GUARDED).await;
    let target = "/products/a";
    stage.origin.says(target, [answer("503 Service Unavailable", "down", &[])]);
    stage.get(target).await.expect(503, "down");
    counted(&stage, &samples("failed", 1)).await;
    let unproven = stands(&stage, target, "unproven").await;
    assert_eq!(unproven["guard"]["failed"], "the origin answered 503");
    let asked = stage.origin.times_asked(target);
    for _ in 0..10 {
        stage.get(target).await.expect(503, "down");
    }
    assert_eq!(stage.origin.times_asked(target), asked + 10, "only the visitors asked");

    // What may not be stored, and what is not there, proves nothing either.
    let kinds = [
        (page("a", &["cache-control: private"]), "not kept: private"),
        (page("a", &["set-cookie: own=1"]), "not kept: set-cookie"),
        (answer("404 Not Found", "none", &[]), "404 says nothing of the route's other pages"),
        (page("a", &["content-encoding: gzip"]), "the origin sent a content coding although none was asked for"),
    ];
    for (count, (line, failed)) in kinds.into_iter().enumerate() {
        stage.origin.says(target, [line]);
        stage.pass(Duration::from_secs(5));
        passed(&stage.get(target).await, "guard-unproven");
        counted(&stage, &samples("failed", count + 2)).await;
        assert_eq!(stands(&stage, target, "unproven").await["guard"]["failed"], failed);
    }
    stage.origin.says(target, [page("a", &[])]);
    stage.pass(Duration::from_secs(5));
    passed(&stage.get(target).await, "guard-unproven");
    stands(&stage, target, "proven").await;
}

#[tokio::test]
async fn a_reload_tries_a_suspect_route_again_and_leaves_a_proven_one() {
    let stage = Stage::with(GUARDED).await;
    stage.origin.says("/products/a", with_tokens("a"));
    stage.get("/products/a").await;
    stands(&stage, "/products/a", "suspect").await;

    stage.save(&stage.config().replace(GUARDED, &allowing("'nonce=\"*\"'")));
    stage.app.reload().expect("a good file");
    assert_eq!(explained(&stage, "/products/a").await["guard"]["standing"], "unproven");
    stage.get("/products/a").await;
    stands(&stage, "/products/a", "proven").await;
    let kept = stage.get("/products/a").await;

    stage.app.reload().expect("a good file");
    stage.get("/products/a").await.expect(200, &kept.text()).hit();
    assert_eq!(explained(&stage, "/products/a").await["guard"]["standing"], "proven");
    // Whoever allows less wants to know again.
    stage.save(stage.config());
    stage.app.reload().expect("a good file");
    assert_eq!(explained(&stage, "/products/a").await["guard"]["standing"], "unproven");
    // Without the guard there is nothing to tell, and what was kept under it is another rule's.
    stage.save(&stage.config().replace("sample", "off"));
    stage.app.reload().expect("a good file");
    assert_eq!(explained(&stage, "/products/a").await["guard"], Value::Null);
    assert!(!stage.admin("/metrics").await.text().contains("vitrine_guard_suspect"));
}

#[tokio::test]
async fn what_was_proven_before_a_restart_is_served_and_answers_for_a_failing_origin() {
    let rule = "ttl: 1m, stale_if_error: 1h, guard: sample";
    let stage = Stage::with(&GUARDED.replace("memory", "sqlite").replace("ttl: 30m, guard: sample", rule)).await;
    stage.origin.says("/products/a", [page("a", &[])]);
    stage.get("/products/a").await;
    stands(&stage, "/products/a", "proven").await;
    stage.get("/products/a").await.cache_status(&["stored"]);

    let stage = stage.restart().await;
    stage.get("/products/a").await.expect(200, "a").hit();
    stage.origin.says("/products/a", [answer("503 Service Unavailable", "down", &[])]);
    stage.pass(Duration::from_mins(2));
    stage.get("/products/a").await.expect(200, "a").cache_status(&["detail=stale-if-error"]);
    counted(&stage, &samples("failed", 1)).await;
    stage.origin.says("/products/a", [page("b", &[])]);
    passed(&stage.get("/products/a").await, "guard-unproven");
}

#[tokio::test]
async fn a_body_that_is_larger_than_what_is_kept_cannot_be_compared() {
    let stage = Stage::with(&GUARDED.replace("backend: memory", "backend: memory, object_max: 1KiB")).await;
    stage.origin.says("/products/a", [page(&"a".repeat(2_000), &[])]);
    passed(&stage.get("/products/a").await, "guard-unproven");
    counted(&stage, &samples("failed", 1)).await;
    let unproven = stands(&stage, "/products/a", "unproven").await;
    assert_eq!(unproven["guard"]["failed"], "the body is larger than what is kept");
}

#[tokio::test]
async fn a_fill_that_is_under_way_when_a_route_is_caught_is_not_kept() {
    let stage = Stage::with(GUARDED).await;
    stage.origin.says("/products/a", [page("a", &[])]);
    stage.get("/products/a").await;
    stands(&stage, "/products/a", "proven").await;
    let gate = Gate::shut();
    stage.origin.says("/products/b", [page("bob's", &[]).held_by(&gate), page("b", &[])]);
    let mut client = stage.client().await;
    client.send(request("GET", "/products/b", &[])).await;
    gate.reached_by(1).await;

    stage.pass(Duration::from_mins(10));
    stage.origin.says("/products/c", with_tokens("c"));
    stage.get("/products/c").await;
    stands(&stage, "/products/c", "suspect").await;
    gate.open();
    client.response("GET").await.expect(200, "bob's");

    stage.app.reload().expect("a good file");
    stage.get("/products/b").await.expect(200, "b");
    stands(&stage, "/products/b", "proven").await;
    stage.get("/products/b").await.expect(200, "b").cache_status(&["fwd=uri-miss"]);
}

#[tokio::test]
async fn four_routes_at_most_are_sampled_at_once() {
    let names = ["a", "b", "c", "d", "e"];
    let rule = |name| format!("{{ name: {name}, match: /{name}, ttl: 30m, guard: sample }}");
    let rules = names.map(rule).join(", ");
    let stage =
        Stage::with(&format!("store: {{ backend: memory }}\nquery: {{ ignore: [utm] }}\nroutes: [{rules}]\n")).await;
    let gate = Gate::shut();
    for name in names {
        stage.origin.says(&format!("/{name}?utm=1"), [page(name, &[])]);
        stage.origin.says(&format!("/{name}"), [page(name, &[]).held_by(&gate), page(name, &[])]);
        passed(&stage.get(&format!("/{name}?utm=1")).await, "guard-unproven");
    }
    gate.reached_by(4).await;
    passed(&stage.get("/e?utm=1").await, "guard-unproven");
    assert_eq!(stage.origin.times_asked("/e"), 0);
    gate.open();
    stands(&stage, "/a", "proven").await;
    stage.get("/e?utm=1").await;
    stands(&stage, "/e", "proven").await;
}

#[tokio::test]
async fn a_route_for_everyone_is_sampled_without_the_visitors_cookies() {
    let stage = Stage::with(&GUARDED.replace("guard: sample", "audience: everyone, guard: sample")).await;
    stage.origin.says("/products/a?utm_source=x", [page("alice's", &[])]);
    stage.origin.says("/products/a", [page("a", &[])]);
    stage.get_with("/products/a?utm_source=x", &["cookie: sessionid=a"]).await.expect(200, "alice's");
    stands(&stage, "/products/a", "proven").await;
    stage.get_with("/products/a", &["cookie: sessionid=a"]).await.expect(200, "a");
    stage.get_with("/products/a", &["cookie: sessionid=b"]).await.expect(200, "a").hit();
    let all = stage.origin.asked();
    let mut cookies = all.iter().filter(|asked| asked.target == "/products/a").map(|asked| asked.field("cookie"));
    assert!(cookies.all(|cookie| cookie.is_none()), "{all:?}");
}
