//! Which of an origin's servers is asked next. Pure: it is told the time and what came of requests, and asks nobody.
//!
//! A request goes to the server with the fewest requests under way, and among equals to the one whose turn it is. That needs
//! no weights and no measured times, and a server that slows down or hangs takes no more, because what it has not answered
//! counts against it. Among equals each gets one in each round.
//!
//! Servers that are down are passed over. Where none is up, a request is let through nevertheless: what health checks say of
//! all servers at once may be a mistake of theirs and is then disregarded, and where every breaker is open one request at a
//! time finds out whether that still holds. So nobody is turned away for longer than one answer takes, or a probe is young.

use super::BreakerSettings;
use super::breaker::{Breaker, Standing, Ticket};
use crate::clock::Timestamp;
use std::time::Duration;

/// Where no server is up: how long a probe is waited for before another one is sent. It may have been sent for a page that is
/// slow in itself, which must not stand for the whole shop.
const PROBE_ALONE: Duration = Duration::from_secs(1);

/// What is known of an origin's servers, by their place in the configuration.
#[derive(Debug)]
pub(super) struct Roster {
    settings: BreakerSettings,
    members: Box<[Member]>,
    /// Who is next among equals.
    turn: usize,
}

#[derive(Debug)]
struct Member {
    breaker: Breaker,
    /// What the health checks say, where there are any.
    is_healthy: bool,
    under_way: usize,
}

impl Member {
    fn is_up(&self) -> bool {
        self.is_healthy && self.breaker.is_closed()
    }
}

/// What a request may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// To find out whether a server is back whose pause is over: it can be repeated if not.
    MayProbe,
    /// Any server, and one that is down only where no other is left.
    Any,
    /// Only a server that is up.
    OnlyUp,
}

/// A server, and what a request to it is let through with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub place: usize,
    pub ticket: Ticket,
}

/// The state of a server, as status and metrics show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It is asked.
    Up,
    /// It failed too often and is left alone for a while.
    Open,
    /// Its pause is over: one request finds out whether it is back.
    HalfOpen,
    /// The health checks say that it is not well.
    Unhealthy,
}

impl ServerState {
    /// All states, in the order of their index.
    pub const ALL: [ServerState; 4] =
        [ServerState::Up, ServerState::Open, ServerState::HalfOpen, ServerState::Unhealthy];

    /// The word in status and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            ServerState::Up => "up",
            ServerState::Open => "open",
            ServerState::HalfOpen => "half-open",
            ServerState::Unhealthy => "unhealthy",
        }
    }
}

impl Roster {
    /// So many servers, all of them up.
    pub(super) fn new(servers: usize, settings: BreakerSettings) -> Roster {
        let member = || Member { breaker: Breaker::default(), is_healthy: true, under_way: 0 };
        Roster { settings, members: (0..servers).map(|_| member()).collect(), turn: 0 }
    }

    /// Chooses a server that is not among `tried` and counts a request to it; none: the request is turned away.
    pub(super) fn choose(&mut self, now: Timestamp, tried: &[usize], choice: Choice) -> Option<Chosen> {
        let place = self.due(now, tried, choice).or_else(|| self.least(tried, Member::is_up));
        let place = match choice {
            Choice::OnlyUp => place,
            _ => place
                .or_else(|| self.least(tried, |own| own.breaker.is_closed()))
                .or_else(|| self.last_resort(now, tried)),
        }?;
        let member = &mut self.members[place];
        member.under_way += 1;
        self.turn = place + 1;
        Some(Chosen { place, ticket: member.breaker.admit(now) })
    }

    /// A server whose pause is over. While others are up, one request at a time is enough to wait for it.
    fn due(&self, now: Timestamp, tried: &[usize], choice: Choice) -> Option<usize> {
        let is_due = |own: &Member| {
            own.is_healthy
                && own.breaker.probed_since().is_none()
                && own.breaker.until().is_some_and(|until| until <= now)
        };
        self.earliest(tried, is_due).filter(|_| choice == Choice::MayProbe)
    }

    /// Every breaker is open: the server that was left alone the longest, unless a probe is under way that is young.
    fn last_resort(&self, now: Timestamp, tried: &[usize]) -> Option<usize> {
        let is_young = |since: Timestamp| now.since(since) < PROBE_ALONE;
        let is_probed = self.members.iter().any(|own| own.breaker.probed_since().is_some_and(is_young));
        self.earliest(tried, |own| !own.breaker.is_closed()).filter(|_| !is_probed)
    }

