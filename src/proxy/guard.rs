//! Whether what is fetched under a rule may be kept: where the rule is guarded, only once two anonymous fetches were alike, and
//! no longer when two were found to differ.
//!
//! Nothing is fetched here, and nothing waits. A request asks twice: before look-up whether the rule is under suspicion, and
//! before a fill whether that may keep anything. The samples themselves are in `sampling`.

use super::errand::Errand;
use super::{Proxy, sampling};
use crate::clock::Timestamp;
use crate::outcome::{Kind, Reason};
use crate::policy::likeness::{Allowances, Place};
use crate::route::{Guard, Routed, Router};
use crate::stored::RuleFingerprint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a route is left alone after a sample that came to nothing: a shop that is down is not asked twice a request.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How guarded rules are sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardSettings {
    /// What may differ.
    pub allow: Arc<Allowances>,
    /// The least time between two samples of one route.
    pub every: Duration,
}

/// The guarded routes of one configuration.
#[derive(Clone, Debug)]
pub struct Guards {
    settings: GuardSettings,
    /// By their place among the router's; none: not guarded.
    watched: Box<[Option<Arc<Watched>>]>,
}

impl Guards {
    /// The guarded routes among these, none of them proven.
    pub fn new(router: &Router, settings: GuardSettings) -> Guards {
        let watched = router.rules().map(|rule| {
            let watched = || Arc::new(Watched::new(rule.name.clone(), rule.fingerprint));
            (rule.guard == Guard::Sample).then(watched)
        });
        Guards { settings, watched: watched.collect() }
    }

    /// Takes over what was found under the last configuration, for rules that are still the same. What was under suspicion is
    /// sampled anew: whoever mended the shop reloads.
    pub(super) fn go_on_from(&mut self, last: &Guards) {
        if self.settings.allow != last.settings.allow {
            return;
        }
        for own in self.watched.iter_mut().flatten() {
            let same = |other: &&Arc<Watched>| other.name == own.name && other.fingerprint == own.fingerprint;
            if let Some(other) = last.all().find(same).filter(|other| !other.is_suspect()) {
                *own = other.clone();
            }
        }
    }

    /// Whether a rule's pages were found to differ. For a rule that is not guarded this is one comparison.
    pub(super) fn suspect(&self, routed: &Routed<'_>) -> bool {
        routed.rule.guard == Guard::Sample && self.is_suspect(routed.place)
    }

    /// The same for a rule's place among the router's.
    pub(super) fn is_suspect(&self, place: usize) -> bool {
        self.at(place).is_some_and(|watched| watched.is_suspect())
    }

    /// What the guard makes of a verdict that was reached without it.
    pub(super) fn verdict(&self, place: usize, verdict: (Kind, Reason)) -> (Kind, Reason) {
        match self.proof(place) {
            Some(Proof::Suspect { .. }) => (Kind::Bypass, Reason::GuardDiffers),
            Some(Proof::Unproven { .. }) if matches!(verdict.0, Kind::Miss | Kind::Revalidated) => {
                (Kind::Bypass, Reason::GuardUnproven)
            }
            _ => verdict,
        }
    }

    /// How a route stands; none: it is not guarded.
    pub(super) fn proof(&self, place: usize) -> Option<Proof> {
        self.at(place).map(|watched| watched.state().proof.clone())
    }

    /// The guarded routes, and whether each is under suspicion.
    pub(super) fn standings(&self) -> Vec<(Arc<str>, bool)> {
        self.all().map(|watched| (watched.name.clone(), watched.is_suspect())).collect()
    }

    pub(super) fn settings(&self) -> &GuardSettings {
        &self.settings
    }

    /// Whether this is what the configuration goes by, and not a reloaded one's.
    pub(super) fn has(&self, watched: &Arc<Watched>) -> bool {
        self.all().any(|own| Arc::ptr_eq(own, watched))
    }

    fn at(&self, place: usize) -> Option<&Arc<Watched>> {
        self.watched.get(place).and_then(Option::as_ref)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Watched>> {
        self.watched.iter().flatten()
    }
}

/// Whether what an errand fetches may be kept, and shared. Starts a sample where one is due; nobody waits for it.
pub(super) fn lets_keep(proxy: &Arc<Proxy>, errand: &Arc<Errand>) -> Result<(), Reason> {
    let Some(watched) = errand.rules.guards.at(errand.place) else { return Ok(()) };
    if watched.is_due(proxy.clock.now()) {
        sampling::begin(proxy, watched, errand);
    }
    match &watched.state().proof {
        Proof::Proven { .. } => Ok(()),
        Proof::Unproven { .. } => Err(Reason::GuardUnproven),
        Proof::Suspect { .. } => Err(Reason::GuardDiffers),
    }
}

/// What is known of a guarded route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing is kept yet.
    Unproven {
        /// Why the last sample came to nothing, where there was one.
        failed: Option<String>,
    },
    /// Two fetches were alike.
    Proven {
        /// Since when, by the wall's clock.
        since: Timestamp,
    },
    /// Two fetches differed: nothing is kept, and nothing that was is served.
    Suspect {
        /// Since when, by the wall's clock.
        since: Timestamp,
        /// What was fetched.
        url: String,
        /// Where the two differed.
        places: Vec<Place>,
    },
}

