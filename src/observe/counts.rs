//! What is counted of one route, from the start of the process on, in shards.
//!
//! Adding is a few array accesses: no label is hashed, no lock taken, no number converted. What a route has never had (an
//! outcome, a fetch) takes no memory, and its labels come from fixed sets: a route has some kilobytes for each thread that
//! answers for it, and no more.

use super::families::{ORIGIN_BOUNDS, REQUEST_BOUNDS};
use super::histogram::{Histogram, ticks};
use super::shards::{Count, Lane, Shards};
use super::{FillEnd, OriginResult, SampleResult};
use crate::cache_name::CacheName;
use crate::outcome::{Kind, Outcome, Reason};
use std::sync::OnceLock;
use std::time::Duration;

/// The counts of one route.
#[derive(Default)]
pub(super) struct Counts(Shards<Shard>);

/// What the threads of one lane have counted.
#[derive(Default)]
struct Shard {
    kinds: [OnceLock<Box<OfKind>>; Kind::ALL.len()],
    saved_ticks: Count,
    saved_bytes: Count,
    origin: OnceLock<Box<OfOrigin>>,
}

/// Requests of one outcome. Like everything that a lane's threads write alone, on cache lines of its own.
#[derive(Default)]
#[repr(align(64))]
struct OfKind {
    seconds: Histogram<{ REQUEST_BOUNDS.len() }>,
    bytes: Count,
    /// By the cache that the route's responses were in then, which a reload may change; and by reason.
    requests: [OnceLock<Box<ByReason>>; CacheName::ALL.len()],
}

#[repr(align(64))]
struct ByReason([Count; Reason::ALL.len()]);

/// What the origin was asked and what came of it.
#[repr(align(64))]
struct OfOrigin {
    results: [Count; OriginResult::ALL.len()],
    seconds: Histogram<{ ORIGIN_BOUNDS.len() }>,
    fills: [Count; FillEnd::ALL.len()],
    not_stored: [Count; Reason::ALL.len()],
    samples: [Count; SampleResult::ALL.len()],
}

impl Counts {
    /// Counts one answered request.
    pub(super) fn served(
        &self,
        cache: CacheName,
        outcome: &Outcome,
        duration: Duration,
        bytes: u64,
        saved: Option<Duration>,
    ) {
        let lane = Lane::own();
        let shard = self.0.of(lane);
        let kind = shard.kinds[outcome.kind as usize].get_or_init(Box::default);
        let requests = kind.requests[cache.index()].get_or_init(Box::default);
        requests.0[outcome.reason as usize].add(lane, 1);
        kind.seconds.observe(lane, &REQUEST_BOUNDS, duration);
        kind.bytes.add(lane, bytes);
        if let Some(origin_time) = saved {
            shard.saved_ticks.add(lane, ticks(origin_time));
            shard.saved_bytes.add(lane, bytes);
        }
    }

    /// Counts one request to the origin.
    pub(super) fn origin_answered(&self, result: OriginResult, until_head: Option<Duration>) {
        self.count_of_origin(|origin, lane| {
            origin.results[result as usize].add(lane, 1);
            if let Some(duration) = until_head {
                origin.seconds.observe(lane, &ORIGIN_BOUNDS, duration);
            }
        });
    }

    /// Counts one fill.
    pub(super) fn fill_ended(&self, end: FillEnd, not_stored: Option<Reason>) {
        self.count_of_origin(|origin, lane| {
            origin.fills[end as usize].add(lane, 1);
            if let Some(reason) = not_stored {
                origin.not_stored[reason as usize].add(lane, 1);
            }
        });
    }

    /// Counts one sample.
    pub(super) fn sampled(&self, result: SampleResult) {
        self.count_of_origin(|origin, lane| origin.samples[result as usize].add(lane, 1));
    }

    fn count_of_origin(&self, count: impl FnOnce(&OfOrigin, Lane)) {
        let lane = Lane::own();
        count(self.0.of(lane).origin.get_or_init(Box::default), lane);
    }

    /// Requests of that outcome and reason that were answered while the route had that cache.
    pub(super) fn requests(&self, cache: CacheName, kind: Kind, reason: Reason) -> u64 {
        self.of_kind(kind, |kind| {
            kind.requests[cache.index()].get().map_or(0, |counts| counts.0[reason as usize].get())
        })
    }

    /// How long requests of that outcome took: how many by bucket, those past the last bound behind them.
    pub(super) fn request_buckets(&self, kind: Kind) -> [u64; REQUEST_BOUNDS.len() + 1] {
        std::array::from_fn(|place| self.of_kind(kind, |kind| kind.seconds.in_bucket(place)))
    }

    /// How long they took together, in ticks.
    pub(super) fn request_ticks(&self, kind: Kind) -> u64 {
        self.of_kind(kind, |kind| kind.seconds.sum())
    }

    /// Body bytes sent with that outcome.
    pub(super) fn response_bytes(&self, kind: Kind) -> u64 {
        self.of_kind(kind, |kind| kind.bytes.get())
    }

    /// What the stored responses that were served had taken the origin, in ticks.
    pub(super) fn saved_ticks(&self) -> u64 {
        self.0.sum(|shard| shard.saved_ticks.get())
    }

    /// Body bytes served that the origin did not have to send.
    pub(super) fn saved_bytes(&self) -> u64 {
        self.0.sum(|shard| shard.saved_bytes.get())
    }

    /// Requests to the origin that came to that.
    pub(super) fn origin_requests(&self, result: OriginResult) -> u64 {
        self.of_origin(|origin| origin.results[result as usize].get())
    }

    /// How long its heads took: how many by bucket, those past the last bound behind them.
    pub(super) fn origin_buckets(&self) -> [u64; ORIGIN_BOUNDS.len() + 1] {
        std::array::from_fn(|place| self.of_origin(|origin| origin.seconds.in_bucket(place)))
    }

    /// How long they took together, in ticks.
    pub(super) fn origin_ticks(&self) -> u64 {
        self.of_origin(|origin| origin.seconds.sum())
    }

    /// Fills that ended so.
    pub(super) fn fills(&self, end: FillEnd) -> u64 {
        self.of_origin(|origin| origin.fills[end as usize].get())
    }

    /// Responses not kept for that reason.
    pub(super) fn not_stored(&self, reason: Reason) -> u64 {
        self.of_origin(|origin| origin.not_stored[reason as usize].get())
    }

    /// Samples that came to that.
    pub(super) fn samples(&self, result: SampleResult) -> u64 {
        self.of_origin(|origin| origin.samples[result as usize].get())
    }

    fn of_kind(&self, kind: Kind, count: impl Fn(&OfKind) -> u64) -> u64 {
        self.0.sum(|shard| shard.kinds[kind as usize].get().map_or(0, |kind| count(kind)))
    }

    fn of_origin(&self, count: impl Fn(&OfOrigin) -> u64) -> u64 {
        self.0.sum(|shard| shard.origin.get().map_or(0, |origin| count(origin)))
    }
}

impl Default for ByReason {
    fn default() -> ByReason {
        ByReason([const { Count::new() }; _])
    }
}

impl Default for OfOrigin {
    fn default() -> OfOrigin {
        OfOrigin {
            results: [const { Count::new() }; _],
            seconds: Histogram::default(),
            fills: [const { Count::new() }; _],
            not_stored: [const { Count::new() }; _],
            samples: [const { Count::new() }; _],
        }
    }
}
