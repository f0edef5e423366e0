//! All categories, and one of them with its products.

use axum::extract::Path;
use axum::response::Response;

use super::cards;
use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::{keys_of, with_keys};
use super::visit::Visit;
use crate::database::{Card, Category, Product};

/// `GET /categories/`
pub(super) async fn all(visit: Visit) -> Result<Response, Refusal> {
    let categories = visit
        .ask(|q| {
            let sized = |category: Category| Ok((category.size(q)?, category));
            Category::all(q)?.into_iter().map(sized).collect::<rusqlite::Result<Vec<_>>>()
        })
        .await?;
    let main = format!(
        r#"<h1>Categories</h1><ul class="tiles wide">{}</ul>"#,
        each(&categories, |(size, category)| tile(category, *size))
    );
    let keys = categories.iter().map(|(_, category)| format!("category:{}", category.slug));
    Ok(with_keys(visit.page("Categories", &main), keys))
}

fn tile(category: &Category, size: u32) -> String {
    format!(
        r#"<li><a href="/categories/{slug}"><img src="/images/{slug}.svg" alt="" width="480" height="360" loading="lazy"><strong>{name}</strong></a>
<p>{blurb}</p><p class="quiet">{size} products</p></li>
"#,
        slug = category.slug,
        name = Text(&category.name),
        blurb = Text(&category.blurb)
    )
}

/// `GET /categories/{slug}`
pub(super) async fn one(visit: Visit, Path(slug): Path<String>) -> Result<Response, Refusal> {
    let found = visit
        .ask(move |q| {
            let Some(category) = Category::by_slug(q, &slug)? else {
                return Ok(None);
            };
            let cards = Card::of(q, Product::of_category(q, &slug)?)?;
            Ok(Some((category, cards)))
        })
        .await?;
    let (category, cards) = found.ok_or(Refusal::NotFound("category"))?;
    let main = format!(
        r#"<nav class="crumbs" aria-label="You are here"><a href="/">Home</a> › <a href="/categories/">Categories</a></nav>
<h1>{name}</h1><p class="lead">{blurb}</p>
{grid}
<p class="quiet"><a href="/edit/category/{slug}">Edit this category</a></p>"#,
        name = Text(&category.name),
        blurb = Text(&category.blurb),
        slug = category.slug,
        grid = cards::grid(&cards),
    );
    let own = std::iter::once(format!("category:{}", category.slug));
    Ok(with_keys(visit.page(&category.name, &main), own.chain(keys_of(&cards))))
}
