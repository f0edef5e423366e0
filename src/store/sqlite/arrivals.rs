//! The table of the inbox: webhooks as they came. Nothing that is promised hangs on it.

use crate::clock::Timestamp;
use crate::ledger::Arrival;
use rusqlite::{Connection, Result, Transaction};

/// Made where it is not there: a file of the same version may be from before there was an inbox.
pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS arrival (
        number INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        path TEXT NOT NULL,
        scheme TEXT NOT NULL,
        id TEXT,
        event TEXT,
        verdict TEXT NOT NULL,
        answer TEXT NOT NULL,
        body BLOB,
        replayed_ms INTEGER
    ) STRICT;
";
const KEEP: &str = "INSERT OR REPLACE INTO arrival
    (number, time_ms, path, scheme, id, event, verdict, answer, body, replayed_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
const FORGET: &str = "DELETE FROM arrival WHERE number <= ?1";
const ALL: &str = "SELECT number, time_ms, path, scheme, id, event, verdict, answer, body, replayed_ms
    FROM arrival ORDER BY number";

pub(super) fn keep(whole: &Transaction<'_>, arrival: &Arrival) -> Result<()> {
    let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let row = (
        arrival.number.cast_signed(),
        millis(arrival.time),
        &arrival.path,
        &arrival.scheme,
        &arrival.id,
        &arrival.event,
        &arrival.verdict,
        &arrival.answer,
        arrival.body.as_deref(),
        arrival.replayed.map(millis),
    );
    whole.prepare_cached(KEEP)?.execute(row).map(drop)
}

pub(super) fn forget(whole: &Transaction<'_>, up_to: u64) -> Result<()> {
    whole.prepare_cached(FORGET)?.execute([up_to.cast_signed()]).map(drop)
}

/// All that are kept, in the order of their numbers. The inbox bounds how many there are.
pub(super) fn all(connection: &Connection) -> Result<Vec<Arrival>> {
    let time = |millis: i64| Timestamp(millis.max(0).cast_unsigned());
    let mut statement = connection.prepare(ALL)?;
    let rows = statement.query_map((), |row| {
        Ok(Arrival {
            number: row.get::<_, i64>(0)?.max(0).cast_unsigned(),
            time: time(row.get(1)?),
            path: row.get(2)?,
            scheme: row.get(3)?,
            id: row.get(4)?,
            event: row.get(5)?,
            verdict: row.get(6)?,
            answer: row.get(7)?,
            is_signed: true,
            body: row.get::<_, Option<Vec<u8>>>(8)?.map(Into::into),
            repeats: 0,
            replayed: row.get::<_, Option<i64>>(9)?.map(time),
        })
    })?;
    rows.collect()
}
