//! Durations by size, in integers: a count for each bucket, and the sum of all.

use super::shards::{Count, Lane};
use std::time::Duration;

/// Ticks in a second. Durations are summed up in ticks of 100 ns, to the nearest one: a hit takes a hundred of them, and a
/// count of 64 bits holds 58,000 years, which 10,000 requests that never end fill in six.
const TICKS_PER_SECOND: u64 = 10_000_000;
const NANOS_PER_TICK: u32 = 100;

/// A duration in ticks.
pub(super) fn ticks(duration: Duration) -> u64 {
    let part = u64::from((duration.subsec_nanos() + NANOS_PER_TICK / 2) / NANOS_PER_TICK);
    duration.as_secs().saturating_mul(TICKS_PER_SECOND).saturating_add(part)
}

/// Ticks in seconds.
pub(super) fn seconds(ticks: u64) -> f64 {
    // The exposition format has no other numbers; past 2^53 ticks, which are 28 years, the last digits are lost.
    #[allow(clippy::cast_precision_loss)]
    let seconds = ticks as f64 / TICKS_PER_SECOND as f64;
    seconds
}

/// One shard of a histogram with `N` buckets that have a bound.
pub(super) struct Histogram<const N: usize> {
    bounded: [Count; N],
    beyond: Count,
    ticks: Count,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Histogram<N> {
        Histogram { bounded: [const { Count::new() }; N], beyond: Count::new(), ticks: Count::new() }
    }
}

impl<const N: usize> Histogram<N> {
    /// Counts a duration into the first bucket whose bound is not below it.
    pub(super) fn observe(&self, lane: Lane, bounds: &[Duration; N], duration: Duration) {
        // Most are hits, and in the first bucket.
        let place = bounds.iter().position(|bound| duration <= *bound);
        place.map_or(&self.beyond, |place| &self.bounded[place]).add(lane, 1);
        self.ticks.add(lane, ticks(duration));
    }

    /// Durations in the bucket at that place; past the last bound, those beyond it.
    pub(super) fn in_bucket(&self, place: usize) -> u64 {
        self.bounded.get(place).unwrap_or(&self.beyond).get()
    }

    /// The sum of all durations, in ticks.
    pub(super) fn sum(&self) -> u64 {
        self.ticks.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        const BOUNDS: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(2)];
        let (histogram, lane) = (Histogram::<2>::default(), Lane::own());
        for nanos in [0, 1_000_000, 1_000_001, 2_000_000_000, 2_000_000_001, u64::MAX] {
            histogram.observe(lane, &BOUNDS, Duration::from_nanos(nanos));
        }
        assert_eq!([0, 1, 2].map(|place| histogram.in_bucket(place)), [2, 2, 2]);
    }

    #[test]
    fn ticks_are_to_the_nearest() {
        let of = |nanos| ticks(Duration::from_nanos(nanos));
        assert_eq!([of(49), of(50), of(149), of(12_340), of(999_999_950)], [0, 1, 1, 123, 10_000_000]);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
        assert!((seconds(ticks(Duration::from_millis(1_500))) - 1.5).abs() < f64::EPSILON);
    }
}
