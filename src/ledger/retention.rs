//! How far the ledger's floor moves with time.
//!
//! No response is kept longer than `max_keep`, so a record older than that has nothing left to match. What is dropped is told
//! by position: a mark says "everything up to here was taken in by then". A wall clock that jumps forward drops records early,
//! which makes old responses gone; one that jumps back keeps them longer. Neither loses a purge.

use super::Position;
use crate::clock::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Marks are at least so far apart: `max_keep` of 7 days makes 10,080 of them.
const MARK_EVERY: Duration = Duration::from_mins(1);

/// Marks from the oldest to the newest; both their times and their positions grow.
#[derive(Debug)]
pub(super) struct Retention {
    max_keep: Duration,
    marks: VecDeque<(Timestamp, Position)>,
}

impl Retention {
    pub(super) fn new(max_keep: Duration) -> Retention {
        Retention { max_keep, marks: VecDeque::new() }
    }

    /// Notes that everything up to `position` was taken in by `now`, by the wall's clock.
    pub(super) fn note(&mut self, now: Timestamp, position: Position) {
        // A clock that was set back makes older marks say too late a time. Positions tell that they are older than this one.
        while self.marks.back().is_some_and(|(time, _)| *time > now) {
            self.marks.pop_back();
        }
        let due = self.marks.back().is_none_or(|(time, marked)| now.since(*time) >= MARK_EVERY && position > *marked);
        if due {
            self.marks.push_back((now, position));
        }
    }

    /// The newest position that was taken in longer ago than responses are kept.
    pub(super) fn floor(&mut self, now: Timestamp) -> Option<Position> {
        let mut floor = None;
        while let Some((_, position)) = self.marks.pop_front_if(|(time, _)| now.since(*time) > self.max_keep) {
            floor = Some(position);
        }
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp(secs * 1_000)
    }

    #[test]
    fn positions_are_dropped_when_they_are_older_than_what_is_kept() {
        let mut retention = Retention::new(Duration::from_mins(10));
        for (secs, position) in [(0, 1), (30, 2), (60, 3), (61, 4), (200, 5), (500, 5)] {
            retention.note(at(secs), position);
        }
        assert_eq!(retention.floor(at(600)), None);
        assert_eq!(retention.floor(at(601)), Some(1));
        assert_eq!(retention.floor(at(660)), None);
        assert_eq!(retention.floor(at(661)), Some(3));
        assert_eq!(retention.floor(at(9_000)), Some(5));
        assert_eq!(retention.floor(at(9_001)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_neither_stops_nor_hurries_retention() {
        let mut retention = Retention::new(Duration::from_mins(10));
        retention.note(at(90_000), 1);
        retention.note(at(90_100), 2);
        retention.note(at(50), 3);
        assert_eq!(retention.floor(at(650)), None);
        assert_eq!(retention.floor(at(651)), Some(3));
    }
}
