//! One ledger record as a row: words and numbers that a person with `sqlite3` can read, under a checksum.

use crate::crypto;
use crate::ledger::{Position, Record, RecordWords};
use rusqlite::Row;

/// A row of the table `ledger`, without its checksum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RecordRow {
    pub(super) position: i64,
    /// The position of the record before it: a missing row is seen by its successor.
    pub(super) previous: i64,
    pub(super) time_ms: i64,
    pub(super) settle_ms: i64,
    pub(super) words: RecordWords,
}

impl RecordRow {
    /// The row of a record, whose predecessor is for the writer to name; none where a number is past what a column holds.
    pub(super) fn of(record: &Record) -> Option<RecordRow> {
        let words = RecordWords::of(record);
        Some(RecordRow {
            position: i64::try_from(record.position).ok()?,
            previous: 0,
            time_ms: i64::try_from(words.time_ms).ok()?,
            settle_ms: i64::try_from(words.settle_ms).unwrap_or(i64::MAX),
            words,
        })
    }

    /// The row, its columns in the order of the table; none where a number is one that was never written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<RecordRow>> {
        let (time_ms, settle_ms): (i64, i64) = (row.get(2)?, row.get(8)?);
        let (Ok(time), Ok(settle)) = (u64::try_from(time_ms), u64::try_from(settle_ms)) else { return Ok(None) };
        let words = RecordWords {
            time_ms: time,
            scope: row.get(3)?,
            host: row.get(4)?,
            value: row.get(5)?,
            query: row.get(6)?,
            mode: row.get(7)?,
            settle_ms: settle,
            source: row.get(9)?,
            reason: row.get(10)?,
        };
        Ok(Some(RecordRow { position: row.get(0)?, previous: row.get(1)?, time_ms, settle_ms, words }))
    }

    /// Over every column, each with its length or its absence, so that no text moves from one to the next unseen.
    pub(super) fn checksum(&self) -> i64 {
        let mut bytes = Vec::with_capacity(256);
        for number in [self.position, self.previous, self.time_ms, self.settle_ms] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let own = &self.words;
        let words = [&own.scope, &own.mode, &own.source, &own.reason].map(Some);
        for text in words.into_iter().chain([own.host.as_ref(), own.value.as_ref(), own.query.as_ref()]) {
            bytes.push(u8::from(text.is_some()));
            let text: &str = text.map_or("", String::as_str);
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        crypto::checksum(&bytes).cast_signed()
    }

    /// The record; none where a column holds what was never written.
    pub(super) fn record(self) -> Option<Record> {
        self.words.record(Position::try_from(self.position).ok()?)
    }
}