    fn earliest(&self, tried: &[usize], fits: impl Fn(&Member) -> bool) -> Option<usize> {
        let fitting = (0..self.members.len()).filter(|place| !tried.contains(place) && fits(&self.members[*place]));
        // Those that nobody asks come first.
        let since = |breaker: &Breaker| (breaker.probed_since(), breaker.until());
        fitting.min_by_key(|place| since(&self.members[*place].breaker))
    }

    fn least(&self, tried: &[usize], fits: impl Fn(&Member) -> bool) -> Option<usize> {
        let count = self.members.len();
        let in_turn = (0..count).map(|step| (self.turn + step) % count);
        let fitting = in_turn.filter(|place| !tried.contains(place) && fits(&self.members[*place]));
        // Of equals, the first.
        fitting.min_by_key(|place| self.members[*place].under_way)
    }

    /// Whether no server is up, as far as is known.
    pub(super) fn is_down(&self) -> bool {
        !self.members.iter().any(Member::is_up)
    }

    /// A request to a server is no longer under way.
    pub(super) fn ended(&mut self, place: usize) {
        self.members[place].under_way = self.members[place].under_way.saturating_sub(1);
    }

    /// A request was answered. Tells whether the server is back with that.
    pub(super) fn succeeded(&mut self, chosen: Chosen) -> bool {
        self.members[chosen.place].breaker.succeeded(chosen.ticket)
    }

    /// A request failed. Tells for how long the server is left alone, where it was not before.
    pub(super) fn failed(&mut self, chosen: Chosen, now: Timestamp) -> Option<Duration> {
        self.members[chosen.place].breaker.failed(chosen.ticket, now, &self.settings)
    }

    /// A request was given up without an outcome.
    pub(super) fn abandoned(&mut self, chosen: Chosen) {
        self.members[chosen.place].breaker.abandoned(chosen.ticket);
    }

    /// What the health checks say of a server from now on.
    pub(super) fn set_healthy(&mut self, place: usize, is_healthy: bool) {
        self.members[place].is_healthy = is_healthy;
    }

