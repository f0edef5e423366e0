//! The figures of each route. A request hashes no label: it counts by index.
//!
//! The number of label sets is bounded by routes × outcomes × reasons, all of them known before the first request. A table
//! belongs to one generation of the configuration; routes of the same name go on counting where the last one stopped, and
//! what is shown is the table in effect, so that the label sets of routes that are gone do not add up.

use super::counts::Counts;
use super::histogram::seconds;
use super::{FillEnd, OriginResult, SampleResult};
use crate::cache_name::CacheName;
use crate::outcome::{Kind, Outcome, Reason};
use std::sync::Arc;
use std::time::Duration;

/// The route label of requests that were refused before a route was found. No configured name has parentheses.
const UNROUTED: &str = "(none)";

/// The figures of every route of one configuration.
pub struct RouteTable {
    routes: Box<[RouteFigures]>,
    unrouted: RouteFigures,
}

impl RouteTable {
    /// A table of these routes. Those that the previous one has by the same name go on with its counts; what requests under way
    /// count for others is shown no more.
    pub(super) fn new(
        routes: impl IntoIterator<Item = (Arc<str>, CacheName)>,
        previous: Option<&RouteTable>,
    ) -> RouteTable {
        let figures = |name: Arc<str>, cache| {
            let before = previous.and_then(|table| table.all().find(|route| route.name == name));
            RouteFigures { counts: before.map(|route| route.counts.clone()).unwrap_or_default(), name, cache }
        };
        RouteTable {
            routes: routes.into_iter().map(|(name, cache)| figures(name, cache)).collect(),
            unrouted: figures(UNROUTED.into(), CacheName::Default),
        }
    }

    /// The figures of the route at that place of the configuration.
    pub fn at(&self, place: usize) -> &RouteFigures {
        self.routes.get(place).unwrap_or(&self.unrouted)
    }

    /// The figures of what was refused before a route was found.
    pub fn unrouted(&self) -> &RouteFigures {
        &self.unrouted
    }

    /// What the routes have counted since the start, in the configuration's order, the unrouted last.
    pub fn totals(&self) -> Vec<RouteTotals> {
        self.all().map(RouteFigures::totals).collect()
    }

    /// All of them, in the configuration's order, the unrouted last.
    pub(super) fn all(&self) -> impl Iterator<Item = &RouteFigures> {
        self.routes.iter().chain([&self.unrouted])
    }
}

/// What one route has counted since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTotals {
    /// Its name.
    pub name: Arc<str>,
    /// Where its responses are kept.
    pub cache: CacheName,
    /// Requests, by the index of their [`Kind`].
    pub requests: [u64; Kind::ALL.len()],
    /// Body bytes sent to clients.
    pub bytes: u64,
    /// What the stored responses that were served had taken the origin, in seconds.
    pub origin_seconds_saved: f64,
}

/// The figures of one route.
pub struct RouteFigures {
    name: Arc<str>,
    cache: CacheName,
    counts: Arc<Counts>,
}

impl RouteFigures {
    /// The route's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where the route's responses are kept.
    pub fn cache(&self) -> CacheName {
        self.cache
    }

    /// What it has counted.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Counts one answered request.
    pub(super) fn served(&self, outcome: &Outcome, duration: Duration, bytes: u64, saved: Option<Duration>) {
        self.counts.served(self.cache, outcome, duration, bytes, saved);
    }

    /// Counts one request to the origin and, where a head came, how long that took.
    pub fn origin_answered(&self, result: OriginResult, until_head: Option<Duration>) {
        self.counts.origin_answered(result, until_head);
    }

    /// Counts one fill by its end, and why its response was not kept where it was not.
    pub fn fill_ended(&self, end: FillEnd, not_stored: Option<Reason>) {
        self.counts.fill_ended(end, not_stored);
    }

    /// Counts one sample of a guarded route.
    pub fn sampled(&self, result: SampleResult) {
        self.counts.sampled(result);
    }

    /// Requests of one outcome that were answered.
    pub(super) fn requests(&self, kind: Kind) -> u64 {
        self.counts.request_buckets(kind).iter().sum()
    }

    fn totals(&self) -> RouteTotals {
        RouteTotals {
            name: self.name.clone(),
            cache: self.cache,
            requests: Kind::ALL.map(|kind| self.requests(kind)),
            bytes: Kind::ALL.into_iter().map(|kind| self.counts.response_bytes(kind)).sum(),
            origin_seconds_saved: seconds(self.counts.saved_ticks()),
        }
    }
}
