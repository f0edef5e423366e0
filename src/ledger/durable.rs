//! The newest position that is durable, advanced in order however the commits end.

use super::Position;
use std::collections::VecDeque;

/// Commits in flight, at most: past it a disk hangs, and more memory would not help it.
const WAITING_MAX: usize = 4_096;

/// The durable head, and what it waits for.
#[derive(Debug)]
pub(super) struct DurableHead {
    position: Position,
    next_ticket: u64,
    /// In the order of their tickets and positions.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    last: Position,
    ended: bool,
}

/// One commit in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

impl DurableHead {
    pub(super) fn new(position: Position) -> DurableHead {
        DurableHead { position, next_ticket: 0, waiting: VecDeque::new() }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Waits for a commit of everything up to `last`; none where too many are waited for. Then the newest of them stands for
    /// these positions too, so that the head still comes to them.
    pub(super) fn begin(&mut self, last: Position) -> Option<Ticket> {
        if self.waiting.len() >= WAITING_MAX {
            if let Some(newest) = self.waiting.back_mut() {
                newest.last = last;
            }
            return None;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(Waiting { ticket, last, ended: false });
        Some(Ticket(ticket))
    }

    /// A commit has ended, well or not; the head moves over everything before the oldest that has not.
    pub(super) fn end(&mut self, ticket: Ticket) {
        if let Ok(at) = self.waiting.binary_search_by_key(&ticket.0, |waiting| waiting.ticket) {
            self.waiting[at].ended = true;
        }
        while let Some(ended) = self.waiting.pop_front_if(|waiting| waiting.ended) {
            self.position = self.position.max(ended.last);
        }
    }

    /// Waits for nothing any more.
    pub(super) fn jump(&mut self, position: Position) {
        self.waiting.clear();
        self.position = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_moves_in_order_when_commits_do_not() {
        let mut head = DurableHead::new(5);
        let tickets: Vec<_> = [6, 8, 8, 9].into_iter().map(|last| head.begin(last).unwrap()).collect();
        for (ticket, expected) in [(1, 5), (3, 5), (0, 8), (2, 9)] {
            head.end(tickets[ticket]);
            assert_eq!(head.position(), expected, "{ticket}");
        }
        assert_eq!(head.waiting(), 0);
    }

    #[test]
    fn past_the_bound_the_newest_commit_stands_for_what_is_not_committed() {
        let mut head = DurableHead::new(0);
        let max = WAITING_MAX as Position;
        let tickets: Vec<_> = (1..=max).map(|last| head.begin(last).unwrap()).collect();
        assert_eq!(head.begin(max + 1), None);
        assert_eq!(head.waiting(), WAITING_MAX);
        for ticket in tickets {
            head.end(ticket);
        }
        assert_eq!(head.position(), max + 1);
    }

    #[test]
    fn a_ticket_from_before_a_jump_ends_nothing() {
        let mut head = DurableHead::new(0);
        let (before, _) = (head.begin(1).unwrap(), head.begin(2));
        head.jump(2);
        let after = head.begin(3).unwrap();
        head.end(before);
        assert_eq!(head.position(), 2);
        head.end(after);
        assert_eq!(head.position(), 3);
    }
}
