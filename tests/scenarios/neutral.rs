//! The careful choices of a shop beside those of a plain shared cache, on the wire. Each play is the same for both.

use crate::stage::{Stage, answer, head_only, page};
use std::time::Duration;

const FRESH: &str = "cache-control: max-age=60";

/// The choices of docs/examples/rfc9111.yaml, without a rule.
async fn neutral() -> Stage {
    let profile = include_str!("../../docs/examples/rfc9111.yaml");
    let choices = &profile[profile.find("cookies:").expect("the profile says what cookies mean")..];
    Stage::with(&format!("store: {{ backend: memory }}\n{choices}")).await
}

/// No rule, and nothing chosen.
async fn careful() -> Stage {
    Stage::with("store: { backend: memory }").await
}

#[tokio::test]
async fn k20_a_visitor_does_what_they_will_only_where_that_is_chosen() {
    for (stage, asked) in [(careful().await, 1), (neutral().await, 2)] {
        stage
            .origin
            .says("/a", [page("one", &[FRESH, "etag: \"1\""]), head_only("304 Not Modified", &["etag: \"1\""])]);
        stage.get("/a").await.expect(200, "one");
        stage.get_with("/a", &["Cache-Control: no-cache"]).await.expect(200, "one");
        assert_eq!(stage.origin.asked().len(), asked);
        if asked == 2 {
            // A validation, and not a plain miss.
            assert_eq!(stage.origin.asked()[1].field("if-none-match").as_deref(), Some("\"1\""));
        }
    }
}

#[tokio::test]
async fn only_if_cached_asks_nobody() {
    let stage = neutral().await;
    stage.origin.says("/a", [page("one", &[FRESH])]);
    for target in ["/a", "/a;alias"] {
        let got = stage.get_with(target, &["Cache-Control: only-if-cached"]).await;
        assert_eq!(got.status, 504, "{target}");
        got.cache_status(&["detail=only-if-cached"]);
    }
    assert!(stage.origin.asked().is_empty());
    stage.get("/a").await.expect(200, "one");
    stage.get_with("/a", &["Cache-Control: only-if-cached"]).await.expect(200, "one").hit();
}

#[tokio::test]
async fn nobody_puts_up_with_what_the_origin_forbids_in_whichever_field() {
    let stage = neutral().await;
    let fields = [
        "cdn-cache-control: max-age=60, must-revalidate",
        "cdn-cache-control: s-maxage=60",
        "cache-control: s-maxage=60",
    ];
    for (at, field) in fields.into_iter().enumerate() {
        let path = format!("/{at}");
        stage.origin.says(&path, [page("one", &[FRESH, "etag: \"1\"", field]), page("two", &[FRESH])]);
        stage.get(&path).await.expect(200, "one");
        stage.pass(Duration::from_secs(61));
        stage.get_with(&path, &["Cache-Control: max-stale"]).await.expect(200, "two");
    }
    stage.origin.says("/free", [page("one", &[FRESH, "etag: \"1\""])]);
    stage.get("/free").await.expect(200, "one");
    stage.pass(Duration::from_secs(61));
    stage.get_with("/free", &["Cache-Control: max-stale"]).await.expect(200, "one").cache_status(&["detail=max-stale"]);
}

#[tokio::test]
async fn no_store_of_a_request_stores_nothing() {
    let stage = neutral().await;
    stage.origin.says("/a", [page("one", &[FRESH]), page("two", &[FRESH])]);
    stage.get_with("/a", &["Cache-Control: no-store"]).await.expect(200, "one").cache_status(&["fwd=request"]);
    stage.get("/a").await.expect(200, "two").cache_status(&["fwd=uri-miss"]);
}

