//! The clock is a value: whoever needs the time is handed one.
//!
//! Two scales. *Steady* time only moves forward, at the rate of the monotonic clock, and is what ages are measured in: a
//! jump of the system's clock makes nothing fresh or stale. *Wall* time is the calendar's, for `Date` arithmetic, webhook
//! time stamps and the audit log. Both are milliseconds since the Unix epoch, so that a stored response keeps its age over
//! a restart. Nothing below `app` reads any other clock.
//!
//! A request is told its [`Moment`] once, when it arrives, from one reading of the monotonic clock. Its steady time is exact. Its
//! wall time is how far the two clocks were apart when both were last read, [`WALL_READING_MAX`] before at most: after the
//! system's clock was set, a moment may tell the old time for as long. Only log lines show it; [`Clock::wall`] always reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
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

/// How old the reading of the wall's clock may be that a [`Moment`] goes by. Between two of them a clock that NTP slews goes
/// 5 us off at most.
pub const WALL_READING_MAX: Duration = Duration::from_millis(10);

/// Tells the time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { started: Instant, started_wall_ms: u64, wall: Arc<WallReading> },
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
        let (started, wall) = (Instant::now(), SystemTime::now());
        Clock(Source::System {
            started,
            started_wall_ms: Timestamp::from_system_time(wall).0,
            wall: Arc::new(WallReading::first(wall)),
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
            Source::System { started, started_wall_ms, .. } => {
                Timestamp(started_wall_ms.saturating_add(millis(started.elapsed())))
            }
            Source::Held(hands) => Timestamp(hands.steady_ms.load(Ordering::SeqCst)),
        }
    }

    /// Both times at once, and a stopwatch: what a request is told when it arrives, from one reading.
    pub fn moment(&self) -> Moment {
        match &self.0 {
            Source::System { started, started_wall_ms, wall } => {
                let instant = Instant::now();
                let since = instant.saturating_duration_since(*started);
                Moment {
                    now: Timestamp(started_wall_ms.saturating_add(millis(since))),
                    wall: wall.at(since, SystemTime::now),
                    watch: Stopwatch(Started::System(instant)),
                }
            }
            Source::Held(_) => Moment { now: self.now(), wall: self.wall(), watch: self.stopwatch() },
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

/// When something began, on both scales.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Steady time.
    pub now: Timestamp,
    /// Wall time, as it was read a moment before: see [`WALL_READING_MAX`].
    pub wall: Timestamp,
    watch: Stopwatch,
}

impl Moment {
    /// The time that has passed since.
    pub fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }
}

/// How far the wall's clock is before the steady one, and when that was read. Two threads that read at once overwrite each other's
/// reading; both are right.
#[derive(Debug)]
struct WallReading {
    /// Microseconds from the clock's start to the reading.
    read_us: AtomicU64,
    /// Microseconds that the wall's clock showed then, less those.
    ahead_us: AtomicI64,
}

impl WallReading {
    /// What was read when the clock was started.
    fn first(wall: SystemTime) -> WallReading {
        let reading = WallReading { read_us: AtomicU64::new(0), ahead_us: AtomicI64::new(0) };
        reading.note(0, wall);
        reading
    }

    /// Wall time so long after the clock's start.
    fn at(&self, since: Duration, read: impl FnOnce() -> SystemTime) -> Timestamp {
        let since_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        // What was read is stored before its moment is: who finds the moment finds nothing older. Others may have read since this
        // moment began.
        let age_us = since_us.saturating_sub(self.read_us.load(Ordering::Acquire));
        let is_recent = u128::from(age_us) <= WALL_READING_MAX.as_micros();
        let ahead_us = if is_recent { self.ahead_us.load(Ordering::Relaxed) } else { self.note(since_us, read()) };
        Timestamp(since_us.saturating_add_signed(ahead_us) / 1_000)
    }

    fn note(&self, since_us: u64, wall: SystemTime) -> i64 {
        let wall_us = wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let wall_us = i64::try_from(wall_us).unwrap_or(i64::MAX);
        let ahead_us = wall_us.saturating_sub_unsigned(since_us);
        self.ahead_us.store(ahead_us, Ordering::Relaxed);
        self.read_us.store(since_us, Ordering::Release);
        ahead_us
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
    fn a_moment_follows_a_wall_clock_that_is_set_within_its_bound() {
        let start = UNIX_EPOCH + Duration::from_secs(1_000);
        let (reading, later) = (WallReading::first(start), start + Duration::from_secs(9));
        let at = |micros, wall: SystemTime| reading.at(Duration::from_micros(micros), || wall).0;
        // Until the bound the wall's clock is not read, whatever it shows; steady time goes on in its place.
        assert_eq!([at(999, later), at(1_000, later), at(10_000, later)], [1_000_000, 1_000_001, 1_000_010]);
        assert_eq!([at(10_001, later), at(11_001, start)], [1_009_000, 1_009_001]);
        // Back, too; and for a moment that began before the last reading.
        assert_eq!([at(90_000, start), at(89_000, later)], [1_000_000, 999_999]);
    }

    #[test]
    fn a_moment_is_what_the_clock_says() {
        let clock = Clock::system();
        let (before, moment, after) = (clock.now(), clock.moment(), clock.now());
        assert!((before..=after).contains(&moment.now));
        let (held, hand) = Clock::held(Timestamp(1_000));
        hand.set_wall(Timestamp(7_000));
        let moment = held.moment();
        hand.advance(Duration::from_millis(20));
        assert_eq!((moment.now, moment.wall), (Timestamp(1_000), Timestamp(7_000)));
        assert_eq!(moment.elapsed(), Duration::from_millis(20));
    }

    #[test]
    fn time_between_moments_never_goes_below_zero() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
