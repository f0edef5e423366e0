//! What shares a page and what must not (rows K1 to K23).

use crate::stage::{Stage, page};

#[tokio::test]
async fn k9_a_host_in_any_spelling_is_one_and_another_port_is_another() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("1", &[]), page("2", &[])]);
    let get = async |host: &str| {
        let mut client = stage.client().await;
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        client.response("GET").await
    };
    get("shop.example").await.expect(200, "1");
    get("SHOP.Example:80").await.expect(200, "1").hit();
    get("shop.example:1337").await.expect(200, "2");
    assert_eq!(stage.origin.asked()[1].field("host").as_deref(), Some("shop.example:1337"));
    assert_eq!(get("shop.example.").await.status, 400);
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_misdirected_and_never_reaches_the_origin() {
    let stage =
        Stage::with(&format!("store: {{ backend: memory }}\nhosts: [shop.example]\n{}", crate::stage::ROUTES)).await;
    stage.origin.says("/", [page("home", &[])]);
    stage.get("/").await.expect(200, "home");
    // K8: another port is another host.
    for host in ["evil.example", "shop.example:1337"] {
        let mut client = stage.client().await;
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.response("GET").await.status, 421, "{host}");
    }
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn k6_k7_the_query_that_is_sent_is_the_one_that_is_keyed() {
    let stage = Stage::open().await;
    for target in ["/", "/?page=2", "/?a&b", "/?b&a", "/?id=1&id=2", "/?utm_content=1;x=evil"] {
        stage.origin.says(target, [page(target, &[])]);
    }
    stage.get("/?utm_source=mail").await.expect(200, "/");
    stage.get("/").await.expect(200, "/").hit();
    stage.get("/?utm_source=mail&page=2").await.expect(200, "/?page=2");
    stage.get("/?page=2&utm_medium=x").await.expect(200, "/?page=2").hit();
    for target in ["/?a&b", "/?b&a", "/?id=1&id=2", "/?utm_content=1;x=evil"] {
        stage.get(target).await.expect(200, target);
    }
    for asked in stage.origin.asked() {
        assert!(!asked.target.contains("utm_source"), "{}", asked.target);
    }
}

