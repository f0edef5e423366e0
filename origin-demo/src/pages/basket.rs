//! The basket, which lives in the visitor's cookie and nowhere else.

use axum::extract::Path;
use axum::response::Response;

use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::{found, private, with_cookie};
use super::visit::Visit;
use crate::cookies::{BASKET_MAX, Cookies};
use crate::database::{Product, Queries};
use crate::price::Price;

/// A product in the basket and how many of it.
pub(super) struct Item {
    pub(super) product: Product,
    pub(super) pieces: u32,
}

impl Item {
    /// What `ids` stand for, one query for each; ids that mean nothing are passed over.
    pub(super) fn of(q: &Queries<'_>, ids: &[i64]) -> rusqlite::Result<Vec<Self>> {
        let mut items: Vec<Self> = Vec::new();
        for id in ids {
            if let Some(item) = items.iter_mut().find(|item| item.product.id == *id) {
                item.pieces += 1;
            } else if let Some(product) = Product::by_id(q, *id)? {
                items.push(Self { product, pieces: 1 });
            }
        }
        Ok(items)
    }

    pub(super) fn price(&self) -> Price {
        Price(self.product.price.0 * i64::from(self.pieces))
    }

    pub(super) fn total(items: &[Self]) -> Price {
        Price(items.iter().map(|item| item.price().0).sum())
    }
}

/// `GET /basket`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let ids = visit.cookies.basket.clone();
    let items = visit.ask(move |q| Item::of(q, &ids)).await?;
    let main = format!("<h1>Your basket</h1>{}{}", draw(&items), viewed(&visit.cookies.viewed));
    Ok(private(visit.page("Your basket", &main)))
}

fn draw(items: &[Item]) -> String {
    if items.is_empty() {
        return r#"<p>It is empty. <a href="/products">That can be changed.</a></p>"#.to_owned();
    }
    format!(
        r#"<div class="scroll"><table><thead><tr><th scope="col">Product</th><th scope="col" class="number">Pieces</th><th scope="col" class="number">Price</th><th></th></tr></thead>
<tbody>{}</tbody>
<tfoot><tr><th scope="row" colspan="2">Total</th><td class="number price">{}</td><td></td></tr></tfoot></table></div>
<p><a class="button" href="/checkout/">Go to checkout</a></p>"#,
        each(items, row),
        Item::total(items)
    )
}

fn row(item: &Item) -> String {
    format!(
        r#"<tr><td><a href="/products/{slug}">{name}</a></td><td class="number">{pieces}</td><td class="number">{price}</td>
<td><form method="post" action="/basket/remove/{slug}"><button class="plain" aria-label="Remove {name}">Remove</button></form></td></tr>"#,
        slug = item.product.slug,
        name = Text(&item.product.name),
        pieces = item.pieces,
        price = item.price(),
    )
}

fn viewed(slugs: &[String]) -> String {
    if slugs.is_empty() {
        return String::new();
    }
    let picture = |slug: &String| {
        // Cookies hold slugs only, but anybody may write a cookie.
        let slug = Text(slug);
        format!(
            r#"<li><a href="/products/{slug}"><img src="/images/{slug}.svg" alt="{slug}" width="480" height="360" loading="lazy"></a></li>"#
        )
    };
    format!(r#"<h2>You looked at</h2><ul class="tiles">{}</ul>"#, each(slugs, picture))
}

/// `POST /basket/add/{slug}`
pub(super) async fn add(visit: Visit, Path(slug): Path<String>) -> Result<Response, Refusal> {
    let product = known(&visit, slug).await?;
    let mut ids = visit.cookies.basket;
    if ids.len() < BASKET_MAX {
        ids.push(product.id);
    }
    let place = found(&format!("/products/{}", product.slug));
    Ok(private(with_cookie(place, Cookies::basket(&ids))))
}

/// `POST /basket/remove/{slug}`: all pieces of it.
pub(super) async fn remove(visit: Visit, Path(slug): Path<String>) -> Result<Response, Refusal> {
    let product = known(&visit, slug).await?;
    let mut ids = visit.cookies.basket;
    ids.retain(|id| *id != product.id);
    Ok(private(with_cookie(found("/basket"), Cookies::basket(&ids))))
}

async fn known(visit: &Visit, slug: String) -> Result<Product, Refusal> {
    let product = visit.ask(move |q| Product::by_slug(q, &slug)).await?;
    product.ok_or(Refusal::NotFound("product"))
}
