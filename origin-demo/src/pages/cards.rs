//! A product as lists show it.

use super::html::{Text, each};
use crate::database::{Card, Rating};

/// A grid of `cards`.
pub(super) fn grid(cards: &[Card]) -> String {
    format!(r#"<ul class="grid">{}</ul>"#, each(cards, card))
}

fn card(card: &Card) -> String {
    let (product, category) = (&card.product, &card.category);
    format!(
        r#"<li class="card"><a href="/products/{slug}"><img src="/images/{slug}.svg" alt="" width="480" height="360" loading="lazy">
<h3>{name}</h3></a>
<p class="price">{price}</p>
<p class="quiet"><a href="/categories/{category_slug}">{category_name}</a>{stars}</p></li>
"#,
        slug = product.slug,
        name = Text(&product.name),
        price = product.price,
        category_slug = category.slug,
        category_name = Text(&category.name),
        stars = stars(card.rating),
    )
}

/// `★ 4.3 (3)`; nothing where nobody has judged yet.
pub(super) fn stars(rating: Rating) -> String {
    let Rating { reviews, tenths } = rating;
    if reviews == 0 {
        return String::new();
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    format!(
        r#" <span class="stars" aria-label="{whole}.{tenth} of 5 stars, {reviews} reviews">★ {whole}.{tenth} ({reviews})</span>"#
    )
}