#[tokio::test]
async fn credentials_pass_a_careful_cache_and_share_only_what_says_so() {
    let authorized = ["Authorization: Basic eA=="];
    let stage = careful().await;
    stage.origin.says("/a", [page("one", &["cache-control: public, max-age=60"]), page("two", &[FRESH])]);
    stage.get_with("/a", &authorized).await.expect(200, "one").cache_status(&["detail=authorization"]);
    stage.get("/a").await.expect(200, "two").cache_status(&["fwd=uri-miss"]);

    let stage = neutral().await;
    stage.origin.says("/shared", [page("one", &["cache-control: public, max-age=60"])]);
    stage.get_with("/shared", &authorized).await.expect(200, "one").cache_status(&["stored"]);
    assert_eq!(stage.origin.asked()[0].field("authorization").as_deref(), Some("Basic eA=="));
    stage.get("/shared").await.expect(200, "one").hit();
    stage.get_with("/shared", &["Authorization: Basic eQ=="]).await.expect(200, "one").hit();

    // Row L2: what was stored for others is no answer to credentials, and theirs is nobody else's.
    stage.origin.says("/own", [page("all", &[FRESH]), page("mine", &[FRESH]), page("new", &[FRESH])]);
    stage.get("/own").await.expect(200, "all");
    stage.get_with("/own", &authorized).await.expect(200, "mine").cache_status(&["detail=authorization"]);
    stage.get("/own").await.expect(200, "all").hit();
    stage.origin.says("/cold", [page("mine", &[FRESH]), page("all", &[FRESH])]);
    stage.get_with("/cold", &authorized).await.expect(200, "mine").cache_status(&["detail=authorization"]);
    // That theirs was not storable says nothing of others'.
    stage.get("/cold").await.expect(200, "all").cache_status(&["fwd=uri-miss", "stored"]);

    // Row L1: what answers one client's credentials, as the nonce of the next request, is no other's.
    let answers = ["cache-control: public, max-age=60", "authentication-info: nextnonce=\"alice\""];
    stage.origin.says("/nonce", [page("mine", &answers), page("all", &[FRESH])]);
    stage.get_with("/nonce", &authorized).await.expect(200, "mine").cache_status(&["detail=authorization"]);
    assert_eq!(stage.get("/nonce").await.expect(200, "all").field("authentication-info"), None);
}

#[tokio::test]
async fn l4_credentials_that_join_a_fetch_of_nobody_share_only_what_says_so() {
    let stage = neutral().await;
    let who = answer("401 Unauthorized", "who?", &[FRESH, "www-authenticate: Basic realm=\"shop\""]);
    let known = head_only("304 Not Modified", &["etag: \"1\"", FRESH]);
    let public = page("all", &["cache-control: public, max-age=60", "etag: \"1\""]);
    stage.origin.says("/read", [page("", &[])]);
    for (path, before, line, body) in [("/new", None, who, "who?"), ("/known", Some(public), known, "all")] {
        let gate = crate::stage::Gate::shut();
        let asked = usize::from(before.is_some());
        stage.origin.says(path, before.into_iter().chain([line.held_by(&gate), page("mine", &[FRESH])]));
        if asked == 1 {
            stage.get(path).await.expect(200, "all");
            stage.pass(Duration::from_secs(61));
        }
        let (mut nobody, mut alice) = (stage.client().await, stage.client().await);
        nobody.send(crate::stage::request("GET", path, &[])).await;
        gate.reached_by(1).await;
        alice.send(crate::stage::request("GET", path, &["Authorization: Basic eA=="])).await;
        // By then it has been read.
        stage.get("/read").await;
        gate.open();
        assert_eq!(nobody.response("GET").await.text(), body);
        alice.response("GET").await.expect(200, "mine");
    }
}

#[tokio::test]
async fn conditions_about_a_change_are_the_origins_to_judge() {
    let stage = careful().await;
    for condition in ["If-Match: \"2\"", "If-Unmodified-Since: Mon, 23 Nov 2026 12:00:00 GMT"] {
        stage.origin.says("/a", [page("one", &[FRESH, "etag: \"1\""]), answer("412 Precondition Failed", "no", &[])]);
        stage.purge("/a").await;
        stage.get("/a").await.expect(200, "one");
        let got = stage.get_with("/a", &[condition]).await;
        got.expect(412, "no").cache_status(&["fwd=request", "fwd-status=412", "detail=precondition"]);
        let (name, value) = condition.split_once(": ").unwrap();
        assert_eq!(stage.origin.asked().last().unwrap().field(name).as_deref(), Some(value));
        stage.get("/a").await.expect(200, "one").hit();
    }
}

