//! Searching names and descriptions.

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;

use super::cards;
use super::html::Text;
use super::refusal::Refusal;
use super::visit::Visit;
use crate::database::{Card, Product};

/// Results shown.
const RESULTS_MAX: u32 = 24;

/// A longer search is a mistake or an attack.
const WORDS_CHARS_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// `GET /search?q=`
pub(super) async fn show(visit: Visit, Query(query): Query<SearchQuery>) -> Result<Response, Refusal> {
    let words = query.q.trim().to_owned();
    if words.chars().count() > WORDS_CHARS_MAX {
        let complaint = format!("Search for at most {WORDS_CHARS_MAX} characters.");
        return Err(Refusal::BadInput(complaint));
    }
    let cards = if words.is_empty() {
        Vec::new()
    } else {
        let words = words.clone();
        visit.ask(move |q| Card::of(q, Product::search(q, &words, RESULTS_MAX)?)).await?
    };
    let page = visit.page("Search", &draw(&words, &cards));
    Ok(([(header::CACHE_CONTROL, "no-store")], page).into_response())
}

fn draw(words: &str, cards: &[Card]) -> String {
    let found = match (words, cards.len()) {
        ("", _) => "What are you looking for?".to_owned(),
        (_, 0) => format!("Nothing found for “{}”.", Text(words)),
        (_, 1) => format!("1 product for “{}”", Text(words)),
        (_, count) => format!("{count} products for “{}”", Text(words)),
    };
    format!(
        r#"<h1>Search</h1>
<form class="row" action="/search"><input type="search" name="q" value="{}" aria-label="Search products" maxlength="{WORDS_CHARS_MAX}"><button>Search</button></form>
<p class="quiet" role="status">{found}</p>
{}"#,
        Text(words),
        cards::grid(cards)
    )
}
