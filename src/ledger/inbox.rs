//! The inbox: webhooks as they came and what became of them, kept for a time for people to look at and to have carried out
//! again.
//!
//! It is no part of any promise: what was purged is in the ledger. Everything here is bounded, and strangers have room of
//! their own, so that they push out nothing that was signed. A file keeps what was signed through a restart, soon and behind
//! the answer.

use super::deliveries;
use crate::clock::{Timestamp, millis};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Deliveries that were signed, at most, and their bytes.
const SIGNED_MAX: usize = 1_000;
const SIGNED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Deliveries that were not, at most; without their bodies, in memory alone.
const UNSIGNED_MAX: usize = 100;
/// A body that is larger is not kept.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// What an arrival weighs beside its texts.
const ARRIVAL_BYTES: usize = 256;

/// A webhook as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its number on this proxy, by which people name it.
    pub number: u64,
    /// When it came, by the wall's clock; deliveries that came later have larger numbers.
    pub time: Timestamp,
    /// The webhook's path.
    pub path: Box<str>,
    /// Its scheme.
    pub scheme: Box<str>,
    /// The sender's id for it, as far as it is known.
    pub id: Option<Box<str>>,
    /// Its event, as far as it is known.
    pub event: Option<Box<str>>,
    /// What became of it, in one word.
    pub verdict: Box<str>,
    /// The answer, JSON: what it purged, or why not.
    pub answer: Box<str>,
    /// Whether its signature held.
    pub is_signed: bool,
    /// What was signed; none where it was not, or is too large to be kept.
    pub body: Option<Bytes>,
    /// How often the same came again.
    pub repeats: u64,
    /// When it was last carried out by hand.
    pub replayed: Option<Timestamp>,
}

impl Arrival {
    /// Bytes that it takes, roughly.
    pub fn weight(&self) -> usize {
        let texts = [Some(&self.path), Some(&self.scheme), self.id.as_ref(), self.event.as_ref(), Some(&self.answer)];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        ARRIVAL_BYTES + texts + self.body.as_ref().map_or(0, Bytes::len)
    }

    /// Without a body that is not kept.
    fn lightened(self) -> Arrival {
        let body = self.body.filter(|body| self.is_signed && body.len() <= BODY_BYTES_MAX);
        Arrival { body, ..self }
    }
}

/// Keeps arrivals through a restart. A store provides it. Calls do not wait; what cannot be kept is not.
pub trait Shelf: Send + Sync + 'static {
    /// Keeps an arrival, in place of the one that has its number.
    fn keep(&self, arrival: Arc<Arrival>);

    /// Forgets arrivals up to that number.
    fn forget(&self, up_to: u64);
}

/// The inbox.
pub struct Inbox {
    kept: Mutex<Kept>,
    shelf: Arc<dyn Shelf>,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    signed: VecDeque<Arc<Arrival>>,
    signed_bytes: usize,
    unsigned: VecDeque<Arc<Arrival>>,
}

impl Inbox {
    /// An inbox with what a shelf kept.
    pub fn open(found: Vec<Arrival>, shelf: Arc<dyn Shelf>) -> Inbox {
        let mut kept = Kept::default();
        for arrival in found {
            kept.take(arrival);
        }
        let forgotten = kept.make_room();
        let inbox = Inbox { kept: Mutex::new(kept), shelf };
        inbox.forget(forgotten);
        inbox
    }

    /// Takes an arrival in and numbers it. A body that was not signed, or is too large, is left behind.
    pub fn add(&self, arrival: Arrival) {
        let mut kept = self.kept();
        let number = kept.last + 1;
        let added = kept.take(Arrival { number, ..arrival.lightened() });
        let forgotten = kept.make_room();
        if added.is_signed {
            // Under the lock: the shelf is told in the order of the numbers.
            self.shelf.keep(added);
        }
        self.forget(forgotten);
    }

