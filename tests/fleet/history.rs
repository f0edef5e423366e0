//! What happened, in one order, and whether it keeps the promise: a read that begins after a purge was confirmed is answered
//! with what that purge made known, or something newer.
//!
//! Every event draws a ticket from one counter: a read before it is sent, a purge after its answer has come. Tickets are
//! dense, so that a history is put in order by placing each event at its number, and judged in one pass over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A purge's answer has come: nobody serves an older version of the page any more.
    Confirmed { page: u32, version: u64 },
    /// A purge's answer has come that promises nothing yet. `fault` is what was going on.
    Unconfirmed { page: u32, version: u64, fault: u8 },
    /// A read began here, and was answered by a proxy with that version.
    Read { page: u32, version: u64, proxy: u8 },
}

/// The order of all events.
#[derive(Debug)]
pub(crate) struct Order {
    next: AtomicU64,
    start: Instant,
}

/// One worker's part of a history.
#[derive(Debug)]
pub(crate) struct Log {
    order: Arc<Order>,
    events: Vec<(Ticket, Event)>,
}

/// A place in the order, and when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    number: u64,
    at_us: u64,
}

/// A read that breaks the promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) page: u32,
    pub(crate) version: u64,
    pub(crate) confirmed: u64,
    pub(crate) proxy: u8,
    /// How long before the read began the purge had been confirmed.
    pub(crate) late: Duration,
}

/// What a history comes to.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<Violation>,
    /// How long after an unconfirmed purge an older version was still read, at most, by the fault at the time.
    pub(crate) stale_us: [u64; FAULTS_MAX],
}

/// Kinds of faults, at most; 0 is none.
pub(crate) const FAULTS_MAX: usize = 16;
/// Unconfirmed purges of a page that are still looked at; older ones have been overtaken.
const PENDING_MAX: usize = 16;

impl Order {
    pub(crate) fn new() -> Arc<Order> {
        Arc::new(Order { next: AtomicU64::new(0), start: Instant::now() })
    }
}

impl Log {
    pub(crate) fn new(order: &Arc<Order>) -> Log {
        Log { order: order.clone(), events: Vec::new() }
    }

    /// The next ticket.
    pub(crate) fn ticket(&self) -> Ticket {
        let at_us = u64::try_from(self.order.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ticket { number: self.order.next.fetch_add(1, Ordering::SeqCst), at_us }
    }

    pub(crate) fn note(&mut self, ticket: Ticket, event: Event) {
        self.events.push((ticket, event));
    }
}

/// Judges a history.
pub(crate) fn judge(logs: impl IntoIterator<Item = Log>, pages: usize) -> Verdict {
    let events: Vec<(Ticket, Event)> = logs.into_iter().flat_map(|log| log.events).collect();
    // A ticket that was drawn for a read without an answer has no event.
    let drawn = events.iter().map(|(ticket, _)| ticket.number + 1).max().unwrap_or_default();
    let mut in_order: Vec<Option<(Ticket, Event)>> = vec![None; usize::try_from(drawn).unwrap()];
    for (ticket, event) in events {
        in_order[usize::try_from(ticket.number).unwrap()] = Some((ticket, event));
    }
    let mut seen = vec![Seen::default(); pages];
    let mut verdict = Verdict::default();
    for (ticket, event) in in_order.into_iter().flatten() {
        match event {
            Event::Confirmed { page, version } => seen[page as usize].confirmed(version, ticket),
            Event::Unconfirmed { page, version, fault } => seen[page as usize].pending(version, fault, ticket),
            Event::Read { page, version, proxy } => {
                seen[page as usize].read(page, version, proxy, ticket, &mut verdict);
            }
        }
    }
    verdict
}

/// What is known of one page.
#[derive(Clone, Debug, Default)]
struct Seen {
    confirmed: u64,
    confirmed_at_us: u64,
    pending: Vec<(u64, u8, u64)>,
}

impl Seen {
    fn confirmed(&mut self, version: u64, ticket: Ticket) {
        if version > self.confirmed {
            (self.confirmed, self.confirmed_at_us) = (version, ticket.at_us);
        }
    }

    fn pending(&mut self, version: u64, fault: u8, ticket: Ticket) {
        if self.pending.len() == PENDING_MAX {
            self.pending.remove(0);
        }
        self.pending.push((version, fault, ticket.at_us));
    }

    fn read(&self, page: u32, version: u64, proxy: u8, ticket: Ticket, verdict: &mut Verdict) {
        let since = |at_us: u64| ticket.at_us.saturating_sub(at_us);
        if version < self.confirmed {
            let late = Duration::from_micros(since(self.confirmed_at_us));
            verdict.violations.push(Violation { page, version, confirmed: self.confirmed, proxy, late });
        }
        for (_, fault, at_us) in self.pending.iter().filter(|(newer, ..)| *newer > version) {
            let stale = &mut verdict.stale_us[usize::from(*fault)];
            *stale = (*stale).max(since(*at_us));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history in which the events stand as they are written.
    fn judged(events: &[Event]) -> Verdict {
        let mut log = Log::new(&Order::new());
        for event in events {
            let ticket = log.ticket();
            log.note(ticket, *event);
        }
        judge([log], 2)
    }

    const fn read(page: u32, version: u64) -> Event {
        Event::Read { page, version, proxy: 1 }
    }

    const CONFIRMED: Event = Event::Confirmed { page: 0, version: 5 };

    #[test]
    fn a_read_after_a_confirmation_must_see_it() {
        let violations = judged(&[CONFIRMED, read(0, 4)]).violations;
        assert_eq!((violations.len(), violations[0].confirmed, violations[0].version), (1, 5, 4));
        assert_eq!(judged(&[CONFIRMED, read(0, 6), read(0, 4), read(0, 3)]).violations.len(), 2);
    }

    #[test]
    fn what_began_before_or_is_of_another_page_or_newer_is_right() {
        for events in
            [&[read(0, 4), CONFIRMED][..], &[CONFIRMED, read(1, 0)], &[CONFIRMED, read(0, 5), read(0, 9)], &[]]
        {
            assert_eq!(judged(events).violations, []);
        }
        let unconfirmed = Event::Unconfirmed { page: 0, version: 5, fault: 3 };
        let verdict = judged(&[unconfirmed, read(0, 4)]);
        assert_eq!(verdict.violations, []);
        assert_eq!(verdict.stale_us.iter().filter(|stale| **stale > 0).count(), usize::from(verdict.stale_us[3] > 0));
    }

    #[test]
    fn an_older_confirmation_that_comes_later_takes_nothing_back() {
        let older = Event::Confirmed { page: 0, version: 3 };
        assert_eq!(judged(&[CONFIRMED, older, read(0, 4)]).violations.len(), 1);
    }

    #[test]
    fn the_order_is_that_of_the_tickets_whoever_drew_them() {
        let order = Order::new();
        let (mut reader, mut editor) = (Log::new(&order), Log::new(&order));
        let (began, lost, answered) = (reader.ticket(), reader.ticket(), editor.ticket());
        let late = reader.ticket();
        editor.note(answered, CONFIRMED);
        reader.note(late, read(0, 1));
        reader.note(began, read(0, 1));
        let _ = lost;
        assert_eq!(judge([reader, editor], 1).violations.len(), 1);
    }
}
