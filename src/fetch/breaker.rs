//! When a server that fails is left alone, and when it is tried again. Pure: it is told the time and what came of requests,
//! and asks nobody.
//!
//! Closed, it lets everything through, and so many failures in a row open it. Open, it lets nothing through for a pause; then
//! it is half-open: a request is let through as a *probe*, whose success closes it and whose failure begins a pause of twice
//! the length. Whether there may be several of them is the caller's affair; whichever is answered closes it. Each request bears the *term* it was let through in, and speaks for no other: what was sent
//! before the breaker opened and fails a minute later says nothing of a server that has come back since.

use super::BreakerSettings;
use crate::clock::Timestamp;
use std::time::Duration;

/// One server's breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Counts openings and closings.
    term: u64,
    probes: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed { straight: u32 },
    Open { until: Timestamp, pause: Duration, newest: Option<Probe> },
}

impl Default for State {
    fn default() -> State {
        State::Closed { straight: 0 }
    }
}

/// A probe under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    number: u64,
    began: Timestamp,
    /// Whether it was let through before the pause was over, because no other server was left.
    is_early: bool,
}

/// What a request was let through with; to be handed back with what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    term: u64,
    probe: Option<Probe>,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Closed,
    /// Nothing is let through, for so long.
    Open(Duration),
    /// A probe is under way, or may be sent.
    HalfOpen,
}

impl Breaker {
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        match &self.state {
            State::Closed { .. } => Standing::Closed,
            State::Open { until, newest: None, .. } if *until > now => Standing::Open(until.since(now)),
            State::Open { .. } => Standing::HalfOpen,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// When the newest probe began that is under way.
    pub(super) fn probed_since(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { newest: Some(probe), .. } => Some(probe.began),
            _ => None,
        }
    }

