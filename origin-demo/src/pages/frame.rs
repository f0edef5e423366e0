//! What is around every page: head, bar, footer.
//!
//! The footer tells when the page was made and what it cost, so that anybody can see whether two
//! views are the same bytes. Names of products and categories have no place here: an edit would
//! then change every page of the shop.

use super::html::Text;
use crate::time;

/// What the frame shows of the visitor and of the page's making.
#[derive(Default)]
pub(super) struct Frame<'v> {
    pub(super) signed_in: Option<&'v str>,
    pub(super) basket: usize,
    pub(super) queries: Option<u32>,
}

/// The whole document around `main`, which is HTML already; `title` is not.
pub(super) fn draw(frame: &Frame<'_>, title: &str, main: &str) -> String {
    let (title, bar, footer) = (Text(title), bar(frame), footer(frame));
    format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Hazel &amp; Pine</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
{bar}
<main id="main">
{main}
</main>
{footer}
</body>
</html>
"##
    )
}

fn bar(frame: &Frame<'_>) -> String {
    let basket = match frame.basket {
        0 => String::new(),
        count => format!(r#" <span class="badge" aria-label="{count} in it">{count}</span>"#),
    };
    let visitor = match frame.signed_in {
        None => r#"<a href="/login">Sign in</a>"#.to_owned(),
        Some(name) => format!(r#"<a class="who" href="/account/"><small>Signed in as</small> {}</a>"#, Text(name)),
    };
    format!(
        r#"<header class="bar">
<a class="brand" href="/">Hazel <span>&amp;</span> Pine</a>
<nav aria-label="Shop"><a href="/products">Products</a><a href="/categories/">Categories</a></nav>
<form class="find" action="/search" role="search">
<input type="search" name="q" placeholder="Search" aria-label="Search products" maxlength="100">
</form>
<nav aria-label="Yours"><a href="/basket">Basket{basket}</a>{visitor}</nav>
</header>"#
    )
}

fn footer(frame: &Frame<'_>) -> String {
    let now = time::now_ms();
    let cost = match frame.queries {
        None => String::new(),
        Some(1) => " with 1 database query".to_owned(),
        Some(count) => format!(" with {count} database queries"),
    };
    format!(
        r#"<footer>
<p>A demo shop: nothing here is for sale, and everything may be edited.</p>
<p class="made">Rendered at <time datetime="{}">{}</time>{cost}.</p>
<nav aria-label="Behind the counter"><a href="/edit/">Edit</a><a href="/stats">Figures</a><a href="/faults">Faults</a></nav>
</footer>"#,
        time::rfc3339(now),
        time::readable(now)
    )
}
