//! Editing products and categories. An edit is answered once its webhook was delivered, or after
//! two seconds without.

use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::forms::{Input, line, paragraph};
use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::{private, see};
use super::visit::Visit;
use crate::database::{Category, Message, Product, ProductEdit};
use crate::price::Price;
use crate::time::now_ms;

const NAME_CHARS_MAX: usize = 80;
const DESCRIPTION_CHARS_MAX: usize = 2000;

#[derive(Deserialize)]
pub(super) struct ProductForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
pub(super) struct CategoryForm {
    #[serde(default)]
    name: String,
}

/// `GET /edit/`
pub(super) async fn index(visit: Visit) -> Result<Response, Refusal> {
    let (waiting, categories) = visit
        .ask(|q| {
            let with_products = |category: Category| Ok((Product::of_category(q, &category.slug)?, category));
            let all = Category::all(q)?.into_iter().map(with_products);
            Ok((Message::waiting(q)?, all.collect::<rusqlite::Result<Vec<_>>>()?))
        })
        .await?;
    let main = format!(
        r#"<h1>Edit</h1>
<p role="status">Webhooks waiting: {waiting}</p>
<div class="columns">{}</div>"#,
        each(&categories, |(products, category)| section(category, products))
    );
    Ok(private(visit.page("Edit", &main)))
}

fn section(category: &Category, products: &[Product]) -> String {
    let link = |product: &Product| {
        let (slug, name) = (&product.slug, Text(&product.name));
        format!(r#"<li><a href="/edit/product/{slug}">{name}</a></li>"#)
    };
    format!(
        r#"<section><h2><a href="/edit/category/{}">{}</a></h2><ul>{}</ul></section>"#,
        category.slug,
        Text(&category.name),
        each(products, link)
    )
}

/// `GET /edit/product/{slug}`
pub(super) async fn product_form(visit: Visit, Path(slug): Path<String>) -> Result<Response, Refusal> {
    let product = visit.ask(move |q| Product::by_slug(q, &slug)).await?;
    let product = product.ok_or(Refusal::NotFound("product"))?;
    let main = format!(
        r#"<section class="narrow"><h1>Edit {name}</h1>
<form method="post" action="/edit/product/{slug}" class="stack">
<label>Name <input name="name" value="{name}" maxlength="{NAME_CHARS_MAX}" required></label>
<label>Price in euros <input name="price" value="{price}" inputmode="decimal" required></label>
<label>Description <textarea name="description" rows="5" maxlength="{DESCRIPTION_CHARS_MAX}" required>{description}</textarea></label>
<button>Save</button></form>
<p><a href="/products/{slug}">Back to the product</a></p></section>"#,
        slug = product.slug,
        name = Text(&product.name),
        price = product.price.plain(),
        description = Text(&product.description),
    );
    Ok(private(visit.page("Edit a product", &main)))
}

/// `POST /edit/product/{slug}`
pub(super) async fn product(
    visit: Visit,
    Path(slug): Path<String>,
    Input(form): Input<ProductForm>,
) -> Result<Response, Refusal> {
    let edit = checked(&form)?;
    let page = format!("/products/{slug}");
    let told = visit.ask(move |q| Product::edit(q, &slug, &edit, now_ms())).await?;
    visit.committed(told.ok_or(Refusal::NotFound("product"))?).await;
    Ok(private(see(&page)))
}

fn checked(form: &ProductForm) -> Result<ProductEdit, Refusal> {
    let complaint = "The price must be a number of euros from 0.01 to 1000000, such as 49.90.";
    Ok(ProductEdit {
        name: line("name", &form.name, NAME_CHARS_MAX)?,
        price: Price::parse(&form.price).ok_or_else(|| Refusal::BadInput(complaint.to_owned()))?,
        description: paragraph("description", &form.description, DESCRIPTION_CHARS_MAX)?,
    })
}

/// `GET /edit/category/{slug}`
pub(super) async fn category_form(visit: Visit, Path(slug): Path<String>) -> Result<Response, Refusal> {
    let category = visit.ask(move |q| Category::by_slug(q, &slug)).await?;
    let category = category.ok_or(Refusal::NotFound("category"))?;
    let main = format!(
        r#"<section class="narrow"><h1>Edit {name}</h1>
<form method="post" action="/edit/category/{slug}" class="stack">
<label>Name <input name="name" value="{name}" maxlength="{NAME_CHARS_MAX}" required></label>
<button>Save</button></form>
<p><a href="/categories/{slug}">Back to the category</a></p></section>"#,
        slug = category.slug,
        name = Text(&category.name),
    );
    Ok(private(visit.page("Edit a category", &main)))
}

/// `POST /edit/category/{slug}`
pub(super) async fn category(
    visit: Visit,
    Path(slug): Path<String>,
    Input(form): Input<CategoryForm>,
) -> Result<Response, Refusal> {
    let name = line("name", &form.name, NAME_CHARS_MAX)?;
    let page = format!("/categories/{slug}");
    let told = visit.ask(move |q| Category::rename(q, &slug, &name, now_ms())).await?;
    visit.committed(told.ok_or(Refusal::NotFound("category"))?).await;
    Ok(private(see(&page)))
}
