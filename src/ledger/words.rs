//! A record as words and numbers, for whoever writes it down: a row that a person reads with `sqlite3`, an entry of a stream
//! that one reads with `redis-cli`.

use super::{Invalidation, Mode, Position, REASON_BYTES_MAX, Record, Scope, Source};
use crate::cache_name::CacheName;
use crate::clock::{Timestamp, millis};
use crate::tags::Tag;
use std::time::Duration;

/// A record without its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordWords {
    /// When it was taken in, in milliseconds since 1970, by the wall's clock.
    pub time_ms: u64,
    /// `all`, `cache`, `tag`, `url`, `prefix` or `pattern`.
    pub scope: String,
    /// The host of a URL, prefix or pattern; none means every host.
    pub host: Option<String>,
    /// The cache's name, the tag, the path, the prefix or the glob.
    pub value: Option<String>,
    /// The query of a URL; none means every query.
    pub query: Option<String>,
    /// `hard` or `soft`.
    pub mode: String,
    /// The settle time in milliseconds.
    pub settle_ms: u64,
    /// See [`Source::as_str`].
    pub source: String,
    /// Why; at most 200 bytes.
    pub reason: String,
}

impl RecordWords {
    /// The words of a record.
    pub fn of(record: &Record) -> RecordWords {
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
        RecordWords {
            time_ms: record.time.as_millis(),
            scope: scope.into(),
            host,
            value,
            query,
            mode: mode.as_str().into(),
            settle_ms: millis(*settle),
            source: source.as_str().into(),
            reason: reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].into(),
        }
    }

    /// The record at a position; none where a word is one that was never written.
    pub fn record(self, position: Position) -> Option<Record> {
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
            position,
            time: Timestamp(self.time_ms),
            invalidation: Invalidation {
                scope,
                mode: Mode::parse(&self.mode)?,
                settle: Duration::from_millis(self.settle_ms),
                source: Source::parse(&self.source)?,
                reason: self.reason.into(),
            },
        })
    }
}
