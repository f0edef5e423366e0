//! PURGE as the clients of shops send it, byte for byte; and what is refused, with nothing lost.

use crate::stage::{Got, ROUTES, Stage, page};

async fn stage() -> Stage {
    let stage = Stage::open().await;
    for target in ["/products/a", "/products/a?page=2", "/products/b", "/"] {
        stage.origin.says(target, [page("old", &[]), page("new", &[])]);
        stage.get(target).await.expect(200, "old");
    }
    stage
}

async fn send(stage: &Stage, bytes: &str) -> Got {
    let mut client = stage.client().await;
    client.send(bytes).await;
    client.response("PURGE").await
}

/// Sends a purge that must succeed; what it must take is fetched anew, and the rest stays.
async fn takes(bytes: &str, taken: &[&str], kept: &[&str]) {
    let stage = stage().await;
    let got = send(&stage, bytes).await;
    assert_eq!(got.status, 200, "{bytes}\n{got:?}");
    assert!(got.text().contains("\"confirmed\":true"), "{}", got.text());
    let asked = stage.origin.asked().len();
    for target in kept {
        stage.get(target).await.expect(200, "old").hit();
    }
    for target in taken {
        stage.get(target).await.expect(200, "new");
    }
    assert_eq!(stage.origin.asked().len(), asked + taken.len(), "the PURGE itself reached the origin");
}

/// Sends a purge that must be refused with this status and these words; nothing is lost.
async fn refused(bytes: &str, status: u16, words: &str) {
    let stage = stage().await;
    let got = send(&stage, bytes).await;
    assert_eq!(got.status, status, "{bytes}\n{got:?}");
    assert!(got.text().contains(words), "{words:?} is not in {}", got.text());
    for target in ["/products/a", "/products/b", "/"] {
        stage.get(target).await.expect(200, "old").hit();
    }
}

#[tokio::test]
async fn wagtail_names_the_whole_url_with_the_scheme_that_visitors_use() {
    for line in ["https://shop.example/products/a", "http://shop.example/products/a", "/products/a"] {
        let bytes = format!(
            "PURGE {line} HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: shop.example\r\n\
             User-Agent: Wagtail-frontendcache/7.0\r\nConnection: close\r\n\r\n"
        );
        takes(&bytes, &["/products/a", "/products/a?page=2"], &["/products/b", "/"]).await;
    }
}

#[tokio::test]
async fn a_url_with_the_cache_s_own_address_takes_the_page_of_the_site_that_host_names() {
    let url =
        "PURGE http://127.0.0.1:8080/products/b HTTP/1.1\r\nhost: shop.example\r\nX-Purge-Method: default\r\n\r\n";
    takes(url, &["/products/b"], &["/products/a", "/"]).await;
    let regex = "PURGE http://127.0.0.1/products/.* HTTP/1.1\r\nhost: shop.example\r\nX-Purge-Method: regex\r\n\r\n";
    takes(regex, &["/products/a", "/products/b"], &["/"]).await;
}

#[tokio::test]
async fn foshttpcache_sends_a_path_or_a_url() {
    let path = "PURGE /products/a?page=2 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    takes(path, &["/products/a?page=2"], &["/products/a", "/products/b", "/"]).await;
    let url = "PURGE http://shop.example/products/b HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    takes(url, &["/products/b"], &["/products/a", "/"]).await;
}

#[tokio::test]
async fn wordpress_says_how_it_means_a_path() {
    let default = "PURGE /products/b HTTP/1.1\r\nUser-Agent: WordPress/6.8; https://shop.example\r\nAccept: */*\r\n\
                   host: shop.example\r\nX-Purge-Method: default\r\nConnection: close\r\n\r\n";
    takes(default, &["/products/b"], &["/products/a", "/"]).await;
    let regex = "PURGE /products/.* HTTP/1.1\r\nhost: shop.example\r\nX-Purge-Method: regex\r\n\r\n";
    takes(regex, &["/products/a", "/products/a?page=2", "/products/b"], &["/"]).await;
    let site = "PURGE /.* HTTP/1.1\r\nhost: shop.example\r\nX-Purge-Method: regex\r\n\r\n";
    takes(site, &["/products/a", "/products/b", "/"], &[]).await;
}

#[tokio::test]
async fn tags_stand_in_any_of_three_fields_and_the_path_then_means_nothing() {
    for field in ["Surrogate-Key: product:a other", "Cache-Tag: other, product:a", "xkey: product:a"] {
        let bytes = format!("PURGE / HTTP/1.1\r\nHost: shop.example\r\n{field}\r\n\r\n");
        takes(&bytes, &["/products/a", "/products/a?page=2"], &["/products/b", "/"]).await;
    }
}

#[tokio::test]
async fn what_was_not_stored_is_purged_with_success_too() {
    takes("PURGE /nothing/here HTTP/1.1\r\nHost: shop.example\r\n\r\n", &[], &["/products/a", "/"]).await;
}

