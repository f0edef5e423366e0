//! Requests and queries are counted by page.

use serde_json::json;

use crate::stage::shop;

#[tokio::test]
async fn a_page_costs_what_its_footer_says() {
    let (_shop, mut browser) = shop().await;
    assert_eq!(browser.post("/stats/reset", &[]).await.status, 204);
    let page = browser.get("/products").await;
    assert!(page.body.contains(" with 26 database queries."), "{}", page.body);
    browser.get("/products?page=2").await;
    browser.get("/style.css").await;
    let figures = browser.get("/stats").await.json();
    assert_eq!(figures["pages"]["list"], json!({ "requests": 2, "queries": 52 }));
    assert_eq!(figures["pages"]["style"], json!({ "requests": 1, "queries": 0 }));
    assert_eq!(figures["total"], json!({ "requests": 3, "queries": 52 }));
    assert_eq!(figures["outbox"], json!({ "waiting": 0 }));
}

#[tokio::test]
async fn a_304_is_cheaper_than_a_page() {
    let (_shop, mut browser) = shop().await;
    let path = "/products/night-ferry-lamp";
    let etag = browser.get(path).await.header("etag").unwrap().to_owned();
    browser.post("/stats/reset", &[]).await;
    browser.send("GET", path, &[("If-None-Match", &etag)], "").await;
    let figures = browser.get("/stats").await.json();
    assert_eq!(figures["pages"]["product"], json!({ "requests": 1, "queries": 2 }));
}

#[tokio::test]
async fn people_get_a_table_and_a_button() {
    let (_shop, mut browser) = shop().await;
    browser.get("/").await;
    let html = [("Accept", "text/html,*/*")];
    let page = browser.send("GET", "/stats", &html, "").await;
    assert!(page.body.contains("<th scope=\"row\">home</th><td class=\"number\">1</td>"));
    let page = browser.send("POST", "/stats/reset", &html, "").await;
    assert_eq!((page.status, page.header("location")), (303, Some("/stats")));
    assert_eq!(browser.get("/stats").await.json()["total"]["requests"], 0);
}
