//! Purge clients as they are, byte for byte: each takes exactly what it means and gets the answer that it reads; what is
//! not understood takes nothing.

use crate::stage::{Got, ROUTES, Stage, page};

/// Pages of the shop, each with its tags.
const PAGES: [(&str, &str); 6] = [
    ("/p/1", "cat_p_1,list"),
    ("/p/12", "cat_p_12,list"),
    ("/p/1?page=2", "x_cat_p_1"),
    ("/en/users/7", "/foo,/foo/1"),
    ("/users", "/bar"),
    ("/about.html", "about"),
];

/// A proxy that speaks these dialects, with all pages stored, their tags in this field.
pub async fn shop(keys: &str, field: &str) -> Stage {
    let stage = Stage::with(&format!("store: {{ backend: memory }}\ninvalidation: {{ {keys} }}\n{ROUTES}")).await;
    for (target, tags) in PAGES {
        let tags = if field == "xkey" { tags.replace(',', " ") } else { tags.into() };
        let lines = ["cache-control: max-age=600".to_string(), format!("{field}: {tags}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        stage.origin.says(target, [page("old", &lines), page("new", &lines)]);
        let got = stage.get(target).await;
        assert_eq!(got.expect(200, "old").field(field), None, "{field} went on to a visitor");
    }
    stage
}

pub async fn send(stage: &Stage, bytes: &str) -> Got {
    let mut client = stage.client().await;
    client.send(bytes).await;
    client.response(bytes.split(' ').next().unwrap()).await
}

/// Looks at every page: these are fetched anew, the others are still there, and the origin saw nothing else.
pub async fn only(stage: &Stage, taken: &[&str], bytes: &str) {
    let asked = stage.origin.asked().len();
    assert_eq!(asked, PAGES.len(), "the origin was asked by {bytes}");
    for (target, _) in PAGES {
        let body = if taken.contains(&target) { "new" } else { "old" };
        let got = stage.get(target).await;
        assert_eq!(got.text(), body, "{target} after {bytes}");
    }
    assert_eq!(stage.origin.asked().len(), asked + taken.len(), "{bytes}");
}

/// What a client sends takes these pages and no others, and is answered with this status and phrase.
async fn takes(keys: &str, field: &str, bytes: &str, answer: (u16, &str), taken: &[&str]) -> Got {
    let stage = shop(keys, field).await;
    let got = send(&stage, bytes).await;
    assert_eq!((got.status, got.phrase.as_str()), answer, "{bytes}\n{}", got.text());
    only(&stage, taken, bytes).await;
    got
}

/// What is sent is refused with this status and these words, and takes nothing.
pub async fn refused(keys: &str, bytes: &str, status: u16, words: &str) {
    let stage = shop(keys, "cache-tag").await;
    let got = send(&stage, bytes).await;
    assert_eq!(got.status, status, "{bytes}\n{}", got.text());
    assert!(got.text().contains(words), "{words:?} is not in {}\nafter {bytes}", got.text());
    only(&stage, &[], bytes).await;
}

const ALL: [&str; 6] = ["/p/1", "/p/12", "/p/1?page=2", "/en/users/7", "/users", "/about.html"];
const MAGENTO: &str = "dialects: [plain, magento]";
const FOS: &str = "dialects: [plain, foshttpcache]";
const SYMFONY: &str = "dialects: [plain, symfony]";
const DRUPAL: &str = "dialects: [plain, drupal]";

#[tokio::test]
async fn wagtail_s_http_backend() {
    let purge = |target: &str| {
        format!(
            "PURGE {target} HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: shop.example\r\n\
             User-Agent: Wagtail-frontendcache/8.0.1\r\nConnection: close\r\n\r\n"
        )
    };
    let (keys, purged) = ("dialects: [plain]", (200, "Purged"));
    takes(keys, "cache-tag", &purge("/p/1"), purged, &["/p/1", "/p/1?page=2"]).await;
    takes(keys, "cache-tag", &purge("/p/1?page=2"), purged, &["/p/1?page=2"]).await;
    takes(keys, "cache-tag", &purge("https://shop.example/p/12"), purged, &["/p/12"]).await;
}

#[tokio::test]
async fn magento_purges_whole_tags_in_chunks_and_everything() {
    let purge = |pattern: &str, more: &str| {
        format!("PURGE / HTTP/1.1\r\nX-Magento-Tags-Pattern: {pattern}\r\n{more}Host: varnish\r\n\r\n")
    };
    let one = purge("((^|,)cat_p_1(,|$))", "");
    let got = takes(MAGENTO, "x-magento-tags", &one, (200, "Purged"), &["/p/1"]).await;
    // What is only in memory is in no index, and so not counted.
    assert!(got.text().contains("\"invalidated\":0"), "{}", got.text());
    let two = purge("((^|,)cat_p_1(,|$))|((^|,)about(,|$))", "");
    takes(MAGENTO, "x-magento-tags", &two, (200, "Purged"), &["/p/1", "/about.html"]).await;
    let none = purge("((^|,)cat_p_99(,|$))", "");
    takes(MAGENTO, "x-magento-tags", &none, (200, "Purged"), &[]).await;
    takes(MAGENTO, "x-magento-tags", &purge(".*", ""), (200, "Purged"), &ALL).await;
    let pool = "PURGE / HTTP/1.1\r\nX-Pool: release-7\r\nHost: varnish\r\n\r\n";
    takes(MAGENTO, "x-magento-tags", pool, (200, "Purged"), &ALL).await;
}

#[tokio::test]
async fn a_purge_may_have_more_fields_than_an_origin_takes() {
    let tags: Vec<String> = (0..1_200).map(|n| format!("((^|,)cat_p_{}(,|$))", 1_000 + n)).collect();
    let pattern = format!("{}|((^|,)cat_p_1(,|$))", tags.join("|"));
    let keys = format!("{MAGENTO}, listen: 127.0.0.1:0");
    let stage = shop(&keys, "x-magento-tags").await;
    let mut client = crate::stage::Client::connect(stage.app.invalidation_address().unwrap()).await;
    let more: Vec<String> = (0..1_500).map(|n| format!("((^|,)cat_c_{}(,|$))", 1_000 + n)).collect();
    let many = format!("{pattern}|{}", more.join("|"));
    assert!((60 * 1024..64 * 1024).contains(&many.len()), "{}", many.len());
    client.send(format!("PURGE / HTTP/1.1\r\nHost: a\r\nX-Magento-Tags-Pattern: {many}\r\n\r\n")).await;
    let got = client.response("PURGE").await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(got.text().matches("\"seq\":").count(), 2_701, "every tag is recorded, in parts");
    only(&stage, &["/p/1"], "a pattern of 60 KB").await;

    // On a public address a whole head has its limit.
    let stage = shop(MAGENTO, "x-magento-tags").await;
    let bytes = format!("PURGE / HTTP/1.1\r\nHost: a\r\nX-Magento-Tags-Pattern: {pattern}\r\n\r\n");
    let bytes = bytes.replace("cat_p_1(", "about(");
    assert_eq!(send(&stage, &bytes).await.status, 200);
    only(&stage, &["/about.html"], "a pattern of 29 KB").await;
}

#[tokio::test]
async fn more_tags_than_are_taken_at_once_are_refused_whole() {
    let stage = shop("dialects: [plain], listen: 127.0.0.1:0", "cache-tag").await;
    let tags: Vec<String> = (0..8_192).map(|n| format!("{n:x}")).collect();
    let purge = |tags: &str| format!("PURGE / HTTP/1.1\r\nHost: a\r\nSurrogate-Key: about {tags}\r\n\r\n");
    let mut client = crate::stage::Client::connect(stage.app.invalidation_address().unwrap()).await;
    client.send(purge(&tags.join(" "))).await;
    let got = client.response("PURGE").await;
    assert_eq!(got.status, 400);
    assert!(got.text().contains("8193 things to purge at once; at most 8192 are taken"), "{}", got.text());
    only(&stage, &[], "8,193 tags").await;
    // The same tag a thousand times is one.
    client.send(purge(&"about ".repeat(9_000))).await;
    assert_eq!(client.response("PURGE").await.text().matches("\"seq\":").count(), 1);
    stage.get("/about.html").await.expect(200, "new");
}

#[tokio::test]
async fn magento_softly() {
    let stage = Stage::with(&format!(
        "store: {{ backend: memory }}\ninvalidation: {{ {MAGENTO} }}\n\
         routes: [{{ name: p, match: \"/p/{{p}}\", ttl: 1h, stale_if_error: 1h }}]"
    ))
    .await;
    let down = crate::stage::answer("503 Service Unavailable", "down", &[]);
    stage.origin.says("/p/1", [page("old", &["x-magento-tags: cat_p_1"]), down]);
    stage.get("/p/1").await;
    let bytes = "PURGE / HTTP/1.1\r\nX-Magento-Tags-Pattern: ((^|,)cat_p_1(,|$))\r\nX-Magento-Purge-Soft: 1\r\n\
                 Host: varnish\r\n\r\n";
    assert!(send(&stage, bytes).await.text().contains("\"mode\":\"soft\""));
    stage.get("/p/1").await.expect(200, "old").cache_status(&["detail=stale-if-error"]);
}

#[tokio::test]
async fn magento_s_mistakes_take_nothing() {
    let purge = |lines: &str| format!("PURGE / HTTP/1.1\r\nHost: varnish\r\n{lines}\r\n\r\n");
    for (lines, words) in [
        ("X-Magento-Tags-Pattern: cat_p_1", "is understood only as .*"),
        ("X-Magento-Tags-Pattern: ((^|,)cat_p_.*(,|$))", "is understood only as .*"),
        ("X-Magento-Tags-Pattern: ", "is empty"),
        ("X-Magento-Tags-Pattern: .*\r\nX-Magento-Tags-Pattern: .*", "more than once"),
        ("X-Magento-Tags-Pattern: .*\r\nSurrogate-Key: list", "does not go with the dialect magento"),
        ("X-Magento-Tags-Pattern: .*\r\nX-Magento-Purge-Soft: 1\r\nX-Purge-Mode: hard", "contradict"),
        ("X-Magento-Tags-Pattern: .*\r\nX-Magento-Purge-Soft: yes", "must be \\\"1\\\" or \\\"0\\\""),
        ("X-Magento-Purge-Soft: 1", "X-Magento-Tags-Pattern or X-Pool is required"),
        ("X-Pool: ", "is empty"),
        ("X-Magento-Tags-Pattern: ((^|,)caf\u{e9}(,|$))", "not ASCII"),
    ] {
        refused(MAGENTO, &purge(lines), 400, words).await;
    }
    let long = format!("X-Magento-Tags-Pattern: ((^|,){}(,|$))", "x".repeat(129));
    refused(MAGENTO, &purge(&long), 400, "at most 128").await;
    let over = format!("X-Magento-Tags-Pattern: {}", "x".repeat(33 * 1024));
    refused(MAGENTO, &purge(&over), 431, "").await;
}

#[tokio::test]
async fn foshttpcache_bans_by_url_host_and_tag() {
    let ban = |host: &str, url: &str, more: &str| {
        format!(
            "BAN / HTTP/1.1\r\nHost: varnish\r\nUser-Agent: Symfony HttpClient (Curl)\r\nX-Host: {host}\r\n\
             X-Url: {url}\r\nX-Content-Type: .*\r\n{more}\r\n"
        )
    };
    let banned = (200, "Banned");
    let tags = ban(".*", ".*", "X-Cache-Tags: (^|,)(cat_p_1|about)(,|$)\r\n");
    takes(FOS, "x-cache-tags", &tags, banned, &["/p/1", "/about.html"]).await;
    takes(FOS, "x-cache-tags", &ban(".*", "/users.*", ""), banned, &["/en/users/7", "/users"]).await;
    takes(FOS, "x-cache-tags", &ban(".*", "^/users.*", ""), banned, &["/users"]).await;
    takes(FOS, "x-cache-tags", &ban(".*", r"^/about\.html$", ""), banned, &["/about.html"]).await;
    takes(FOS, "x-cache-tags", &ban(".*", r"^/p/1\?page=2$", ""), banned, &["/p/1?page=2"]).await;
    takes(FOS, "x-cache-tags", &ban("^(shop.example|b.example)$", ".*", ""), banned, &ALL).await;
    takes(FOS, "x-cache-tags", &ban("^(other.example)$", ".*", ""), banned, &[]).await;
    takes(FOS, "x-cache-tags", &ban(".*", ".*", ""), banned, &ALL).await;
    for (bytes, words) in [
        (ban(".*", "/(a|b)", ""), "is understood only as text with .*"),
        (ban("shop.example", ".*", ""), "a regex of hosts"),
        (ban(".*", ".*page=2", ""), "a query is understood only behind"),
        (ban(".*", ".*", "X-Cache-Tags: cat_p_1\r\n"), "is understood only as .*"),
        (ban(".*", ".*", "xkey-purge: list\r\n"), "contradict"),
        (ban(".*", ".*", "Cache-Tags: list\r\n"), "does not go with the dialect foshttpcache"),
        (ban(".*", ".*", "X-Url: /\r\n"), "more than once"),
        ("BAN / HTTP/1.1\r\nHost: varnish\r\n\r\n".into(), "names what is to go"),
        ("BAN / HTTP/1.1\r\nHost: varnish\r\nX-Content-Type: image/png\r\n\r\n".into(), "names what is to go"),
        (ban(".*", ".*", "").replace("Type: .*", "Type: image/png"), "by X-Content-Type alone"),
    ] {
        refused(FOS, &bytes, 400, words).await;
    }
}

#[tokio::test]
async fn foshttpcache_purges_keys_and_urls() {
    let keys = |line: &str| format!("PURGEKEYS / HTTP/1.1\r\nHost: varnish\r\n{line}\r\n\r\n");
    // What is only in memory is in no index, and so not counted.
    let purged = (200, "Purged 0 objects, expired 0 objects");
    takes(FOS, "xkey", &keys("xkey-purge: list"), purged, &["/p/1", "/p/12"]).await;
    takes(FOS, "xkey", &keys("xkey-softpurge: about"), purged, &["/about.html"]).await;
    let url = "PURGE /p/12 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Symfony HttpClient (Curl)\r\n\r\n";
    takes(FOS, "xkey", url, (200, "Purged"), &["/p/12"]).await;
    refused(FOS, &keys(""), 400, "neither xkey-purge nor xkey-softpurge").await;
    refused(FOS, &keys("xkey-purge: "), 400, "is empty").await;
    refused(FOS, &keys("xkey-purge: list\r\nxkey-softpurge: list"), 400, "contradict").await;
    refused(FOS, &keys("xkey-purge: list\r\nX-Url: /"), 400, "contradict").await;
}

#[tokio::test]
async fn a_refresh_is_a_visitor_s_request_and_no_purge() {
    let stage = shop(FOS, "x-cache-tags").await;
    let refresh = "GET /p/12 HTTP/1.1\r\nHost: shop.example\r\nCache-Control: no-cache\r\nX-Refresh: 1\r\n\r\n";
    assert_eq!(send(&stage, refresh).await.status, 200);
    for (target, _) in PAGES.into_iter().filter(|(target, _)| *target != "/p/12") {
        stage.get(target).await.expect(200, "old").hit();
    }
}

#[tokio::test]
async fn symfony_purges_tags_and_clears() {
    let tags = "PURGETAGS / HTTP/1.1\r\nHost: shop.example\r\nX-Cache-Tags: cat_p_1,about\r\n\r\n";
    takes(SYMFONY, "x-cache-tags", tags, (200, "Purged"), &["/p/1", "/about.html"]).await;
    let clear = "PURGE / HTTP/1.1\r\nHost: shop.example\r\nClear-Cache: true\r\n\r\n";
    takes(SYMFONY, "x-cache-tags", clear, (200, "Purged"), &ALL).await;
    for (bytes, words) in [
        (clear.replace("true", "false"), "Clear-Cache must be"),
        (tags.replace("X-Cache-Tags: cat_p_1,about", "X-Cache-Tags: ,"), "is empty"),
        (tags.replace("X-Cache-Tags: cat_p_1,about\r\n", ""), "names its tags in X-Cache-Tags"),
        (tags.replace("PURGETAGS", "PURGE"), "goes with PURGETAGS"),
        (tags.replace("X-Cache-Tags", "Clear-Cache: true\r\nX-Cache-Tags"), "contradict"),
    ] {
        refused(SYMFONY, &bytes, 400, words).await;
    }
}

#[tokio::test]
async fn drupal_bans_tags_and_paths() {
    let banned = (200, "Ban added.");
    for (field, tags) in [
        ("Cache-Tags", "cat_p_1 about"),
        ("Cache-Tags", "cat_p_1|about"),
        ("Purge-Cache-Tags", "about cat_p_1"),
        ("X-Drupal-Cache-Tags", "about|cat_p_1"),
    ] {
        let bytes = format!("BAN / HTTP/1.1\r\nHost: varnish\r\nUser-Agent: GuzzleHttp/7\r\n{field}: {tags}\r\n\r\n");
        takes(DRUPAL, &field.to_ascii_lowercase(), &bytes, banned, &["/p/1", "/about.html"]).await;
    }
    let ban = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: varnish\r\n\r\n");
    takes(DRUPAL, "cache-tags", &ban("BAN", "/.*sers.*"), banned, &["/en/users/7", "/users"]).await;
    takes(DRUPAL, "cache-tags", &ban("BAN", "/.*"), banned, &ALL).await;
    takes(DRUPAL, "cache-tags", &ban("URIBAN", "/en/users"), banned, &["/en/users/7"]).await;
    let exact = "PURGE /p/12 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: GuzzleHttp/7\r\n\r\n";
    takes(DRUPAL, "cache-tags", exact, (200, "Purged"), &["/p/12"]).await;
    let tags = "Cache-Tags: about\r\n";
    for (bytes, words) in [
        (ban("BAN", "/a?b=c"), "a query is understood only behind"),
        (ban("BAN", "/a+"), "is understood only as text with .*"),
        (format!("URIBAN / HTTP/1.1\r\nHost: a\r\n{tags}\r\n"), "contradict"),
        (format!("BAN / HTTP/1.1\r\nHost: a\r\n{tags}Purge-Cache-Tags: a\r\n\r\n"), "contradict"),
        ("BAN / HTTP/1.1\r\nHost: a\r\nCache-Tags: |\r\n\r\n".into(), "is empty"),
    ] {
        refused(DRUPAL, &bytes, 400, words).await;
    }
}

#[tokio::test]
async fn shopware_and_xkey() {
    let keys = "dialects: [plain, shopware]";
    let tags = "PURGE / HTTP/1.1\r\nHost: varnish\r\nUser-Agent: GuzzleHttp/7\r\nxkey: cat_p_1 about\r\n\r\n";
    takes(keys, "xkey", tags, (200, "Purged"), &["/p/1", "/about.html"]).await;
    let url = "PURGE /p/12 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: GuzzleHttp/7\r\n\r\n";
    takes(keys, "xkey", url, (200, "Purged"), &["/p/12"]).await;
    let all = "BAN / HTTP/1.1\r\nHost: varnish\r\nUser-Agent: GuzzleHttp/7\r\n\r\n";
    takes(keys, "xkey", all, (200, "Banned"), &ALL).await;
    refused(keys, &all.replace("BAN /", "BAN /p"), 400, "in none of the dialects").await;
    refused(keys, &all.replace("User-Agent", "X-Url: /\r\nUser-Agent"), 400, "belongs to the dialect foshttpcache")
        .await;
}

#[tokio::test]
async fn api_platform_names_its_resources_in_a_regex() {
    let keys = "dialects: [plain, api-platform]";
    let ban = |regex: &str| format!("BAN / HTTP/1.1\r\nHost: varnish\r\nApiPlatform-Ban-Regex: {regex}\r\n\r\n");
    let added = (200, "Ban added");
    takes(keys, "cache-tags", &ban(r"(/foo)($|\,)"), added, &["/en/users/7"]).await;
    takes(keys, "cache-tags", &ban(r"(/foo|/bar)($|\,)"), added, &["/en/users/7", "/users"]).await;
    takes(keys, "cache-tags", &ban(r"((^|\,)/bar($|\,))|((^|\,)/fo($|\,))"), added, &["/users"]).await;
    refused(keys, &ban("/foo"), 400, "is understood only as .*").await;
    refused(keys, &ban(""), 400, "is empty").await;
    let souin = "PURGE / HTTP/1.1\r\nHost: varnish\r\nSurrogate-Key: /bar, /none\r\n\r\n";
    takes(keys, "cache-tags", souin, (200, "Purged"), &["/users"]).await;
}

#[tokio::test]
async fn a_dialect_that_is_off_takes_nothing() {
    for (bytes, status, words) in [
        ("PURGE / HTTP/1.1\r\nX-Magento-Tags-Pattern: .*\r\n", 400, "belongs to the dialect magento"),
        ("PURGE / HTTP/1.1\r\nClear-Cache: true\r\n", 400, "belongs to the dialect symfony"),
        ("PURGE / HTTP/1.1\r\nFastly-Key: a\r\n", 400, "belongs to the dialect fastly"),
        ("PURGE /souin-api/souin/flush HTTP/1.1\r\n", 400, "belongs to the dialect souin"),
        ("BAN / HTTP/1.1\r\nX-Url: .*\r\n", 405, "BAN is not served here"),
        ("BAN / HTTP/1.1\r\n", 405, "BAN is not served here"),
        ("URIBAN / HTTP/1.1\r\n", 405, "URIBAN is not served here"),
        ("PURGEKEYS / HTTP/1.1\r\nxkey-purge: list\r\n", 405, "PURGEKEYS is not served here"),
        ("PURGETAGS / HTTP/1.1\r\nX-Cache-Tags: list\r\n", 405, "PURGETAGS is not served here"),
        ("FASTLYPURGE / HTTP/1.1\r\n", 405, "FASTLYPURGE is not served here"),
        ("REFRESH / HTTP/1.1\r\n", 405, "REFRESH is not served here"),
    ] {
        refused("", &format!("{bytes}Host: shop.example\r\n\r\n"), status, words).await;
    }
    let plain = "PURGE /p/1 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    refused("dialects: [drupal]", plain, 405, "PURGE is not served here").await;
    refused("dialects: [magento]", plain, 400, "this PURGE is in none of the dialects").await;
    let regex = "PURGE /.* HTTP/1.1\r\nHost: shop.example\r\nX-Purge-Method: regex\r\n\r\n";
    refused("dialects: [plain]", regex, 400, "belongs to the dialect wordpress").await;
}

#[tokio::test]
async fn c1_strangers_speak_no_dialect() {
    let keys = "dialects: [foshttpcache, drupal, shopware, symfony, magento], allow: [192.0.2.1]";
    for method in ["BAN", "URIBAN", "PURGE", "PURGEKEYS", "PURGETAGS"] {
        refused(keys, &format!("{method} / HTTP/1.1\r\nHost: shop.example\r\n\r\n"), 403, "you may not").await;
    }
}

#[tokio::test]
async fn a_dialect_is_switched_on_and_off_by_a_reload() {
    let stage = shop("dialects: [plain]", "x-magento-tags").await;
    let bytes = "PURGE / HTTP/1.1\r\nX-Magento-Tags-Pattern: ((^|,)about(,|$))\r\nHost: varnish\r\n\r\n";
    assert_eq!(send(&stage, bytes).await.status, 400);
    let off = stage.config().to_string();
    stage.save(&off.replace("dialects: [plain]", "dialects: [plain, magento]"));
    stage.app.reload().expect("it is a good file");
    assert_eq!(send(&stage, bytes).await.status, 200);
    only(&stage, &["/about.html"], bytes).await;
    stage.save(&off);
    stage.app.reload().expect("it is a good file");
    assert_eq!(send(&stage, bytes).await.status, 400);
}