    /// When its pause is over; none where it is closed.
    pub(super) fn until(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => Some(until),
        }
    }

    /// Lets a request through. While it is open that is a probe.
    pub(super) fn admit(&mut self, now: Timestamp) -> Ticket {
        let mut ticket = Ticket { term: self.term, probe: None };
        if let State::Open { until, newest, .. } = &mut self.state {
            self.probes += 1;
            *newest = Some(Probe { number: self.probes, began: now, is_early: *until > now });
            ticket.probe = *newest;
        }
        ticket
    }

    /// A request was answered. Tells whether that closed it.
    pub(super) fn succeeded(&mut self, ticket: Ticket) -> bool {
        if ticket.term != self.term {
            return false;
        }
        let closes = !self.is_closed();
        self.term += u64::from(closes);
        self.state = State::default();
        closes
    }

    /// A request failed. Tells for how long the server is left alone from now on, where it was not before: a probe's failure
    /// is no news.
    pub(super) fn failed(&mut self, ticket: Ticket, now: Timestamp, settings: &BreakerSettings) -> Option<Duration> {
        if ticket.term != self.term {
            return None;
        }
        match &mut self.state {
            State::Closed { straight } => {
                *straight = straight.saturating_add(1);
                if *straight < settings.failures {
                    return None;
                }
                self.open(now, settings.open);
                Some(settings.open)
            }
            State::Open { pause, .. } => {
                // However many find out early that it is still down: the pause grows by its own clock.
                let is_early = ticket.probe.is_some_and(|probe| probe.is_early);
                let pause = if is_early { *pause } else { pause.saturating_mul(2).min(settings.open_max) };
                self.open(now, pause);
                None
            }
        }
    }

    /// A request was given up without an outcome: where it was the probe, another may follow.
    pub(super) fn abandoned(&mut self, ticket: Ticket) {
        if ticket.term == self.term
            && let State::Open { newest, .. } = &mut self.state
            && *newest == ticket.probe
        {
            *newest = None;
        }
    }

    fn open(&mut self, now: Timestamp, pause: Duration) {
        self.term += 1;
        self.state = State::Open { until: now.plus(pause), pause, newest: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> BreakerSettings {
        BreakerSettings {
            failures: 3,
            open: Duration::from_secs(5),
            open_max: Duration::from_secs(15),
            statuses: [].into(),
        }
    }

    const fn at(second: u64) -> Timestamp {
        Timestamp(second * 1_000)
    }

    fn opened_at(second: u64) -> Breaker {
        let mut breaker = Breaker::default();
        for n in 0..3 {
            let ticket = breaker.admit(at(second));
            assert_eq!(breaker.failed(ticket, at(second), &settings()).is_some(), n == 2);
        }
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        for (outcomes, opens) in [("ff", false), ("fff", true), ("ffsff", false), ("fsffsfsff", false), ("sfff", true)]
        {
            let mut breaker = Breaker::default();
            for outcome in outcomes.chars() {
                let ticket = breaker.admit(at(0));
                match outcome {
                    'f' => {
                        breaker.failed(ticket, at(0), &settings());
                    }
                    _ => assert!(!breaker.succeeded(ticket)),
                }
            }
            assert_eq!(!breaker.is_closed(), opens, "{outcomes}");
        }
    }

    #[test]
    fn it_is_open_for_its_pause_then_half_open_and_a_good_probe_closes_it() {
        let mut breaker = opened_at(10);
        assert_eq!(breaker.standing(at(10)), Standing::Open(Duration::from_secs(5)));
        assert_eq!(breaker.standing(at(14)), Standing::Open(Duration::from_secs(1)));
        assert_eq!(breaker.standing(at(15)), Standing::HalfOpen);
        let probe = breaker.admit(at(15));
        assert!(breaker.probed_since() == Some(at(15)) && !breaker.is_closed());
        assert!(breaker.succeeded(probe));
        assert_eq!(breaker.standing(at(15)), Standing::Closed);
        let ticket = breaker.admit(at(15));
        assert_eq!(breaker.failed(ticket, at(15), &settings()), None, "what failed before counts no more");
    }

    #[test]
    fn each_probe_that_fails_doubles_the_pause_up_to_its_bound() {
        let mut breaker = opened_at(0);
        let mut now = 0;
        for pause in [5, 10, 15, 15] {
            assert_eq!(breaker.until(), Some(at(now + pause)));
            now += pause;
            let probe = breaker.admit(at(now));
            assert_eq!(breaker.failed(probe, at(now), &settings()), None, "it was down before");
        }
    }

    #[test]
    fn a_probe_before_its_time_does_not_lengthen_the_pause() {
        let mut breaker = opened_at(0);
        for second in 1..100 {
            let probe = breaker.admit(at(second));
            breaker.failed(probe, at(second), &settings());
            assert_eq!(breaker.until(), Some(at(second + 5)));
        }
        let probe = breaker.admit(at(100));
        assert!(breaker.succeeded(probe));
    }

    #[test]
    fn a_probe_that_was_given_up_makes_room_for_another() {
        let mut breaker = opened_at(0);
        let probe = breaker.admit(at(5));
        breaker.abandoned(probe);
        assert_eq!(breaker.probed_since(), None);
        assert_eq!(breaker.standing(at(5)), Standing::HalfOpen);
        let next = breaker.admit(at(5));
        breaker.abandoned(probe);
        assert!(breaker.probed_since().is_some(), "the one that was given up speaks no more");
        assert!(breaker.succeeded(next));
    }

    #[test]
    fn of_several_probes_whichever_is_answered_first_closes_it() {
        let mut breaker = opened_at(0);
        let (slow, quick) = (breaker.admit(at(5)), breaker.admit(at(6)));
        assert_eq!(breaker.probed_since(), Some(at(6)));
        assert!(breaker.succeeded(quick));
        assert_eq!(breaker.failed(slow, at(35), &settings()), None);
        assert!(breaker.is_closed());

        let mut breaker = opened_at(0);
        let (slow, quick) = (breaker.admit(at(5)), breaker.admit(at(6)));
        breaker.abandoned(quick);
        assert!(breaker.succeeded(slow));
    }

    #[test]
    fn nobody_speaks_for_another_term() {
        let mut breaker = Breaker::default();
        let early = breaker.admit(at(0));
        let mut breaker = {
            for _ in 0..3 {
                let ticket = breaker.admit(at(0));
                breaker.failed(ticket, at(0), &settings());
            }
            breaker
        };
        assert!(!breaker.succeeded(early), "an answer to what was sent before does not close it");
        breaker.failed(early, at(1), &settings());
        assert_eq!(breaker.until(), Some(at(5)), "and a failure does not keep it open");
        let probe = breaker.admit(at(5));
        assert!(!breaker.succeeded(early));
        assert!(breaker.succeeded(probe));
        for _ in 0..10 {
            assert_eq!(breaker.failed(early, at(6), &settings()), None);
        }
        assert!(breaker.is_closed(), "failures of the last term do not open it");
    }
}