    /// Takes in a delivery that may have come before. Where the newest of its id and body has a verdict that `speaks_for_it`,
    /// it is only counted there, and so takes no room, however often it comes.
    pub fn add_or_count(&self, arrival: Arrival, speaks_for_it: impl Fn(&Arrival) -> bool) {
        let arrival = arrival.lightened();
        let mut kept = self.kept();
        let is_it =
            |own: &&mut Arc<Arrival>| own.path == arrival.path && own.id == arrival.id && own.body == arrival.body;
        match kept.signed.iter_mut().rev().find(is_it) {
            Some(before) if speaks_for_it(before) => Arc::make_mut(before).repeats += 1,
            _ => {
                drop(kept);
                self.add(arrival);
            }
        }
    }

    /// Notes that an arrival was carried out by hand.
    pub fn replayed(&self, number: u64, time: Timestamp) {
        let mut kept = self.kept();
        let Some(arrival) = kept.signed.iter_mut().find(|own| own.number == number) else { return };
        Arc::make_mut(arrival).replayed = Some(time);
        self.shelf.keep(arrival.clone());
    }

    /// The arrival of that number.
    pub fn get(&self, number: u64) -> Option<Arc<Arrival>> {
        let kept = self.kept();
        kept.signed.iter().chain(&kept.unsigned).find(|own| own.number == number).cloned()
    }

    /// At most `limit` arrivals, the newest first.
    pub fn newest(&self, limit: usize) -> Vec<Arc<Arrival>> {
        let kept = self.kept();
        let mut all: Vec<_> = kept.signed.iter().chain(&kept.unsigned).cloned().collect();
        all.sort_unstable_by_key(|own| std::cmp::Reverse(own.number));
        all.truncate(limit);
        all
    }

    /// Forgets what came too long ago. Called every minute or so.
    pub fn sweep(&self, wall: Timestamp) {
        let before = Timestamp(wall.0.saturating_sub(millis(deliveries::KEPT)));
        let mut kept = self.kept();
        kept.unsigned.retain(|own| own.time >= before);
        let mut forgotten = None;
        while kept.signed.front().is_some_and(|own| own.time < before) {
            forgotten = kept.forget_oldest();
        }
        self.forget(forgotten);
    }

