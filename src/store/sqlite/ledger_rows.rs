//! The ledger's tables: what was found at the start, appending, trimming.
//!
//! A lost or changed record is a purge undone, so each row has a checksum and names its predecessor, and the newest position
//! stands apart from the rows. What does not agree makes the whole file worth nothing: it is put aside, and a new epoch
//! begins.

use super::record_row::RecordRow;
use crate::clock::Timestamp;
use crate::crypto;
use crate::ledger::{Batch, Delivery, Epoch, Opened, Position, Record};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Rows that one trim deletes, at most, so that no commit waits long for it.
const TRIM_ROWS: i64 = 500;
/// A position that counting from 1 never reaches; one beyond it is damage.
const POSITION_MAX: u64 = 1 << 62;

const INSERT: &str = "INSERT INTO ledger
    (position, previous, time_ms, scope, host, value, query, mode, settle_ms, source, reason, checksum)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const KEPT: &str =
    "SELECT position, previous, time_ms, scope, host, value, query, mode, settle_ms, source, reason, checksum
    FROM ledger WHERE position > ?1 ORDER BY position";
const SET: &str =
    "INSERT INTO ledger_meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
/// A repeated id keeps its first answer.
const DELIVERED: &str = "INSERT INTO ledger_delivery (id, time_ms, answer) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

/// What the writer knows of the ledger.
#[derive(Debug)]
pub(super) struct LedgerRows {
    epoch: Epoch,
    /// The newest record's position, kept or trimmed.
    last: i64,
    /// The largest position in the stamp of any response that was ever stored under this epoch.
    stamp_max: Position,
}

/// The ledger could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// SQLite's word.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// What is there is not what was written.
    #[error("the ledger is damaged: {0}")]
    Damaged(&'static str),
    /// No epoch could be named.
    #[error("no random name for a new ledger: {0}")]
    Random(#[from] std::io::Error),
}

impl LedgerRows {
    /// Reads the ledger, or names a new one where the table is new.
    ///
    /// The head is the largest of three. The newest record, plainly. The floor, because records up to it are forgotten, and
    /// all of them may be. And the largest stamp of any stored response: a record that took a position which a stored
    /// response already bears would not count as newer than it, and would leave it in place. Were a record ever lost
    /// between its acknowledgement and now, by a disk that lies about fsync, this is what keeps its number from being given
    /// out a second time.
    pub(super) fn load(connection: &Connection) -> Result<(LedgerRows, Opened), LoadError> {
        let epoch = match number(connection, "epoch")? {
            Some(epoch) => Epoch(epoch.cast_unsigned()),
            None => name(connection)?,
        };
        let position = |name| match number(connection, name)? {
            None => Ok(0),
            Some(number) => Position::try_from(number)
                .ok()
                .filter(|position| *position < POSITION_MAX)
                .ok_or(LoadError::Damaged("a position is out of bounds")),
        };
        let (floor, last, stamp_max) = (position("floor")?, position("head")?, position("stamp_max")?);
        let records = kept(connection, floor, last)?;
        let head = last.max(floor).max(stamp_max);
        let opened = Opened { epoch, floor, head, records, deliveries: deliveries(connection)? };
        Ok((LedgerRows { epoch, last: last.cast_signed(), stamp_max }, opened))
    }

    /// Commits batches in their order, all or none, through an fsync.
    ///
    /// In a write-ahead log `synchronous=FULL` syncs it after the commit, and so everything that was committed before with
    /// less. SQLite takes the setting only between transactions.
    pub(super) fn append<'a>(
        &mut self,
        connection: &mut Connection,
        batches: impl Iterator<Item = &'a Batch>,
    ) -> rusqlite::Result<()> {
        connection.pragma_update(None, "synchronous", "FULL")?;
        let appended = self.append_all(connection, batches);
        // Left at FULL it would cost time, not records.
        let _ = connection.pragma_update(None, "synchronous", "NORMAL");
        self.last = appended?;
        Ok(())
    }

    fn append_all<'a>(
        &self,
        connection: &mut Connection,
        batches: impl Iterator<Item = &'a Batch>,
    ) -> rusqlite::Result<i64> {
        let whole = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut last = self.last;
        for batch in batches {
            for record in &batch.records {
                last = insert(&whole, record, last)?;
            }
            if let Some(Delivery { id, time, answer }) = &batch.delivery {
                let time_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                whole.prepare_cached(DELIVERED)?.execute((id, time_ms, answer))?;
            }
        }
        set(&whole, "head", last)?;
        whole.commit()?;
        Ok(last)
    }

    /// Remembers the largest stamp of what is being stored, in the same transaction. Answers with what to hand to
    /// [`LedgerRows::stamped`] once that is committed.
    pub(super) fn stamp(
        &self,
        whole: &Transaction<'_>,
        stamps: impl Iterator<Item = crate::ledger::Stamp>,
    ) -> rusqlite::Result<Position> {
        let own = stamps.filter(|stamp| stamp.epoch == self.epoch).map(|stamp| stamp.position);
        let largest = own.max().unwrap_or(0).min(POSITION_MAX - 1);
        if largest > self.stamp_max {
            set(whole, "stamp_max", largest.cast_signed())?;
        }
        Ok(largest)
    }

    /// The transaction in which [`LedgerRows::stamp`] was called is committed.
    pub(super) fn stamped(&mut self, largest: Position) {
        self.stamp_max = self.stamp_max.max(largest);
    }
}

