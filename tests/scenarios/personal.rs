//! What is one visitor's own never becomes another's (promise 2, rows L1 to L9, W6).

use crate::stage::{Gate, Stage, page, request};

#[tokio::test]
async fn a_visitor_with_a_session_or_a_basket_is_passed_and_fills_nothing() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("alice", &[]), page("bob", &[]), page("anyone", &[])]);

    let alice = stage.get_with("/", &["cookie: sessionid=a"]).await;
    alice.expect(200, "alice").cache_status(&["fwd=bypass", "detail=cookie-session"]);
    let bob = stage.get_with("/", &["cookie: theme=dark; basket=1"]).await;
    bob.expect(200, "bob").cache_status(&["fwd=bypass", "detail=cookie-personal"]);
    stage.get("/").await.expect(200, "anyone").cache_status(&["fwd=uri-miss"]);
    assert_eq!(stage.origin.asked()[0].field("cookie").as_deref(), Some("sessionid=a"));
}

#[tokio::test]
async fn l1_a_response_that_sets_a_cookie_in_no_list_is_not_stored_and_a_listed_one_is_dropped() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("a", &["set-cookie: tracking=1"]), page("b", &["set-cookie: tracking=2"])]);
    let first = stage.get("/").await;
    first.expect(200, "a");
    assert_eq!(first.field("set-cookie"), Some("tracking=1"));
    stage.get("/").await.expect(200, "b");

    stage.origin.says("/products/a", [page("a", &["set-cookie: seen=1; Path=/"])]);
    stage.get("/products/a").await;
    let hit = stage.get("/products/a").await;
    hit.expect(200, "a").hit();
    assert_eq!(hit.field("set-cookie"), None);
}

#[tokio::test]
async fn a_response_that_cannot_be_shared_is_asked_for_again_with_the_visitors_own_cookies() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("nobody's", &["set-cookie: token=new"]), page("own", &[])]);

    stage.get_with("/", &["cookie: token=old"]).await.expect(200, "own");
    let asked = stage.origin.asked();
    assert_eq!((asked[0].field("cookie"), asked[1].field("cookie").as_deref()), (None, Some("token=old")));
}

#[tokio::test]
async fn l2_a_request_with_authorization_passes() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("secret", &["cache-control: max-age=60"]), page("public", &[])]);
    let secret = stage.get_with("/", &["authorization: Basic x"]).await;
    secret.expect(200, "secret").cache_status(&["fwd=request"]);
    assert_eq!(stage.origin.asked()[0].field("authorization").as_deref(), Some("Basic x"));
    stage.get("/").await.expect(200, "public");
}

#[tokio::test]
async fn key_cookies_reach_the_origin_and_keep_pages_apart() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("EUR", &["vary: cookie"]), page("USD", &["vary: cookie"])]);
    stage.get_with("/", &["cookie: theme=dark; currency=EUR"]).await.expect(200, "EUR");
    stage.get_with("/", &["cookie: currency=USD"]).await.expect(200, "USD");
    stage.get_with("/", &["cookie: other=1; currency=EUR"]).await.expect(200, "EUR").hit();
    assert_eq!(stage.origin.asked()[0].field("cookie").as_deref(), Some("currency=EUR"));
    let doubtful = stage.get_with("/", &["cookie: currency=EUR; currency=USD"]).await;
    doubtful.cache_status(&["fwd=bypass", "detail=cookie-unclear"]);
}

#[tokio::test]
async fn l4_followers_never_share_what_turned_out_to_be_private() {
    let stage = Stage::open().await;
    let gate = Gate::shut();
    stage.origin.says(
        "/",
        [
            page("for the first", &["cache-control: private"]).held_by(&gate),
            page("for the second", &["cache-control: private"]),
        ],
    );
    let mut first = stage.client().await;
    first.send(request("GET", "/", &[])).await;
    gate.reached_by(1).await;
    let mut second = stage.client().await;
    second.send(request("GET", "/", &[])).await;
    gate.open();
    first.response("GET").await.expect(200, "for the first");
    second.response("GET").await.expect(200, "for the second");
}

#[tokio::test]
async fn w6_a_path_without_a_rule_passes_whoever_has_a_session_and_keeps_nothing_by_guess() {
    let stage = Stage::open().await;
    stage
        .origin
        .says("/me", [page("alice", &["cache-control: max-age=60"]), page("anyone", &["cache-control: max-age=60"])]);
    stage.get_with("/me", &["cookie: sessionid=a"]).await.expect(200, "alice");
    stage.get("/me").await.expect(200, "anyone");
}

#[tokio::test]
async fn a_session_route_passes_whoever_has_no_session() {
    let stage = Stage::with(
        "store: { backend: memory }\nroutes: [{ name: account, match: \"/account/{*path}\", ttl: 8h, cache: sessions, audience: session }]",
    )
    .await;
    stage.origin.says("/account/", [page("1", &[]), page("2", &[])]);
    stage.get("/account/").await.expect(200, "1").cache_status(&["fwd=bypass", "detail=no-session"]);
    stage.get("/account/").await.expect(200, "2");
}

#[tokio::test]
async fn a_route_for_everyone_has_one_copy_fetched_without_cookies() {
    let rules = "routes: [{ name: all, match: \"/\", ttl: 5m, audience: everyone }]\ncookies: { session: [sessionid], personal: [basket] }";
    let stage = Stage::with(&format!("store: {{ backend: memory }}\n{rules}")).await;
    stage.origin.says("/", [page("for all", &[])]);
    stage.get_with("/", &["cookie: sessionid=a; basket=1"]).await.expect(200, "for all");
    stage.get_with("/", &["cookie: sessionid=b"]).await.expect(200, "for all").hit();
    stage.get("/").await.expect(200, "for all").hit();
    assert_eq!(stage.origin.asked()[0].field("cookie"), None);
}
