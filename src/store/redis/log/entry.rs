//! One record as an entry of the stream: words and numbers that a person with `redis-cli` can read, a random nonce, and its
//! predecessor's. A log that lost some records and went on is seen by the first entry that names another predecessor.

use crate::ledger::{Position, Record, RecordWords};
use redis::Value;
use redis::streams::StreamId;

/// An entry, read back.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) nonce: String,
    pub(super) after: String,
}

/// The fields of a record's entry, names and values in turns.
pub(super) fn fields(record: &Record) -> Vec<(&'static str, String)> {
    let words = RecordWords::of(record);
    let mut fields = vec![
        ("time_ms", words.time_ms.to_string()),
        ("scope", words.scope),
        ("mode", words.mode),
        ("settle_ms", words.settle_ms.to_string()),
        ("source", words.source),
        ("reason", words.reason),
    ];
    let optional = [("host", words.host), ("value", words.value), ("query", words.query)];
    fields.extend(optional.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
    fields
}

/// Reads an entry; none where it is none of ours.
pub(super) fn read(entry: &StreamId) -> Option<Entry> {
    let position: Position = entry.id.strip_suffix("-0")?.parse().ok()?;
    let text = |name: &str| match entry.map.get(name)? {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    };
    let words = RecordWords {
        time_ms: text("time_ms")?.parse().ok()?,
        scope: text("scope")?,
        host: text("host"),
        value: text("value"),
        query: text("query"),
        mode: text("mode")?,
        settle_ms: text("settle_ms")?.parse().ok()?,
        source: text("source")?,
        reason: text("reason")?,
    };
    Some(Entry { record: words.record(position)?, nonce: text("nonce")?, after: text("after")? })
}

/// Where a reader is in the log, and what the next entry must name as its predecessor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) position: Position,
    /// None where that was trimmed before it was read.
    pub(super) nonce: Option<String>,
}

/// The log is not the one that was read before, or lost something.
#[derive(Debug, thiserror::Error)]
#[error("the entry after {0} is not its successor")]
pub(super) struct Broken(Position);

impl Place {
    /// Follows entries, each of which must be the successor of the one before.
    pub(super) fn follow(&mut self, entries: &[StreamId]) -> Result<Vec<Record>, Broken> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let broken = Broken(self.position);
            let Some(entry) = read(entry) else { return Err(broken) };
            let follows = entry.record.position == self.position + 1
                && self.nonce.as_ref().is_none_or(|nonce| *nonce == entry.after);
            if !follows {
                return Err(broken);
            }
            *self = Place { position: entry.record.position, nonce: Some(entry.nonce) };
            records.push(entry.record);
        }
        Ok(records)
    }
}
