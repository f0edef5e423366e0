//! Slow, error, reset, cut; for some paths, for some requests.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::browser::Browser;
use crate::stage::shop;

const PAGE: &str = "/products/night-ferry-lamp";

async fn switch(browser: &mut Browser, form: &[(&str, &str)]) {
    let answer = browser.post("/faults", form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn an_error_for_two_requests() {
    let (_shop, mut browser) = shop().await;
    switch(&mut browser, &[("mode", "error"), ("path", "/products"), ("count", "2")]).await;
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!(browser.get(PAGE).await.status, 503);
    assert_eq!(browser.get("/products").await.status, 503);
    assert_eq!(browser.get(PAGE).await.status, 200);
    assert_eq!(browser.get("/faults").await.json()["mode"], "none");
}

#[tokio::test]
async fn a_cut_body_is_announced_and_ends_early() {
    let (_shop, mut browser) = shop().await;
    switch(&mut browser, &[("mode", "cut")]).await;
    for path in [PAGE, "/style.css", "/account/"] {
        let page = browser.get(path).await;
        let announced: usize = page.header("content-length").unwrap().parse().unwrap();
        assert_eq!(page.broken, Some(ErrorKind::UnexpectedEof), "{path}");
        assert!(page.body.len() <= announced / 2, "{path}");
    }
    assert!(browser.get(PAGE).await.body.starts_with("<!doctype html>"));
    assert_eq!(browser.send("HEAD", PAGE, &[], "").await.status, 200);
    switch(&mut browser, &[("mode", "none")]).await;
    assert_eq!(browser.get(PAGE).await.broken, None);
}

#[tokio::test]
async fn a_reset_comes_in_the_middle() {
    let (_shop, mut browser) = shop().await;
    switch(&mut browser, &[("mode", "reset"), ("count", "1")]).await;
    let page = browser.get(PAGE).await;
    assert_eq!((page.status, page.broken), (200, Some(ErrorKind::ConnectionReset)));
    assert_eq!(browser.get(PAGE).await.broken, None);
}

#[tokio::test]
async fn a_slow_page_holds_up_nobody_else() {
    let (_shop, mut browser) = shop().await;
    let form = [("mode", "slow"), ("path", PAGE), ("delay_ms", "600000"), ("count", "2")];
    switch(&mut browser, &form).await;
    let mut patient = browser.clone();
    let waiting = tokio::spawn(async move { patient.get(PAGE).await });
    browser.until("/faults", "\"count\":1").await;
    assert_eq!(browser.get("/").await.status, 200);
    assert!(!waiting.is_finished());
    waiting.abort();

    switch(&mut browser, &[("mode", "slow"), ("path", PAGE), ("delay_ms", "50")]).await;
    let begun = Instant::now();
    assert_eq!(browser.get(PAGE).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let (_shop, mut browser) = shop().await;
    switch(&mut browser, &[("mode", "error"), ("path", "/nowhere")]).await;
    for form in [
        [("mode", "explode"), ("path", "/")],
        [("mode", "slow"), ("delay_ms", "soon")],
        [("mode", "slow"), ("delay_ms", "600001")],
        [("mode", "error"), ("count", "0")],
        [("mode", "error"), ("path", "products")],
    ] {
        assert_eq!(browser.post("/faults", &form).await.status, 400, "{form:?}");
    }
    let now = browser.get("/faults").await.json();
    assert_eq!((&now["mode"], &now["path"]), (&"error".into(), &"/nowhere".into()));
}

#[tokio::test]
async fn people_get_a_form() {
    let (_shop, mut browser) = shop().await;
    let html = [("Accept", "text/html"), ("Content-Type", "application/x-www-form-urlencoded")];
    let page = browser.send("POST", "/faults", &html, "mode=cut&path=/products").await;
    assert_eq!((page.status, page.header("location")), (303, Some("/faults")));
    let page = browser.send("GET", "/faults", &html[..1], "").await;
    assert!(page.body.contains("<option selected>cut</option>"));
}
