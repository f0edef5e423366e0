//! Tags, validators, and what may be kept.

use crate::stage::shop;

#[tokio::test]
async fn pages_name_what_they_show() {
    let (_shop, mut browser) = shop().await;
    let product = browser.get("/products/night-ferry-lamp").await;
    assert_eq!(product.header("surrogate-key"), Some("category:lamps product:night-ferry-lamp"));
    for (path, key) in [
        ("/", "product:harbour-desk-lamp"),
        ("/", "category:stationery"),
        ("/products", "product:night-ferry-lamp"),
        ("/products", "category:chairs"),
        ("/categories/", "category:garden"),
        ("/categories/lamps", "category:lamps"),
        ("/categories/lamps", "product:arc-floor-lamp"),
    ] {
        let page = browser.get(path).await;
        let keys = page.header("surrogate-key").unwrap();
        assert!(keys.split(' ').any(|own| own == key), "{path}: {keys}");
        assert!(keys.len() <= 8192);
    }
}

#[tokio::test]
async fn each_page_says_as_much_about_caching_as_a_shop_would() {
    let (_shop, mut browser) = shop().await;
    browser.sign_in("alice").await;
    for (path, told) in [
        ("/", None),
        ("/products", None),
        ("/products/night-ferry-lamp", None),
        ("/categories/", None),
        ("/categories/lamps", None),
        ("/account/", None),
        ("/account/orders", None),
        ("/account/profile", None),
        ("/search?q=lamp", Some("no-store")),
        ("/login", Some("private, no-store")),
        ("/basket", Some("private, no-store")),
        ("/checkout/", Some("private, no-store")),
        ("/edit/", Some("private, no-store")),
        ("/edit/product/night-ferry-lamp", Some("private, no-store")),
        ("/images/lamps.svg", Some("public, max-age=86400")),
        ("/style.css", Some("public, max-age=86400")),
    ] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.header("cache-control")), (200, told), "{path}");
    }
}

#[tokio::test]
async fn who_has_it_already_gets_a_304() {
    let (_shop, mut browser) = shop().await;
    for path in ["/images/night-ferry-lamp.svg", "/style.css", "/products/night-ferry-lamp"] {
        let first = browser.get(path).await;
        let etag = first.header("etag").unwrap().to_owned();
        assert_eq!(etag.starts_with("W/"), path.starts_with("/products"), "{path}");
        let again = browser.send("GET", path, &[("If-None-Match", &etag)], "").await;
        assert_eq!((again.status, again.header("etag")), (304, Some(etag.as_str())), "{path}");
        assert_eq!(again.header("surrogate-key"), first.header("surrogate-key"));
        let other = browser.send("GET", path, &[("If-None-Match", "\"other\"")], "").await;
        assert_eq!(other.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_edit_of_product_or_category_makes_another_validator() {
    let (_shop, mut browser) = shop().await;
    let path = "/products/night-ferry-lamp";
    let mut etags = vec![browser.get(path).await.header("etag").unwrap().to_owned()];
    let edit = [("name", "Day Ferry Lamp"), ("price", "55"), ("description", "Brighter")];
    browser.redirected("/edit/product/night-ferry-lamp", &edit).await;
    etags.push(browser.get(path).await.header("etag").unwrap().to_owned());
    browser.redirected("/edit/category/lamps", &[("name", "Lights")]).await;
    etags.push(browser.get(path).await.header("etag").unwrap().to_owned());
    etags.dedup();
    assert_eq!(etags.len(), 3);
    let page = browser.send("GET", path, &[("If-None-Match", &etags[0])], "").await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_page_made_for_somebody_has_no_validator() {
    let (_shop, mut browser) = shop().await;
    let etag = browser.get("/products/night-ferry-lamp").await.header("etag").unwrap().to_owned();
    browser.redirected("/basket/add/night-ferry-lamp", &[]).await;
    let headers = [("If-None-Match", etag.as_str())];
    let page = browser.send("GET", "/products/night-ferry-lamp", &headers, "").await;
    assert_eq!((page.status, page.header("etag")), (200, None));
    assert_eq!(page.header("vary"), Some("Cookie"));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (_shop, mut browser) = shop().await;
    let head = browser.send("HEAD", "/images/lamps.svg", &[], "").await;
    let get = browser.get("/images/lamps.svg").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));
}
