//! The list of all products, and one product.

use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::cards::{self, stars};
use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::{has_already, keys_of, with_cookie, with_keys};
use super::visit::Visit;
use crate::database::{Card, Category, Product, Rating, Review, Spec};

/// Products on one page of the list.
const PAGE_SIZE: u32 = 12;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    page: Option<String>,
}

/// `GET /products?page=N`
pub(super) async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Result<Response, Refusal> {
    let page = page_number(query.page.as_deref())?;
    let (count, cards) =
        visit.ask(move |q| Ok((Product::count(q)?, Card::of(q, Product::page(q, page, PAGE_SIZE)?)?))).await?;
    if cards.is_empty() {
        return Err(Refusal::NotFound("page of the list"));
    }
    let pages = count.div_ceil(PAGE_SIZE);
    let main = format!(
        r#"<h1>All products</h1>
<p class="quiet">{count} products, page {page} of {pages}</p>
{}
{}"#,
        cards::grid(&cards),
        pager(page, pages)
    );
    let title = format!("All products, page {page}");
    Ok(with_keys(visit.page(&title, &main), keys_of(&cards)))
}

fn page_number(text: Option<&str>) -> Result<u32, Refusal> {
    let Some(text) = text else { return Ok(1) };
    let complaint = || Refusal::BadInput("The page must be a number, such as ?page=2.".to_owned());
    match text.parse().map_err(|_| complaint())? {
        0 => Err(Refusal::NotFound("page of the list")),
        page => Ok(page),
    }
}

fn pager(page: u32, pages: u32) -> String {
    let numbers: Vec<u32> = (1..=pages).collect();
    let links = each(&numbers, |number| {
        let current = if *number == page { r#" aria-current="page""# } else { "" };
        // The first page has one address only.
        let query = if *number == 1 { String::new() } else { format!("?page={number}") };
        format!(r#"<a href="/products{query}"{current}>{number}</a>"#)
    });
    format!(r#"<nav class="pager" aria-label="Pages">{links}</nav>"#)
}

/// `GET /products/{slug}`
pub(super) async fn detail(visit: Visit, Path(slug): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let (product, category) = visit.ask(move |q| find(q, &slug)).await?.ok_or(Refusal::NotFound("product"))?;
    let keys = [format!("product:{}", product.slug), format!("category:{}", category.slug)];
    let etag = etag(&visit, &product, &category);
    if let Some(etag) = etag.as_ref().filter(|etag| has_already(&headers, etag)) {
        let head = [(header::ETAG, etag.as_str()), (header::VARY, "Cookie")];
        return Ok(with_keys((StatusCode::NOT_MODIFIED, head).into_response(), keys));
    }
    let viewed = visit.cookies.viewed(&product.slug);
    let facts = visit.ask(move |q| Facts::of(q, product, category)).await?;
    let page = visit.page(&facts.product.name, &facts.draw());
    let page = with_keys(with_cookie(page, viewed), keys);
    Ok(match etag {
        Some(etag) => ([(header::ETAG, etag)], page).into_response(),
        None => page,
    })
}

fn find(q: &crate::database::Queries<'_>, slug: &str) -> rusqlite::Result<Option<(Product, Category)>> {
    let Some(product) = Product::by_slug(q, slug)? else {
        return Ok(None);
    };
    let category = Category::by_slug(q, &product.category)?;
    Ok(category.map(|category| (product, category)))
}

/// Everything on an anonymous page comes from these two rows but the time in the footer, which is
/// why the validator is a weak one. Other visitors' pages have none: their frame differs.
fn etag(visit: &Visit, product: &Product, category: &Category) -> Option<String> {
    let named = || format!("W/\"{}-{}-{}\"", product.slug, product.version, category.version);
    visit.is_anonymous().then(named)
}

/// What a product's page shows.
struct Facts {
    product: Product,
    category: Category,
    rating: Rating,
    specs: Vec<Spec>,
    reviews: Vec<Review>,
}

impl Facts {
    fn of(q: &crate::database::Queries<'_>, product: Product, category: Category) -> rusqlite::Result<Self> {
        let (rating, specs) = (product.rating(q)?, product.specs(q)?);
        let reviews = product.reviews(q)?;
        Ok(Self { product, category, rating, specs, reviews })
    }

    fn draw(&self) -> String {
        let (product, category) = (&self.product, &self.category);
        format!(
            r#"<nav class="crumbs" aria-label="You are here"><a href="/">Home</a> › <a href="/categories/{category_slug}">{category_name}</a></nav>
<article class="product">
<img src="/images/{slug}.svg" alt="Drawing of {name}" width="480" height="360">
<div><h1>{name}</h1>
<p class="price">{price}</p>{stars}
<p class="lead">{description}</p>
<form method="post" action="/basket/add/{slug}"><button>Add to basket</button></form>
<dl class="specs">{specs}</dl>
<p class="quiet"><a href="/edit/product/{slug}">Edit this product</a></p></div>
</article>
{reviews}"#,
            slug = product.slug,
            name = Text(&product.name),
            price = product.price,
            description = Text(&product.description),
            category_slug = category.slug,
            category_name = Text(&category.name),
            stars = stars(self.rating),
            specs = each(&self.specs, spec),
            reviews = reviews(&self.reviews),
        )
    }
}

fn spec(spec: &Spec) -> String {
    format!("<div><dt>{}</dt><dd>{}</dd></div>", Text(&spec.name), Text(&spec.value))
}

fn reviews(reviews: &[Review]) -> String {
    if reviews.is_empty() {
        return r#"<p class="quiet">Nobody has said anything about it yet.</p>"#.to_owned();
    }
    let draw = |review: &Review| {
        let (author, text, stars) = (Text(&review.author), Text(&review.text), review.stars);
        format!(
            r#"<li><blockquote>{text}</blockquote><p class="quiet">{author}, <span class="stars">{stars} of 5 ★</span></p></li>"#
        )
    };
    format!(r#"<h2>What people say</h2><ul class="reviews">{}</ul>"#, each(reviews, draw))
}
