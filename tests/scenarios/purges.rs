//! Purges are exact: a request that arrives after one was acknowledged is never answered from what was fetched before it.

use crate::stage::{Gate, Stage, head_only, in_time, page, request};
use std::time::Duration;

#[tokio::test]
async fn a_purged_url_is_fetched_anew_and_its_neighbours_stay() {
    let stage = Stage::open().await;
    stage.origin.says("/products/a", [page("a1", &[]), page("a2", &[])]);
    stage.origin.says("/products/b", [page("b1", &[])]);
    stage.get("/products/a").await;
    stage.get("/products/b").await;

    stage.purge("/products/a").await;
    stage.get("/products/a").await.expect(200, "a2").cache_status(&["fwd=miss"]);
    stage.get("/products/b").await.expect(200, "b1").hit();
}

#[tokio::test]
async fn a_purge_by_tag_takes_what_the_rule_and_what_the_origin_tagged() {
    let stage = Stage::open().await;
    stage.origin.says("/products/a", [page("a1", &[]), page("a2", &[])]);
    stage
        .origin
        .says("/list", [page("l1", &["cache-control: max-age=60", "cache-tag: product:a, other"]), page("l2", &[])]);
    stage.origin.says("/", [page("home", &[])]);
    for target in ["/products/a", "/list", "/"] {
        stage.get(target).await;
    }

    stage.purge_tag("product:a").await;
    stage.get("/products/a").await.expect(200, "a2");
    stage.get("/list").await.expect(200, "l2");
    stage.get("/").await.hit();
}

#[tokio::test]
async fn what_was_being_fetched_when_the_purge_came_is_not_served_after_it() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says("/products/a", [page("old", &[]).held_by(&gate), page("new", &[])]);

    let mut before = stage.client().await;
    before.send(request("GET", "/products/a", &[])).await;
    gate.reached_by(1).await;
    stage.purge_tag("product:a").await;
    gate.open();
    before.response("GET").await.expect(200, "old");
    stage.get("/products/a").await.expect(200, "new");
    stage.get("/products/a").await.expect(200, "new").hit();
}

#[tokio::test]
async fn an_error_that_was_being_fetched_when_the_purge_came_is_not_served_after_it_either() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    let down = crate::stage::answer("503 Service Unavailable", "down", &[]).held_by(&gate);
    stage.origin.says("/products/a", [down, page("new", &[])]);

    let mut before = stage.client().await;
    before.send(request("GET", "/products/a", &[])).await;
    gate.reached_by(1).await;
    stage.purge_tag("product:a").await;
    let mut after = stage.client().await;
    after.send(request("GET", "/products/a", &[])).await;
    gate.open();
    before.response("GET").await.expect(503, "down");
    after.response("GET").await.expect(200, "new");
}

#[tokio::test]
async fn who_joined_a_fill_after_the_purge_refuses_it_and_all_of_them_elect_one_new_one() {
    let stage = Stage::open().await;
    let (old, new) = (Gate::shut(), Gate::shut());
    stage.origin.says("/products/a", [page("old", &[]).held_by(&old), page("new", &[]).held_by(&new)]);

    let mut before = stage.client().await;
    before.send(request("GET", "/products/a", &[])).await;
    old.reached_by(1).await;
    stage.purge("/products/a").await;
    let mut after = [stage.client().await, stage.client().await, stage.client().await];
    for client in &mut after {
        client.send(request("GET", "/products/a", &[])).await;
    }
    old.open();
    before.response("GET").await.expect(200, "old");
    new.reached_by(1).await;
    new.open();
    for client in &mut after {
        client.response("GET").await.expect(200, "new");
    }
    assert_eq!(stage.origin.times_asked("/products/a"), 2);
}

