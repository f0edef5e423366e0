//! The pages: which path is answered by whom, and what wraps them all.
//!
//! A page asks the database through its [`visit::Visit`], which counts, and is put into its
//! [`frame`]. Whoever puts words into HTML puts them through [`html::Text`]; what is already HTML is
//! a `String` and is never escaped again.

mod account;
mod assets;
mod basket;
mod cards;
mod categories;
mod checkout;
mod edit;
mod faults;
mod forms;
mod frame;
mod home;
mod html;
mod login;
mod misbehave;
mod products;
mod refusal;
mod replies;
mod search;
mod stats;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use crate::shop::Parts;
use crate::stats::PageKind;

/// A form this shop is sent has a few hundred bytes; a description may be long.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// All routes.
pub(crate) fn router(parts: Arc<Parts>) -> Router {
    Router::new()
        .merge(catalogue())
        .merge(personal())
        .merge(behind_the_counter())
        .fallback(refusal::nowhere)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&parts), misbehave::misbehave))
        .layer(from_fn_with_state(Arc::clone(&parts), count))
        .layer(from_fn(replies::vary))
        .with_state(parts)
}

fn catalogue() -> Router<Arc<Parts>> {
    Router::new()
        .route("/", get(home::show))
        .route("/products", get(products::list))
        .route("/products/{slug}", get(products::detail))
        .route("/categories", get(|| replies::moved("/categories/")))
        .route("/categories/", get(categories::all))
        .route("/categories/{slug}", get(categories::one))
        .route("/search", get(search::show))
        .route("/images/{file}", get(assets::image))
        .route("/style.css", get(assets::style))
}

fn personal() -> Router<Arc<Parts>> {
    Router::new()
        .route("/login", get(login::form).post(login::enter))
        .route("/logout", get(login::leave).post(login::leave))
        .route("/account", get(|| replies::moved("/account/")))
        .route("/account/", get(account::overview))
        .route("/account/orders", get(account::orders))
        .route("/account/profile", get(account::profile).post(account::rename))
        .route("/basket", get(basket::show))
        .route("/basket/add/{slug}", post(basket::add))
        .route("/basket/remove/{slug}", post(basket::remove))
        .route("/checkout", get(|| replies::moved("/checkout/")))
        .route("/checkout/", get(checkout::show))
}

fn behind_the_counter() -> Router<Arc<Parts>> {
    Router::new()
        .route("/edit", get(|| replies::moved("/edit/")))
        .route("/edit/", get(edit::index))
        .route("/edit/product/{slug}", get(edit::product_form).post(edit::product))
        .route("/edit/category/{slug}", get(edit::category_form).post(edit::category))
        .route("/stats", get(stats::show))
        .route("/stats/reset", post(stats::reset))
        .route("/faults", get(faults::show).post(faults::switch))
}

async fn count(State(parts): State<Arc<Parts>>, request: Request, next: Next) -> Response {
    if let Some(kind) = PageKind::of(request.uri().path()) {
        parts.stats.request(kind);
    }
    next.run(request).await
}
