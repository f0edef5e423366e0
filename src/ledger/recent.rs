//! The newest records, in memory, for the audit log.

use super::{Position, Record, Scope};
use std::collections::VecDeque;

/// Records that are kept, at most.
const RECORDS_MAX: usize = 10_000;
/// Bytes of them, at most: a URL can be as long as a request's head.
const BYTES_MAX: usize = 4 << 20;

/// The newest records, in the order of their positions.
#[derive(Debug, Default)]
pub(super) struct Recent {
    records: VecDeque<Record>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, record: Record) {
        self.bytes += weight(&record);
        self.records.push_back(record);
        while self.records.len() > RECORDS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.records.pop_front() else { return };
            self.bytes -= weight(&oldest);
        }
    }

    /// The oldest `limit` of those after a position.
    pub(super) fn after(&self, position: Position, limit: usize) -> Vec<Record> {
        let from = self.records.partition_point(|record| record.position <= position);
        self.records.range(from..).take(limit).cloned().collect()
    }
}

fn weight(record: &Record) -> usize {
    let asked = &record.invalidation;
    let texts = match &asked.scope {
        Scope::All | Scope::Cache(_) => 0,
        Scope::Tag(tag) => tag.as_str().len(),
        Scope::Url { host, path, query } => length(host.as_deref()) + path.len() + length(query.as_deref()),
        Scope::Prefix { host, path: shape } | Scope::Pattern { host, glob: shape } => {
            length(host.as_deref()) + shape.len()
        }
    };
    size_of::<Record>() + texts + asked.reason.len()
}

fn length(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ledger::{Invalidation, Mode, Source};
    use std::time::Duration;

    fn record(position: Position, path_bytes: usize) -> Record {
        let scope = Scope::Url { host: None, path: "x".repeat(path_bytes).into(), query: None };
        let invalidation =
            Invalidation { scope, mode: Mode::Hard, settle: Duration::ZERO, source: Source::Admin, reason: "".into() };
        Record { position, time: Timestamp(0), invalidation }
    }

    #[test]
    fn the_oldest_give_way_by_number_and_by_bytes() {
        let mut recent = Recent::default();
        (1..=RECORDS_MAX as u64 + 2).for_each(|position| recent.push(record(position, 1)));
        assert_eq!(recent.after(0, 2).iter().map(|record| record.position).collect::<Vec<_>>(), [3, 4]);
        (0..200).for_each(|n| recent.push(record(20_000 + n, 1 << 16)));
        assert!(recent.bytes <= BYTES_MAX && recent.records.len() == 63, "{}", recent.records.len());
        assert_eq!(recent.after(20_199, 9), []);
    }
}
