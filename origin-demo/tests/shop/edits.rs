//! An edit and its webhook are one; what was edited stays words.

use rusqlite::Connection;

use crate::receiver::Receiver;
use crate::stage::{Folder, open, shop, shop_telling};

const EDIT: [(&str, &str); 3] = [("name", "Day Ferry Lamp"), ("price", "61,5"), ("description", "Now for\r\nthe day.")];

#[tokio::test]
async fn an_edit_changes_the_pages_and_tells_of_it() {
    let mut receiver = Receiver::new(&[]);
    let (_shop, mut browser) = shop_telling(receiver.address).await;
    let page = browser.post("/edit/product/night-ferry-lamp", &EDIT).await;
    assert_eq!((page.status, page.header("location")), (303, Some("/products/night-ferry-lamp")));
    assert!(!receiver.is_empty(), "the answer waits for the delivery");
    let told = receiver.next().await.json();
    assert_eq!(told["type"], "product.updated");
    assert_eq!(told["data"], serde_json::json!({ "slug": "night-ferry-lamp", "category": "lamps", "price": "61.50" }));
    for path in ["/products/night-ferry-lamp", "/products", "/categories/lamps"] {
        let body = browser.get(path).await.body;
        assert!(body.contains("Day Ferry Lamp") && body.contains("€61.50"), "{path}");
    }
}

#[tokio::test]
async fn a_category_gets_another_name() {
    let mut receiver = Receiver::new(&[]);
    let (_shop, mut browser) = shop_telling(receiver.address).await;
    let place = browser.redirected("/edit/category/lamps", &[("name", "Lights & more")]).await;
    assert_eq!(place, "/categories/lamps");
    let told = receiver.next().await.json();
    assert_eq!(told["type"], "category.updated");
    assert_eq!(told["data"], serde_json::json!({ "slug": "lamps" }));
    for path in ["/", "/products", "/categories/", "/categories/lamps", "/products/arc-floor-lamp"] {
        assert!(browser.get(path).await.body.contains("Lights &amp; more"), "{path}");
    }
}

#[tokio::test]
async fn without_room_in_the_outbox_there_is_no_edit() {
    let folder = Folder::new();
    let (_shop, mut browser) = open(&folder.data(), None).await;
    let file = Connection::open(folder.data()).unwrap();
    file.execute_batch("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END").unwrap();
    assert_eq!(browser.post("/edit/product/night-ferry-lamp", &EDIT).await.status, 500);
    assert_eq!(browser.post("/edit/category/lamps", &EDIT).await.status, 500);
    let page = browser.get("/products/night-ferry-lamp").await;
    assert!(page.body.contains("Night Ferry Lamp") && page.body.contains(">Lamps<"));
    assert_eq!(page.header("etag"), Some("W/\"night-ferry-lamp-1-1\""));

    file.execute_batch("DROP TRIGGER full").unwrap();
    browser.redirected("/edit/product/night-ferry-lamp", &EDIT).await;
    let sql = "SELECT type FROM outbox WHERE delivered IS NULL";
    let kind: String = file.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(kind, "product.updated");
}

#[tokio::test]
async fn edited_words_stay_words() {
    let (_shop, mut browser) = shop().await;
    let nasty = "</title><script>alert(1)</script>\"'&";
    let form = [("name", nasty), ("price", "1"), ("description", nasty)];
    browser.redirected("/edit/product/harbour-desk-lamp", &form).await;
    browser.redirected("/edit/category/lamps", &[("name", nasty)]).await;
    browser.redirected("/basket/add/harbour-desk-lamp", &[]).await;
    let escaped = "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;";
    for path in [
        "/",
        "/products",
        "/products/harbour-desk-lamp",
        "/categories/",
        "/categories/lamps",
        "/search?q=script",
        "/basket",
        "/edit/",
        "/edit/product/harbour-desk-lamp",
        "/edit/category/lamps",
    ] {
        let body = browser.get(path).await.body;
        assert!(body.contains(escaped), "{path}");
        assert!(!body.contains("<script"), "{path}");
    }
}

#[tokio::test]
async fn edits_survive_a_restart() {
    let folder = Folder::new();
    let (shop, mut browser) = open(&folder.data(), None).await;
    browser.redirected("/edit/product/night-ferry-lamp", &EDIT).await;
    shop.stop().await;
    let (_shop, mut browser) = open(&folder.data(), None).await;
    assert!(browser.get("/products/night-ferry-lamp").await.body.contains("€61.50"));
}
