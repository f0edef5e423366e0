//! The clock is a value: whoever needs the time is handed one.
//!
//! Two scales. *Steady* time only moves forward, at the rate of the monotonic clock, and is what ages are measured in: a
//! jump of the system's clock makes nothing fresh or stale. *Wall* time is the calendar's, for `Date` arithmetic, webhook
//! time stamps and the audit log. Both are milliseconds since the Unix epoch, so that a stored response keeps its age over
//! a restart. Nothing below `app` reads any other clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The time from `earlier` to this moment; zero where `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This moment moved by `by`, saturating.
    #[must_use]
    pub fn plus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(millis(by)))
    }

    /// The same moment as the standard library has it.
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }

    /// A moment of the standard library; times before 1970 become 1970.
    pub fn from_system_time(time: SystemTime) -> Timestamp {
        Timestamp(millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

/// A duration in whole milliseconds, saturating.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { started: Instant, started_wall_ms: u64 },
    Held(Arc<Hands>),
}

#[derive(Debug)]
struct Hands {
    steady_ms: AtomicU64,
    wall_ms: AtomicU64,
}

impl Clock {
    /// The machine's clock. Steady time starts at the wall's and then goes its own way.
    pub fn system() -> Clock {
        Clock(Source::System {
            started: Instant::now(),
            started_wall_ms: Timestamp::from_system_time(SystemTime::now()).0,
        })
    }

    /// A clock that stands at `start` until it is moved, and the hand that moves it. For tests.
    pub fn held(start: Timestamp) -> (Clock, HeldClock) {
        let hands = Arc::new(Hands { steady_ms: AtomicU64::new(start.0), wall_ms: AtomicU64::new(start.0) });
        (Clock(Source::Held(hands.clone())), HeldClock(hands))
    }

    /// Steady time, for ages and deadlines.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { started, started_wall_ms } => {
                Timestamp(started_wall_ms.saturating_add(millis(started.elapsed())))
            }
            Source::Held(hands) => Timestamp(hands.steady_ms.load(Ordering::SeqCst)),
        }
    }

    /// A stopwatch, started.
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch(match &self.0 {
            Source::System { .. } => Started::System(Instant::now()),
            Source::Held(hands) => Started::Held(HeldClock(hands.clone()), self.now()),
        })
    }

    /// Wall time, for what the calendar says.
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Timestamp::from_system_time(SystemTime::now()),
            Source::Held(hands) => Timestamp(hands.wall_ms.load(Ordering::SeqCst)),
        }
    }
}

/// Measures how long something takes, finer than a [`Timestamp`] tells; on a held clock as long as that was moved.
#[derive(Clone, Debug)]
pub struct Stopwatch(Started);

#[derive(Clone, Debug)]
enum Started {
    System(Instant),
    Held(HeldClock, Timestamp),
}

impl Stopwatch {
    /// The time since it was started.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Started::System(start) => start.elapsed(),
            Started::Held(hand, start) => hand.clock().now().since(*start),
        }
    }
}

/// Moves a held clock.
#[derive(Clone, Debug)]
pub struct HeldClock(Arc<Hands>);

impl HeldClock {
    /// Lets `by` pass, on both scales.
    pub fn advance(&self, by: Duration) {
        self.0.steady_ms.fetch_add(millis(by), Ordering::SeqCst);
        self.0.wall_ms.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// A clock that shows what this hand sets.
    pub fn clock(&self) -> Clock {
        Clock(Source::Held(self.0.clone()))
    }

    /// Sets the wall's time alone, as an operator or NTP would.
    pub fn set_wall(&self, to: Timestamp) {
        self.0.wall_ms.store(to.0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_leaves_steady_time_alone() {
        let (clock, hand) = Clock::held(Timestamp(1_000));
        hand.set_wall(Timestamp(9_000_000));
        hand.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Timestamp(3_000));
        assert_eq!(clock.wall(), Timestamp(9_002_000));
    }

    #[test]
    fn time_between_moments_never_goes_below_zero() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
