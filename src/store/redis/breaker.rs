//! When to stop asking a server that does not answer. Pure: it is told the time and the outcomes, and asks nobody.
//!
//! It opens after a few failures in a row, or when half of many within a second failed; one success closes it. Who asks
//! meanwhile is not this file's: see [`super::probe`].

use crate::clock::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Failures in a row that open it.
const STRAIGHT_MAX: u32 = 5;
/// Outcomes of which half may be failures, if all came within the time.
const WINDOW: usize = 20;
const WINDOW_TIME: Duration = Duration::from_secs(1);

/// One breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    straight: u32,
    recent: VecDeque<(Timestamp, bool)>,
    open: bool,
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.straight = 0;
        if self.open {
            // What failed before is no reason to open it again.
            *self = Breaker::default();
        }
        self.note(now, true);
    }

    /// Tells whether this failure opened it.
    pub(super) fn failed(&mut self, now: Timestamp) -> bool {
        self.straight = self.straight.saturating_add(1);
        self.note(now, false);
        let opens = !self.open && (self.straight >= STRAIGHT_MAX || self.is_half_lost(now));
        self.open |= opens;
        opens
    }

    fn note(&mut self, now: Timestamp, good: bool) {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back((now, good));
    }

    fn is_half_lost(&self, now: Timestamp) -> bool {
        let lost = self.recent.iter().filter(|(_, good)| !good).count();
        let all_recent = self.recent.front().is_some_and(|(first, _)| now.since(*first) <= WINDOW_TIME);
        self.recent.len() == WINDOW && all_recent && lost * 2 >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_in_a_row_open_it_and_a_success_closes_it() {
        let mut breaker = Breaker::default();
        let opened: Vec<bool> = (0..6).map(|n| breaker.failed(Timestamp(n * 10_000))).collect();
        assert_eq!(opened, [false, false, false, false, true, false]);
        assert!(breaker.is_open());
        breaker.succeeded(Timestamp(60_000));
        assert!(!breaker.is_open());
        assert!(!breaker.failed(Timestamp(60_000)));
    }

    #[test]
    fn half_of_many_open_it_only_within_a_second() {
        for (apart_ms, opened_by) in [(50, Some(19)), (200, None)] {
            let mut breaker = Breaker::default();
            let opened = (0..100).position(|n| {
                let now = Timestamp(n * apart_ms);
                if n % 2 == 0 {
                    breaker.succeeded(now);
                    return false;
                }
                breaker.failed(now)
            });
            assert_eq!(opened, opened_by, "{apart_ms} ms apart");
        }
    }

    #[test]
    fn few_failures_among_many_leave_it_closed() {
        let mut breaker = Breaker::default();
        for n in 0..1_000 {
            let now = Timestamp(n);
            if n % 3 == 0 {
                assert!(!breaker.failed(now));
            } else {
                breaker.succeeded(now);
            }
        }
    }
}
