//! How a fetch can fail. Whose fault it is decides the status that a client sees; this module knows neither.

use std::time::Duration;

/// Why the origin gave no response head.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchFailure {
    /// No connection: refused, no route, no such name.
    #[error("the origin cannot be reached: {0}")]
    Unreachable(String),
    /// No connection within the time allowed, or no head within it.
    #[error("the origin did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It closed the connection before it had answered.
    #[error("the origin closed the connection instead of answering: {0}")]
    Dropped(String),
    /// It answered with something that is not HTTP.
    #[error("the origin's answer is broken: {0}")]
    Broken(String),
    /// The request's own body broke off or stalled while it was being sent: the client's fault, not the origin's.
    #[error("{0}")]
    Request(String),
    /// Every connection that is allowed is busy.
    #[error("all connections to the origin are busy")]
    Busy,
    /// No server of the origin is up, and one request is finding out already whether that still holds.
    #[error("no server of the origin is up")]
    Down,
    /// The task that fetched ended without an answer: a mistake of ours.
    #[error("the fetch was lost")]
    Lost,
}

impl FetchFailure {
    /// Whether no byte of the request can have reached the origin: it has done nothing.
    pub fn is_before_sending(&self) -> bool {
        matches!(self, FetchFailure::Unreachable(_) | FetchFailure::Busy | FetchFailure::Down)
    }
}
