//! The shop's stock: the same at every birth of the database, and planted only once, so that edits
//! survive a restart.

use rusqlite::{Result, params};

use super::Queries;
use super::words::{CLOSINGS, CUSTOMERS, OPENINGS, ORIGINS, REVIEWERS, REVIEWS, SHELVES, Shelf};
use crate::dice::Dice;

/// The first order number; the ones before were taken by a shop that never was.
const FIRST_ORDER: i64 = 20_417;

/// Fills an empty database, in one transaction.
pub(super) fn plant(q: &Queries<'_>) -> Result<()> {
    q.together(|q| {
        let planted = q.one("SELECT 1 FROM categories LIMIT 1", [], |_| Ok(()))?;
        if planted.is_some() {
            return Ok(());
        }
        for shelf in &SHELVES {
            fill(q, shelf)?;
        }
        greet(q)
    })
}

fn fill(q: &Queries<'_>, shelf: &Shelf) -> Result<()> {
    let sql = "INSERT INTO categories (slug, name, blurb) VALUES (?1, ?2, ?3)";
    q.change(sql, [shelf.slug, shelf.name, shelf.blurb])?;
    for (name, cents) in shelf.products {
        let slug = slug(name);
        let mut dice = Dice::of(&slug);
        let text = format!("{} {}", dice.pick(&OPENINGS), dice.pick(&CLOSINGS));
        let sql = "INSERT INTO products (slug, name, price, description, category)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        q.change(sql, params![slug, name, cents, text, shelf.slug])?;
        let id = q.last_row();
        describe(q, id, shelf, &mut dice)?;
        judge(q, id, &mut dice)?;
    }
    Ok(())
}

fn describe(q: &Queries<'_>, id: i64, shelf: &Shelf, dice: &mut Dice) -> Result<()> {
    let weight = 200 + dice.roll(48) * 50;
    let specs = [
        ("Material", (*dice.pick(shelf.materials)).to_owned()),
        ("Made in", (*dice.pick(&ORIGINS)).to_owned()),
        ("Weight", format!("{weight} g")),
    ];
    for (name, value) in specs {
        let sql = "INSERT INTO specs (product, name, value) VALUES (?1, ?2, ?3)";
        q.change(sql, params![id, name, value])?;
    }
    Ok(())
}

fn judge(q: &Queries<'_>, id: i64, dice: &mut Dice) -> Result<()> {
    for _ in 0..dice.roll(4) {
        let (stars, text) = dice.pick(&REVIEWS);
        let sql = "INSERT INTO reviews (product, author, stars, text) VALUES (?1, ?2, ?3, ?4)";
        q.change(sql, params![id, dice.pick(&REVIEWERS), stars, text])?;
    }
    Ok(())
}

/// Customers, each with two or three orders behind them.
fn greet(q: &Queries<'_>) -> Result<()> {
    let mut number = FIRST_ORDER;
    for (login, name) in CUSTOMERS {
        q.change("INSERT INTO customers (login, name) VALUES (?1, ?2)", [login, name])?;
        let mut dice = Dice::of(login);
        for _ in 0..2 + dice.roll(2) {
            let product = i64::from(1 + dice.roll(60));
            let placed = format!("2026-{:02}-{:02}", 1 + dice.roll(10), 1 + dice.roll(28));
            let sql = "INSERT INTO orders (number, login, placed, product, price)
                       SELECT ?1, ?2, ?3, id, price FROM products WHERE id = ?4";
            q.change(sql, params![number, login, placed, product])?;
            number += 1;
        }
    }
    Ok(())
}

/// `Salt & Pepper Mills` to `salt-pepper-mills`.
fn slug(name: &str) -> String {
    let plain = name.replace('\'', "").to_lowercase();
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::super::{Product, Queries, schema, seed};
    use rusqlite::Connection;

    fn shop() -> rusqlite::Result<Connection> {
        let connection = Connection::open_in_memory()?;
        schema::create(&connection)?;
        seed::plant(&Queries::new(&connection))?;
        Ok(connection)
    }

    fn everything(connection: &Connection) -> rusqlite::Result<Vec<String>> {
        let q = Queries::new(connection);
        let mut all = Vec::new();
        for table in ["categories", "products", "specs", "reviews", "customers", "orders"] {
            let sql = format!("SELECT * FROM {table}");
            all.extend(q.all(&sql, [], |row| {
                let cells = (0..row.as_ref().column_count()).map(|i| row.get_ref(i));
                cells.map(|cell| Ok(format!("{:?}", cell?))).collect::<Result<Vec<_>, _>>()
            })?);
        }
        Ok(all.into_iter().map(|row| row.join("|")).collect())
    }

    #[test]
    fn two_births_are_alike() -> rusqlite::Result<()> {
        assert_eq!(everything(&shop()?)?, everything(&shop()?)?);
        Ok(())
    }

    #[test]
    fn sixty_products_in_eight_categories_planted_once() -> rusqlite::Result<()> {
        let connection = shop()?;
        let q = Queries::new(&connection);
        seed::plant(&q)?;
        assert_eq!(Product::count(&q)?, 60);
        assert_eq!(super::super::Category::all(&q)?.len(), 8);
        Ok(())
    }

    #[test]
    fn slugs_are_plain() {
        assert_eq!(super::slug("Salt & Pepper Mills"), "salt-pepper-mills");
        assert_eq!(super::slug("Chef's Knife 20 cm"), "chefs-knife-20-cm");
    }
}
