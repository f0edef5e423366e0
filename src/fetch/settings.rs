//! Where the origin is and how long it may take.

use http::Uri;
use std::time::Duration;

/// The origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `http://host:port`, without path.
    pub url: Uri,
    /// To connect.
    pub connect_timeout: Duration,
    /// From the request sent until the response's head has come.
    pub response_timeout: Duration,
    /// Between two parts of a response body.
    pub body_idle_timeout: Duration,
    /// Connections to it at once; a request that finds none free waits for at most `connect_timeout`, then 503.
    pub connections_max: usize,
    /// How long an unused connection is kept; below the origin's own keep-alive.
    pub idle_timeout: Duration,
}
