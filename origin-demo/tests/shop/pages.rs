//! What there is, how it links, what it refuses.

use std::collections::{BTreeSet, VecDeque};

use crate::browser::Answer;
use crate::stage::shop;

/// The words between `from` and the next `to`, wherever they are in `text`.
fn between<'t>(text: &'t str, from: &str, to: char) -> impl Iterator<Item = &'t str> {
    text.split(from).skip(1).filter_map(move |rest| rest.split(to).next())
}

/// What a page refers to within the shop.
fn links(page: &Answer) -> BTreeSet<String> {
    let all = between(&page.body, "href=\"", '"').chain(between(&page.body, "src=\"", '"'));
    all.filter(|link| link.starts_with('/')).map(str::to_owned).collect()
}

#[tokio::test]
async fn everything_is_reached_from_home_and_nothing_is_missing() {
    let (_shop, mut browser) = shop().await;
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut ahead = VecDeque::from(["/".to_owned()]);
    while let Some(path) = ahead.pop_front() {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        for link in links(&page) {
            if seen.insert(link.clone()) {
                ahead.push_back(link);
            }
        }
    }
    let count = |prefix: &str| seen.iter().filter(|path| path.starts_with(prefix)).count();
    assert_eq!(count("/products/"), 60);
    assert_eq!(count("/products?page="), 4);
    assert_eq!(count("/categories/"), 9);
    assert_eq!(count("/images/"), 68);
    assert_eq!(count("/edit/product/"), 60);
    for path in ["/login", "/basket", "/stats", "/faults", "/style.css", "/edit/"] {
        assert!(seen.contains(path), "{path}");
    }
}

#[tokio::test]
async fn a_product_page_tells_name_price_time_and_cost() {
    let (_shop, mut browser) = shop().await;
    let page = browser.get("/products/salt-pepper-mills").await;
    assert!(page.body.contains("<h1>Salt &amp; Pepper Mills</h1>"));
    assert!(page.body.contains("<p class=\"price\">€49.90</p>"));
    assert!(page.body.contains("Rendered at <time"));
    assert!(page.body.contains(" with 5 database queries."));
    assert!(page.body.contains("<a href=\"/categories/kitchen\">Kitchen</a>"));
}

#[tokio::test]
async fn two_new_shops_have_the_same_stock() {
    let ((_one, mut first), (_two, mut second)) = (shop().await, shop().await);
    for path in ["/", "/products?page=3", "/categories/garden", "/products/arc-floor-lamp"] {
        let plain = |page: &Answer| page.body.split("Rendered at").next().unwrap().to_owned();
        assert_eq!(plain(&first.get(path).await), plain(&second.get(path).await), "{path}");
    }
    let path = "/images/arc-floor-lamp.svg";
    assert_eq!(first.get(path).await.body, second.get(path).await.body);
}

#[tokio::test]
async fn a_search_finds_words_as_they_are() {
    let (_shop, mut browser) = shop().await;
    assert!(browser.get("/search?q=ferry").await.body.contains("1 product for “ferry”"));
    assert!(browser.get("/search?q=%25").await.body.contains("Nothing found"));
    let script = browser.get("/search?q=%3Cscript%3E").await;
    assert!(script.body.contains("&lt;script&gt;") && !script.body.contains("<script>"));
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let (_shop, mut browser) = shop().await;
    for path in [
        "/products/none",
        "/categories/none",
        "/images/none.svg",
        "/images/arc-floor-lamp",
        "/products?page=0",
        "/products?page=6",
        "/edit/product/none",
        "/edit/category/none",
        "/nowhere",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.body.contains("Not found"), "{path}");
    }
    assert_eq!(browser.post("/basket/add/none", &[]).await.status, 404);
    let edit = [("name", "A"), ("price", "1"), ("description", "B")];
    assert_eq!(browser.post("/edit/product/none", &edit).await.status, 404);
    assert_eq!(browser.post("/edit/category/none", &edit).await.status, 404);
}

const PRODUCT_FORM: &str = "/edit/product/night-ferry-lamp";

#[tokio::test]
async fn an_edit_that_cannot_be_right_is_a_400_that_says_why() {
    let (_shop, mut browser) = shop().await;
    let long = "x".repeat(81);
    let good = [("name", "Lamp"), ("price", "1.50"), ("description", "Bright")];
    for (field, value, told) in [
        ("name", " ", "The name must not be empty."),
        ("name", long.as_str(), "The name must not be longer than 80 characters."),
        ("name", "a\nb", "The name must be one line."),
        ("name", "a\u{7}b", "The name must not contain control characters."),
        ("price", "free", "The price must be a number of euros"),
        ("price", "-1", "The price must be a number of euros"),
        ("description", "", "The description must not be empty."),
    ] {
        let form = good.map(|(name, fine)| (name, if name == field { value } else { fine }));
        let page = browser.post(PRODUCT_FORM, &form).await;
        assert_eq!(page.status, 400, "{field} {value:?}");
        assert!(page.body.contains(told), "{field} {value:?}: {}", page.body);
    }
    assert!(browser.get("/products/night-ferry-lamp").await.body.contains("Night Ferry Lamp"));
}

#[tokio::test]
async fn other_forms_and_queries_say_why_too() {
    let (_shop, mut browser) = shop().await;
    for (path, told) in [
        ("/login", "Both a name and a password are needed."),
        ("/edit/category/lamps", "The name must not be empty."),
        ("/faults", "The mode must be none, slow, error, reset or cut."),
    ] {
        let page = browser.post(path, &[]).await;
        assert_eq!((page.status, page.body.contains(told)), (400, true), "{path}");
    }
    let page = browser.get("/products?page=two").await;
    assert_eq!((page.status, page.body.contains("The page must be a number")), (400, true));
    let plain = [("Content-Type", "text/plain")];
    assert_eq!(browser.send("POST", PRODUCT_FORM, &plain, "name=x").await.status, 400);
    let search = format!("/search?q={}", "x".repeat(101));
    assert_eq!(browser.get(&search).await.status, 400);
}
