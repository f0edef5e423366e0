//! Pictures and the style sheet: the same for everybody, with strong validators.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use super::refusal::Refusal;
use super::replies::has_already;
use super::visit::Desk;
use crate::database::{Category, Product};
use crate::picture;

const STYLE: &str = include_str!("../assets/style.css");

/// Bytes of the digest that name a version; eight are plenty for some seventy pictures.
const ETAG_BYTES: usize = 8;

/// `GET /style.css`
pub(super) async fn style(headers: HeaderMap) -> Response {
    asset(&headers, "text/css; charset=utf-8", STYLE.to_owned())
}

/// `GET /images/{slug}.svg`, of a product or a category.
pub(super) async fn image(desk: Desk, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let slug = file.strip_suffix(".svg").ok_or(Refusal::NotFound("picture"))?.to_owned();
    let asked = slug.clone();
    let category = desk
        .ask(move |q| match Product::by_slug(q, &asked)? {
            Some(product) => Ok(Some(product.category)),
            None => Ok(Category::by_slug(q, &asked)?.map(|category| category.slug)),
        })
        .await?;
    let category = category.ok_or(Refusal::NotFound("picture"))?;
    Ok(asset(&headers, "image/svg+xml", picture::draw(&slug, &category)))
}

fn asset(headers: &HeaderMap, kind: &'static str, body: String) -> Response {
    let etag = etag(&body);
    let seen = has_already(headers, &etag);
    let head = [(header::CACHE_CONTROL, "public, max-age=86400".to_owned()), (header::ETAG, etag)];
    if seen {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, kind)], body).into_response()
}

fn etag(body: &str) -> String {
    let hash = digest(&SHA256, body.as_bytes());
    let bytes = hash.as_ref().iter().take(ETAG_BYTES);
    let name = bytes.fold(String::new(), |mut name, byte| {
        // Writing to a String does not fail.
        let _ = write!(name, "{byte:02x}");
        name
    });
    format!("\"{name}\"")
}
