//! A signed-in visitor's own pages: from the cache for that visitor, for nobody else, and gone when they should be.

use crate::stage::{Client, Gate, Stage, answer, in_time, page, raw, request};
use std::path::Path;
use std::time::Duration;

const ALICE: &str = "cookie: sessionid=alice5ec4e7";
const BOB: &str = "cookie: sessionid=bob5ec4e7";
const HOURS: fn(u64) -> Duration = Duration::from_hours;

const ROUTES: &str = r#"
cookies: { session: [sessionid], personal: [basket, messages], key: [currency, django_language], drop: [seen] }
session_key: "0123456789abcdef0123456789abcdef"
languages: [en, de]
routes:
  - { name: account, match: "/account/{*path}", ttl: 8h, audience: session }
  - { name: mixed, match: "/mixed", ttl: 1h, audience: session, without_session: anonymous }
  - { name: home, match: "/", ttl: 5m }
  - { name: parts, match: "/parts", ttl: 5m, headers: [HX-Request] }
  - { name: leave, match: "/leave", pass: true }
invalidation:
  events: { user.logged_out: { tags: ["session:{session}"] } }
"#;

async fn open() -> Stage {
    Stage::with(&format!("store: {{ backend: memory }}\n{ROUTES}")).await
}

async fn open_with_file() -> Stage {
    Stage::with(&format!("store: {{ backend: sqlite }}\n{ROUTES}")).await
}

