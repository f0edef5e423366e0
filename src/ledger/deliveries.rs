//! Webhooks that were taken in, by their sender's id: a repeat purges nothing and is told the first one's outcome. What was not
//! confirmed when it was answered is open: a repeat looks at it again.

use super::{Delivery, LedgerError, Receipt};
use crate::clock::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// For how long an answer is remembered: the longest that senders go on repeating is two days.
pub(super) const KEPT: Duration = Duration::from_hours(72);

/// Answers that are remembered, some 400 bytes each. A delivery that was forgotten and comes again purges again.
const KEPT_MAX: usize = 20_000;

/// What became of a delivery: its answer, or why it has to be sent again.
pub(super) type Outcome = Result<Box<str>, LedgerError>;

/// A delivery that was not confirmed when it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) delivery: Delivery,
    /// As it stood then.
    pub(super) receipt: Receipt,
}

/// Ids with their answers.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    known: HashMap<Arc<str>, Known>,
    /// Those that are answered, in the order in which they were.
    done: VecDeque<(Timestamp, Arc<str>)>,
}

#[derive(Debug)]
enum Known {
    /// As many as there are commits in flight.
    Running(watch::Receiver<Option<Outcome>>),
    Open(Box<Open>),
    Done(Box<str>),
}

/// What a delivery finds.
#[derive(Debug)]
pub(super) enum Claim {
    /// It is the first of its id, and tells the others.
    First(watch::Sender<Option<Outcome>>),
    /// The first is on its way.
    Running(watch::Receiver<Option<Outcome>>),
    /// The first is open; this one looks at it again, and tells the others.
    Open(Open, watch::Sender<Option<Outcome>>),
    /// The first was answered so.
    Done(Box<str>),
}

impl Deliveries {
    pub(super) fn answer(&self, id: &str) -> Option<Box<str>> {
        match self.known.get(id)? {
            Known::Running(_) => None,
            Known::Open(open) => Some(open.delivery.answer.clone()),
            Known::Done(answer) => Some(answer.clone()),
        }
    }

    pub(super) fn claim(&mut self, id: &str) -> Claim {
        let open = match self.known.get(id) {
            Some(Known::Running(first)) => return Claim::Running(first.clone()),
            Some(Known::Done(answer)) => return Claim::Done(answer.clone()),
            Some(Known::Open(open)) => Some((**open).clone()),
            None => None,
        };
        let (own, others) = watch::channel(None);
        self.known.insert(id.into(), Known::Running(others));
        let Some(open) = open else { return Claim::First(own) };
        // It is remembered anew; until then it is on its way, and not forgotten.
        self.done.retain(|(_, done)| **done != *id);
        Claim::Open(open, own)
    }

    /// Remembers a delivery that is durable.
    pub(super) fn remember(&mut self, delivery: Delivery) {
        self.keep(delivery.time, delivery.id.into(), Known::Done(delivery.answer));
    }

    /// Remembers a delivery that is durable, and that a repeat is to look at again.
    pub(super) fn leave_open(&mut self, open: Open) {
        let Delivery { id, time, .. } = &open.delivery;
        self.keep(*time, (**id).into(), Known::Open(open.into()));
    }

    fn keep(&mut self, time: Timestamp, id: Arc<str>, known: Known) {
        self.known.insert(id.clone(), known);
        self.done.push_back((time, id));
        if self.done.len() > KEPT_MAX {
            self.forget_oldest();
        }
    }

    /// Lets a delivery that failed be sent again.
    pub(super) fn release(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// Forgets what was taken in before that.
    pub(super) fn trim(&mut self, before: Timestamp) {
        while self.done.front().is_some_and(|(time, _)| *time < before) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.done.pop_front() {
            self.known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, secs: u64) -> Delivery {
        Delivery { id: id.into(), time: Timestamp(secs * 1_000), answer: id.into() }
    }

    #[test]
    fn answers_are_forgotten_by_age_and_by_number() {
        let mut deliveries = Deliveries::default();
        deliveries.remember(delivery("old", 1));
        deliveries.remember(delivery("new", 2));
        deliveries.trim(Timestamp(2_000));
        assert_eq!(deliveries.answer("old"), None);
        assert_eq!(deliveries.answer("new").as_deref(), Some("new"));
        (0..KEPT_MAX).for_each(|n| deliveries.remember(delivery(&n.to_string(), 3)));
        assert_eq!(deliveries.answer("new"), None);
        assert_eq!(deliveries.known.len(), KEPT_MAX);
    }

    #[test]
    fn one_claim_is_the_first_until_it_is_released() {
        let mut deliveries = Deliveries::default();
        assert!(matches!(deliveries.claim("a"), Claim::First(_)));
        assert!(matches!(deliveries.claim("a"), Claim::Running(_)));
        assert_eq!(deliveries.answer("a"), None);
        deliveries.release("a");
        assert!(matches!(deliveries.claim("a"), Claim::First(_)));
        deliveries.remember(delivery("a", 1));
        assert!(matches!(deliveries.claim("a"), Claim::Done(answer) if &*answer == "a"));
    }
    #[test]
    fn what_is_open_is_looked_at_by_one_at_a_time_and_forgotten_like_the_rest() {
        let receipt = Receipt {
            first: 1,
            last: 1,
            epoch: crate::ledger::Epoch(1),
            time: Timestamp(1),
            recorded: true,
            held: None,
            confirmation: crate::ledger::Confirmation::default(),
        };
        let open = Open { delivery: delivery("a", 1), receipt };
        let mut deliveries = Deliveries::default();
        for _ in 0..3 {
            deliveries.leave_open(open.clone());
            assert_eq!(deliveries.answer("a").as_deref(), Some("a"));
            assert!(matches!(deliveries.claim("a"), Claim::Open(found, _) if found == open));
            assert!(matches!(deliveries.claim("a"), Claim::Running(_)));
            assert_eq!(deliveries.done.len(), 0);
        }
        deliveries.leave_open(open);
        deliveries.trim(Timestamp(2_000));
        assert!(deliveries.known.is_empty() && deliveries.done.is_empty());
    }
}
