//! What the other parts hand their events to.

use super::access::Access;
use super::families::{Families, MetricsError};
use super::routes::{RouteTable, RouteTotals};
use super::{AccessLog, DeliveryResult, Figures, OpenError, PurgeResult, Served, Settings, route_families, scrape};
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::ledger::{Mode, Source};
use crate::outcome::Outcome;
use arc_swap::{ArcSwap, ArcSwapOption};
use prometheus::TextEncoder;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts and logs; one for the whole process, shared by all parts.
pub struct Observer {
    families: Arc<Families>,
    routes: ArcSwap<RouteTable>,
    access: ArcSwapOption<Access>,
    access_lines_lost: Arc<AtomicU64>,
}

impl Observer {
    /// An observer with a registry of its own, without routes and with the access log off.
    pub fn new(version: &str) -> Result<Observer, MetricsError> {
        let families = Arc::new(Families::new(version)?);
        let routes = ArcSwap::from_pointee(RouteTable::new([], None));
        Ok(Observer { families, routes, access: ArcSwapOption::empty(), access_lines_lost: Arc::default() })
    }

    /// Sets up the figures of a configuration's routes, in its order. The proxy keeps the table with the rules it was
    /// made for, so that a request is never counted under another configuration's route.
    pub fn routes(&self, routes: impl IntoIterator<Item = (Arc<str>, CacheName)>) -> Arc<RouteTable> {
        let routes: Vec<_> = routes.into_iter().collect();
        let mut table = self.routes.load_full();
        // Made again where another reload came in between: each table goes on from the one that it replaces.
        self.routes.rcu(|before| {
            table = Arc::new(RouteTable::new(routes.iter().cloned(), Some(before)));
            table.clone()
        });
        table
    }

    /// What the routes of the configuration in effect have counted.
    pub fn totals(&self) -> Vec<RouteTotals> {
        self.routes.load().totals()
    }

    /// Opens the access log, or goes on with the open one where nothing has changed. On an error the old one stays.
    pub fn log_access(&self, settings: &Settings) -> Result<(), OpenError> {
        let unchanged = match &*self.access.load() {
            Some(access) => access.settings() == settings,
            None => settings.access == AccessLog::Off,
        };
        if !unchanged {
            let access = Access::open(settings, self.access_lines_lost.clone())?;
            self.access.store(access.map(Arc::new));
        }
        Ok(())
    }

    /// Whether anything but numbers is told of a request.
    pub fn logs_access(&self) -> bool {
        self.access.load().is_some()
    }

    /// Opens the access log's file again: somebody has moved the old one away.
    pub fn reopen_access_log(&self) {
        if let Some(access) = &*self.access.load() {
            access.reopen();
        }
    }

    /// Stops the access log and waits a short time for its last lines.
    pub fn close_access_log(&self) {
        if let Some(access) = self.access.swap(None) {
            access.close();
        }
    }

    /// Counts a request whose head was refused: it never had a route.
    pub fn refused(&self, outcome: &Outcome) {
        self.routes.load().unrouted().served(outcome, Duration::ZERO, 0, None);
    }

    /// Counts and logs one answered request.
    pub fn served(&self, served: &Served<'_>) {
        served.route.served(&served.outcome, served.duration, served.bytes, served.saved);
        if let Some(access) = &*self.access.load() {
            access.served(served);
        }
    }

    /// Counts one invalidation that was asked for.
    pub fn purged(&self, source: Source, mode: Mode, result: PurgeResult) {
        self.families.purges.with_label_values(&[source.as_str(), mode.as_str(), result.as_str()]).inc();
    }

    /// Measures how long it took until every proxy had let go.
    pub fn confirmed(&self, after: Duration) {
        self.families.confirmation_seconds.observe(after.as_secs_f64());
    }

    /// Counts one webhook.
    pub fn delivered(&self, result: DeliveryResult) {
        self.families.deliveries.with_label_values(&[result.as_str()]).inc();
    }

    /// Counts a client connection for as long as the guard lives.
    pub fn connection(&self) -> Connection {
        self.families.connections.inc();
        Connection(self.families.clone())
    }

    /// The configuration was loaded, at the start or again, and took effect.
    pub fn config_loaded(&self, wall: Timestamp) {
        self.families.reloads.with_label_values(&["ok"]).inc();
        self.families.reload_success.set(1);
        self.families.reload_success_time.set(i64::try_from(wall.as_secs()).unwrap_or(i64::MAX));
    }

