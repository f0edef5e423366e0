//! The metrics' names, helps and labels, in one registry of our own. Nothing here decides label values.

use prometheus::{
    CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, process_collector::ProcessCollector,
};

/// A hit takes tens of microseconds, an origin's page seconds: both must be told apart in one histogram.
const REQUEST_SECONDS: [f64; 15] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// A purge is confirmed in a millisecond, or when a proxy that is gone has lost its lease.
const CONFIRMATION_SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.5, 10.0];
const ORIGIN_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Two metrics of one name or a name that is none: a mistake of vitrine's own, told at the start.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be set up: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// Everything that is counted while requests pass. What is only read (stores, ledger) is added by a scrape.
pub(super) struct Families {
    pub(super) registry: Registry,
    pub(super) requests: IntCounterVec,
    pub(super) request_seconds: HistogramVec,
    pub(super) response_bytes: IntCounterVec,
    pub(super) origin_requests: IntCounterVec,
    pub(super) origin_seconds: HistogramVec,
    pub(super) origin_seconds_saved: CounterVec,
    pub(super) origin_bytes_saved: IntCounterVec,
    pub(super) fills: IntCounterVec,
    pub(super) not_stored: IntCounterVec,
    pub(super) guard_samples: IntCounterVec,
    pub(super) purges: IntCounterVec,
    pub(super) confirmation_seconds: Histogram,
    pub(super) deliveries: IntCounterVec,
    pub(super) connections: IntGauge,
    pub(super) reloads: IntCounterVec,
    pub(super) reload_success: IntGauge,
    pub(super) reload_success_time: IntGauge,
    pub(super) access_lines_lost: IntCounter,
}

impl Families {
    pub(super) fn new(version: &str) -> Result<Families, prometheus::Error> {
        let new = Register(Registry::new());
        new.process(version)?;
        Ok(Families {
            requests: new.counters(
                "requests_total",
                "Requests answered, by how and why.",
                &["route", "cache", "outcome", "reason"],
            )?,
            request_seconds: new.histogram(
                "request_duration_seconds",
                "From a request's head to the end of its response.",
                &["route", "outcome"],
                &REQUEST_SECONDS,
            )?,
            response_bytes: new.counters(
                "response_bytes_total",
                "Body bytes sent to clients.",
                &["route", "outcome"],
            )?,
            origin_requests: new.counters(
                "origin_requests_total",
                "Requests sent to the origin, by the class of its answer.",
                &["route", "status_class"],
            )?,
            origin_seconds: new.histogram(
                "origin_duration_seconds",
                "From a request to the origin to the head of its response.",
                &["route"],
                &ORIGIN_SECONDS,
            )?,
            origin_seconds_saved: new.float_counters(
                "origin_seconds_saved_total",
                "What the stored responses that were served had taken the origin.",
                &["route"],
            )?,
            origin_bytes_saved: new.counters(
                "origin_bytes_saved_total",
                "Body bytes served that the origin did not have to send.",
                &["route"],
            )?,
            fills: new.counters("fills_total", "Fetches for the cache, by their end.", &["route", "result"])?,
            not_stored: new.counters(
                "not_stored_total",
                "Responses fetched and not kept, by the reason.",
                &["route", "reason"],
            )?,
            guard_samples: new.guard_samples()?,
            purges: new.purges()?,
            confirmation_seconds: new.confirmation()?,
            deliveries: new.counters("webhook_deliveries_total", "Webhooks received.", &["result"])?,
            connections: new.gauge("connections", "Client connections that are open.")?,
            reloads: new.counters("config_reloads_total", "Reloads of the configuration.", &["result"])?,
            reload_success: new.gauge(
                "config_last_reload_success",
                "1 where the last reload (or the start) took effect, 0 where the file was refused.",
            )?,
            reload_success_time: new.gauge(
                "config_last_reload_success_timestamp_seconds",
                "When the configuration that is in effect was loaded.",
            )?,
            access_lines_lost: new.counter(
                "access_log_lost_lines_total",
                "Lines of the access log that were dropped because it could not be written in time.",
            )?,
            registry: new.0,
        })
    }
}

/// Makes metrics and registers them, with our prefix.
struct Register(Registry);

impl Register {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        self.register(IntCounterVec::new(opts(name, help), labels)?)
    }

    fn float_counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
        self.register(CounterVec::new(opts(name, help), labels)?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels)?)
    }

    fn guard_samples(&self) -> Result<IntCounterVec, prometheus::Error> {
        let help = "Samples of guarded routes, by what they came to.";
        self.counters("guard_samples_total", help, &["route", "result"])
    }

    fn purges(&self) -> Result<IntCounterVec, prometheus::Error> {
        self.counters("purges_total", "Invalidations that were asked for.", &["source", "mode", "result"])
    }

    fn confirmation(&self) -> Result<Histogram, prometheus::Error> {
        let help = "From an invalidation that was asked for to its confirmation, of those that were confirmed.";
        let opts = HistogramOpts::from(opts("purge_confirmation_seconds", help));
        self.register(Histogram::with_opts(opts.buckets(CONFIRMATION_SECONDS.to_vec()))?)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.register(IntCounter::with_opts(opts(name, help))?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.register(IntGauge::with_opts(opts(name, help))?)
    }

    /// The process and its version, which nothing counts.
    fn process(&self, version: &str) -> Result<(), prometheus::Error> {
        let info = IntGaugeVec::new(opts("build_info", "Always 1; the version is in the label."), &["version"])?;
        self.register(info)?.with_label_values(&[version]).set(1);
        self.0.register(Box::new(ProcessCollector::for_self()))
    }

    fn register<M: prometheus::core::Collector + Clone + 'static>(&self, metric: M) -> Result<M, prometheus::Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("vitrine_{name}"), help)
}