    /// A server's state, how long its pause still is, and its requests under way.
    pub(super) fn state(&self, place: usize, now: Timestamp) -> (ServerState, Duration, usize) {
        let member = &self.members[place];
        let (state, pause) = match member.breaker.standing(now) {
            Standing::Open(left) => (ServerState::Open, left),
            // No visitor finds out what the health checks know already.
            Standing::HalfOpen | Standing::Closed if !member.is_healthy => (ServerState::Unhealthy, Duration::ZERO),
            Standing::HalfOpen => (ServerState::HalfOpen, Duration::ZERO),
            Standing::Closed => (ServerState::Up, Duration::ZERO),
        };
        (state, pause, member.under_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::{collection, sample};

    const NOW: Timestamp = Timestamp(0);

    fn roster(servers: usize) -> Roster {
        let (open, open_max) = (Duration::from_secs(5), Duration::from_mins(1));
        Roster::new(servers, BreakerSettings { failures: 2, open, open_max, statuses: [].into() })
    }

    fn takes(roster: &mut Roster, count: usize) -> Vec<usize> {
        (0..count).filter_map(|_| roster.choose(NOW, &[], Choice::Any)).map(|chosen| chosen.place).collect()
    }

    /// Fails until it is left alone.
    fn break_down(roster: &mut Roster, place: usize, now: Timestamp) {
        let others: Vec<usize> = (0..roster.members.len()).filter(|other| *other != place).collect();
        while roster.members[place].breaker.is_closed() {
            let chosen = roster.choose(now, &others, Choice::Any).unwrap();
            roster.failed(chosen, now);
            roster.ended(place);
        }
    }

    #[test]
    fn equals_take_turns_and_whoever_is_behind_with_its_answers_takes_less() {
        let mut roster = roster(3);
        assert_eq!(takes(&mut roster, 6), [0, 1, 2, 0, 1, 2]);
        roster.ended(1);
        roster.ended(1);
        assert_eq!(takes(&mut roster, 3), [1, 1, 2], "the two that it answered, then in turn");
        roster.ended(1);
        roster.ended(2);
        roster.ended(2);
        for _ in 0..10 {
            // 0 hangs, the others answer at once: all goes to them.
            let chosen = roster.choose(NOW, &[], Choice::Any).unwrap();
            assert_ne!(chosen.place, 0);
            roster.ended(chosen.place);
        }
    }

    #[test]
    fn an_idle_shop_asks_each_in_turn() {
        let mut roster = roster(3);
        let mut places = Vec::new();
        for _ in 0..6 {
            let chosen = roster.choose(NOW, &[], Choice::MayProbe).unwrap();
            roster.succeeded(chosen);
            roster.ended(chosen.place);
            places.push(chosen.place);
        }
        assert_eq!(places, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn no_server_is_ever_more_than_one_ahead_of_another_that_is_up() {
        let mut roster = roster(5);
        for taken in 1..=100 {
            takes(&mut roster, 1);
            let most = roster.members.iter().map(|own| own.under_way).max().unwrap();
            let least = roster.members.iter().map(|own| own.under_way).min().unwrap();
            assert!(most - least <= 1, "after {taken}");
        }
    }

    #[test]
    fn what_is_down_is_passed_over_and_so_is_what_was_tried() {
        let mut roster = roster(3);
        break_down(&mut roster, 1, NOW);
        roster.set_healthy(2, false);
        assert_eq!(takes(&mut roster, 3), [0, 0, 0]);
        assert_eq!(roster.choose(NOW, &[0], Choice::OnlyUp), None);
        assert_eq!(roster.choose(NOW, &[0], Choice::Any).unwrap().place, 2, "rather one that is said not to be well");
        assert_eq!(roster.choose(NOW, &[0, 2], Choice::Any).unwrap().place, 1, "rather one that failed than none");
        assert_eq!(roster.choose(NOW, &[0, 1, 2], Choice::Any), None);
        assert!(!roster.is_down());
    }

    #[test]
    fn one_request_that_can_be_repeated_finds_out_whether_a_server_is_back() {
        let mut roster = roster(2);
        break_down(&mut roster, 0, NOW);
        let after = Timestamp(5_000);
        assert_eq!(roster.choose(Timestamp(4_999), &[], Choice::MayProbe).unwrap().place, 1);
        assert_eq!(roster.choose(after, &[], Choice::Any).unwrap().place, 1, "not at the cost of one that cannot");
        let probe = roster.choose(after, &[], Choice::MayProbe).unwrap();
        assert_eq!((probe.place, roster.state(0, after).0), (0, ServerState::HalfOpen));
        assert_eq!(roster.choose(after, &[], Choice::MayProbe).unwrap().place, 1, "one alone");
        assert!(roster.succeeded(probe));
        assert_eq!(roster.state(0, after), (ServerState::Up, Duration::ZERO, 1));
    }

    #[test]
    fn with_every_breaker_open_one_request_at_a_time_goes_out_and_each_server_gets_its_share() {
        let mut roster = roster(2);
        break_down(&mut roster, 0, Timestamp(0));
        break_down(&mut roster, 1, Timestamp(10));
        assert!(roster.is_down());
        let mut places = Vec::new();
        for ms in 20..24 {
            let now = Timestamp(ms);
            let probe = roster.choose(now, &[], Choice::Any).unwrap();
            assert_eq!(roster.choose(now, &[], Choice::Any), None, "one at a time");
            assert_eq!(roster.choose(now, &[], Choice::MayProbe), None);
            roster.failed(probe, now);
            roster.ended(probe.place);
            places.push(probe.place);
        }
        assert_eq!(places, [0, 1, 0, 1]);
        let slow = roster.choose(Timestamp(25), &[], Choice::Any).unwrap();
        assert_eq!(roster.choose(Timestamp(1_024), &[], Choice::Any), None);
        let other = roster.choose(Timestamp(1_025), &[], Choice::Any).expect("it may be the page that is slow");
        assert_ne!(slow.place, other.place);
        roster.failed(slow, Timestamp(1_026));
        roster.failed(other, Timestamp(1_026));
        let given_up = roster.choose(Timestamp(3_000), &[], Choice::Any).unwrap();
        roster.abandoned(given_up);
        let probe = roster.choose(Timestamp(3_000), &[], Choice::Any).unwrap();
        assert!(roster.succeeded(probe));
        assert!(!roster.is_down());
    }

    #[test]
    fn health_checks_that_find_no_server_well_turn_nobody_away() {
        let mut roster = roster(2);
        roster.set_healthy(0, false);
        roster.set_healthy(1, false);
        assert!(roster.is_down(), "what is stale need not wait for them");
        assert_eq!(takes(&mut roster, 4), [0, 1, 0, 1]);
        assert_eq!(roster.state(0, NOW).0, ServerState::Unhealthy);
        roster.set_healthy(1, true);
        assert_eq!(takes(&mut roster, 2), [1, 1]);
    }

    #[test]
    fn health_checks_and_breaker_speak_for_themselves() {
        let mut roster = roster(1);
        break_down(&mut roster, 0, NOW);
        roster.set_healthy(0, false);
        roster.set_healthy(0, true);
        assert_eq!(roster.state(0, NOW).0, ServerState::Open, "a good check closes no breaker");
        roster.set_healthy(0, false);
        assert_eq!(roster.state(0, NOW).0, ServerState::Open);
        assert_eq!(roster.state(0, Timestamp(5_000)).0, ServerState::Unhealthy, "no visitor finds out what is known");
        let probe = roster.choose(NOW, &[], Choice::Any).unwrap();
        roster.succeeded(probe);
        assert_eq!(roster.state(0, NOW).0, ServerState::Unhealthy, "and a good answer makes no check good");
    }

    /// What may happen, in any order.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Asks(Choice),
        /// What comes of one of the requests under way.
        Ends(usize, Outcome),
        Passes(u64),
        Checks(usize, bool),
    }

    #[derive(Clone, Copy, Debug)]
    enum Outcome {
        Answered,
        Failed,
        GivenUp,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let choice = sample::select(vec![Choice::MayProbe, Choice::Any, Choice::OnlyUp]);
        let outcome = sample::select(vec![Outcome::Answered, Outcome::Failed, Outcome::Failed, Outcome::GivenUp]);
        let step = prop_oneof![
            4 => choice.prop_map(Step::Asks),
            4 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Ends(which, outcome)),
            1 => (1..4_000_u64).prop_map(Step::Passes),
            1 => (0..3_usize, any::<bool>()).prop_map(|(place, is_healthy)| Step::Checks(place, is_healthy)),
        ];
        collection::vec(step, 0..200)
    }

    /// Asks, and holds what comes of it against what was known before.
    fn asks(roster: &mut Roster, now: Timestamp, choice: Choice) -> Option<Chosen> {
        let up: Vec<usize> = (0..3).filter(|place| roster.members[*place].is_up()).collect();
        let fewest = up.iter().map(|place| roster.members[*place].under_way).min();
        let is_young = |own: &Member| own.breaker.probed_since().is_some_and(|since| now.since(since) < PROBE_ALONE);
        let is_probed = roster.members.iter().any(is_young);
        let all_open = roster.members.iter().all(|own| !own.breaker.is_closed());
        let chosen = roster.choose(now, &[], choice);
        match chosen {
            None if choice == Choice::OnlyUp => assert!(up.is_empty()),
            None => assert!(all_open && is_probed, "turned away although it could have been served"),
            Some(chosen) if up.contains(&chosen.place) => {
                assert_eq!(Some(roster.members[chosen.place].under_way - 1), fewest);
            }
            Some(chosen) if !up.is_empty() => {
                let breaker = &roster.members[chosen.place].breaker;
                assert!(choice == Choice::MayProbe && breaker.until().is_some_and(|until| until <= now));
            }
            Some(chosen) => {
                assert_ne!(choice, Choice::OnlyUp);
                let is_probe = !roster.members[chosen.place].breaker.is_closed();
                let was_due = roster.members[chosen.place].breaker.until().is_some_and(|until| until <= now);
                assert!(!is_probe || (all_open && !is_probed) || (choice == Choice::MayProbe && was_due));
            }
        }
        chosen
    }

    proptest! {
        #[test]
        fn whatever_happens_nobody_is_turned_away_who_could_be_served(steps in steps()) {
            let (mut roster, mut now, mut under_way) = (roster(3), NOW, Vec::new());
            for step in steps {
                match step {
                    Step::Passes(ms) => now = now.plus(Duration::from_millis(ms)),
                    Step::Checks(place, is_healthy) => roster.set_healthy(place, is_healthy),
                    Step::Asks(choice) => under_way.extend(asks(&mut roster, now, choice)),
                    Step::Ends(_, _) if under_way.is_empty() => {}
                    Step::Ends(which, outcome) => {
                        let chosen: Chosen = under_way.swap_remove(which % under_way.len());
                        match outcome {
                            Outcome::Answered => drop(roster.succeeded(chosen)),
                            Outcome::Failed => drop(roster.failed(chosen, now)),
                            Outcome::GivenUp => roster.abandoned(chosen),
                        }
                        roster.ended(chosen.place);
                    }
                }
                for place in 0..3 {
                    let count = under_way.iter().filter(|own| own.place == place).count();
                    prop_assert_eq!(roster.state(place, now).2, count);
                }
            }
            // An answer to every server, and all of them are up.
            for place in 0..3 {
                roster.set_healthy(place, true);
            }
            let now = now.plus(Duration::from_mins(5));
            for chosen in under_way {
                roster.abandoned(chosen);
            }
            while roster.members.iter().any(|own| !own.is_up()) {
                let chosen = asks(&mut roster, now, Choice::MayProbe).expect("nobody else probes");
                roster.succeeded(chosen);
                roster.ended(chosen.place);
            }
        }
    }
}
