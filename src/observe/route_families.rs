//! What the routes have counted, as metrics: names, helps and labels, summed up over the shards when somebody asks.
//!
//! Labels stand in the order of their names and samples in the order of the labels' values, as a registry has them. What was
//! never counted has no sample, but for what was saved, which begins at zero with its route.

use super::families::{ORIGIN_BOUNDS, REQUEST_BOUNDS};
use super::histogram::seconds;
use super::routes::{RouteFigures, RouteTable};
use super::scrape::{Labels, counter, family, labelled};
use super::{FillEnd, OriginResult, SampleResult};
use crate::outcome::{Kind, Reason};
use prometheus::proto::{Bucket, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use std::time::Duration;

/// The metrics of the routes of one configuration.
pub(super) fn families(table: &RouteTable) -> Vec<MetricFamily> {
    let routes: Vec<&RouteFigures> = table.all().collect();
    let mut families = vec![
        requests(&routes),
        request_seconds(&routes),
        by_outcome(&routes),
        seconds_saved(&routes),
        each(&routes, "origin_bytes_saved_total", "Body bytes served that the origin did not have to send.", |route| {
            vec![(vec![("route", &**route.name())], route.counts().saved_bytes())]
        }),
        origin_seconds(&routes),
    ];
    families.extend(by_result(&routes));
    families.retain(|family| !family.get_metric().is_empty());
    for family in &mut families {
        family.mut_metric().sort_by(|a, b| values(a).cmp(values(b)));
    }
    families
}

fn values(metric: &Metric) -> impl Iterator<Item = &str> {
    metric.get_label().iter().map(LabelPair::value)
}

/// A counter's samples, route by route.
fn each<'a>(
    routes: &[&'a RouteFigures],
    name: &str,
    help: &str,
    samples: impl Fn(&'a RouteFigures) -> Vec<(Labels<'a>, u64)>,
) -> MetricFamily {
    family(name, help, MetricType::COUNTER, routes.iter().flat_map(|route| samples(route)))
}

fn requests(routes: &[&RouteFigures]) -> MetricFamily {
    each(routes, "requests_total", "Requests answered, by how and why.", |route| {
        let label_sets = Kind::ALL.into_iter().flat_map(|kind| Reason::ALL.iter().map(move |reason| (kind, *reason)));
        let sample = |(kind, reason): (Kind, Reason)| {
            let labels = vec![
                ("cache", route.cache().as_str()),
                ("outcome", kind.as_str()),
                ("reason", reason.as_str()),
                ("route", &**route.name()),
            ];
            (labels, route.counts().requests(route.cache(), kind, reason))
        };
        label_sets.map(sample).filter(|(_, count)| *count > 0).collect()
    })
}

fn by_outcome(routes: &[&RouteFigures]) -> MetricFamily {
    each(routes, "response_bytes_total", "Body bytes sent to clients.", |route| {
        let counted = Kind::ALL.into_iter().filter(|kind| route.requests(*kind) > 0);
        counted.map(|kind| (of_outcome(route, kind), route.counts().response_bytes(kind))).collect()
    })
}

fn request_seconds(routes: &[&RouteFigures]) -> MetricFamily {
    let samples = routes.iter().flat_map(|route| {
        Kind::ALL.into_iter().filter_map(|kind| {
            let counts = route.counts();
            let ticks = counts.request_ticks(kind);
            histogram(&of_outcome(route, kind), &REQUEST_BOUNDS, &counts.request_buckets(kind), ticks)
        })
    });
    histograms("request_duration_seconds", "From a request's head to the end of its response.", samples.collect())
}

fn origin_seconds(routes: &[&RouteFigures]) -> MetricFamily {
    let samples = routes.iter().filter_map(|route| {
        let counts = route.counts();
        let labels = [("route", &**route.name())];
        histogram(&labels, &ORIGIN_BOUNDS, &counts.origin_buckets(), counts.origin_ticks())
    });
    let help = "From a request to the origin to the head of its response.";
    histograms("origin_duration_seconds", help, samples.collect())
}

fn seconds_saved(routes: &[&RouteFigures]) -> MetricFamily {
    let help = "What the stored responses that were served had taken the origin.";
    let mut saved = family("origin_seconds_saved_total", help, MetricType::COUNTER, []);
    let sample = |route: &&RouteFigures| {
        let mut metric = labelled(&[("route", &**route.name())]);
        metric.set_counter(counter(seconds(route.counts().saved_ticks())));
        metric
    };
    saved.set_metric(routes.iter().map(sample).collect());
    saved
}

/// What came of requests to the origin, fills and samples.
fn by_result(routes: &[&RouteFigures]) -> [MetricFamily; 4] {
    [
        each(routes, "origin_requests_total", "Requests sent to the origin, by the class of its answer.", |route| {
            counted(OriginResult::ALL, |result| {
                let labels = vec![("route", &**route.name()), ("status_class", result.as_str())];
                (labels, route.counts().origin_requests(result))
            })
        }),
        each(routes, "fills_total", "Fetches for the cache, by their end.", |route| {
            counted(FillEnd::ALL, |end| (of_result(route, end.as_str()), route.counts().fills(end)))
        }),
        each(routes, "not_stored_total", "Responses fetched and not kept, by the reason.", |route| {
            counted(Reason::ALL, |reason| {
                let labels = vec![("reason", reason.as_str()), ("route", &**route.name())];
                (labels, route.counts().not_stored(reason))
            })
        }),
        each(routes, "guard_samples_total", "Samples of guarded routes, by what they came to.", |route| {
            counted(SampleResult::ALL, |result| (of_result(route, result.as_str()), route.counts().samples(result)))
        }),
    ]
}

fn counted<'a, T: Copy>(all: &[T], sample: impl Fn(T) -> (Labels<'a>, u64)) -> Vec<(Labels<'a>, u64)> {
    all.iter().map(|value| sample(*value)).filter(|(_, count)| *count > 0).collect()
}

