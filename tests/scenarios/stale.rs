//! Validation, stale serving, and an origin that fails.

use crate::stage::{Gate, Stage, answer, head_only, page, raw, request, silence};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// A stage whose product pages may be served stale for ten minutes while they are validated, and for an hour if the
/// origin fails.
async fn lenient() -> Stage {
    Stage::with(
        r#"
store: { backend: memory }
routes:
  - name: product
    match: "/products/{product}"
    ttl: 30m
    stale_while_revalidate: 10m
    stale_if_error: 1h
"#,
    )
    .await
}

#[tokio::test]
async fn a_stale_page_is_validated_and_a_304_makes_it_fresh_again() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/products/a",
        [
            page("one", &["etag: \"1\"", "last-modified: Tue, 24 Nov 2026 10:00:00 GMT", "x-made: first"]),
            head_only("304 Not Modified", &["etag: \"1\"", "x-made: second"]),
        ],
    );
    stage.get("/products/a").await;
    stage.pass(31 * MINUTE);

    let validated = stage.get("/products/a").await;
    validated.expect(200, "one").cache_status(&["fwd=stale", "fwd-status=304"]);
    assert_eq!(validated.field("x-made"), Some("second"));
    let asked = stage.origin.asked().pop().expect("a validation");
    assert_eq!(asked.field("if-none-match").as_deref(), Some("\"1\""));
    assert_eq!(asked.field("if-modified-since").as_deref(), Some("Tue, 24 Nov 2026 10:00:00 GMT"));
    stage.get("/products/a").await.expect(200, "one").hit();
}

#[tokio::test]
async fn a_stale_page_without_a_validator_of_the_origins_is_fetched_anew() {
    let stage = Stage::open().await;
    stage.origin.says("/products/a", [page("one", &[]), page("two", &[])]);
    stage.get("/products/a").await;
    stage.pass(31 * MINUTE);

    stage.get("/products/a").await.expect(200, "two").cache_status(&["fwd=stale"]);
    assert_eq!(stage.origin.asked()[1].field("if-none-match"), None);
}

#[tokio::test]
async fn k15_a_clients_condition_is_never_the_fills() {
    let stage = Stage::open().await;
    stage.origin.says("/products/a", [page("one", &["etag: \"1\""])]);

    stage.get_with("/products/a", &["if-none-match: \"1\"", "if-modified-since: Tue, 24 Nov 2026 10:00:00 GMT"]).await;
    assert_eq!(stage.origin.asked()[0].field("if-none-match"), None);
    assert_eq!(stage.origin.asked()[0].field("if-modified-since"), None);
    stage.get("/products/a").await.expect(200, "one").hit();
}

#[tokio::test]
async fn within_its_window_a_stale_page_is_served_at_once_and_validated_behind() {
    let stage = lenient().await;
    let gate = Gate::shut();
    stage.origin.says("/products/a", [page("one", &[]), page("two", &[]).held_by(&gate)]);
    stage.get("/products/a").await;
    stage.pass(31 * MINUTE);

    for _ in 0..3 {
        let stale = stage.get("/products/a").await;
        stale.expect(200, "one").cache_status(&["detail=stale-while-revalidate"]);
    }
    stage.origin.was_asked(2).await;
    gate.open();
    // The fill behind is done when somebody gets its page; until then the stale one is served.
    loop {
        let got = stage.get("/products/a").await;
        if got.text() == "two" {
            got.hit();
            break;
        }
        assert_eq!(got.text(), "one");
    }
    assert_eq!(stage.origin.asked().len(), 2);
}

#[tokio::test]
async fn past_its_window_a_stale_page_is_not_served_while_the_origin_answers() {
    let stage = lenient().await;
    stage.origin.says("/products/a", [page("one", &[]), page("two", &[])]);
    stage.get("/products/a").await;
    stage.pass(41 * MINUTE);

    stage.get("/products/a").await.expect(200, "two");
}

#[tokio::test]
async fn f6_f8_f9_a_failing_origin_is_covered_by_what_is_stale_within_the_rules_limit() {
    for failure in [
        answer("500 Internal Server Error", "oops", &[]),
        answer("503 Service Unavailable", "oops", &[]),
        raw("").then_closes(),
        raw("").then_resets(),
        raw("garbage\r\n\r\n").then_closes(),
    ] {
        let stage = lenient().await;
        stage.origin.says("/products/a", [page("one", &[]), failure]);
        stage.get("/products/a").await;
        stage.pass(45 * MINUTE);

        stage.get("/products/a").await.expect(200, "one").cache_status(&["detail=stale-if-error"]);
        stage.pass(60 * MINUTE);
        let beyond = stage.get("/products/a").await;
        assert!(beyond.status >= 500, "{beyond:?}");
    }
}

#[tokio::test]
async fn d6_an_error_page_never_takes_the_place_of_what_may_answer_instead_of_it() {
    let stage = Stage::open().await;
    stage.origin.says(
        "/plain",
        [
            page("one", &["cache-control: max-age=60, stale-if-error=3600"]),
            answer("503 Service Unavailable", "down", &["cache-control: max-age=60"]),
            answer("503 Service Unavailable", "down", &["cache-control: max-age=60"]),
            page("two", &["cache-control: max-age=60"]),
        ],
    );
    stage.get("/plain").await;
    stage.pass(2 * MINUTE);
    for _ in 0..2 {
        stage.get("/plain").await.expect(200, "one").cache_status(&["detail=stale-if-error"]);
    }
    stage.get("/plain").await.expect(200, "two");
}

#[tokio::test]
async fn what_must_be_revalidated_is_never_served_stale() {
    let stage = lenient().await;
    stage
        .origin
        .says("/products/a", [page("one", &["cache-control: max-age=60, must-revalidate"]), raw("").then_closes()]);
    stage.get("/products/a").await;
    stage.pass(2 * MINUTE);

    let got = stage.get("/products/a").await;
    assert_eq!(got.status, 502);
}

#[tokio::test]
async fn an_origin_that_cannot_be_reached_is_a_502_with_a_reason() {
    let stage =
        Stage::with("store: { backend: memory }\nhosts: []\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1m }]")
            .await;
    stage.origin.close().await;
    let got = stage.get("/").await;
    assert_eq!(got.status, 502);
    got.cache_status(&["detail=origin-unreachable"]);
    assert!(!got.text().contains("127.0.0.1"), "{}", got.text());
}

#[tokio::test]
async fn an_origin_that_does_not_answer_is_a_504() {
    let stage =
        Stage::with("store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1m }]\n").await;
    stage.origin.says("/", [silence()]);
    let mut client = stage.client().await;
    client.send(request("GET", "/", &[])).await;
    let got = client.response("GET").await;
    assert_eq!(got.status, 504);
    got.cache_status(&["detail=origin-timeout"]);
}