#[tokio::test]
async fn k1_k2_k3_k12_what_is_not_keyed_does_not_reach_the_origin_on_a_shared_route() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("home", &[])]);
    stage
        .get_with(
            "/",
            &[
                "X-Forwarded-Host: evil.example",
                "X-Forwarded-Proto: nothttps",
                "X-Original-URL: /admin",
                "Origin: http://evil.example",
                "X_Forwarded_Host: evil.example",
                "User-Agent: evil",
                "Accept: x/y",
                "Cookie: theme=dark",
            ],
        )
        .await;
    let asked = stage.origin.asked().remove(0);
    assert!(!asked.head.contains("evil") && !asked.head.contains("admin"), "{}", asked.head);
    assert_eq!(asked.field("cookie"), None);
    assert_eq!(asked.field("x-forwarded-host").as_deref(), Some("shop.example"));
    assert_eq!(asked.field("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(asked.field("accept").as_deref(), Some("*/*"));
}

#[tokio::test]
async fn k4_k5_a_request_for_another_method_or_with_a_body_is_nobodys_page() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("own", &[]), page("home", &[])]);
    let other = stage.get_with("/", &["X-HTTP-Method-Override: POST"]).await;
    other.expect(200, "own").cache_status(&["fwd=method"]);
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 4\r\n\r\nid=2").await;
    client.response("GET").await.expect(200, "home").cache_status(&["fwd=request", "detail=request-body"]);
    stage.get("/").await.cache_status(&["fwd=uri-miss"]);
}

#[tokio::test]
async fn k12_fields_that_a_rule_sends_keep_pages_apart_also_where_the_origin_says_no_vary() {
    let rules = r#"routes: [{ name: home, match: "/", ttl: 5m, headers: [HX-Request] }]"#;
    let stage = Stage::with(&format!("store: {{ backend: memory }}\n{rules}")).await;
    stage.origin.says("/", [page("fragment", &[]), page("whole", &[])]);
    stage.get_with("/", &["HX-Request: true"]).await.expect(200, "fragment");
    stage.get("/").await.expect(200, "whole").cache_status(&["fwd=vary-miss"]);
    stage.get_with("/", &["HX-Request: true"]).await.expect(200, "fragment").hit();
    stage.get("/").await.expect(200, "whole").hit();
    assert_eq!(stage.origin.asked()[0].field("hx-request").as_deref(), Some("true"));
}

#[tokio::test]
async fn k14_k15_k16_what_one_client_holds_or_wants_a_part_of_never_fills() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("whole", &["etag: \"1\""])]);
    stage.origin.says("/plain", [page("whole", &["cache-control: max-age=60"])]);
    let conditions = ["if-none-match: \"x\"", "if-modified-since: Tue, 24 Nov 2026 12:00:00 GMT", "if-range: \"x\""];
    for target in ["/", "/plain"] {
        stage.get_with(target, &conditions).await.expect(200, "whole").cache_status(&["fwd=uri-miss"]);
        let asked = stage.origin.asked().pop().expect("a fill");
        assert!(!asked.head.to_ascii_lowercase().contains("\r\nif-"), "{}", asked.head);
        stage.get(target).await.expect(200, "whole").hit();
    }
    // What a POST brings is stored for nobody.
    stage.origin.says("/form", [page("posted", &["cache-control: max-age=60"]), page("form", &[])]);
    stage.ask("POST", "/form", &[]).await.expect(200, "posted");
    stage.get("/form").await.expect(200, "form").cache_status(&["fwd=uri-miss"]);
}

#[tokio::test]
async fn k17_codings_are_asked_for_in_one_spelling_and_kept_apart() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("packed", &["content-encoding: gzip"]), page("plain", &[])]);
    stage.get_with("/", &["accept-encoding: gzip, deflate"]).await.expect(200, "packed");
    stage.get_with("/", &["accept-encoding: deflate, GZIP;q=0.9"]).await.expect(200, "packed").hit();
    stage.get("/").await.expect(200, "plain").cache_status(&["fwd=vary-miss"]);
    stage.get_with("/", &["accept-encoding: gzip"]).await.expect(200, "packed").hit();
    assert_eq!(stage.origin.asked()[0].field("accept-encoding").as_deref(), Some("gzip"));
}

#[tokio::test]
async fn k22_vary_chooses_among_variants_and_a_star_is_never_stored() {
    let stage = Stage::open().await;
    stage.origin.says("/", [page("en", &["vary: accept-language"]), page("de", &["vary: accept-language"])]);
    stage.origin.says("/products/a", [page("1", &["vary: *"]), page("2", &["vary: *"])]);
    stage.get_with("/", &["accept-language: en"]).await.expect(200, "en");
    stage.get_with("/", &["accept-language: de"]).await.expect(200, "de");
    stage.get_with("/", &["accept-language: en"]).await.expect(200, "en").hit();
    stage.get_with("/", &["accept-language: de"]).await.expect(200, "de").hit();
    stage.get("/products/a").await.expect(200, "1");
    stage.get("/products/a").await.expect(200, "2");
}

/// Memory keeps nothing of more than 2 MiB.
#[tokio::test]
async fn k22_a_variant_that_is_too_large_for_memory_is_found_behind_another_in_memory() {
    let stage = Stage::with(crate::stage::ROUTES).await;
    let large = "x".repeat(3 * 1024 * 1024);
    stage.origin.says("/", [page("en", &["vary: accept-language"]), page(&large, &["vary: accept-language"])]);
    stage.get_with("/", &["accept-language: en"]).await.expect(200, "en");
    stage.get_with("/", &["accept-language: de"]).await.expect(200, &large).cache_status(&["fwd=vary-miss"]);
    // So that both are written.
    let stage = stage.restart().await;
    for _ in 0..2 {
        stage.get_with("/", &["accept-language: en"]).await.expect(200, "en").hit();
        stage.get_with("/", &["accept-language: de"]).await.expect(200, &large).hit();
    }
    stage.get_with("/", &["accept-language: fr"]).await.cache_status(&["fwd=vary-miss"]);
    assert_eq!(stage.origin.asked().len(), 3);
}

#[tokio::test]
async fn w1_w5_k18_paths_that_could_be_anothers_alias_are_passed() {
    let stage = Stage::open().await;
    for target in ["/products/..%2faccount", "/products/%2e%2e", "/products//a", "/products/a;x.css", "/products/%61"] {
        stage.origin.says(target, [page("1", &[]), page("2", &[])]);
        stage.get(target).await.expect(200, "1").cache_status(&["fwd=bypass", "detail=path-alias"]);
        stage.get(target).await.expect(200, "2");
    }
}

#[tokio::test]
async fn explain_by_https_speaks_of_what_visitors_of_a_terminator_get() {
    let trusting = format!("store: {{ backend: memory }}\ntrusted_proxies: [127.0.0.1]\n{}", crate::stage::ROUTES);
    let stage = Stage::with(&trusting).await;
    stage.origin.says("/products/a", [page("a", &[])]);
    stage.get_with("/products/a", &["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"]).await;
    for (url, reason) in
        [("https://shop.example/products/a", "fresh"), ("http://shop.example/products/a", "not-stored")]
    {
        let explained = stage.admin(&format!("/api/v1/explain?url={url}")).await.text();
        assert!(explained.contains(&format!(r#""reason":"{reason}""#)), "{url}: {explained}");
    }
}

#[tokio::test]
async fn a_rule_may_be_for_one_host_and_for_some_methods() {
    let rules = r#"
store: { backend: memory }
routes:
  - { name: admin, match: "/{*path}", host: admin.example, pass: true }
  - { name: forms, match: "/{*path}", methods: [POST], pass: true }
  - { name: pages, match: "/{*path}", ttl: 1m }
"#;
    let stage = Stage::with(rules).await;
    stage.origin.says("/", [page("home", &[])]);
    let ask = async |method: &str, host: &str| {
        let mut client = stage.client().await;
        client.send(format!("{method} / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        client.response(method).await
    };
    ask("GET", "admin.example").await.cache_status(&["fwd=bypass", "detail=rule-pass"]);
    ask("POST", "shop.example").await.cache_status(&["fwd=method"]);
    ask("GET", "shop.example").await.cache_status(&["fwd=uri-miss"]);
    ask("HEAD", "shop.example").await.hit();
}
