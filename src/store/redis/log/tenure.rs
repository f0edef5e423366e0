//! Since when this proxy has held its lease without a break, in one epoch.
//!
//! It confirms nothing before a whole lease of that has passed. Those who followed another epoch may not know yet that it is
//! over, and by then their leases have run out. Where replicas count, that time begins with the first lease and not with the
//! epoch: a new master may have an epoch long before it has replicas, and they may have served its predecessor until then.
//! For the same reason a break begins it anew.
//!
//! Where none count, one proxy that has seen it speaks for all: it says so in the ledger, and who joins later confirms at once.

use super::proxies::{LEASE, MARGIN};
use crate::clock::Timestamp;
use crate::ledger::Epoch;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Tenure {
    /// Whether a lease is one only if replicas know of it.
    by_replicas: bool,
    epoch: Option<Epoch>,
    /// Whether another proxy has seen its end.
    is_over: bool,
    since: Option<Timestamp>,
    until: Timestamp,
}

impl Tenure {
    pub(super) fn new(by_replicas: bool) -> Tenure {
        Tenure { by_replicas, epoch: None, is_over: false, since: None, until: Timestamp(0) }
    }

    /// This proxy follows an epoch, of which another may have said that no lease of an earlier one runs.
    pub(super) fn follow(&mut self, epoch: Epoch, is_over: bool) {
        if self.epoch != Some(epoch) {
            (self.epoch, self.since) = (Some(epoch), None);
        }
        self.is_over = is_over && !self.by_replicas;
    }

    /// A lease is held until then, as is known now.
    pub(super) fn renewed(&mut self, now: Timestamp, until: Timestamp) {
        let is_break = self.by_replicas && now >= self.until;
        if is_break || self.since.is_none() {
            self.since = Some(now);
        }
        self.until = self.until.max(until);
    }

    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    pub(super) fn left(&self, now: Timestamp) -> Duration {
        self.until.since(now)
    }

    /// Whether nobody has a lease of another epoch any more.
    pub(super) fn is_settled(&self, epoch: Epoch, now: Timestamp) -> bool {
        let holds = !self.by_replicas || now < self.until;
        let is_long = self.since.is_some_and(|since| now.since(since) >= LEASE + MARGIN);
        self.epoch == Some(epoch) && holds && (is_long || self.is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: u64 = 3_200;

    fn renewed(tenure: &mut Tenure, asked: u64) {
        tenure.renewed(Timestamp(asked + 10), Timestamp(asked + 2_800));
    }

    fn is_settled(tenure: &Tenure, now: u64) -> bool {
        tenure.is_settled(Epoch(1), Timestamp(now))
    }

    #[test]
    fn a_whole_lease_passes_from_the_first_one_on() {
        for by_replicas in [true, false] {
            let mut tenure = Tenure::new(by_replicas);
            tenure.follow(Epoch(1), false);
            assert!(!is_settled(&tenure, 99_999), "no lease at all");
            renewed(&mut tenure, 10_000);
            renewed(&mut tenure, 12_000);
            assert!(!is_settled(&tenure, 10_009 + WHOLE));
            assert!(is_settled(&tenure, 10_010 + WHOLE));
            assert!(!tenure.is_settled(Epoch(2), Timestamp(14_000)));
            tenure.follow(Epoch(1), false);
            assert!(is_settled(&tenure, 14_000));
            tenure.follow(Epoch(2), false);
            tenure.follow(Epoch(1), false);
            renewed(&mut tenure, 14_000);
            assert!(!is_settled(&tenure, 14_500));
        }
    }

    #[test]
    fn another_proxys_word_is_enough_where_no_replica_counts() {
        for by_replicas in [true, false] {
            let mut tenure = Tenure::new(by_replicas);
            tenure.follow(Epoch(1), true);
            renewed(&mut tenure, 10_000);
            assert_eq!(is_settled(&tenure, 10_020), !by_replicas);
            assert!(!tenure.is_settled(Epoch(2), Timestamp(10_020)), "it speaks of one epoch");
            tenure.follow(Epoch(2), false);
            renewed(&mut tenure, 11_000);
            assert!(!tenure.is_settled(Epoch(2), Timestamp(11_020)));
        }
    }

    #[test]
    fn where_replicas_count_a_break_begins_it_anew() {
        for by_replicas in [true, false] {
            let mut tenure = Tenure::new(by_replicas);
            tenure.follow(Epoch(1), false);
            renewed(&mut tenure, 10_000);
            renewed(&mut tenure, 12_000);
            assert_eq!(is_settled(&tenure, 14_800), !by_replicas, "nothing is confirmed without a lease");
            // Asked for before the last one ran out, and won after.
            renewed(&mut tenure, 14_795);
            assert_eq!(is_settled(&tenure, 14_900), !by_replicas);
            renewed(&mut tenure, 17_000);
            assert!(is_settled(&tenure, 14_810 + WHOLE));
        }
    }
}
