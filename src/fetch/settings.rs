//! Where an origin is, how long it may take, and when one of its servers counts as down.

use http::{StatusCode, Uri};
use std::sync::Arc;
use std::time::Duration;

/// An origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What rules call it.
    pub name: Arc<str>,
    /// Its servers, each as `http://host:port` without a path; at least one.
    pub servers: Box<[Uri]>,
    /// To connect.
    pub connect_timeout: Duration,
    /// From the request sent until the response's head has come.
    pub response_timeout: Duration,
    /// Between two parts of a response body, and between two of a request's whose response has come whole already.
    pub body_idle_timeout: Duration,
    /// Connections to all its servers at once; a request that finds none free waits for at most `connect_timeout`, then 503.
    pub connections_max: usize,
    /// How long an unused connection is kept; below the origin's own keep-alive.
    pub idle_timeout: Duration,
    /// How long a visitor waits where something stale may answer; none: until the origin has failed.
    pub stale_after: Option<Duration>,
    /// When a server that fails is left alone.
    pub breaker: BreakerSettings,
    /// How its servers are looked at; none: they are not.
    pub health: Option<HealthSettings>,
}

/// When a server that fails is left alone, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row after which it is.
    pub failures: u32,
    /// For how long at first; twice as long after each probe that fails.
    pub open: Duration,
    /// For how long at most.
    pub open_max: Duration,
    /// Statuses that count as failures.
    pub statuses: Box<[StatusCode]>,
}

impl Default for BreakerSettings {
    fn default() -> BreakerSettings {
        BreakerSettings {
            failures: 5,
            open: Duration::from_secs(5),
            open_max: Duration::from_mins(1),
            // A page that fails says nothing of the others.
            statuses: [].into(),
        }
    }
}

/// How servers are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// The path, and query, that is asked for by GET.
    pub path: Box<str>,
    /// The `Host` that is sent; none: the server's own.
    pub host: Option<Box<str>>,
    /// Between two looks.
    pub interval: Duration,
    /// Until the answer has come.
    pub timeout: Duration,
    /// Looks in a row that find a server not to be well before it counts as that.
    pub unhealthy_after: u32,
    /// Looks in a row that find it well before it counts as well again.
    pub healthy_after: u32,
    /// Statuses that say that it is well; empty: every 2xx.
    pub statuses: Box<[StatusCode]>,
}