fn of_outcome(route: &RouteFigures, kind: Kind) -> Labels<'_> {
    vec![("outcome", kind.as_str()), ("route", &**route.name())]
}

fn of_result<'a>(route: &'a RouteFigures, result: &'static str) -> Labels<'a> {
    vec![("result", result), ("route", &**route.name())]
}

fn histograms(name: &str, help: &str, samples: Vec<Metric>) -> MetricFamily {
    let mut histograms = family(name, help, MetricType::HISTOGRAM, []);
    histograms.set_metric(samples);
    histograms
}

/// A histogram's sample; none where nothing was counted. How many there are is the sum of the buckets as they were read, so
/// that one sample agrees with itself while others count.
fn histogram(labels: &[(&str, &str)], bounds: &[Duration], in_bucket: &[u64], ticks: u64) -> Option<Metric> {
    let count: u64 = in_bucket.iter().sum();
    let mut so_far = 0;
    let buckets = bounds.iter().zip(in_bucket).map(|(bound, count)| {
        so_far += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound.as_secs_f64());
        bucket.set_cumulative_count(so_far);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(count);
    histogram.set_sample_sum(seconds(ticks));
    let mut metric = labelled(labels);
    metric.set_histogram(histogram);
    (count > 0).then_some(metric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_name::CacheName;
    use crate::outcome::Outcome;
    use prometheus::{
        CounterVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder, core::Collector,
    };

    fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
        registry.register(Box::new(collector.clone())).unwrap();
        collector
    }

    /// The same events, counted by the library's own metrics.
    struct Model {
        registry: Registry,
        requests: IntCounterVec,
        request_seconds: HistogramVec,
        bytes: IntCounterVec,
        origin_requests: IntCounterVec,
        origin_seconds: HistogramVec,
        seconds_saved: CounterVec,
        bytes_saved: IntCounterVec,
        fills: IntCounterVec,
        not_stored: IntCounterVec,
        samples: IntCounterVec,
    }

    impl Model {
        fn new() -> Model {
            let registry = Registry::new();
            let opts = |name, help: &str| Opts::new(format!("vitrine_{name}"), help.to_string());
            let counts = |name, help, labels: &[&str]| {
                registered(&registry, IntCounterVec::new(opts(name, help), labels).unwrap())
            };
            let histogram = |name, help, labels: &[&str], buckets: &[f64]| {
                let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
                registered(&registry, HistogramVec::new(opts, labels).unwrap())
            };
            Model {
                requests: counts(
                    "requests_total",
                    "Requests answered, by how and why.",
                    &["route", "cache", "outcome", "reason"],
                ),
                request_seconds: histogram(
                    "request_duration_seconds",
                    "From a request's head to the end of its response.",
                    &["route", "outcome"],
                    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0],
                ),
                bytes: counts("response_bytes_total", "Body bytes sent to clients.", &["route", "outcome"]),
                origin_requests: counts(
                    "origin_requests_total",
                    "Requests sent to the origin, by the class of its answer.",
                    &["route", "status_class"],
                ),
                origin_seconds: histogram(
                    "origin_duration_seconds",
                    "From a request to the origin to the head of its response.",
                    &["route"],
                    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0],
                ),
                seconds_saved: registered(
                    &registry,
                    CounterVec::new(
                        opts(
                            "origin_seconds_saved_total",
                            "What the stored responses that were served had taken the origin.",
                        ),
                        &["route"],
                    )
                    .unwrap(),
                ),
                bytes_saved: counts(
                    "origin_bytes_saved_total",
                    "Body bytes served that the origin did not have to send.",
                    &["route"],
                ),
                fills: counts("fills_total", "Fetches for the cache, by their end.", &["route", "result"]),
                not_stored: counts(
                    "not_stored_total",
                    "Responses fetched and not kept, by the reason.",
                    &["route", "reason"],
                ),
                samples: counts(
                    "guard_samples_total",
                    "Samples of guarded routes, by what they came to.",
                    &["route", "result"],
                ),
                registry,
            }
        }

        fn served(&self, route: &RouteFigures, kind: Kind, reason: Reason, took: Duration, bytes: u64) {
            let (name, outcome) = (&**route.name(), kind.as_str());
            self.requests.with_label_values(&[name, route.cache().as_str(), outcome, reason.as_str()]).inc();
            self.request_seconds.with_label_values(&[name, outcome]).observe(took.as_secs_f64());
            self.bytes.with_label_values(&[name, outcome]).inc_by(bytes);
        }
    }

    #[test]
    fn the_text_is_what_the_library_makes_of_the_same_events() {
        let routes = [("zebra".into(), CacheName::Products), ("a-b".into(), CacheName::Default)];
        let (table, model) = (RouteTable::new(routes, None), Model::new());
        for route in table.all() {
            model.seconds_saved.with_label_values(&[route.name()]);
            model.bytes_saved.with_label_values(&[route.name()]);
        }
        // Halves of halves, so that floating point sums are exact; and a duration that is a bound.
        let durations = [0, 250, 500, 15_625, 31_250, 125_000, 1_000_000, 5_000_000, 40_000_000];
        for (n, micros) in durations.into_iter().enumerate() {
            let (route, took, bytes) = (table.at(n % 2), Duration::from_micros(micros), n as u64 * 1_000);
            let (kind, reason) = (Kind::ALL[n % 7], Reason::ALL[n * 5]);
            let saved = (n % 3 == 0).then_some(Duration::from_millis(62_500));
            route.served(&Outcome::new(kind, reason), took, bytes, saved);
            model.served(route, kind, reason, took, bytes);
            if let Some(saved) = saved {
                model.seconds_saved.with_label_values(&[route.name()]).inc_by(saved.as_secs_f64());
                model.bytes_saved.with_label_values(&[route.name()]).inc_by(bytes);
            }
        }
        let zebra = table.at(0);
        for (result, micros) in [(OriginResult::Success, Some(62_500)), (OriginResult::Failed, None)] {
            zebra.origin_answered(result, micros.map(Duration::from_micros));
            model.origin_requests.with_label_values(&["zebra", result.as_str()]).inc();
        }
        model.origin_seconds.with_label_values(&["zebra"]).observe(0.0625);
        zebra.fill_ended(FillEnd::NotStored, Some(Reason::Private));
        zebra.sampled(SampleResult::Alike);
        model.fills.with_label_values(&["zebra", "not-stored"]).inc();
        model.not_stored.with_label_values(&["zebra", "private"]).inc();
        model.samples.with_label_values(&["zebra", "alike"]).inc();

        let mut own = families(&table);
        own.sort_by(|a, b| a.name().cmp(b.name()));
        let text = |families: &[MetricFamily]| TextEncoder::new().encode_to_string(families).unwrap();
        assert_eq!(text(&own), text(&model.registry.gather()));
        assert_eq!(own.len(), 10);
    }
}