#[tokio::test]
async fn a_validation_in_flight_does_not_bring_a_purged_page_back() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says(
        "/products/a",
        [
            page("old", &["etag: \"1\""]),
            head_only("304 Not Modified", &["etag: \"1\""]).held_by(&gate),
            page("new", &["etag: \"2\""]),
        ],
    );
    stage.get("/products/a").await;
    stage.pass(Duration::from_mins(31));

    let mut before = stage.client().await;
    before.send(request("GET", "/products/a", &[])).await;
    gate.reached_by(1).await;
    stage.purge("/products/a").await;
    gate.open();
    before.response("GET").await.expect(200, "old");
    let after = stage.get("/products/a").await;
    after.expect(200, "new");
    // A hard-purged response is gone: its entity tag is not offered.
    assert_eq!(stage.origin.asked().last().expect("three requests").field("if-none-match"), None);
}

#[tokio::test]
async fn a_soft_purge_makes_stale_what_is_still_good_for_a_failing_origin() {
    let stage = Stage::with(
        r#"
store: { backend: memory }
routes: [{ name: product, match: "/products/{product}", ttl: 30m, stale_if_error: 1h }]
"#,
    )
    .await;
    stage.origin.says(
        "/products/a",
        [
            page("old", &["etag: \"1\""]),
            crate::stage::answer("503 Service Unavailable", "down", &[]),
            head_only("304 Not Modified", &["etag: \"1\""]),
        ],
    );
    stage.get("/products/a").await;

    assert_eq!(stage.ask("PURGE", "/products/a", &["x-purge-mode: soft"]).await.status, 200);
    stage.get("/products/a").await.expect(200, "old").cache_status(&["detail=stale-if-error"]);
    stage.get("/products/a").await.expect(200, "old").cache_status(&["fwd=stale", "fwd-status=304"]);
    stage.get("/products/a").await.hit();
}

#[tokio::test]
async fn a_url_without_a_query_means_every_query_and_one_with_it_that_one() {
    let stage = Stage::open().await;
    for target in ["/products/a", "/products/a?page=2", "/products/a?page=3"] {
        stage.origin.says(target, [page("1", &[]), page("2", &[])]);
        stage.get(target).await;
    }
    stage.purge("/products/a?page=2&utm_source=x").await;
    stage.get("/products/a?page=2").await.expect(200, "2");
    stage.get("/products/a?page=3").await.expect(200, "1");
    stage.purge("/products/a").await;
    stage.get("/products/a?page=3").await.expect(200, "2");
    stage.get("/products/a").await.expect(200, "2");
}

#[tokio::test]
async fn ignored_parameters_matter_neither_under_a_rule_nor_without_one() {
    let stage = Stage::open().await;
    let lasting = |body| page(body, &["cache-control: max-age=60"]);
    stage.origin.says("/plain?page=2", [lasting("1"), lasting("2")]);
    stage.get("/plain?page=2&utm_source=mail").await.expect(200, "1");
    stage.get("/plain?utm_medium=x&page=2").await.expect(200, "1").hit();
    stage.purge("/plain?page=2").await;
    stage.get("/plain?page=2&utm_source=mail").await.expect(200, "2");
}

#[tokio::test]
async fn an_unsafe_method_lets_go_of_its_url_before_its_answer_is_delivered() {
    let stage = Stage::open().await;
    stage.origin.says("/products/a", [page("old", &[]), page("changed", &[]), page("new", &[])]);
    stage.get("/products/a").await;

    stage.ask("DELETE", "/products/a", &[]).await.expect(200, "changed");
    stage.get("/products/a").await.expect(200, "new");
}

#[tokio::test]
async fn an_unsafe_method_that_failed_lets_go_of_nothing_and_one_without_an_answer_does() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/products/a",
        [
            page("old", &[]),
            crate::stage::answer("403 Forbidden", "no", &[]),
            crate::stage::raw("").then_closes(),
            page("new", &[]),
        ],
    );
    stage.get("/products/a").await;

    stage.ask("POST", "/products/a", &[]).await.expect(403, "no");
    stage.get("/products/a").await.expect(200, "old").hit();
    assert_eq!(stage.ask("POST", "/products/a", &[]).await.status, 502);
    stage.get("/products/a").await.expect(200, "new");
}

