//! Names, helps and labels of the metrics that are counted by the library, in one registry of our own; and the bounds of all
//! histograms. Nothing here decides label values. What is counted of routes is in `counts.rs`.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    process_collector::ProcessCollector,
};
use std::time::Duration;

/// The bounds of the buckets that requests fall into: a hit takes tens of microseconds, an origin's page seconds, and both must
/// be told apart in one histogram.
pub(super) const REQUEST_BOUNDS: [Duration; 15] = micros([
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    30_000_000,
]);
/// Those that the origin's heads fall into.
pub(super) const ORIGIN_BOUNDS: [Duration; 11] =
    micros([5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000, 30_000_000]);
/// A purge is confirmed in a millisecond, or when a proxy that is gone has lost its lease.
const CONFIRMATION_SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.5, 10.0];

const fn micros<const N: usize>(bounds: [u64; N]) -> [Duration; N] {
    let (mut durations, mut place) = ([Duration::ZERO; N], 0);
    while place < N {
        durations[place] = Duration::from_micros(bounds[place]);
        place += 1;
    }
    durations
}

/// Two metrics of one name or a name that is none: a mistake of vitrine's own, told at the start.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be set up: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// What is counted seldom. What is counted of routes, and what is only read (stores, ledger), is added by a scrape.
pub(super) struct Families {
    pub(super) registry: Registry,
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
