//! What `status` says of the origins and their servers.

use crate::clock::millis;
use crate::fetch::{OriginFigures, ServerFigures};
use serde::{Deserialize, Serialize};

/// One origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its servers, in the configuration's order.
    pub servers: Vec<ServerStatus>,
}

/// One of its servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its host and port.
    pub server: String,
    /// `up`, `open` (left alone for a while), `half-open` (one request finds out whether it is back) or `unhealthy`.
    pub state: String,
    /// For how many milliseconds it is still left alone.
    pub pause_ms: u64,
    /// Requests whose responses have not ended.
    pub under_way: u64,
    /// Requests sent to it.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Why it is not up.
    pub trouble: Option<String>,
}

impl OriginStatus {
    pub(super) fn of(figures: &OriginFigures) -> OriginStatus {
        OriginStatus { name: figures.name.to_string(), servers: figures.servers.iter().map(server).collect() }
    }
}

fn server(figures: &ServerFigures) -> ServerStatus {
    ServerStatus {
        server: figures.server.to_string(),
        state: figures.state.as_str().into(),
        pause_ms: millis(figures.pause_left),
        under_way: figures.under_way as u64,
        requests: figures.requests,
        failures: figures.failures.iter().sum(),
        trouble: figures.trouble.clone(),
    }
}