#[tokio::test]
async fn a_purge_that_is_not_understood_purges_nothing_else() {
    let with = |lines: &str| format!("PURGE / HTTP/1.1\r\nHost: shop.example\r\n{lines}\r\n\r\n");
    for field in ["X-Magento-Tags-Pattern: .*", "X-Cache-Tags: a", "Clear-Cache: true", "Fastly-Key: a"] {
        refused(&with(field), 400, "which is not in invalidation.dialects").await;
    }
    for field in ["xkey-purge: a", "Cache-Tags: a", "X-Url: /"] {
        refused(&with(field), 400, "does not go with the dialect plain").await;
    }
    refused(&with("X-LiteSpeed-Purge: *"), 400, "is not understood here").await;
    refused(&with("X-Purge-Method: ban"), 400, "X-Purge-Method").await;
    refused(&with("X-Purge-Method: regex"), 400, "X-Purge-Method").await;
    refused(&with("X-Purge-Method: default\r\nxkey: a"), 400, "does not go with the dialect wordpress").await;
    refused(&with("X-Purge-Mode: hard\r\nX-Purge-Mode: soft"), 400, "more than once").await;
    refused(&with("X-Purge-Mode: hard\r\nFastly-Soft-Purge: 1"), 400, "contradict").await;
    refused(&with("X-Purge-Mode: gently"), 400, "X-Purge-Mode").await;
    refused(&with("X-Purge-Settle: soon"), 400, "X-Purge-Settle").await;
    refused(&with("X-Purge-Settle: 999999"), 400, "settle").await;
    refused(&with("X-Purge-Wait: soon"), 400, "X-Purge-Wait").await;
    refused(&with("X-Purge-Wait: 61"), 400, "X-Purge-Wait").await;
    refused(&with("Surrogate-Key: "), 400, "empty").await;
    refused(&with(&format!("Surrogate-Key: {}", "x".repeat(129))), 400, "at most 128").await;
    refused("PURGE / HTTP/1.1\r\n\r\n", 400, "Host").await;
    refused("PURGE ftp://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400, "http").await;
    for method in ["BAN", "URIBAN", "PURGEKEYS", "PURGETAGS"] {
        refused(&format!("{method} / HTTP/1.1\r\nHost: shop.example\r\n\r\n"), 405, "not served here").await;
    }
}

#[tokio::test]
async fn c1_a_forwarded_purge_is_judged_by_whom_it_came_from() {
    let with = |lines: &str| format!("PURGE / HTTP/1.1\r\nHost: shop.example\r\n{lines}\r\n\r\n");
    for field in ["X-Forwarded-For: 203.0.113.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"] {
        refused(&with(field), 403, "may not").await;
    }
}

#[tokio::test]
async fn with_an_address_of_its_own_the_public_one_knows_no_purge() {
    let lines = format!("store: {{ backend: memory }}\ninvalidation: {{ listen: 127.0.0.1:0 }}\n{ROUTES}");
    let stage = Stage::with(&lines).await;
    stage.origin.says("/", [page("old", &[]), page("new", &[])]);
    stage.get("/").await;
    assert_eq!(stage.ask("PURGE", "/", &[]).await.status, 405);
    stage.get("/").await.expect(200, "old").hit();
    let address = stage.app.invalidation_address().expect("an address of its own");
    let mut client = crate::stage::Client::connect(address).await;
    client.send("PURGE / HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    assert_eq!(client.response("PURGE").await.status, 200);
    stage.get("/").await.expect(200, "new");
    assert_eq!(stage.origin.asked().len(), 2);
}

#[tokio::test]
async fn a_path_that_is_a_regex_beyond_its_end_is_refused_and_not_taken_by_the_letter() {
    for path in
        ["/(products|media)/.*", "/prod.*/a.*", "/[p]roducts/.*", "/products+/.*", "/products$.*", "/products/?.*"]
    {
        let bytes = format!("PURGE {path} HTTP/1.1\r\nHost: shop.example\r\nX-Purge-Method: regex\r\n\r\n");
        refused(&bytes, 400, "X-Purge-Method").await;
    }
}

#[tokio::test]
async fn tags_in_a_field_of_responses_are_refused_and_not_taken_for_a_purge_of_the_path() {
    for field in ["X-Magento-Tags", "Edge-Cache-Tag", "CDN-Tag", "X-LiteSpeed-Tag", "Cache-Groups"] {
        let bytes = format!("PURGE / HTTP/1.1\r\nHost: shop.example\r\n{field}: products\r\n\r\n");
        refused(&bytes, 400, &field.to_ascii_lowercase()).await;
    }
}

#[tokio::test]
async fn a_page_in_a_browser_purges_nothing_also_where_its_name_leads_here() {
    for field in ["Origin: http://rebound.example:8080", "Origin: null", "Sec-Fetch-Site: same-origin"] {
        let bytes = format!("PURGE / HTTP/1.1\r\nHost: rebound.example\r\n{field}\r\nxkey: products\r\n\r\n");
        refused(&bytes, 403, "a browser").await;
    }
}