#[tokio::test]
async fn l10_the_key_is_told_to_who_shows_the_admin_token() {
    let token = "0123456789abcdef";
    let admin = format!("admin: {{ address: 127.0.0.1:0, token: {token} }}");
    let routes = "routes: [{ name: a, match: /a, ttl: 5m }]\ncookies: { key: [currency] }\nquery: { ignore: [utm] }";
    let stage = Stage::with(&format!("store: {{ backend: memory }}\n{routes}")).await;
    stage.origin.says("/a?q=%22", [page("one", &["cache-status: upstream; hit"])]);
    let asked = ["X-Vitrine-Token: 0123456789abcdef", "Cookie: currency=EUR"];
    // Without a token in the file there is none to show.
    let got = stage.get_with("/a?q=%22&utm=1", &asked).await;
    assert!(!got.all("cache-status").contains("key="), "{got:?}");

    let stage = stage.restarted_with(|config| config.replace("admin: { address: 127.0.0.1:0 }", &admin)).await;
    for fields in [&asked[1..], &["X-Vitrine-Token: 0123456789abcdeg", asked[1]]] {
        let got = stage.get_with("/a?q=%22&utm=1", fields).await;
        assert!(!got.all("cache-status").contains("key="), "{got:?}");
    }
    let got = stage.get_with("/a?q=%22&utm=1", &asked).await;
    let expected = "; key=\"http://shop.example/a?q=%22 cookie:currency=EUR\"";
    assert!(got.all("cache-status").ends_with(expected), "{got:?}");
    assert!(got.all("cache-status").starts_with("upstream; hit, vitrine; hit"), "{got:?}");
    assert!(stage.origin.asked().iter().all(|asked| asked.field("x-vitrine-token").is_none()));
}

