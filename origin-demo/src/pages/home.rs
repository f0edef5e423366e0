//! The front page: one product of each category, and the categories.

use axum::response::Response;

use super::cards;
use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::{keys_of, with_keys};
use super::visit::Visit;
use crate::database::{Card, Category, Product};

/// `GET /`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let (cards, categories) = visit.ask(|q| Ok((Card::of(q, Product::featured(q)?)?, Category::all(q)?))).await?;
    let main = format!(
        r#"<section class="hero">
<div><h1>Good things, made slowly.</h1>
<p>Lamps, chairs, pots and paper from small workshops. Sixty things, and we know who made each of them.</p>
<p><a class="button" href="/products">See all products</a></p></div>
<img src="/images/harbour-desk-lamp.svg" alt="" width="480" height="360">
</section>
<h2>This week</h2>
{}
<h2>Categories</h2>
<ul class="tiles">{}</ul>"#,
        cards::grid(&cards),
        each(&categories, tile)
    );
    let categories = categories.iter().map(|category| format!("category:{}", category.slug));
    let keys = keys_of(&cards).into_iter().chain(categories);
    Ok(with_keys(visit.page("Good things, made slowly", &main), keys))
}

/// A category's tile.
pub(super) fn tile(category: &Category) -> String {
    format!(
        r#"<li><a href="/categories/{slug}"><img src="/images/{slug}.svg" alt="" width="480" height="360" loading="lazy"><strong>{name}</strong></a></li>"#,
        slug = category.slug,
        name = Text(&category.name)
    )
}
