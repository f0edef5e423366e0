//! What no rule can switch off, under rules that try: everything for everyone, for long, whatever the origin says.

use crate::stage::{Stage, answer, page, raw};
use std::time::Duration;

const ALICE: &str = "cookie: sessionid=alice";

const GREEDY: &str = r#"
store: { backend: memory }
cookies: { session: [sessionid], personal: [basket], key: [currency, "session*"], drop: [seen] }
routes:
  - { name: static, match: "/static/{*path}", ttl: 1h, override: true, audience: everyone, statuses: [200, 302, 404] }
  - { name: account, match: "/account/{*path}", ttl: 8h, audience: session }
  - { name: all, match: "/all/{*path}", ttl: 1h, override: true, stale_if_error: 1h, audience: everyone }
  - { name: anyone, match: "/anyone/{*path}", ttl: 1h, override: true }
"#;

#[tokio::test]
async fn w6_l1_l3_no_lifetime_makes_a_personal_answer_everybodys() {
    let stage = Stage::with(GREEDY).await;
    for (at, field) in [
        "cache-control: private",
        "cache-control: no-store",
        "cache-control: public, max-age=600, private",
        "cache-control: private=\"x, max-age=600",
        "cdn-cache-control: private",
        "set-cookie: sessionid=new",
        "set-cookie: basket=; Max-Age=0",
        "set-cookie: unlisted=1",
        "set-cookie: seen=1, sessionid=x\r\nset-cookie: sessionid=x",
        "set-cookie2: seen=1",
        "authentication-info: nextnonce=\"1\"",
        "www-authenticate: Basic",
        "vary: *",
    ]
    .into_iter()
    .enumerate()
    {
        for route in ["static", "all", "anyone"] {
            let path = format!("/{route}/{at}");
            stage.origin.says(&path, ["one's", "another's"].map(|body| page(body, &[field])));
            stage.get(&path).await.expect(200, "one's");
            stage.get(&path).await.expect(200, "another's");
        }
    }
}

#[tokio::test]
async fn w1_w2_w3_w4_w5_no_spelling_brings_an_own_page_under_a_shared_rule() {
    let stage = Stage::with(GREEDY).await;
    for path in [
        "/account/",
        "/account/x.css",
        "/account/robots.txt",
        "/account/x.css?static/",
        "/account;x.css",
        "/account/;x.css",
        "/account%2fx.css",
        "/account%3bx.css",
        "/account%23x.css",
        "/account%3fx.css",
        "/account%00x.css",
        "/account%0ax.css",
        "/account/%2e%2e/static/x.css",
        "/static/..%2faccount/",
        "/static/%2e%2e/account/",
        "/static/%2E%2E%2Faccount",
        "/static/../account/",
        "/static//account/",
        "/static/%61ccount",
        "//account/",
    ] {
        stage.origin.says(path, ["alice's", "nobody's", "nobody's"].map(|body| page(body, &[])));
        stage.get_with(path, &[ALICE]).await.expect(200, "alice's");
        stage.get(path).await.expect(200, "nobody's");
        let (asked, field) = (stage.origin.asked(), stage.origin.asked().len() - 2);
        assert_eq!(asked[field].field("cookie").as_deref(), Some("sessionid=alice"), "{path}");
    }
}

#[tokio::test]
async fn k19_l9_a_cookie_that_is_no_part_of_the_key_reaches_no_shared_page() {
    let stage = Stage::with(GREEDY).await;
    stage.origin.says("/all/", [page("nobody's", &["vary: Cookie"])]);
    stage
        .get_with("/all/", &["cookie: sessionid=alice; basket=2; theme=dark; csrftoken=t"])
        .await
        .expect(200, "nobody's");
    stage.get_with("/all/", &["cookie: sessionid=bob"]).await.expect(200, "nobody's").hit();
    stage.get("/all/").await.expect(200, "nobody's").hit();
    assert_eq!(stage.origin.asked()[0].field("cookie"), None, "a name in two lists is what the more careful says");
}

#[tokio::test]
async fn k20_a_clients_directives_neither_bypass_nor_empty_the_cache() {
    let stage = Stage::with(GREEDY).await;
    stage.origin.says("/anyone/", [page("kept", &[])]);
    for field in
        ["x: y", "cache-control: no-cache", "cache-control: max-age=0", "cache-control: no-store", "pragma: no-cache"]
    {
        stage.get_with("/anyone/", &[field]).await.expect(200, "kept");
    }
    assert_eq!(stage.origin.times_asked("/anyone/"), 1);
}

#[tokio::test]
async fn l6_a_304_brings_no_cookie_into_what_is_stored() {
    let stage = Stage::with(&GREEDY.replace("override: true", "override: false")).await;
    let stored = ["cache-control: max-age=1", "etag: \"1\""];
    for (at, field) in
        ["set-cookie: seen=1", "set-cookie: sessionid=new", "cache-control: private"].into_iter().enumerate()
    {
        let path = format!("/anyone/{at}");
        stage.origin.says(
            &path,
            [page("old", &stored), answer("304 Not Modified", "", &["etag: \"1\"", field]), page("new", &stored)],
        );
        stage.get(&path).await.expect(200, "old");
        stage.pass(Duration::from_secs(2));
        let validated = stage.get(&path).await;
        assert_eq!(validated.field("set-cookie"), None, "{field}");
        let droppable = at == 0;
        validated.expect(200, if droppable { "old" } else { "new" });
    }
}

#[tokio::test]
async fn l7_l10_nothing_of_the_inside_is_shown_to_visitors() {
    let stage = Stage::with(GREEDY).await;
    let inside = ["surrogate-key: product:1", "cache-tag: product:1", "xkey: product:1"];
    stage.origin.says("/anyone/", [page("kept", &inside)]);
    for _ in 0..2 {
        let got = stage.get_with("/anyone/", &["pragma: x-get-cache-key", "x-vitrine-debug: 1"]).await;
        let head = format!("{:?}", got.fields);
        for word in ["product:1", "route:", "x-cache-key", &stage.origin.address.port().to_string()] {
            assert!(!head.contains(word), "{word}: {head}");
        }
    }
    stage.origin.says("/anyone/other", [raw("no HTTP").then_closes()]);
    let error = stage.get("/anyone/other").await;
    assert_eq!(error.status, 502);
    assert!(!error.text().contains(&stage.origin.address.to_string()), "{}", error.text());
}

#[tokio::test]
async fn l12_what_was_purged_covers_for_no_origin_that_is_down() {
    let stage = Stage::with(GREEDY).await;
    stage.origin.says("/all/", [page("old", &[])]);
    stage.get("/all/").await.expect(200, "old");
    stage.purge("/all/").await;
    stage.origin.says("/all/", [raw("no HTTP").then_closes()]);
    assert_eq!(stage.get("/all/").await.status, 502);
}
