//! The APIs of Cloudflare, Fastly and Souin as their clients call them, byte for byte.

use crate::dialects::{only, refused, send, shop};
use crate::stage::Got;

const CLOUDFLARE: &str = "dialects: [cloudflare], cloudflare: { token: 0123456789abcdef, zone: z1 }";
const FASTLY: &str = "dialects: [plain, fastly], fastly: { key: 0123456789abcdef, service: s1 }";
const SOUIN: &str = "dialects: [souin]";
const ALL: [&str; 6] = ["/p/1", "/p/12", "/p/1?page=2", "/en/users/7", "/users", "/about.html"];

/// A POST with a body.
fn post(path: &str, lines: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: cache\r\n{lines}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// As `requests` sends it for Wagtail.
fn cloudflare(body: &str) -> String {
    let lines = "User-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n\
                 Connection: keep-alive\r\nContent-Type: application/json\r\nAuthorization: Bearer 0123456789abcdef";
    post("/client/v4/zones/z1/purge_cache", lines, body)
}

/// As fastly-py 15 sends it.
fn fastly(path: &str, lines: &str, body: &str) -> String {
    let fields = format!(
        "{lines}Accept: application/json\r\nUser-Agent: fastly-py/15.0.0\r\nFastly-Key: 0123456789abcdef\r\n\
         Content-Type: application/json"
    );
    post(path, &fields, body)
}

fn souin(body: &str) -> String {
    post("/souin-api/souin", "Content-Type: application/json", body)
}

async fn takes(keys: &str, bytes: &str, status: u16, taken: &[&str]) -> Got {
    let stage = shop(keys, "cache-tag").await;
    let got = send(&stage, bytes).await;
    assert_eq!(got.status, status, "{bytes}\n{}", got.text());
    only(&stage, taken, bytes).await;
    got
}

#[tokio::test]
async fn wagtail_s_cloudflare_backend_and_its_kin() {
    let files = cloudflare(r#"{"files": ["https://shop.example/p/12", "https://shop.example/p/1?page=2"]}"#);
    let got = takes(CLOUDFLARE, &files, 200, &["/p/12", "/p/1?page=2"]).await;
    assert_eq!(got.text().trim(), r#"{"errors":[],"messages":[],"result":{"id":"1"},"success":true}"#);
    let variants = r#"{"files":[{"url":"https://shop.example/users","headers":{"CF-Device-Type":"mobile"}}]}"#;
    for (body, taken) in [
        (variants, &["/users"][..]),
        (r#"{"tags":["cat_p_1","about"]}"#, &["/p/1", "/about.html"]),
        (r#"{"hosts":["shop.example"]}"#, &ALL),
        (r#"{"hosts":["other.example"]}"#, &[]),
        (r#"{"prefixes":["shop.example/p/1"]}"#, &["/p/1", "/p/12", "/p/1?page=2"]),
        (r#"{"purge_everything":true}"#, &ALL),
    ] {
        takes(CLOUDFLARE, &cloudflare(body), 200, taken).await;
    }
    let key = cloudflare(r#"{"tags":["about"]}"#)
        .replace("Authorization: Bearer ", "X-Auth-Email: a@shop.example\r\nX-Auth-Key: ");
    takes(CLOUDFLARE, &key, 200, &["/about.html"]).await;
}

#[tokio::test]
async fn cloudflare_s_mistakes_take_nothing_and_are_told_in_its_form() {
    let many = format!(r#"{{"tags":[{}]}}"#, vec![r#""list""#; 101].join(","));
    for (body, words) in [
        ("", "no JSON"),
        ("[]", "exactly one of"),
        ("{}", "exactly one of"),
        (r#"{"tags":["list"],"hosts":["shop.example"]}"#, "exactly one of"),
        (r#"{"purge_everything":false}"#, "exactly one of"),
        (r#"{"purge_everything":true,"files":[]}"#, "exactly one of"),
        (r#"{"tags":[]}"#, "a list that is not empty"),
        (r#"{"tags":"list"}"#, "a list that is not empty"),
        (r#"{"tags":[1]}"#, "a list of texts"),
        (r#"{"tags":["two words"]}"#, "a blank, a comma"),
        (r#"{"files":["/p/1"]}"#, "a whole URL"),
        (r#"{"files":["ftp://shop.example/"]}"#, "http"),
        (r#"{"files":[{"headers":{}}]}"#, "objects with url and headers"),
        (r#"{"prefixes":["https://shop.example/p"]}"#, "is not a host with a path"),
        (r#"{"hosts":["shop.example/p"]}"#, "is not a host"),
        (&many, "at most 100"),
    ] {
        refused(CLOUDFLARE, &cloudflare(body), 400, words).await;
        refused(CLOUDFLARE, &cloudflare(body), 400, r#""success":false"#).await;
    }
    let good = cloudflare(r#"{"purge_everything":true}"#);
    let wrong = good.replace("Bearer 0123456789abcdef", "Bearer 0123456789abcdeX");
    refused(CLOUDFLARE, &wrong, 401, r#"{"code":10000,"message":"the token does not hold"#).await;
    refused(CLOUDFLARE, &good.replace("Authorization: Bearer ", "X-Other: "), 401, "does not hold").await;
    refused(CLOUDFLARE, &good.replace("zones/z1", "zones/z2"), 404, "not the zone").await;
    refused(CLOUDFLARE, &good.replace("POST", "PUT"), 405, "only POST").await;
    refused(CLOUDFLARE, &good.replace("Accept: */*", "X-Url: /"), 400, "does not go with").await;
    refused(&format!("{CLOUDFLARE}, allow: [192.0.2.1]"), &good, 403, "you may not").await;
    let long = cloudflare(&format!(r#"{{"tags":["{}"]}}"#, "x".repeat(256 * 1024)));
    refused(CLOUDFLARE, &long, 413, "256 KiB").await;
}

#[tokio::test]
async fn without_its_secret_or_its_name_an_api_is_the_shop_s_own_path() {
    let call = cloudflare(r#"{"purge_everything":true}"#).replace("Host: cache", "Host: shop.example");
    for keys in ["dialects: [cloudflare]", "cloudflare: { token: 0123456789abcdef }", ""] {
        let stage = shop(keys, "cache-tag").await;
        stage.origin.says("/client/v4/zones/z1/purge_cache", [crate::stage::answer("404 Not Found", "none", &[])]);
        send(&stage, &call).await.expect(404, "none");
        stage.get("/p/1").await.expect(200, "old").hit();
    }
}

#[tokio::test]
async fn with_an_address_of_its_own_the_public_one_knows_no_api() {
    let stage = shop(&format!("{CLOUDFLARE}, listen: 127.0.0.1:0"), "cache-tag").await;
    stage.origin.says("/client/v4/zones/z1/purge_cache", [crate::stage::answer("404 Not Found", "none", &[])]);
    let call = cloudflare(r#"{"tags":["about"]}"#).replace("Host: cache", "Host: shop.example");
    send(&stage, &call).await.expect(404, "none");
    stage.get("/about.html").await.expect(200, "old").hit();
    let mut client = crate::stage::Client::connect(stage.app.invalidation_address().unwrap()).await;
    client.send(&call).await;
    assert_eq!(client.response("POST").await.status, 200);
    stage.get("/about.html").await.expect(200, "new");
}

#[tokio::test]
async fn fastly_purges_urls_keys_and_everything() {
    let url =
        "PURGE /p/12 HTTP/1.1\r\nHost: shop.example\r\nFastly-Key: 0123456789abcdef\r\nFastly-Soft-Purge: 1\r\n\r\n";
    let got = takes(FASTLY, url, 200, &["/p/12"]).await;
    assert!(got.text().contains(r#""id":"1""#) && got.text().contains(r#""status":"ok""#), "{}", got.text());
    assert!(got.text().contains(r#""mode":"soft""#), "{}", got.text());
    takes(FASTLY, &fastly("/purge/shop.example/p/1?page=2", "", ""), 200, &["/p/1?page=2"]).await;
    takes(FASTLY, &fastly("/purge/https://shop.example/users", "", ""), 200, &["/users"]).await;
    takes(FASTLY, &fastly("/purge/shop.example%2Fp%2F1%3Fpage%3D2", "", ""), 200, &["/p/1?page=2"]).await;
    let soft = fastly("/service/s1/purge/cat_p_1", "fastly-soft-purge: 1\r\n", "");
    assert!(takes(FASTLY, &soft, 200, &["/p/1"]).await.text().contains(r#""mode":"soft""#));
    takes(FASTLY, &fastly("/service/s1/purge/%2Fbar", "", ""), 200, &["/users"]).await;
    let field = fastly("/service/s1/purge", "Surrogate-Key: cat_p_1 about\r\n", "");
    let got = takes(FASTLY, &field, 200, &["/p/1", "/about.html"]).await;
    assert_eq!(got.text().trim(), r#"{"about":"1","cat_p_1":"1"}"#);
    let body = fastly("/service/s1/purge", "", r#"{"surrogate_keys":["cat_p_1","about"]}"#);
    takes(FASTLY, &body, 200, &["/p/1", "/about.html"]).await;
    takes(FASTLY, &fastly("/service/s1/purge_all", "", ""), 200, &ALL).await;
}

#[tokio::test]
async fn fastly_s_mistakes_take_nothing() {
    let many = format!(r#"{{"surrogate_keys":[{}]}}"#, vec![r#""list""#; 257].join(","));
    for (path, lines, body, words) in [
        ("/service/s1/purge", "", "", "surrogate_keys"),
        ("/service/s1/purge", "", "{", "no JSON"),
        ("/service/s1/purge", "", r#"{"surrogate_keys":[]}"#, "surrogate_keys"),
        ("/service/s1/purge", "", r#"{"surrogate_keys":["list"],"all":true}"#, "surrogate_keys"),
        ("/service/s1/purge", "", many.as_str(), "at most 256"),
        ("/service/s1/purge", "Surrogate-Key: list\r\n", r#"{"surrogate_keys":["list"]}"#, "contradict"),
        ("/service/s1/purge/list", "Surrogate-Key: about\r\n", "", "contradict"),
        ("/service/s1/purge/a%20b", "", "", "a blank, a comma"),
        ("/service/s1/purge/%ff", "", "", "not UTF-8"),
        ("/service/s1/purge_all", "Fastly-Soft-Purge: 1\r\n", "", "contradict"),
        ("/service/s1/purge_all", "", "{}", "only /service/{id}/purge has one"),
        ("/purge/a%2Fb/c", "", "", "Host"),
        ("/purge/%ff", "", "", "percent-encoded"),
    ] {
        refused(FASTLY, &fastly(path, lines, body), 400, words).await;
    }
    let all = fastly("/service/s1/purge_all", "", "");
    refused(FASTLY, &all.replace("0123456789abcdef", "wrong"), 401, "Fastly-Key does not hold").await;
    refused(FASTLY, &all.replace("Fastly-Key", "X-Key"), 401, "Fastly-Key does not hold").await;
    refused(FASTLY, &all.replace("/s1/", "/s2/"), 404, "not the service").await;
    let url = "PURGE /p/12 HTTP/1.1\r\nHost: shop.example\r\nFastly-Key: wrong\r\n\r\n";
    refused(FASTLY, url, 401, "Fastly-Key does not hold").await;
    let both = url.replace("wrong", "0123456789abcdef\r\nSurrogate-Key: list");
    refused(FASTLY, &both, 400, "contradict").await;
}

#[tokio::test]
async fn souin_s_api() {
    let purge = |path: &str, lines: &str| format!("PURGE {path} HTTP/1.1\r\nHost: cache\r\n{lines}\r\n");
    for (bytes, status, taken) in [
        (purge("/souin-api/souin", "Surrogate-Key: cat_p_1, about\r\n"), 204, &["/p/1", "/about.html"][..]),
        (purge("/souin-api/souin/", "Surrogate-Key: about\r\n"), 204, &["/about.html"]),
        (purge("/souin-api/souin/flush", ""), 204, &ALL),
        (purge("/souin-api/souin/GET-https-shop.example-/p/1?page=2", ""), 204, &["/p/1?page=2"]),
        (
            souin(r#"{"type":"uri","selectors":["https://shop.example/p/12","shop.example/users"]}"#),
            200,
            &["/p/12", "/users"],
        ),
        (
            souin(r#"{"type":"uri-prefix","selectors":["https://shop.example/en/"],"purge":true}"#),
            200,
            &["/en/users/7"],
        ),
        (souin(r#"{"type":"origin","selectors":["https://shop.example"]}"#), 200, &ALL),
        (souin(r#"{"type":"group","selectors":["https://shop.example"],"groups":["cat_p_1"]}"#), 200, &["/p/1"]),
    ] {
        takes(SOUIN, &bytes, status, taken).await;
    }
    let moved = purge("/cache-api/flush", "");
    takes("dialects: [souin], souin: { base: /cache-api }", &moved, 204, &ALL).await;
}

#[tokio::test]
async fn souin_s_mistakes_take_nothing() {
    let purge = |path: &str, lines: &str| format!("PURGE {path} HTTP/1.1\r\nHost: cache\r\n{lines}\r\n");
    for (bytes, words) in [
        (purge("/souin-api/souin", ""), "names tags in Surrogate-Key"),
        (purge("/souin-api/souin", "Surrogate-Key: ,\r\n"), "is empty"),
        (purge("/souin-api/souin/flush", "Surrogate-Key: about\r\n"), "contradict"),
        (purge("/souin-api/souin/.+", ""), "must be flush, or a key"),
        (souin(""), "no JSON"),
        (souin(r#"["uri",["https://shop.example/p/1"]]"#), "an object with type"),
        (souin(r#"{"type":"uri"}"#), "an object with type"),
        (souin(r#"{"type":"uri","groups":["a"],"selectors":["https://shop.example/p/1"]}"#), "an object with type"),
        (souin(r#"{"type":"all","selectors":["a"]}"#), "type is uri"),
        (souin(r#"{"type":"uri","selectors":["https://shop.example/p/1"],"more":1}"#), "unknown field"),
        (souin(r#"{"type":"origin","selectors":["https://shop.example/p"]}"#), "is not an origin"),
        (souin(r#"{"type":"uri-prefix","selectors":["https://shop.example/p?x"]}"#), "question mark"),
        (souin(r#"{"type":"group","groups":["two words"]}"#), "a blank, a comma"),
    ] {
        refused(SOUIN, &bytes, 400, words).await;
    }
    let good = souin(r#"{"type":"origin","selectors":["https://shop.example"]}"#);
    refused(SOUIN, &good.replace("application/json", "text/plain"), 415, "application/json").await;
    refused(SOUIN, &good.replace("Content-Type: application/json\r\n", ""), 415, "application/json").await;
    refused(SOUIN, "GET /souin-api/souin HTTP/1.1\r\nHost: cache\r\n\r\n", 405, "only POST and PURGE").await;
    refused(&format!("{SOUIN}, allow: [192.0.2.1]"), &good, 403, "you may not").await;
}
