//! The figures of each route. Counters are found once and then by index: a request hashes no label.
//!
//! The number of label sets is bounded by routes × outcomes × reasons, all of them known before the first request. A table
//! belongs to one generation of the configuration; routes of the same name go on counting where the last one stopped.

use super::families::Families;
use super::{FillEnd, OriginResult, SampleResult};
use crate::cache_name::CacheName;
use crate::outcome::{Kind, Outcome, Reason};
use prometheus::{Counter, Histogram, IntCounter};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The route label of requests that were refused before a route was found. No configured name has parentheses.
const UNROUTED: &str = "(none)";

/// The figures of every route of one configuration.
pub struct RouteTable {
    routes: Box<[RouteFigures]>,
    unrouted: RouteFigures,
}

impl RouteTable {
    pub(super) fn new(families: &Arc<Families>, routes: impl IntoIterator<Item = (Arc<str>, CacheName)>) -> RouteTable {
        RouteTable {
            routes: routes.into_iter().map(|(name, cache)| RouteFigures::new(families, name, cache)).collect(),
            unrouted: RouteFigures::new(families, UNROUTED.into(), CacheName::Default),
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
        self.routes.iter().chain([&self.unrouted]).map(RouteFigures::totals).collect()
    }

    /// Makes way for the next configuration's table: routes of the same name go on, and the label sets of those that are
    /// gone are forgotten, so that reloads do not add up.
    pub(super) fn give_way_to(&self, next: &RouteTable) {
        for route in self.routes.iter().chain([&self.unrouted]) {
            match next.routes.iter().chain([&next.unrouted]).find(|other| other.name == route.name) {
                None => route.forget(),
                Some(successor) => {
                    successor.go_on_from(route);
                    if successor.cache != route.cache {
                        route.forget_requests();
                    }
                }
            }
        }
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
    families: Arc<Families>,
    kinds: [OnceLock<Box<KindFigures>>; Kind::ALL.len()],
    origin_requests: [OnceLock<IntCounter>; OriginResult::ALL.len()],
    origin_seconds: OnceLock<Histogram>,
    seconds_saved: Counter,
    bytes_saved: IntCounter,
    fills: [OnceLock<IntCounter>; FillEnd::ALL.len()],
    not_stored: [OnceLock<IntCounter>; Reason::ALL.len()],
}

/// The figures of one route and outcome.
struct KindFigures {
    requests: [OnceLock<IntCounter>; Reason::ALL.len()],
    seconds: Histogram,
    bytes: IntCounter,
}

impl RouteFigures {
    fn new(families: &Arc<Families>, name: Arc<str>, cache: CacheName) -> RouteFigures {
        RouteFigures {
            seconds_saved: families.origin_seconds_saved.with_label_values(&[&*name]),
            bytes_saved: families.origin_bytes_saved.with_label_values(&[&*name]),
            name,
            cache,
            families: families.clone(),
            kinds: [const { OnceLock::new() }; _],
            origin_requests: [const { OnceLock::new() }; _],
            origin_seconds: OnceLock::new(),
            fills: [const { OnceLock::new() }; _],
            not_stored: [const { OnceLock::new() }; _],
        }
    }

    /// The route's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where the route's responses are kept.
    pub fn cache(&self) -> CacheName {
        self.cache
    }

    /// Counts one answered request.
    pub(super) fn served(&self, outcome: &Outcome, duration: Duration, bytes: u64, saved: Option<Duration>) {
        let kind = self.kinds[outcome.kind as usize].get_or_init(|| Box::new(KindFigures::new(self, outcome.kind)));
        let requests = kind.requests[outcome.reason as usize].get_or_init(|| {
            let labels = [&*self.name, self.cache.as_str(), outcome.kind.as_str(), outcome.reason.as_str()];
            self.families.requests.with_label_values(&labels)
        });
        requests.inc();
        kind.seconds.observe(duration.as_secs_f64());
        kind.bytes.inc_by(bytes);
        if let Some(origin_time) = saved {
            self.seconds_saved.inc_by(origin_time.as_secs_f64());
            self.bytes_saved.inc_by(bytes);
        }
    }

    /// Counts one request to the origin and, where a head came, how long that took.
    pub fn origin_answered(&self, result: OriginResult, until_head: Option<Duration>) {
        let label = || self.families.origin_requests.with_label_values(&[&*self.name, result.as_str()]);
        self.origin_requests[result as usize].get_or_init(label).inc();
        if let Some(duration) = until_head {
            let seconds = || self.families.origin_seconds.with_label_values(&[&*self.name]);
            self.origin_seconds.get_or_init(seconds).observe(duration.as_secs_f64());
        }
    }

    /// Counts one fill by its end, and why its response was not kept where it was not.
    pub fn fill_ended(&self, end: FillEnd, not_stored: Option<Reason>) {
        let fills = || self.families.fills.with_label_values(&[&*self.name, end.as_str()]);
        self.fills[end as usize].get_or_init(fills).inc();
        if let Some(reason) = not_stored {
            let label = || self.families.not_stored.with_label_values(&[&*self.name, reason.as_str()]);
            self.not_stored[reason as usize].get_or_init(label).inc();
        }
    }

    /// Counts one sample of a guarded route: too few for a counter that is found beforehand.
    pub fn sampled(&self, result: SampleResult) {
        self.families.guard_samples.with_label_values(&[&*self.name, result.as_str()]).inc();
    }

    fn totals(&self) -> RouteTotals {
        let of = |kind: &OnceLock<Box<KindFigures>>| kind.get().map_or(0, |kind| kind.seconds.get_sample_count());
        RouteTotals {
            name: self.name.clone(),
            cache: self.cache,
            requests: std::array::from_fn(|kind| of(&self.kinds[kind])),
            bytes: self.kinds.iter().filter_map(OnceLock::get).map(|kind| kind.bytes.get()).sum(),
            origin_seconds_saved: self.seconds_saved.get(),
        }
    }

    /// Finds the children that the same route of the last configuration had, so that totals do not start at zero.
    fn go_on_from(&self, previous: &RouteFigures) {
        for kind in Kind::ALL {
            if previous.kinds[kind as usize].get().is_some() {
                self.kinds[kind as usize].get_or_init(|| Box::new(KindFigures::new(self, kind)));
            }
        }
    }

    fn forget_requests(&self) {
        for kind in Kind::ALL {
            for reason in Reason::ALL {
                let labels = [&*self.name, self.cache.as_str(), kind.as_str(), reason.as_str()];
                // An error means that the label set was never there.
                let _ = self.families.requests.remove_label_values(&labels);
            }
        }
    }

    /// Takes the route's label sets out of the registry. Requests that are still under way count into nothing.
    fn forget(&self) {
        self.forget_requests();
        let (name, families) = (&*self.name, &*self.families);
        for kind in Kind::ALL.map(Kind::as_str) {
            let _ = families.request_seconds.remove_label_values(&[name, kind]);
            let _ = families.response_bytes.remove_label_values(&[name, kind]);
        }
        for reason in Reason::ALL {
            let _ = families.not_stored.remove_label_values(&[name, reason.as_str()]);
        }
        for result in OriginResult::ALL {
            let _ = families.origin_requests.remove_label_values(&[name, result.as_str()]);
        }
        for end in FillEnd::ALL {
            let _ = families.fills.remove_label_values(&[name, end.as_str()]);
        }
        for result in SampleResult::ALL {
            let _ = families.guard_samples.remove_label_values(&[name, result.as_str()]);
        }
        let _ = families.origin_seconds.remove_label_values(&[name]);
        let _ = families.origin_seconds_saved.remove_label_values(&[name]);
        let _ = families.origin_bytes_saved.remove_label_values(&[name]);
    }
}

impl KindFigures {
    fn new(route: &RouteFigures, kind: Kind) -> KindFigures {
        let labels = [&*route.name, kind.as_str()];
        KindFigures {
            requests: [const { OnceLock::new() }; _],
            seconds: route.families.request_seconds.with_label_values(&labels),
            bytes: route.families.response_bytes.with_label_values(&labels),
        }
    }
}
