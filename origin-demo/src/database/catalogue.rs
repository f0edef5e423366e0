//! Products and categories, read the way an object-relational mapper reads them: one query for the
//! list and two more for each row of it. That is on purpose: it is what a cache saves.

use rusqlite::{Result, Row, params};

use super::Queries;
use crate::price::Price;

/// A product.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) price: Price,
    pub(crate) description: String,
    /// Slug of its category.
    pub(crate) category: String,
    /// Counts its edits.
    pub(crate) version: i64,
}

/// A category.
#[derive(Debug)]
pub(crate) struct Category {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) blurb: String,
    /// Counts its edits.
    pub(crate) version: i64,
}

/// How a product was judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rating {
    pub(crate) reviews: i64,
    /// Tenths of a star, on average.
    pub(crate) tenths: i64,
}

/// One judgement.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) author: String,
    pub(crate) stars: i64,
    pub(crate) text: String,
}

/// One fact of a product.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A product as lists show it.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) product: Product,
    pub(crate) category: Category,
    pub(crate) rating: Rating,
}

const PRODUCT: &str = "SELECT id, slug, name, price, description, category, version FROM products";
const CATEGORY: &str = "SELECT slug, name, blurb, version FROM categories";

impl Product {
    pub(crate) fn by_slug(q: &Queries<'_>, slug: &str) -> Result<Option<Self>> {
        q.one(&format!("{PRODUCT} WHERE slug = ?1"), [slug], Self::read)
    }

    pub(crate) fn by_id(q: &Queries<'_>, id: i64) -> Result<Option<Self>> {
        q.one(&format!("{PRODUCT} WHERE id = ?1"), [id], Self::read)
    }

    /// Page `page` (from 1) of all products.
    pub(crate) fn page(q: &Queries<'_>, page: u32, size: u32) -> Result<Vec<Self>> {
        let from = i64::from(page.saturating_sub(1)) * i64::from(size);
        q.all(&format!("{PRODUCT} ORDER BY id LIMIT ?1 OFFSET ?2"), params![size, from], Self::read)
    }

    /// The first product of each category.
    pub(crate) fn featured(q: &Queries<'_>) -> Result<Vec<Self>> {
        let sql = format!("{PRODUCT} WHERE id IN (SELECT min(id) FROM products GROUP BY category) ORDER BY id");
        q.all(&sql, [], Self::read)
    }

    pub(crate) fn of_category(q: &Queries<'_>, slug: &str) -> Result<Vec<Self>> {
        q.all(&format!("{PRODUCT} WHERE category = ?1 ORDER BY id"), [slug], Self::read)
    }

    /// Products whose name or description contains `text`, at most `limit`.
    pub(crate) fn search(q: &Queries<'_>, text: &str, limit: u32) -> Result<Vec<Self>> {
        // instr and lower: the text is taken as it is, with no wildcards to escape.
        let sql = format!(
            "{PRODUCT} WHERE instr(lower(name), lower(?1)) OR instr(lower(description), lower(?1))
             ORDER BY id LIMIT ?2"
        );
        q.all(&sql, params![text, limit], Self::read)
    }

    pub(crate) fn count(q: &Queries<'_>) -> Result<u32> {
        Ok(q.one("SELECT count(*) FROM products", [], |row| row.get(0))?.unwrap_or(0))
    }

    pub(crate) fn rating(&self, q: &Queries<'_>) -> Result<Rating> {
        let sql = "SELECT count(*), ifnull(sum(stars) * 10 / count(*), 0)
                   FROM reviews WHERE product = ?1";
        let read = |row: &Row<'_>| Ok(Rating { reviews: row.get(0)?, tenths: row.get(1)? });
        Ok(q.one(sql, [self.id], read)?.unwrap_or(Rating { reviews: 0, tenths: 0 }))
    }

    pub(crate) fn reviews(&self, q: &Queries<'_>) -> Result<Vec<Review>> {
        let sql = "SELECT author, stars, text FROM reviews WHERE product = ?1 ORDER BY rowid";
        q.all(sql, [self.id], |row| Ok(Review { author: row.get(0)?, stars: row.get(1)?, text: row.get(2)? }))
    }

    pub(crate) fn specs(&self, q: &Queries<'_>) -> Result<Vec<Spec>> {
        let sql = "SELECT name, value FROM specs WHERE product = ?1 ORDER BY rowid";
        q.all(sql, [self.id], |row| Ok(Spec { name: row.get(0)?, value: row.get(1)? }))
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            slug: row.get(1)?,
            name: row.get(2)?,
            price: Price(row.get(3)?),
            description: row.get(4)?,
            category: row.get(5)?,
            version: row.get(6)?,
        })
    }
}

impl Category {
    pub(crate) fn all(q: &Queries<'_>) -> Result<Vec<Self>> {
        q.all(&format!("{CATEGORY} ORDER BY rowid"), [], Self::read)
    }

    pub(crate) fn by_slug(q: &Queries<'_>, slug: &str) -> Result<Option<Self>> {
        q.one(&format!("{CATEGORY} WHERE slug = ?1"), [slug], Self::read)
    }

    /// How many products it has.
    pub(crate) fn size(&self, q: &Queries<'_>) -> Result<u32> {
        let sql = "SELECT count(*) FROM products WHERE category = ?1";
        Ok(q.one(sql, [&self.slug], |row| row.get(0))?.unwrap_or(0))
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self { slug: row.get(0)?, name: row.get(1)?, blurb: row.get(2)?, version: row.get(3)? })
    }
}

impl Card {
    /// Cards for `products`, with two queries for each.
    pub(crate) fn of(q: &Queries<'_>, products: Vec<Product>) -> Result<Vec<Self>> {
        let mut cards = Vec::with_capacity(products.len());
        for product in products {
            // A product always has a category, by foreign key.
            if let Some(category) = Category::by_slug(q, &product.category)? {
                let rating = product.rating(q)?;
                cards.push(Self { product, category, rating });
            }
        }
        Ok(cards)
    }
}