#[tokio::test]
async fn an_unsafe_method_that_never_left_lets_go_of_nothing() {
    let stage = Stage::with(&format!("store: {{ backend: sqlite }}\n{}", crate::stage::ROUTES)).await;
    stage.origin.says("/products/a", [page("old", &[])]);
    stage.get("/products/a").await.expect(200, "old");
    // Another process, without a connection to the origin that is still open.
    let stage = stage.restart().await;
    stage.origin.close().await;
    let refused = stage.ask("POST", "/products/a", &[]).await;
    assert_eq!(refused.status, 502);
    refused.cache_status(&["detail=origin-unreachable"]);
    stage.get("/products/a").await.expect(200, "old").hit();
}

#[tokio::test]
async fn a_visitor_who_leaves_before_the_answer_may_have_changed_what_they_asked_to_change() {
    let stage = Stage::open_with_origin("response_timeout: 500ms").await;
    let gate = Gate::shut();
    let changed = page("changed", &[]).held_by(&gate);
    stage.origin.says("/products/a", [page("old", &[]), changed, page("new", &[])]);
    stage.get("/products/a").await.expect(200, "old");

    let mut visitor = stage.client().await;
    visitor.send(request("DELETE", "/products/a", &[])).await;
    gate.reached_by(1).await;
    drop(visitor);
    // The origin never answers either: what may have been changed is let go all the same.
    in_time("the page is let go", async {
        while stage.get("/products/a").await.text() != "new" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The shop may commit after we have stopped listening: for half a minute nothing of it is kept.
    stage.get("/products/a").await.cache_status(&["fwd=uri-miss"]);
    stage.pass(Duration::from_secs(31));
    stage.get("/products/a").await.expect(200, "new");
    stage.get("/products/a").await.expect(200, "new").hit();
}

#[tokio::test]
async fn cache_groups_are_let_go_by_the_answer_to_an_unsafe_method() {
    let stage = Stage::open().await;
    stage.origin.says("/a", [page("a1", &["cache-control: max-age=60", "cache-groups: \"g\""]), page("a2", &[])]);
    stage.origin.says("/save", [page("saved", &["cache-group-invalidation: \"g\""])]);
    stage.get("/a").await;

    stage.get("/save").await;
    stage.get("/a").await.expect(200, "a1").hit();
    stage.ask("POST", "/save", &[]).await.expect(200, "saved");
    stage.get("/a").await.expect(200, "a2");
}

#[tokio::test]
async fn what_is_fetched_within_the_settle_time_is_served_and_not_kept() {
    let stage = Stage::open().await;
    stage.origin.says("/products/a", [page("old", &[]), page("lagging", &[]), page("new", &[])]);
    stage.get("/products/a").await;

    let purged = stage.ask("PURGE", "/products/a", &["x-purge-settle: 2s"]).await;
    assert_eq!(purged.status, 200, "{purged:?}");
    stage.get("/products/a").await.expect(200, "lagging");
    stage.pass(Duration::from_secs(3));
    stage.get("/products/a").await.expect(200, "new");
    stage.get("/products/a").await.expect(200, "new").hit();
}

#[tokio::test]
async fn however_many_groups_an_answer_names_all_are_let_go() {
    let stage = Stage::open().await;
    let names: Vec<String> = (0..1_500).map(|n| format!("\"g{n}\"")).collect();
    let lasting = |body| page(body, &["cache-control: max-age=60", "cache-groups: \"g1499\""]);
    stage.origin.says("/a", [lasting("a1"), lasting("a2")]);
    let lines: Vec<String> =
        names.chunks(500).map(|some| format!("cache-group-invalidation: {}", some.join(", "))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    stage.origin.says("/save", [page("saved", &lines)]);
    stage.get("/a").await;

    stage.ask("POST", "/save", &[]).await.expect(200, "saved");
    stage.get("/a").await.expect(200, "a2");
}
