//! Edits: the change and the webhook that tells it are one transaction, so that neither can exist
//! without the other, whenever the power goes.

use rusqlite::{Result, params};

use super::messages::{self, Event};
use super::{Category, Product, Queries};
use crate::price::Price;

/// A product's new face, already checked.
#[derive(Debug)]
pub(crate) struct ProductEdit {
    pub(crate) name: String,
    pub(crate) price: Price,
    pub(crate) description: String,
}

impl Product {
    /// Applies `edit`; answers with the webhook's place in the outbox, or nothing if there is no
    /// such product.
    pub(crate) fn edit(q: &Queries<'_>, slug: &str, edit: &ProductEdit, now_ms: i64) -> Result<Option<i64>> {
        q.together(|q| {
            let Some(product) = Self::by_slug(q, slug)? else {
                return Ok(None);
            };
            let sql = "UPDATE products SET name = ?2, price = ?3, description = ?4,
                       version = version + 1 WHERE slug = ?1";
            q.change(sql, params![slug, edit.name, edit.price.0, edit.description])?;
            let event = Event::product_updated(slug, &product.category, edit.price);
            messages::append(q, &event, now_ms).map(Some)
        })
    }
}

impl Category {
    /// Gives the category another name; answers as [`Product::edit`] does.
    pub(crate) fn rename(q: &Queries<'_>, slug: &str, name: &str, now_ms: i64) -> Result<Option<i64>> {
        q.together(|q| {
            let sql = "UPDATE categories SET name = ?2, version = version + 1 WHERE slug = ?1";
            if q.change(sql, [slug, name])? == 0 {
                return Ok(None);
            }
            messages::append(q, &Event::category_updated(slug), now_ms).map(Some)
        })
    }
}