#[tokio::test]
async fn each_session_has_a_copy_of_its_own_for_eight_hours_from_the_fetch() {
    let stage = open().await;
    stage
        .origin
        .says("/account/", [page("alice", &["vary: Cookie"]), page("bob", &["vary: Cookie"]), page("later", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "alice").cache_status(&["fwd=uri-miss", "stored"]);
    stage.get_with("/account/", &[BOB]).await.expect(200, "bob");
    for _ in 0..2 {
        stage.pass(Duration::from_mins(239));
        stage.get_with("/account/", &[ALICE]).await.expect(200, "alice").hit();
        stage.get_with("/account/", &[BOB]).await.expect(200, "bob").hit();
    }
    stage.pass(Duration::from_mins(2));
    stage.get_with("/account/", &[ALICE]).await.expect(200, "later");
    assert_eq!(stage.origin.asked()[0].field("cookie").as_deref(), Some("sessionid=alice5ec4e7"));
}

#[tokio::test]
async fn an_own_page_leaves_as_that_and_whatever_the_origin_calls_it_eight_hours_are_the_most() {
    let stage = open().await;
    let says: [&[&str]; 5] = [
        &["cache-control: private", "etag: \"1\""],
        &["cache-control: public, s-maxage=86400, max-age=86400", "etag: \"1\""],
        &["cache-control: max-age=86400", "vary: Accept-Encoding, Cookie"],
        &["expires: Thu, 01 Jan 2037 00:00:00 GMT"],
        &["cache-control: private, max-age=3600, stale-while-revalidate=36000", "cdn-cache-control: no-store"],
    ];
    for (at, fields) in says.into_iter().enumerate() {
        let path = format!("/account/{at}");
        stage.origin.says(&path, [page("own", fields), page("anew", fields)]);
        let first = stage.get_with(&path, &[ALICE]).await;
        let hit = stage.get_with(&path, &[ALICE]).await;
        hit.expect(200, "own").hit();
        for got in [&first, &hit] {
            assert_eq!(got.field("cache-control"), Some("private, no-cache"), "{path}");
            assert!(got.all("vary").to_ascii_lowercase().matches("cookie").count() == 1, "{path}: {}", got.all("vary"));
        }
    }
    stage.pass(HOURS(8));
    for at in 0..says.len() {
        stage.get_with(&format!("/account/{at}"), &[ALICE]).await.expect(200, "anew");
    }
}

#[tokio::test]
async fn what_the_origin_does_not_want_kept_is_not() {
    let stage = open().await;
    for (path, fields) in [
        ("/account/a", &["cache-control: no-store"][..]),
        ("/account/b", &["set-cookie: sessionid=other"]),
        ("/account/c", &["set-cookie: messages=; Max-Age=0"]),
        ("/account/d", &["set-cookie: tracking=1"]),
        ("/account/e", &["set-cookie: csrftoken=new"]),
        ("/account/f", &["vary: *"]),
        ("/account/g", &["www-authenticate: Basic"]),
        ("/account/h", &["cache-control: private, no-store", "cdn-cache-control: max-age=300"]),
    ] {
        stage.origin.says(path, [page("first", fields), page("second", fields)]);
        let first = stage.get_with(path, &[ALICE]).await;
        first.expect(200, "first");
        let set = fields[0].strip_prefix("set-cookie: ");
        assert_eq!(first.field("set-cookie"), set, "{path}: its visitor's own");
        stage.get_with(path, &[ALICE]).await.expect(200, "second");
        assert_eq!(stage.origin.times_asked(path), 2, "{path}");
    }
}

#[tokio::test]
async fn a_form_token_goes_with_the_session_and_may_be_set_again_to_what_it_was() {
    let stage = open().await;
    let fields = ["set-cookie: csrftoken=t; Path=/", "set-cookie: seen=1"];
    stage.origin.says("/account/", [page("form of t", &fields), page("form of u", &[])]);
    let alice = "cookie: _ga=1; csrftoken=t; sessionid=alice5ec4e7; seen=2";
    let first = stage.get_with("/account/", &[alice]).await;
    assert_eq!(first.all("set-cookie"), "csrftoken=t; Path=/, seen=1");
    let other_ga = "cookie: sessionid=alice5ec4e7; csrftoken=t; _ga=2";
    let hit = stage.get_with("/account/", &[other_ga]).await;
    hit.expect(200, "form of t").hit();
    assert_eq!(hit.field("set-cookie"), None);
    stage.get_with("/account/", &["cookie: sessionid=alice5ec4e7; csrftoken=u"]).await.expect(200, "form of u");
    assert_eq!(stage.origin.asked()[0].field("cookie").as_deref(), Some("sessionid=alice5ec4e7; csrftoken=t"));
}

#[tokio::test]
async fn a_personal_cookie_is_a_part_of_the_own_page() {
    let stage = open().await;
    stage.origin.says("/account/", [page("two in the basket", &[]), page("three", &[])]);
    let with = |basket: &str| format!("cookie: sessionid=alice5ec4e7; basket={basket}");
    stage.get_with("/account/", &[&with("2")]).await.expect(200, "two in the basket");
    stage.get_with("/account/", &[&with("3")]).await.expect(200, "three");
    stage.get_with("/account/", &[&with("2")]).await.expect(200, "two in the basket").hit();
}

#[tokio::test]
async fn whatever_a_session_changes_ends_its_pages_and_nobody_elses() {
    let stage = open().await;
    stage.origin.says("/account/", [page("alice", &[]), page("bob", &[]), page("alice, renamed", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "alice");
    stage.get_with("/account/", &[BOB]).await.expect(200, "bob");

    stage.origin.says("/basket/add", [answer("409 Conflict", "no", &[]), answer("302 Found", "", &["location: /"])]);
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    stage.get_with("/account/", &[ALICE]).await.expect(200, "alice").hit();
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    stage.get_with("/account/", &[ALICE]).await.expect(200, "alice, renamed");
    stage.get_with("/account/", &[BOB]).await.expect(200, "bob").hit();
}

#[tokio::test]
async fn a_logout_by_get_is_asked_once_and_ends_the_session_under_whichever_rule() {
    for path in ["/account/logout", "/leave", "/elsewhere"] {
        let stage = open().await;
        let leave = ["location: /", "set-cookie: sessionid=; Max-Age=0; Path=/"];
        stage.origin.says("/account/", [page("alice", &[]), page("signed out", &[])]);
        stage.origin.says(path, [answer("302 Found", "", &leave)]);
        stage.get_with("/account/", &[ALICE]).await.expect(200, "alice");
        let left = stage.get_with(path, &["cookie: _ga=1; sessionid=alice5ec4e7"]).await;
        assert_eq!((left.status, left.field("set-cookie")), (302, Some("sessionid=; Max-Age=0; Path=/")), "{path}");
        stage.get_with("/account/", &[ALICE]).await.expect(200, "signed out");
        assert_eq!(stage.origin.times_asked(path), 1, "{path}");
    }
}

#[tokio::test]
async fn a_login_ends_what_was_kept_for_the_session_before_it() {
    let stage = open().await;
    stage.origin.says("/account/", [page("nobody yet", &[]), page("not kept", &[])]);
    stage.origin.says("/login", [answer("403 Forbidden", "", &["set-cookie: sessionid=new"])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "nobody yet");
    stage.ask("POST", "/login", &[ALICE, "content-length: 0"]).await;
    stage.get_with("/account/", &[ALICE]).await.expect(200, "not kept");
}

#[tokio::test]
async fn a_change_that_is_not_answered_may_go_on_so_that_nothing_is_kept_meanwhile() {
    for answer in [raw("no HTTP").then_closes(), answer("504 Gateway Timeout", "", &[])] {
        let stage = open_with_file().await;
        stage.origin.says("/account/", [page("before", &[]), page("perhaps before", &[]), page("after", &[])]);
        stage.origin.says("/basket/add", [answer]);
        // Nothing is kept of this session, and nobody knows whether the shop is at work still.
        stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
        stage.get_with("/account/", &[ALICE]).await.expect(200, "before");
        stage.get_with("/account/", &[ALICE]).await.expect(200, "perhaps before");
        stage.pass(Duration::from_secs(31));
        stage.get_with("/account/", &[ALICE]).await.expect(200, "after");
        stage.get_with("/account/", &[ALICE]).await.expect(200, "after").hit();
    }
}

#[tokio::test]
async fn a_change_by_a_method_in_a_field_counts_as_one() {
    let stage = open().await;
    stage.origin.says("/account/", [page("old", &[]), page("new", &[])]);
    stage.origin.says("/basket/add", [answer("302 Found", "", &["location: /"])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    stage.get_with("/basket/add", &[ALICE, "x-http-method-override: POST"]).await;
    stage.get_with("/account/", &[ALICE]).await.expect(200, "new");
}

#[tokio::test]
async fn what_a_304_sets_reaches_its_visitor() {
    let stage = open().await;
    let (kept, set) = (["cache-control: no-cache", "etag: \"1\""], "set-cookie: messages=one");
    stage.origin.says(
        "/account/",
        [
            page("old", &kept),
            answer("304 Not Modified", "", &["etag: \"1\"", set]),
            page("whole", &["set-cookie: seen=1"]),
        ],
    );
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    let whole = stage.get_with("/account/", &[ALICE]).await;
    whole.expect(200, "whole");
    assert_eq!(whole.all("set-cookie"), "messages=one, seen=1");
}

#[tokio::test]
async fn a_session_is_ended_however_softly_it_is_asked_and_however_long_its_id() {
    let stage = Stage::with(&format!(
        "store: {{ backend: memory }}\n{}",
        ROUTES.replace("1h, audience", "1h, stale_if_error: 1h, audience")
    ))
    .await;
    let long = "eyJ1c2VyIjoxfQ:".repeat(40);
    let cookie = format!("cookie: sessionid={long}");
    stage.origin.says("/mixed", [page("old", &["etag: \"1\""]), raw("no HTTP").then_closes()]);
    stage.get_with("/mixed", &[&cookie]).await.expect(200, "old");
    let purge = ["X-Purge-Mode: soft", &format!("Surrogate-Key: session:{long}")];
    assert_eq!(stage.ask("PURGE", "/", &purge).await.status, 200);
    assert_eq!(stage.get_with("/mixed", &[&cookie]).await.status, 502);
}

#[tokio::test]
async fn groups_that_name_a_session_are_nobodys_to_see() {
    let stage = open().await;
    let groups = ["cache-groups: \"own\", \"session:alice5ec4e7\""];
    stage.origin.says("/", [page("shared", &groups)]);
    stage.origin.says("/leave", [page("passed", &groups)]);
    for path in ["/", "/", "/leave"] {
        assert_eq!(stage.get(path).await.field("cache-groups"), None, "{path}");
    }
    stage.purge_tag("session:alice5ec4e7").await;
    stage.origin.says("/", [page("new", &["cache-groups: \"own\""])]);
    let new = stage.get("/").await;
    assert_eq!((new.expect(200, "new").field("cache-groups")), Some("\"own\""));
}

#[tokio::test]
async fn a_change_lets_go_of_the_shared_copy_of_its_own_url_where_there_is_one() {
    let stage = open().await;
    stage.origin.says("/mixed", [page("old", &[]), answer("200 OK", "changed", &[]), page("new", &[])]);
    stage.get("/mixed").await.expect(200, "old");
    stage.ask("POST", "/mixed", &["content-length: 0"]).await.expect(200, "changed");
    stage.get("/mixed").await.expect(200, "new");
}

#[tokio::test]
async fn with_another_key_or_cookie_all_sessions_end_also_on_the_way_back() {
    let stage = open_with_file().await;
    let other = stage.config().replace("0123456789abcdef0123456789abcdef", "another-secret-of-enough-characters");
    let first = stage.config().to_string();
    stage.origin.says("/account/", [page("old", &[]), page("other", &[]), page("new", &[]), page("newer", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    for (config, body) in [(&other, "other"), (&first, "new")] {
        stage.save(config);
        stage.app.reload().expect("it is good");
        in_time("all sessions have ended", async {
            while !stage.admin("/api/v1/ledger").await.text().contains("told apart otherwise") {
                tokio::task::yield_now().await;
            }
        })
        .await;
        stage.get_with("/account/", &[ALICE]).await.expect(200, body);
    }
    let stage =
        stage.restarted_with(|config| config.replace("session: [sessionid]", "session: [sessionid, other]")).await;
    in_time("all sessions have ended", async {
        while !stage.admin("/api/v1/ledger").await.text().contains("than at the last start") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time("the record is on the disk, and a page is kept", async {
        while stage.get_with("/account/", &[ALICE]).await.expect(200, "newer").field("x-cache") != Some("HIT") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let records = stage.admin("/api/v1/ledger").await.text().matches("at the last start").count();
    let stage = stage.restart().await;
    stage.get_with("/account/", &[ALICE]).await.expect(200, "newer").hit();
    assert_eq!(stage.admin("/api/v1/ledger").await.text().matches("at the last start").count(), records, "once");
}

#[tokio::test]
async fn what_is_being_fetched_while_its_session_changes_is_not_kept() {
    let stage = open().await;
    let gate = Gate::shut();
    stage.origin.says("/account/", [page("old", &[]).held_by(&gate), page("new", &[])]);
    stage.origin.says("/basket/add", [answer("303 See Other", "", &["location: /"])]);
    let mut early = stage.client().await;
    early.send(request("GET", "/account/", &[ALICE])).await;
    gate.reached_by(1).await;
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    let mut late = stage.client().await;
    late.send(request("GET", "/account/", &[ALICE])).await;
    gate.open();
    early.response("GET").await.expect(200, "old");
    late.response("GET").await.expect(200, "new");
    stage.get_with("/account/", &[ALICE]).await.expect(200, "new").hit();
}

#[tokio::test]
async fn two_visitors_at_once_have_two_fetches_and_one_visitors_tabs_one() {
    let stage = open().await;
    let gate = Gate::shut();
    stage.origin.says("/account/", [page("alice", &[]).held_by(&gate), page("bob", &[]).held_by(&gate)]);
    let mut clients = Vec::new();
    for (at, visitor) in [ALICE, BOB, ALICE, BOB].into_iter().enumerate() {
        let mut client = stage.client().await;
        client.send(request("GET", "/account/", &[visitor])).await;
        gate.reached_by(at.min(1) + 1).await;
        clients.push(client);
    }
    gate.open();
    for (client, body) in clients.iter_mut().zip(["alice", "bob", "alice", "bob"]) {
        client.response("GET").await.expect(200, body);
    }
    assert_eq!(stage.origin.times_asked("/account/"), 2);
}

#[tokio::test]
async fn without_a_session_a_rule_says_whether_it_passes_or_shares() {
    let stage = open().await;
    stage.origin.says("/account/", [page("1", &[]), page("2", &[]), page("3", &[])]);
    for (cookie, body) in [("x: y", "1"), ("cookie: sessionid=", "2"), ("cookie: basket=1", "3")] {
        stage.get_with("/account/", &[cookie]).await.expect(200, body).cache_status(&["detail=no-session"]);
    }
    stage.origin.says("/mixed", [page("nobody's", &[]), page("alice", &[]), page("with a basket", &[])]);
    stage.get("/mixed").await.expect(200, "nobody's");
    stage.get_with("/mixed", &[ALICE]).await.expect(200, "alice");
    stage.get_with("/mixed", &["cookie: basket=1"]).await.expect(200, "with a basket");
    let hit = stage.get("/mixed").await;
    hit.expect(200, "nobody's").hit();
    assert_eq!(hit.field("cache-control"), Some("no-cache"), "that one is everybody's");
    stage.get_with("/mixed", &[ALICE]).await.expect(200, "alice").hit();
}

#[tokio::test]
async fn cookies_that_are_read_in_two_ways_pass() {
    let stage = open().await;
    let odd = [
        "cookie: sessionid=a; sessionid=b",
        "cookie: sessionid=\"a\"",
        "cookie: sessionid=a; basket=1; basket=2",
        "cookie: sessionid=a; csrftoken=1; csrftoken=2",
        "cookie: sessionid=a; currency=EUR; currency=USD",
        "cookie: sessionid=a; odd=\u{e9}",
    ];
    stage.origin.says("/account/", odd.map(|_| page("passed", &[])));
    for cookie in odd {
        stage.get_with("/account/", &[cookie]).await.expect(200, "passed").cache_status(&["detail=cookie-unclear"]);
    }
    stage.origin.says("/account/x", [page("kept", &[])]);
    let long = format!("cookie: sessionid={}", "a".repeat(4_096));
    stage.get_with("/account/x", &[&long]).await.expect(200, "kept");
    let lines =
        [format!("cookie: currency=EUR\r\n{long}"), format!("cookie: x; sessionid={}  ;y=1", "a".repeat(4_096))];
    stage.origin.says("/account/x", [page("with a currency", &[])]);
    stage.get_with("/account/x", &[&lines[0]]).await.expect(200, "with a currency");
    stage.get_with("/account/x", &[&lines[1]]).await.expect(200, "kept").hit();
}

#[tokio::test]
async fn an_id_is_nowhere_but_in_memory() {
    let stage = open_with_file().await;
    stage.origin.says("/account/", [page("alice", &["vary: Cookie", "surrogate-key: session:alice5ec4e7 own"])]);
    let alice = "cookie: sessionid=alice5ec4e7; basket=ba5ce7; csrftoken=70ce2";
    stage.get_with("/account/", &[alice]).await.expect(200, "alice");
    stage.get_with("/account/", &[alice]).await.hit();
    let explained = stage
        .admin(
            "/api/v1/explain?url=http://shop.example/account/&cookie=sessionid%3Dalice5ec4e7%3B%20basket%3Dba5ce7%3B%20csrftoken%3D70ce2",
        )
        .await;
    assert!(explained.text().contains("session:hash-") && explained.text().contains("\"hit\""), "{}", explained.text());
    stage.purge_tag("session:alice5ec4e7").await;
    stage.origin.says("/account/", [page("gone", &[])]);
    stage.get_with("/account/", &[alice]).await.expect(200, "gone");
    let ledger = stage.admin("/api/v1/ledger").await.text();
    assert!(ledger.contains("session:hash-"), "{ledger}");
    let metrics = stage.admin("/metrics").await.text();
    let stage = stage.restart().await;
    for secret in ["alice5ec4e7", "ba5ce7", "70ce2"] {
        for (what, text) in [("explain", &explained.text()), ("ledger", &ledger), ("metrics", &metrics)] {
            assert!(!text.contains(secret), "{what}: {text}");
        }
        assert_eq!(files_with(stage.data.path(), secret), Vec::<String>::new());
    }
    stage.get_with("/account/", &[alice]).await.expect(200, "gone").hit();
}

#[tokio::test]
async fn an_id_that_the_origin_names_is_hashed_too() {
    let stage = open_with_file().await;
    let tags = "surrogate-key: session:alice5ec4e7 session:0ther5ec4e7";
    stage.origin.says(
        "/account/",
        [
            page("old", &["cache-control: no-cache", "etag: \"1\""]),
            answer("304 Not Modified", "", &["etag: \"1\"", tags]),
        ],
    );
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    let groups = "cache-group-invalidation: \"session:0ther5ec4e7\"";
    stage.origin.says("/change", [answer("200 OK", "", &[groups])]);
    stage.ask("POST", "/change", &[BOB, "content-length: 0"]).await;
    stage.origin.says("/account/", [page("new", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "new");
    let ledger = stage.admin("/api/v1/ledger").await.text();
    assert!(ledger.contains("cache-group") && !ledger.contains("5ec4e7"), "{ledger}");
    let stage = stage.restart().await;
    assert_eq!(files_with(stage.data.path(), "5ec4e7"), Vec::<String>::new());
}

#[tokio::test]
async fn clear_ends_every_session() {
    let stage = open().await;
    stage.origin.says("/account/", [page("old", &[]), page("new", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    let body = r#"{"cache":"sessions"}"#;
    let order = format!(
        "POST /api/v1/clear HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        stage.app.admin_address(),
        body.len()
    );
    let mut admin = Client::connect(stage.app.admin_address()).await;
    admin.send(order).await;
    assert_eq!(admin.response("POST").await.status, 200);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "new");
}

fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        if crate::stage::find(&bytes, text.as_bytes()).is_some() {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_change_after_a_restart_ends_what_was_stored_before_it() {
    let stage = open_with_file().await;
    stage.origin.says("/account/", [page("old", &[]), page("new", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "old");
    let stage = stage.restart().await;
    stage.origin.says("/basket/add", [answer("303 See Other", "", &["location: /"])]);
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    stage.get_with("/account/", &[ALICE]).await.expect(200, "new");
}

#[tokio::test]
async fn a_session_of_which_nothing_is_kept_leaves_no_record() {
    let stage = open_with_file().await;
    let position = async || {
        let status: serde_json::Value = serde_json::from_str(&stage.admin("/api/v1/status").await.text()).unwrap();
        status["ledger"]["position"].as_u64().unwrap()
    };
    let redirects = ["/basket/add"; 3].map(|_| answer("303 See Other", "", &["location: /"]));
    stage.origin.says("/basket/add", redirects);
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    let before = position().await;
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    let own_url_alone = position().await - before;
    stage.origin.says("/account/", [page("alice", &[])]);
    stage.get_with("/account/", &[ALICE]).await;
    let before = position().await;
    stage.ask("POST", "/basket/add", &[ALICE, "content-length: 0"]).await;
    assert_eq!(position().await - before, own_url_alone + 1);
}

#[tokio::test]
async fn a_session_has_its_share_and_no_more() {
    let lines = "store: { backend: memory }\ncaches: { sessions: { max_per_session: 20KiB } }";
    let stage = Stage::with(&format!("{lines}\n{ROUTES}")).await;
    let body = "x".repeat(8 * 1024);
    for at in 0..3 {
        stage.origin.says(&format!("/account/{at}"), [page(&body, &[]), page("anew", &[])]);
        stage.get_with(&format!("/account/{at}"), &[ALICE]).await.expect(200, &body);
    }
    stage.get_with("/account/2", &[ALICE]).await.hit();
    stage.get_with("/account/1", &[ALICE]).await.hit();
    stage.get_with("/account/0", &[ALICE]).await.expect(200, "anew");
    let large = "x".repeat(30 * 1024);
    stage.origin.says("/account/large", [page(&large, &[]), page("anew", &[])]);
    stage.get_with("/account/large", &[BOB]).await.expect(200, &large);
    stage.get_with("/account/large", &[BOB]).await.expect(200, "anew");
}

#[tokio::test]
async fn a_header_may_tell_sessions_too() {
    let stage = Stage::with(&format!("store: {{ backend: memory }}\nsession_header: X-Shop-Session\n{ROUTES}")).await;
    stage
        .origin
        .says("/account/", [page("alice", &["vary: X-Shop-Session"]), page("bob", &[]), page("alice anew", &[])]);
    let (alice, bob) = ("x-shop-session: alice", "x-shop-session: bob");
    stage.get_with("/account/", &[alice]).await.expect(200, "alice");
    stage.get_with("/account/", &[bob]).await.expect(200, "bob");
    stage.get_with("/account/", &[alice]).await.expect(200, "alice").hit();
    assert_eq!(stage.origin.asked()[0].field("x-shop-session").as_deref(), Some("alice"));
    stage.origin.says("/", [page("passed", &[])]);
    stage.get_with("/", &[alice]).await.expect(200, "passed").cache_status(&["detail=cookie-session"]);
    stage.purge_tag("session:alice").await;
    stage.get_with("/account/", &[alice]).await.expect(200, "alice anew");
    stage.get_with("/account/", &[bob]).await.expect(200, "bob").hit();
}

#[tokio::test]
async fn a_script_that_asks_for_a_part_gets_no_page_unless_the_rule_tells_them_apart() {
    let stage = open().await;
    stage.origin.says("/", [page("page", &[]), page("part", &[]), page("part", &[])]);
    stage.get("/").await.expect(200, "page");
    for mark in ["hx-request: true", "x-requested-with: XMLHttpRequest"] {
        stage.get_with("/", &[mark]).await.expect(200, "part").cache_status(&["fwd=request", "detail=part-of-page"]);
    }
    stage.get("/").await.expect(200, "page").hit();
    stage.origin.says("/parts", [page("page", &[]), page("part", &[])]);
    stage.get("/parts").await.expect(200, "page");
    stage.get_with("/parts", &["hx-request: true"]).await.expect(200, "part");
    stage.get_with("/parts", &["hx-request: true"]).await.expect(200, "part").hit();
    stage.get("/parts").await.expect(200, "page").hit();
}

#[tokio::test]
async fn a_language_cookie_beats_the_header() {
    let stage = open().await;
    stage.origin.says("/", [page("de", &["vary: Accept-Language, Cookie"]), page("en", &[])]);
    let german = "cookie: django_language=de";
    stage.get_with("/", &[german, "accept-language: en"]).await.expect(200, "de");
    stage.get_with("/", &[german, "accept-language: fr"]).await.expect(200, "de").hit();
    stage.get_with("/", &["accept-language: en"]).await.expect(200, "en");
    assert_eq!(stage.origin.asked()[0].field("accept-language").as_deref(), Some("de"));
}

#[tokio::test]
async fn with_redis_and_no_key_set_session_routes_pass() {
    let routes = ROUTES.replace("session_key: \"0123456789abcdef0123456789abcdef\"\n", "");
    let store = "store: { backend: redis, redis: { url: \"redis://127.0.0.1:1/0\" } }";
    let stage = Stage::with(&format!("{store}\n{routes}")).await;
    stage.origin.says("/account/", [page("1", &[]), page("2", &[])]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "1").cache_status(&["detail=no-session-key"]);
    stage.get_with("/account/", &[ALICE]).await.expect(200, "2");
    let refused = stage.ask("PURGE", "/", &["Surrogate-Key: session:alice5ec4e7"]).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("no session_key is set") && !refused.text().contains("alice"),
        "{}",
        refused.text()
    );
}
