//! Signing in and out, account, basket, and what was looked at.

use crate::receiver::Receiver;
use crate::stage::{shop, shop_telling};

#[tokio::test]
async fn an_account_is_shown_to_its_owner_only() {
    let (_shop, mut stranger) = shop().await;
    for path in ["/account/", "/account/orders", "/account/profile"] {
        let page = stranger.get(path).await;
        assert_eq!(page.status, 302);
        assert_eq!(page.header("location").unwrap(), format!("/login?next={path}"));
    }
    let (mut alice, mut bob) = (stranger.clone(), stranger.clone());
    alice.sign_in("alice").await;
    bob.sign_in("bob").await;
    for path in ["/account/", "/account/orders", "/account/profile"] {
        let (hers, his) = (alice.get(path).await.body, bob.get(path).await.body);
        assert!(hers.contains("made for <strong>alice</strong>") && !hers.contains("Bob"));
        assert!(his.contains("made for <strong>bob</strong>") && !his.contains("Alice"));
    }
    stranger.cookies.insert("sessionid".to_owned(), "made-up".to_owned());
    assert_eq!(stranger.get("/account/").await.status, 302);
}

#[tokio::test]
async fn signing_in_wants_the_password_and_leads_back() {
    let (_shop, mut browser) = shop().await;
    for form in [[("username", "alice"), ("password", "x")], [("username", "x"), ("password", "demo")]] {
        let page = browser.post("/login", &form).await;
        assert_eq!((page.status, page.header("set-cookie")), (403, None));
    }
    let form = [("username", "carol"), ("password", "demo"), ("next", "/account/orders")];
    let page = browser.post("/login", &form).await;
    assert_eq!((page.status, page.header("location")), (302, Some("/account/orders")));
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.starts_with("sessionid="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; SameSite=Lax; HttpOnly"), "{cookie}");
    let foreign = [("username", "carol"), ("password", "demo"), ("next", "//evil.example")];
    assert_eq!(browser.redirected("/login", &foreign).await, "/account/");
}

#[tokio::test]
async fn every_page_greets_who_is_signed_in_and_nobody_else() {
    let (_shop, mut browser) = shop().await;
    assert!(!browser.get("/").await.body.contains("Signed in as"));
    browser.sign_in("alice").await;
    assert!(browser.get("/").await.body.contains("<small>Signed in as</small> Alice Archer"));
    let place = browser.redirected("/account/profile", &[("name", "Al <b>Archer</b>")]).await;
    let page = browser.get(&place).await;
    assert!(page.body.contains("<small>Signed in as</small> Al &lt;b&gt;Archer&lt;/b&gt;"));
    assert!(!page.body.contains("<b>"));
    assert_eq!(browser.post("/account/profile", &[("name", "")]).await.status, 400);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_tells_of_it() {
    let mut receiver = Receiver::new(&[]);
    let (_shop, mut browser) = shop_telling(receiver.address).await;
    for method in ["GET", "POST"] {
        browser.sign_in("alice").await;
        let thief = browser.clone();
        let session = browser.cookies["sessionid"].clone();
        let page = browser.send(method, "/logout", &[], "").await;
        assert_eq!((page.status, page.header("location")), (302, Some("/")));
        assert!(!browser.cookies.contains_key("sessionid"));
        assert_eq!(thief.clone().get("/account/").await.status, 302);
        let told = receiver.next().await.json();
        assert_eq!(told["type"], "user.logged_out");
        assert_eq!(told["data"], serde_json::json!({ "session": session }));
    }
    browser.get("/logout").await;
    assert!(receiver.is_empty(), "nobody was signed in");
}

#[tokio::test]
async fn a_basket_fills_is_counted_and_empties() {
    let (_shop, mut browser) = shop().await;
    assert!(browser.get("/basket").await.body.contains("It is empty."));
    for slug in ["night-ferry-lamp", "brass-ruler", "night-ferry-lamp"] {
        let place = browser.redirected(&format!("/basket/add/{slug}"), &[]).await;
        assert_eq!(place, format!("/products/{slug}"));
    }
    let badge = "aria-label=\"3 in it\">3</span>";
    assert!(browser.get("/products").await.body.contains(badge));
    let basket = browser.get("/basket").await.body;
    assert!(basket.contains("€109.00") && basket.contains("€133.90"), "{basket}");
    assert!(browser.get("/checkout/").await.body.contains("3 pieces"));
    assert_eq!(browser.redirected("/basket/remove/night-ferry-lamp", &[]).await, "/basket");
    assert!(browser.get("/basket").await.body.contains("€24.90"));
    browser.redirected("/basket/remove/brass-ruler", &[]).await;
    assert!(!browser.cookies.contains_key("basket"));
}

#[tokio::test]
async fn product_pages_remember_what_was_looked_at_but_do_not_show_it() {
    let (_shop, mut browser) = shop().await;
    browser.get("/products/brass-ruler").await;
    let page = browser.get("/products/desk-calendar").await;
    assert_eq!(browser.cookies["recently_viewed"], "desk-calendar.brass-ruler");
    assert!(!page.body.contains("brass-ruler"));
    assert!(browser.get("/basket").await.body.contains("/products/brass-ruler"));
}
