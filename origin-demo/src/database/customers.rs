//! The three customers, their sessions and their orders.

use rusqlite::{Result, params};

use super::Queries;
use super::messages::{self, Event};
use crate::price::Price;

/// Everybody's password: this shop sells nothing.
const PASSWORD: &str = "demo";

/// Sessions kept; the oldest is forgotten when one more is begun.
const SESSIONS_MAX: u32 = 10_000;

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) login: String,
    /// The name they chose to be shown.
    pub(crate) name: String,
}

/// Something they bought once.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) placed: String,
    pub(crate) product: i64,
    pub(crate) price: Price,
}

impl Customer {
    /// Begins the session `id` for whoever has this login and password.
    pub(crate) fn sign_in(q: &Queries<'_>, id: &str, login: &str, password: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM customers WHERE login = ?1";
        if password != PASSWORD || q.one(sql, [login], |_| Ok(()))?.is_none() {
            return Ok(false);
        }
        q.change("INSERT INTO sessions (id, login) VALUES (?1, ?2)", [id, login])?;
        q.change("DELETE FROM sessions WHERE rowid <= ?1", [q.last_row() - i64::from(SESSIONS_MAX)])?;
        Ok(true)
    }

    /// Whose session `id` is.
    pub(crate) fn of_session(q: &Queries<'_>, id: &str) -> Result<Option<Self>> {
        let sql = "SELECT login, name FROM customers JOIN sessions USING (login) WHERE id = ?1";
        q.one(sql, [id], |row| Ok(Self { login: row.get(0)?, name: row.get(1)? }))
    }

    /// Ends the session `id`; its end and the webhook that tells it are one transaction.
    /// Answers with the webhook's place in the outbox, or nothing if there was no such session.
    pub(crate) fn sign_out(q: &Queries<'_>, id: &str, now_ms: i64) -> Result<Option<i64>> {
        q.together(|q| {
            if q.change("DELETE FROM sessions WHERE id = ?1", [id])? == 0 {
                return Ok(None);
            }
            messages::append(q, &Event::logged_out(id), now_ms).map(Some)
        })
    }

    pub(crate) fn rename(&self, q: &Queries<'_>, name: &str) -> Result<()> {
        let sql = "UPDATE customers SET name = ?2 WHERE login = ?1";
        q.change(sql, params![self.login, name]).map(drop)
    }

    /// Their orders, the latest first.
    pub(crate) fn orders(&self, q: &Queries<'_>) -> Result<Vec<Order>> {
        let sql = "SELECT number, placed, product, price FROM orders
                   WHERE login = ?1 ORDER BY number DESC";
        q.all(sql, [&self.login], |row| {
            Ok(Order { number: row.get(0)?, placed: row.get(1)?, product: row.get(2)?, price: Price(row.get(3)?) })
        })
    }
}