/// Forgets some of the records up to `floor` and of the older deliveries; tells whether more may be left.
pub(super) fn trim(
    connection: &mut Connection,
    floor: Position,
    deliveries_before: Timestamp,
) -> rusqlite::Result<bool> {
    let floor = floor.min(POSITION_MAX - 1).cast_signed();
    let before_ms = i64::try_from(deliveries_before.as_millis()).unwrap_or(i64::MAX);
    let whole = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if number(&whole, "floor")?.unwrap_or(0) < floor {
        // First, so that rows below it which are still there count no more.
        set(&whole, "floor", floor)?;
    }
    let records = whole
        .prepare_cached(
            "DELETE FROM ledger WHERE position IN (SELECT position FROM ledger WHERE position <= ?1 LIMIT ?2)",
        )?
        .execute((floor, TRIM_ROWS))?;
    let deliveries = whole
        .prepare_cached(
            "DELETE FROM ledger_delivery WHERE id IN (SELECT id FROM ledger_delivery WHERE time_ms < ?1 LIMIT ?2)",
        )?
        .execute((before_ms, TRIM_ROWS))?;
    whole.commit()?;
    Ok(records.max(deliveries) as u64 >= TRIM_ROWS.cast_unsigned())
}

/// Gives a new ledger its name.
fn name(connection: &Connection) -> Result<Epoch, LoadError> {
    let records: i64 = connection.query_row("SELECT count(*) FROM ledger", (), |row| row.get(0))?;
    if records > 0 {
        return Err(LoadError::Damaged("it has records and no name"));
    }
    let epoch = Epoch(u64::from_le_bytes(crypto::random()?));
    connection.pragma_update(None, "synchronous", "FULL")?;
    set(connection, "epoch", epoch.0.cast_signed())?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(epoch)
}

fn kept(connection: &Connection, floor: Position, last: Position) -> Result<Vec<Record>, LoadError> {
    let mut records = Vec::new();
    let mut before = floor.cast_signed();
    let mut statement = connection.prepare(KEPT)?;
    let mut rows = statement.query([before])?;
    while let Some(row) = rows.next()? {
        let checksum: i64 = row.get(11)?;
        let read = RecordRow::read(row)?.ok_or(LoadError::Damaged("a record says what none can"))?;
        // The first names one that was trimmed, somewhere up to the floor; each other one the one before it.
        let follows = if records.is_empty() { read.previous <= before } else { read.previous == before };
        if read.checksum() != checksum || !follows {
            return Err(LoadError::Damaged("a record was lost or changed"));
        }
        before = read.position;
        records.push(read.record().ok_or(LoadError::Damaged("a record says what none can"))?);
    }
    let newest = records.last().map_or(floor, |record| record.position);
    if newest == last || (records.is_empty() && last <= floor) {
        Ok(records)
    } else {
        Err(LoadError::Damaged("the newest record is not the one that was written last"))
    }
}

fn deliveries(connection: &Connection) -> rusqlite::Result<Vec<Delivery>> {
    let mut statement = connection.prepare("SELECT id, time_ms, answer FROM ledger_delivery ORDER BY time_ms, id")?;
    let rows = statement.query_map((), |row| {
        let time = Timestamp(row.get::<_, i64>(1)?.max(0).cast_unsigned());
        Ok(Delivery { id: row.get(0)?, time, answer: row.get(2)? })
    })?;
    rows.collect()
}

/// Inserts a record after the one at `previous`; answers with its own position.
///
/// No `OR REPLACE`: a position that is taken is our own mistake, and must not cost a record.
fn insert(whole: &Transaction<'_>, record: &Record, previous: i64) -> rusqlite::Result<i64> {
    let row = RecordRow::of(record).filter(|row| row.position > previous && row.position < POSITION_MAX.cast_signed());
    let row = row.map(|row| RecordRow { previous, ..row });
    let row = row.ok_or_else(|| rusqlite::Error::ToSqlConversionFailure("a record is out of order".into()))?;
    whole.prepare_cached(INSERT)?.execute((
        row.position,
        row.previous,
        row.time_ms,
        &row.words.scope,
        &row.words.host,
        &row.words.value,
        &row.words.query,
        &row.words.mode,
        row.settle_ms,
        &row.words.source,
        &row.words.reason,
        row.checksum(),
    ))?;
    Ok(row.position)
}

fn number(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM ledger_meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn set(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection.prepare_cached(SET)?.execute((name, value)).map(drop)
}