#[tokio::test]
async fn what_is_set_for_all_is_a_choice() {
    let cookie = "set-cookie: theme=dark";
    let stage = careful().await;
    stage.origin.says("/a", [page("one", &[FRESH, cookie]), page("two", &[FRESH])]);
    stage.get("/a").await.expect(200, "one").cache_status(&["detail=set-cookie"]);
    stage.get("/a").await.expect(200, "two");

    let stage = neutral().await;
    stage.origin.says("/a", [page("one", &[FRESH, cookie])]);
    for _ in 0..2 {
        let got = stage.get("/a").await;
        got.expect(200, "one");
        assert_eq!(got.field("set-cookie"), Some("theme=dark"));
    }
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn head_reaches_the_origin_as_head_and_freshens() {
    let stage = careful().await;
    let tagged = [FRESH, "etag: \"1\""];
    stage.origin.says("/a", [page("one", &tagged), head_only("200 OK", &["etag: \"1\"", FRESH, "content-length: 3"])]);
    stage.get("/a").await.expect(200, "one");
    stage.pass(Duration::from_secs(61));
    let got = stage.ask("HEAD", "/a", &[]).await;
    got.expect(200, "").cache_status(&["fwd=stale", "fwd-status=200"]);
    assert_eq!(got.field("content-length"), Some("3"));
    assert_eq!(stage.origin.asked()[1].method, "HEAD");
    stage.get("/a").await.expect(200, "one").hit();

    // Another page makes what is stored stale; it may still be validated.
    stage.pass(Duration::from_secs(61));
    stage.origin.says("/a", [head_only("200 OK", &["etag: \"2\"", FRESH]), page("two", &["etag: \"2\"", FRESH])]);
    stage.ask("HEAD", "/a", &[]).await.expect(200, "");
    stage.get("/a").await.expect(200, "two").cache_status(&["fwd=stale"]);
}

#[tokio::test]
async fn a_purge_that_comes_while_a_head_is_asked_stands() {
    let stage = careful().await;
    let gate = crate::stage::Gate::shut();
    let known = head_only("200 OK", &["etag: \"1\"", FRESH]).held_by(&gate);
    stage.origin.says("/a", [page("one", &[FRESH, "etag: \"1\""]), known, page("two", &[FRESH])]);
    stage.get("/a").await.expect(200, "one");
    stage.pass(Duration::from_secs(61));
    let mut client = stage.client().await;
    client.send(crate::stage::request("HEAD", "/a", &[])).await;
    stage.origin.was_asked(2).await;
    stage.purge("/a").await;
    gate.open();
    client.response("HEAD").await.expect(200, "");
    stage.get("/a").await.expect(200, "two");
}

#[tokio::test]
async fn who_led_the_fetch_gets_what_is_not_for_a_shared_cache() {
    let stage = careful().await;
    let own = ["cache-control: max-age=60, no-cache=\"x-a\", private=\"x-b\"", "x-a: 1", "x-b: 2", "x-c: 3"];
    stage.origin.says("/a", [page("one", &own)]);
    let led = stage.get("/a").await;
    led.expect(200, "one");
    assert_eq!(["x-a", "x-b", "x-c"].map(|name| led.field(name)), [Some("1"), Some("2"), Some("3")]);
    let hit = stage.get("/a").await;
    hit.expect(200, "one").hit();
    assert_eq!(["x-a", "x-b", "x-c"].map(|name| hit.field(name)), [None, None, Some("3")]);
}

#[tokio::test]
async fn a_304_freshens_every_variant_that_it_names_by_a_strong_tag() {
    let stage = careful().await;
    let variant = |tag: &'static str| ["cache-control: max-age=60", "vary: x-kind", tag];
    let fresh = head_only("304 Not Modified", &["etag: \"same\"", "cache-control: max-age=600"]);
    let lines = [
        page("red", &variant("etag: \"same\"")),
        page("blue", &variant("etag: \"same\"")),
        page("green", &variant("etag: \"other\"")),
        fresh,
        page("new green", &variant("etag: \"other\"")),
    ];
    stage.origin.says("/a", lines);
    for kind in ["red", "blue", "green"] {
        stage.get_with("/a", &[&format!("X-Kind: {kind}")]).await.expect(200, kind);
    }
    stage.pass(Duration::from_secs(61));
    stage.get_with("/a", &["X-Kind: red"]).await.expect(200, "red").cache_status(&["fwd-status=304"]);
    stage.get_with("/a", &["X-Kind: blue"]).await.expect(200, "blue").hit();
    stage.get_with("/a", &["X-Kind: green"]).await.expect(200, "new green").cache_status(&["fwd=stale"]);
}

#[tokio::test]
async fn a_forwarded_request_that_is_answered_from_what_is_stored_is_no_hit() {
    let stage = neutral().await;
    stage.origin.says("/a", [page("one", &[FRESH]), answer("503 Service Unavailable", "down", &[])]);
    stage.get("/a").await.expect(200, "one");
    stage.pass(Duration::from_secs(61));
    let got = stage.get("/a").await;
    got.expect(200, "one").cache_status(&["fwd=stale", "fwd-status=503", "ttl=-1", "detail=stale-if-error"]);
    assert!(!got.field("cache-status").unwrap_or_default().contains("hit"));
}

#[tokio::test]
async fn where_a_redirect_leads_to_is_let_go_by_choice() {
    for (stage, expected) in [(careful().await, "one"), (neutral().await, "two")] {
        stage.origin.says("/p", [page("one", &[FRESH]), page("two", &[FRESH])]);
        stage.origin.says("/basket", [answer("303 See Other", "", &["location: /p"])]);
        stage.get("/p").await.expect(200, "one");
        assert_eq!(stage.ask("POST", "/basket", &["Content-Length: 0"]).await.status, 303);
        stage.get("/p").await.expect(200, expected);
    }
}

#[tokio::test]
async fn a_head_that_may_be_told_something_else_than_nobody_is_the_visitors_own() {
    let alice = "cookie: sessionid=alice";
    let stage = Stage::with(
        r#"
store: { backend: memory }
session_key: "0123456789abcdef0123456789abcdef"
routes:
  - { name: all, match: /a, audience: everyone }
  - { name: own, match: "/account/{*path}", ttl: 1h, audience: session }
"#,
    )
    .await;
    let asked_with = |at: usize| stage.origin.asked()[at].field("cookie");
    stage.origin.says("/a", [page("one", &[FRESH, "etag: \"1\""]), head_only("200 OK", &["cache-control: private"])]);
    stage.get("/a").await;
    stage.pass(Duration::from_secs(61));
    stage.ask("HEAD", "/a", &[alice]).await.cache_status(&["detail=head"]);
    assert_eq!(asked_with(1).as_deref(), Some("sessionid=alice"));

    // A logout by HEAD ends the session like one by GET.
    let left = head_only("200 OK", &["etag: \"1\"", "set-cookie: sessionid=; Max-Age=0; Path=/"]);
    stage.origin.says("/account/", [page("alice's", &[]), page("signed out", &[])]);
    stage.origin.says("/account/leave", [page("bye", &[FRESH, "etag: \"1\""]), left]);
    stage.get_with("/account/", &[alice]).await.expect(200, "alice's");
    stage.get_with("/account/leave", &[alice]).await.expect(200, "bye");
    stage.pass(Duration::from_secs(61));
    stage.ask("HEAD", "/account/leave", &[alice]).await.expect(200, "");
    stage.get_with("/account/", &[alice]).await.expect(200, "signed out");
}

#[tokio::test]
async fn a_head_brings_nothing_back_that_may_not_be_kept_any_more() {
    let stage = Stage::with("store: { backend: memory }\nmax_keep: 1h").await;
    let long = ["etag: \"1\"", "cache-control: max-age=86400"];
    stage.origin.says("/a", [page("one", &long), head_only("200 OK", &long), page("two", &long)]);
    stage.get("/a").await.expect(200, "one");
    stage.pass(Duration::from_secs(3_601));
    stage.ask("HEAD", "/a", &[]).await.expect(200, "");
    stage.get("/a").await.expect(200, "two");
}

#[tokio::test]
async fn what_is_a_visitors_own_is_set_for_nobody_else_by_any_choice() {
    let stage = Stage::with("store: { backend: memory }\ncaching: { set_cookie: store }").await;
    for cookie in ["sessionid=alice", "messages=for-alice", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF"] {
        let path = format!("/{}", cookie.split_once('=').unwrap().0);
        stage.origin.says(&path, [page("one", &[FRESH, &format!("set-cookie: {cookie}")]), page("two", &[FRESH])]);
        stage.get(&path).await.expect(200, "one").cache_status(&["detail=set-cookie"]);
        let other = stage.get(&path).await;
        assert_eq!((other.text().as_str(), other.field("set-cookie")), ("two", None));
    }
}

#[tokio::test]
async fn a_head_that_comes_late_takes_nothing_from_what_was_fetched_meanwhile() {
    // What it knows of the former page, or of the one that is there by now.
    for told in ["etag: \"1\"", "etag: \"2\""] {
        let stage = careful().await;
        let gate = crate::stage::Gate::shut();
        let late = head_only("200 OK", &[told, FRESH]).held_by(&gate);
        let two = page("two", &[FRESH, "etag: \"2\""]);
        stage.origin.says("/a", [page("one", &[FRESH, "etag: \"1\""]), late, two, page("three", &[FRESH])]);
        stage.get("/a").await.expect(200, "one");
        stage.pass(Duration::from_secs(61));
        let mut client = stage.client().await;
        client.send(crate::stage::request("HEAD", "/a", &[])).await;
        stage.origin.was_asked(2).await;
        stage.get("/a").await.expect(200, "two");
        gate.open();
        client.response("HEAD").await.expect(200, "");
        stage.get("/a").await.expect(200, "two").hit();
    }
}