    fn forget(&self, up_to: Option<u64>) {
        if let Some(number) = up_to {
            self.shelf.forget(number);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, arrival: Arrival) -> Arc<Arrival> {
        self.last = self.last.max(arrival.number);
        let arrival = Arc::new(arrival);
        if arrival.is_signed {
            self.signed_bytes += arrival.weight();
            self.signed.push_back(arrival.clone());
        } else {
            self.unsigned.push_back(arrival.clone());
        }
        arrival
    }

    /// Tells up to which number signed ones were forgotten.
    fn make_room(&mut self) -> Option<u64> {
        while self.unsigned.len() > UNSIGNED_MAX {
            self.unsigned.pop_front();
        }
        let mut forgotten = None;
        while self.signed.len() > SIGNED_MAX || self.signed_bytes > SIGNED_BYTES_MAX {
            forgotten = self.forget_oldest();
        }
        forgotten
    }

    fn forget_oldest(&mut self) -> Option<u64> {
        let oldest = self.signed.pop_front()?;
        self.signed_bytes -= oldest.weight();
        Some(oldest.number)
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("kept", &self.kept().signed.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers what it is to keep, as a file does.
    #[derive(Default)]
    struct File(Mutex<Vec<Arc<Arrival>>>);

    impl Shelf for File {
        fn keep(&self, arrival: Arc<Arrival>) {
            let mut kept = self.0.lock().unwrap();
            kept.retain(|own| own.number != arrival.number);
            kept.push(arrival);
        }

        fn forget(&self, up_to: u64) {
            self.0.lock().unwrap().retain(|own| own.number > up_to);
        }
    }

    fn inbox() -> (Inbox, Arc<File>) {
        let file = Arc::new(File::default());
        (Inbox::open(Vec::new(), file.clone()), file)
    }

    fn arrival(secs: u64, body: Option<usize>) -> Arrival {
        let body = body.map(|bytes| Bytes::from(vec![b'x'; bytes]));
        Arrival { time: Timestamp(secs * 1_000), is_signed: body.is_some(), body, ..Arrival::default() }
    }

    fn numbers(inbox: &Inbox) -> Vec<u64> {
        inbox.newest(usize::MAX).iter().map(|own| own.number).collect()
    }

    #[test]
    fn strangers_push_out_nothing_that_was_signed_and_leave_nothing_on_disk() {
        let (inbox, file) = inbox();
        inbox.add(arrival(1, Some(10)));
        for _ in 0..1_000 {
            inbox.add(Arrival { body: Some(Bytes::from_static(b"x")), ..arrival(1, None) });
        }
        let all = inbox.newest(usize::MAX);
        assert_eq!((all.len(), all[0].number, all[100].number), (UNSIGNED_MAX + 1, 1_001, 1));
        assert!(all[0].body.is_none() && all[100].body.is_some());
        assert_eq!(file.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn number_and_bytes_are_bounded_in_memory_and_on_disk() {
        let (inbox, file) = inbox();
        for _ in 0..SIGNED_MAX + 5 {
            inbox.add(arrival(1, Some(10)));
        }
        assert_eq!((inbox.get(5), numbers(&inbox).len()), (None, SIGNED_MAX));
        assert_eq!(file.0.lock().unwrap().len(), SIGNED_MAX);
        for _ in 0..100 {
            inbox.add(arrival(1, Some(BODY_BYTES_MAX)));
        }
        let bytes = |all: &[Arc<Arrival>]| all.iter().map(|own| own.weight()).sum::<usize>();
        assert!(bytes(&inbox.newest(usize::MAX)) <= SIGNED_BYTES_MAX);
        assert!(bytes(&file.0.lock().unwrap()) <= SIGNED_BYTES_MAX);
        inbox.add(arrival(1, Some(BODY_BYTES_MAX + 1)));
        let newest = &inbox.newest(1)[0];
        assert!(newest.is_signed && newest.body.is_none(), "too large to be kept");
    }

    #[test]
    fn age_is_bounded_too() {
        let (inbox, file) = inbox();
        (0..2).for_each(|n| inbox.add(arrival(10 * n, Some(10))));
        (0..2).for_each(|n| inbox.add(arrival(10 * n, None)));
        inbox.sweep(Timestamp(millis(deliveries::KEPT) + 9_999));
        assert_eq!(numbers(&inbox), [4, 2]);
        assert_eq!(file.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_a_file_kept_is_found_again_and_numbers_go_on() {
        let (before, file) = inbox();
        (0..3).for_each(|n| before.add(arrival(n, Some(10))));
        before.replayed(2, Timestamp(9));
        let mut found: Vec<Arrival> = file.0.lock().unwrap().iter().map(|own| (**own).clone()).collect();
        found.sort_by_key(|own| own.number);
        let after = Inbox::open(found, file.clone());
        after.add(arrival(4, Some(10)));
        assert_eq!(numbers(&after), [4, 3, 2, 1]);
        assert_eq!(after.get(2).unwrap().replayed, Some(Timestamp(9)));
        assert_eq!(file.0.lock().unwrap().len(), 4);
    }

    #[test]
    fn a_repeat_is_counted_beside_the_first_and_takes_no_room() {
        let (inbox, _) = inbox();
        inbox.add(Arrival { path: "/w".into(), id: Some("1".into()), ..arrival(1, Some(10)) });
        inbox.add(Arrival { path: "/w".into(), id: Some("2".into()), ..arrival(1, Some(10)) });
        let is_done = |before: &Arrival| *before.verdict != *"failed";
        let again = |path: &str| Arrival { path: path.into(), id: Some("1".into()), ..arrival(1, Some(10)) };
        (0..500).for_each(|_| inbox.add_or_count(again("/w"), is_done));
        let repeats = || inbox.newest(9).iter().map(|own| own.repeats).collect::<Vec<_>>();
        assert_eq!(repeats(), [0, 500]);
        (0..3).for_each(|_| inbox.add_or_count(again("/forgotten"), is_done));
        assert_eq!(repeats(), [2, 0, 500]);
        inbox.add(Arrival { verdict: "failed".into(), ..again("/failed") });
        (0..3).for_each(|_| inbox.add_or_count(again("/failed"), is_done));
        assert_eq!(repeats(), [2, 0, 2, 0, 500]);
        let large = || Arrival { body: Some(vec![b'x'; BODY_BYTES_MAX + 1].into()), ..again("/large") };
        (0..3).for_each(|_| inbox.add_or_count(large(), is_done));
        assert_eq!(repeats()[..2], [2, 2]);
    }
}