    /// The configuration was refused; the old one stays in effect.
    pub fn config_refused(&self) {
        self.families.reloads.with_label_values(&["refused"]).inc();
        self.families.reload_success.set(0);
    }

    /// Everything, in Prometheus' text format: sorted by name and labels.
    pub fn exposition(&self, figures: &Figures) -> Result<String, MetricsError> {
        let lost = self.access_lines_lost.swap(0, Ordering::Relaxed);
        self.families.access_lines_lost.inc_by(lost);
        let mut families = self.families.registry.gather();
        families.extend(route_families::families(&self.routes.load()));
        families.extend(scrape::families(figures));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(TextEncoder::new().encode_to_string(&families)?)
    }
}

/// An open client connection; dropping it says that it is closed.
pub struct Connection(Arc<Families>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{OriginFigures, ServerFigures, ServerState};
    use crate::ledger::Epoch;
    use crate::observe::{FillEnd, LedgerFigures, OriginResult, SampleResult};
    use crate::outcome::{Kind, Outcome, Reason};
    use crate::store::{CacheFigures, StoreFigures};
    use http::{Method, StatusCode};
    use std::net::IpAddr;
    use std::time::Duration;

    fn figures() -> Figures {
        let caches = |by: u64| {
            [1, 2, 3].map(|n| CacheFigures { entries: n * by, bytes: n * by * 10, bytes_max: 100, evictions: n * by })
        };
        let ledger = LedgerFigures { epoch: Epoch(1), floor: 3, position: 7, waiting: 0, sharing: None };
        let store = StoreFigures { caches: caches(5), ..StoreFigures::default() };
        let guards = vec![("home".into(), true)];
        Figures {
            memory: caches(1),
            sessions: 7,
            store: Some(store),
            redis: None,
            ledger,
            guards,
            origins: vec![origin()],
        }
    }

    fn origin() -> OriginFigures {
        let server = ServerFigures {
            server: "127.0.0.1:9000".into(),
            state: ServerState::HalfOpen,
            pause_left: Duration::ZERO,
            under_way: 2,
            requests: 9,
            failures: [5, 1, 0, 0, 0],
            trouble: None,
        };
        OriginFigures { name: "default".into(), servers: vec![server] }
    }

    fn serve(observer: &Observer, table: &RouteTable, place: usize, kind: Kind, reason: Reason) {
        observer.served(&Served {
            time: Timestamp(0),
            duration: Duration::from_millis(3),
            id: "1",
            client: IpAddr::from([127, 0, 0, 1]),
            method: &Method::GET,
            host: "evil\nhost",
            target: "/secret-path",
            route: table.at(place),
            status: StatusCode::OK,
            bytes: 10,
            complete: true,
            outcome: Outcome::new(kind, reason),
            origin_time: None,
            saved: (kind == Kind::Hit).then_some(Duration::from_millis(500)),
        });
    }

    fn table(observer: &Observer, names: &[&str]) -> Arc<RouteTable> {
        observer.routes(names.iter().map(|name| (Arc::from(*name), CacheName::Products)))
    }

    /// The lines of our own metrics; those of the process change by themselves.
    fn lines(observer: &Observer) -> Vec<String> {
        let text = observer.exposition(&figures()).unwrap();
        text.lines().filter(|line| line.starts_with("vitrine_")).map(str::to_string).collect()
    }

    #[test]
    fn labels_come_from_names_and_fixed_sets_alone() {
        let observer = Observer::new("1.2.3").unwrap();
        let table = table(&observer, &["home", "list"]);
        for kind in Kind::ALL {
            for reason in Reason::ALL {
                serve(&observer, &table, 0, kind, *reason);
                serve(&observer, &table, 99, kind, *reason);
            }
        }
        let lines = lines(&observer);
        assert!(!lines.iter().any(|line| line.contains("evil") || line.contains("secret")));
        let requests = lines.iter().filter(|line| line.starts_with("vitrine_requests_total")).count();
        assert_eq!(requests, 2 * Kind::ALL.len() * Reason::ALL.len(), "one label set for each, however often counted");
        assert!(lines.iter().any(|line| line.contains("route=\"(none)\"")));
    }

    #[test]
    fn the_exposition_is_complete_and_sorted() {
        let observer = Observer::new("1.2.3").unwrap();
        let table = table(&observer, &["home"]);
        serve(&observer, &table, 0, Kind::Hit, Reason::Fresh);
        serve(&observer, &table, 0, Kind::Hit, Reason::Fresh);
        table.at(0).origin_answered(OriginResult::Success, Some(Duration::from_millis(40)));
        table.at(0).fill_ended(FillEnd::NotStored, Some(Reason::NoStore));
        table.at(0).sampled(SampleResult::Different);
        observer.purged(Source::Webhook, Mode::Hard, PurgeResult::Confirmed);
        observer.delivered(DeliveryResult::Repeated);
        observer.config_loaded(Timestamp(5_000));
        observer.config_refused();
        let open = observer.connection();
        let lines = lines(&observer);
        for line in [
            "vitrine_build_info{version=\"1.2.3\"} 1",
            "vitrine_requests_total{cache=\"products\",outcome=\"hit\",reason=\"fresh\",route=\"home\"} 2",
            "vitrine_request_duration_seconds_count{outcome=\"hit\",route=\"home\"} 2",
            "vitrine_response_bytes_total{outcome=\"hit\",route=\"home\"} 20",
            "vitrine_origin_requests_total{route=\"home\",status_class=\"2xx\"} 1",
            "vitrine_origin_duration_seconds_count{route=\"home\"} 1",
            "vitrine_origin_seconds_saved_total{route=\"home\"} 1",
            "vitrine_origin_bytes_saved_total{route=\"home\"} 20",
            "vitrine_fills_total{result=\"not-stored\",route=\"home\"} 1",
            "vitrine_not_stored_total{reason=\"no-store\",route=\"home\"} 1",
            "vitrine_purges_total{mode=\"hard\",result=\"confirmed\",source=\"webhook\"} 1",
            "vitrine_webhook_deliveries_total{result=\"repeated\"} 1",
            "vitrine_ledger_position 7",
            "vitrine_sessions 7",
            "vitrine_store_entries{cache=\"products\",tier=\"memory\"} 2",
            "vitrine_store_bytes{cache=\"sessions\",tier=\"store\"} 150",
            "vitrine_store_bytes_max{cache=\"default\",tier=\"store\"} 100",
            "vitrine_evictions_total{cache=\"sessions\",tier=\"memory\"} 3",
            "vitrine_store_errors_total 0",
            "vitrine_store_corrupt_total 0",
            "vitrine_store_dropped_writes_total 0",
            "vitrine_store_queue_bytes 0",
            "vitrine_store_up 1",
            "vitrine_origin_server_state{origin=\"default\",server=\"127.0.0.1:9000\",state=\"half-open\"} 1",
            "vitrine_origin_server_state{origin=\"default\",server=\"127.0.0.1:9000\",state=\"up\"} 0",
            "vitrine_origin_server_failures_total{origin=\"default\",server=\"127.0.0.1:9000\",kind=\"unreachable\"} 5",
            "vitrine_origin_server_requests_total{origin=\"default\",server=\"127.0.0.1:9000\"} 9",
            "vitrine_origin_server_requests_under_way{origin=\"default\",server=\"127.0.0.1:9000\"} 2",
            "vitrine_guard_suspect{route=\"home\"} 1",
            "vitrine_guard_samples_total{result=\"different\",route=\"home\"} 1",
            "vitrine_connections 1",
            "vitrine_config_reloads_total{result=\"ok\"} 1",
            "vitrine_config_last_reload_success 0",
            "vitrine_config_last_reload_success_timestamp_seconds 5",
            "vitrine_access_log_lost_lines_total 0",
        ] {
            assert!(lines.iter().any(|own| own == line), "{line} is missing in\n{}", lines.join("\n"));
        }
        let text = observer.exposition(&figures()).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert!(names.is_sorted() && names.len() > 20, "{names:?}");
        drop(open);
        assert!(self::lines(&observer).contains(&"vitrine_connections 0".to_string()));
    }

    #[test]
    fn a_reload_goes_on_counting_and_forgets_what_is_gone() {
        let observer = Observer::new("1.2.3").unwrap();
        let first = table(&observer, &["home", "list"]);
        serve(&observer, &first, 0, Kind::Hit, Reason::Fresh);
        serve(&observer, &first, 1, Kind::Miss, Reason::NotStored);
        let second = table(&observer, &["search", "home"]);
        // A request that began under the old configuration still counts for its own route.
        serve(&observer, &first, 0, Kind::Hit, Reason::Fresh);
        assert_eq!(observer.totals()[1].requests[Kind::Hit as usize], 2);
        serve(&observer, &second, 1, Kind::Hit, Reason::Fresh);
        let lines = lines(&observer);
        let home = "vitrine_requests_total{cache=\"products\",outcome=\"hit\",reason=\"fresh\",route=\"home\"} 3";
        assert!(lines.iter().any(|line| line == home), "{}", lines.join("\n"));
        assert!(!lines.iter().any(|line| line.contains("route=\"list\"")), "{}", lines.join("\n"));
    }

    #[test]
    fn a_route_that_changes_its_cache_is_shown_under_the_new_one_alone() {
        let observer = Observer::new("1.2.3").unwrap();
        let first = table(&observer, &["home"]);
        serve(&observer, &first, 0, Kind::Hit, Reason::Fresh);
        let second = observer.routes([("home".into(), CacheName::Default)]);
        serve(&observer, &second, 0, Kind::Hit, Reason::Fresh);
        let lines = lines(&observer);
        let requests: Vec<_> = lines.iter().filter(|line| line.starts_with("vitrine_requests_total")).collect();
        let new = "vitrine_requests_total{cache=\"default\",outcome=\"hit\",reason=\"fresh\",route=\"home\"} 1";
        assert_eq!(requests, [new]);
        let all = "vitrine_request_duration_seconds_count{outcome=\"hit\",route=\"home\"} 2";
        assert!(lines.iter().any(|line| line == all), "{}", lines.join("\n"));
    }

    #[test]
    fn totals_and_metrics_agree_to_the_last_request_of_every_thread() {
        const EACH: u64 = 500;
        const THREADS: u64 = 40;
        let observer = Observer::new("1.2.3").unwrap();
        let table = table(&observer, &["home"]);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        serve(&observer, &table, 0, Kind::Hit, Reason::Fresh);
                        serve(&observer, &table, 0, Kind::Miss, Reason::NotStored);
                    }
                });
            }
        });
        let (lines, count) = (lines(&observer), EACH * THREADS);
        for line in [
            format!(
                "vitrine_requests_total{{cache=\"products\",outcome=\"hit\",reason=\"fresh\",route=\"home\"}} {count}"
            ),
            "vitrine_request_duration_seconds_bucket{outcome=\"hit\",route=\"home\",le=\"0.0025\"} 0".to_string(),
            format!("vitrine_request_duration_seconds_bucket{{outcome=\"hit\",route=\"home\",le=\"0.005\"}} {count}"),
            format!("vitrine_request_duration_seconds_sum{{outcome=\"miss\",route=\"home\"}} {}", count * 3 / 1_000),
            format!("vitrine_request_duration_seconds_count{{outcome=\"miss\",route=\"home\"}} {count}"),
            format!("vitrine_response_bytes_total{{outcome=\"hit\",route=\"home\"}} {}", count * 10),
            format!("vitrine_origin_seconds_saved_total{{route=\"home\"}} {}", count / 2),
            format!("vitrine_origin_bytes_saved_total{{route=\"home\"}} {}", count * 10),
        ] {
            assert!(lines.contains(&line), "{line} is missing in\n{}", lines.join("\n"));
        }
        let totals = &observer.totals()[0];
        assert_eq!(totals.requests[Kind::Hit as usize], count);
        assert_eq!(totals.bytes, count * 20);
        assert_eq!(totals.origin_seconds_saved.to_string(), (count / 2).to_string());
    }

    #[test]
    fn an_access_log_that_cannot_be_opened_leaves_the_old_one() {
        let observer = Observer::new("1.2.3").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let settings = |path: &std::path::Path| Settings {
            access: AccessLog::File(path.into()),
            format: crate::observe::Format::Json,
        };
        observer.log_access(&settings(&path)).unwrap();
        observer.log_access(&settings(&folder.path().join("no/such/folder"))).unwrap_err();
        let table = table(&observer, &["home"]);
        serve(&observer, &table, 0, Kind::Hit, Reason::Fresh);
        observer.close_access_log();
        let line: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((&line["host"], &line["reason"]), (&"evil\nhost".into(), &"fresh".into()));
    }
}