/// A guarded route.
#[derive(Debug)]
pub(super) struct Watched {
    pub name: Arc<str>,
    fingerprint: RuleFingerprint,
    /// Beside the lock, for hits.
    suspect: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    proof: Proof,
    sampling: bool,
    /// No sample before this.
    next: Timestamp,
}

impl Watched {
    fn new(name: Arc<str>, fingerprint: RuleFingerprint) -> Watched {
        let state = State { proof: Proof::Unproven { failed: None }, sampling: false, next: Timestamp::default() };
        Watched { name, fingerprint, suspect: AtomicBool::new(false), state: Mutex::new(state) }
    }

    fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Acquire)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let state = self.state();
        !state.sampling && now >= state.next && !matches!(state.proof, Proof::Suspect { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one sample of a route that is under way. Dropped without an end, it came to nothing.
pub(super) struct Sampling {
    pub watched: Arc<Watched>,
    began: Timestamp,
    ended: bool,
}

impl Sampling {
    /// Begins, unless another has.
    pub(super) fn begin(watched: &Arc<Watched>, now: Timestamp) -> Option<Sampling> {
        if !watched.is_due(now) || std::mem::replace(&mut watched.state().sampling, true) {
            return None;
        }
        Some(Sampling { watched: watched.clone(), began: now, ended: false })
    }

    /// The two were alike.
    pub(super) fn alike(mut self, wall: Timestamp, every: Duration) {
        let since = match self.watched.state().proof {
            Proof::Proven { since } => since,
            _ => wall,
        };
        self.end(every, Some(Proof::Proven { since }));
    }

    /// The two differed.
    pub(super) fn differ(mut self, proof: Proof) {
        self.end(Duration::ZERO, Some(proof));
    }

    /// Nothing was learned: what was proven stays so, and what was not is told why.
    pub(super) fn failed(mut self, why: String) {
        let unproven = matches!(self.watched.state().proof, Proof::Unproven { .. });
        self.end(RETRY_AFTER, unproven.then_some(Proof::Unproven { failed: Some(why) }));
    }

    fn end(&mut self, pause: Duration, proof: Option<Proof>) {
        let mut state = self.watched.state();
        state.sampling = false;
        state.next = self.began.plus(pause);
        if let Some(proof) = proof {
            self.watched.suspect.store(matches!(proof, Proof::Suspect { .. }), Ordering::Release);
            state.proof = proof;
        }
        drop(state);
        self.ended = true;
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        if !self.ended {
            self.end(RETRY_AFTER, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_mins(10);

    fn watched() -> Arc<Watched> {
        Arc::new(Watched::new("home".into(), RuleFingerprint(1)))
    }

    #[test]
    fn one_sample_at_a_time_and_not_before_it_is_due() {
        let (watched, now) = (watched(), Timestamp(1_000_000));
        let first = Sampling::begin(&watched, now).unwrap();
        assert!(Sampling::begin(&watched, now).is_none());
        first.failed("it is down".into());
        assert!(Sampling::begin(&watched, now.plus(4 * SECOND)).is_none());
        let second = Sampling::begin(&watched, now.plus(5 * SECOND)).unwrap();
        second.alike(Timestamp(7), EVERY);
        assert!(Sampling::begin(&watched, now.plus(EVERY)).is_none());
        assert!(Sampling::begin(&watched, now.plus(5 * SECOND).plus(EVERY)).is_some());
    }

    #[test]
    fn a_sample_that_is_lost_gives_way_to_the_next() {
        let (watched, now) = (watched(), Timestamp(1_000_000));
        drop(Sampling::begin(&watched, now));
        assert!(Sampling::begin(&watched, now.plus(SECOND)).is_none());
        assert!(Sampling::begin(&watched, now.plus(5 * SECOND)).is_some());
    }

    #[test]
    fn what_was_proven_survives_a_sample_that_came_to_nothing_and_what_differed_is_left_alone() {
        let (watched, now) = (watched(), Timestamp(1_000_000));
        Sampling::begin(&watched, now).unwrap().alike(Timestamp(7), EVERY);
        Sampling::begin(&watched, now.plus(EVERY)).unwrap().failed("it is down".into());
        assert_eq!(watched.state().proof, Proof::Proven { since: Timestamp(7) });
        let later = now.plus(2 * EVERY);
        let suspect = Proof::Suspect { since: later, url: "http://shop.example/".into(), places: Vec::new() };
        Sampling::begin(&watched, later).unwrap().differ(suspect);
        assert!(watched.is_suspect());
        assert!(Sampling::begin(&watched, later.plus(100 * EVERY)).is_none());
    }
}
