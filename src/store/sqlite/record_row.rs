//! One ledger record as a row: words and numbers that a person with `sqlite3` can read, under a checksum.

use crate::cache_name::CacheName;
use crate::clock::{Timestamp, millis};
use crate::crypto;
use crate::ledger::{Invalidation, Mode, Position, Record, Scope, Source};
use crate::tags::Tag;
use rusqlite::Row;
use std::time::Duration;

/// Bytes of a reason that are kept.
const REASON_BYTES_MAX: usize = 200;

/// A row of the table `ledger`, without its checksum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RecordRow {
    pub(super) position: i64,
    /// The position of the record before it: a missing row is seen by its successor.
    pub(super) previous: i64,
    pub(super) time_ms: i64,
    pub(super) scope: String,
    pub(super) host: Option<String>,
    pub(super) value: Option<String>,
    pub(super) query: Option<String>,
    pub(super) mode: String,
    pub(super) settle_ms: i64,
    pub(super) source: String,
    pub(super) reason: String,
}

impl RecordRow {
    /// The row of a record, whose predecessor is for the writer to name; none where a number is past what a column holds.
    pub(super) fn of(record: &Record) -> Option<RecordRow> {
        let Invalidation { scope, mode, settle, source, reason } = &record.invalidation;
        let text = |text: &str| Some(text.to_owned());
        let optional = |own: &Option<Box<str>>| own.as_deref().map(str::to_owned);
        let (scope, host, value, query) = match scope {
            Scope::All => ("all", None, None, None),
            Scope::Cache(cache) => ("cache", None, text(cache.as_str()), None),
            Scope::Tag(tag) => ("tag", None, text(tag.as_str()), None),
            Scope::Url { host, path, query } => ("url", optional(host), text(path), optional(query)),
            Scope::Prefix { host, path } => ("prefix", optional(host), text(path), None),
            Scope::Pattern { host, glob } => ("pattern", optional(host), text(glob), None),
        };
        Some(RecordRow {
            position: i64::try_from(record.position).ok()?,
            previous: 0,
            time_ms: i64::try_from(record.time.as_millis()).ok()?,
            scope: scope.into(),
            host,
            value,
            query,
            mode: mode.as_str().into(),
            settle_ms: i64::try_from(millis(*settle)).unwrap_or(i64::MAX),
            source: source.as_str().into(),
            reason: reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].into(),
        })
    }

    /// The row, its columns in the order of the table.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<RecordRow> {
        Ok(RecordRow {
            position: row.get(0)?,
            previous: row.get(1)?,
            time_ms: row.get(2)?,
            scope: row.get(3)?,
            host: row.get(4)?,
            value: row.get(5)?,
            query: row.get(6)?,
            mode: row.get(7)?,
            settle_ms: row.get(8)?,
            source: row.get(9)?,
            reason: row.get(10)?,
        })
    }

    /// Over every column, each with its length or its absence, so that no text moves from one to the next unseen.
    pub(super) fn checksum(&self) -> i64 {
        let mut bytes = Vec::with_capacity(256);
        for number in [self.position, self.previous, self.time_ms, self.settle_ms] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let words = [&self.scope, &self.mode, &self.source, &self.reason].map(Some);
        for text in words.into_iter().chain([self.host.as_ref(), self.value.as_ref(), self.query.as_ref()]) {
            bytes.push(u8::from(text.is_some()));
            let text = text.map_or("", |text| text.as_str());
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        crypto::checksum(&bytes).cast_signed()
    }

    /// The record; none where a column holds what was never written.
    pub(super) fn record(self) -> Option<Record> {
        let scope = match (self.scope.as_str(), self.host, self.value, self.query) {
            ("all", None, None, None) => Scope::All,
            ("cache", None, Some(name), None) => Scope::Cache(CacheName::parse(&name)?),
            ("tag", None, Some(tag), None) => Scope::Tag(Tag::new(&tag).ok()?),
            ("url", host, Some(path), query) => {
                Scope::Url { host: host.map(Into::into), path: path.into(), query: query.map(Into::into) }
            }
            ("prefix", host, Some(path), None) => Scope::Prefix { host: host.map(Into::into), path: path.into() },
            ("pattern", host, Some(glob), None) => Scope::Pattern { host: host.map(Into::into), glob: glob.into() },
            _ => return None,
        };
        Some(Record {
            position: Position::try_from(self.position).ok()?,
            time: Timestamp(u64::try_from(self.time_ms).ok()?),
            invalidation: Invalidation {
                scope,
                mode: [Mode::Hard, Mode::Soft].into_iter().find(|mode| mode.as_str() == self.mode)?,
                settle: Duration::from_millis(u64::try_from(self.settle_ms).ok()?),
                source: Source::parse(&self.source)?,
                reason: self.reason.into(),
            },
        })
    }
}
