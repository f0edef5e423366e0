//! The outbox table: webhooks that were committed with the change they tell of and stay until
//! somebody has taken them.
//!
//! Their order is that of their rows. A row is never changed but for its attempts and its delivery:
//! a retry sends the same id and the same bytes.

use rusqlite::{Result, params};
use serde_json::{Value, json};

use super::Queries;
use crate::price::Price;
use crate::time;

/// Delivered messages kept for the curious.
const DELIVERED_KEPT: i64 = 1000;

/// Something that happened.
pub(crate) struct Event {
    kind: &'static str,
    data: Value,
}

/// An event in the outbox.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its place in the order.
    pub(crate) place: i64,
    /// The same at every attempt, so that a receiver can tell a repetition.
    pub(crate) id: String,
    pub(crate) payload: String,
    pub(crate) attempts: u32,
    pub(crate) next_attempt_ms: i64,
}

impl Event {
    pub(crate) fn product_updated(slug: &str, category: &str, price: Price) -> Self {
        let data = json!({ "slug": slug, "category": category, "price": price.plain() });
        Self { kind: "product.updated", data }
    }

    pub(crate) fn category_updated(slug: &str) -> Self {
        Self { kind: "category.updated", data: json!({ "slug": slug }) }
    }

    pub(crate) fn logged_out(session: &str) -> Self {
        Self { kind: "user.logged_out", data: json!({ "session": session }) }
    }
}

/// Puts `event` last in the outbox and answers with its place. To be called within the
/// transaction of the change it tells of.
pub(super) fn append(q: &Queries<'_>, event: &Event, now_ms: i64) -> Result<i64> {
    let payload = json!({
        "type": event.kind,
        "timestamp": time::rfc3339(now_ms),
        "data": event.data,
    });
    let sql = "INSERT INTO outbox (id, type, payload, created, next_attempt)
               VALUES ('msg_' || lower(hex(randomblob(16))), ?1, ?2, ?3, ?3)";
    q.change(sql, params![event.kind, payload.to_string(), now_ms])?;
    Ok(q.last_row())
}

impl Message {
    /// The one to deliver next.
    pub(crate) fn oldest(q: &Queries<'_>) -> Result<Option<Self>> {
        let sql = "SELECT rowid, id, payload, attempts, next_attempt FROM outbox
                   WHERE delivered IS NULL ORDER BY rowid LIMIT 1";
        q.one(sql, [], |row| {
            Ok(Self {
                place: row.get(0)?,
                id: row.get(1)?,
                payload: row.get(2)?,
                attempts: row.get(3)?,
                next_attempt_ms: row.get(4)?,
            })
        })
    }

    /// How many wait.
    pub(crate) fn waiting(q: &Queries<'_>) -> Result<u32> {
        let sql = "SELECT count(*) FROM outbox WHERE delivered IS NULL";
        Ok(q.one(sql, [], |row| row.get(0))?.unwrap_or(0))
    }

    /// Somebody took the message at `place`. The newest row is always kept, as the next one's
    /// place is counted from it.
    pub(crate) fn delivered(q: &Queries<'_>, place: i64, now_ms: i64) -> Result<()> {
        let sql = "UPDATE outbox SET delivered = ?2, attempts = attempts + 1 WHERE rowid = ?1";
        q.change(sql, params![place, now_ms])?;
        let sql = "DELETE FROM outbox WHERE rowid <= ?1 AND delivered IS NOT NULL";
        q.change(sql, [place - DELIVERED_KEPT]).map(drop)
    }

    /// Nobody took the message at `place`; it is tried again at `next_ms`.
    pub(crate) fn failed(q: &Queries<'_>, place: i64, next_ms: i64) -> Result<()> {
        let sql = "UPDATE outbox SET attempts = attempts + 1, next_attempt = ?2 WHERE rowid = ?1";
        q.change(sql, params![place, next_ms]).map(drop)
    }
}
