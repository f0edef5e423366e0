//! What can go wrong with a request, whose fault it is, and the one place that turns it into a status.

use crate::body::Body;
use crate::fetch::FetchFailure;
use crate::key::BadTarget;
use crate::outcome::{Kind, Outcome, Reason};
use crate::respond;
use http::{Response, StatusCode};

/// A request that could not be answered as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The client's fault.
    #[error("{0}")]
    Target(#[from] BadTarget),
    /// The client's fault: the host is not ours.
    #[error("this host is not served here")]
    Misdirected,
    /// The client's wish: it wanted what is stored, or nothing.
    #[error("nothing is stored here that may answer the request, and it asked for nothing else")]
    NotStored,
    /// The origin's fault.
    #[error("{0}")]
    Fetch(#[from] FetchFailure),
    /// Ours: a page that needs a random token cannot be made without one.
    #[error("no randomness: {0}")]
    Randomness(#[from] std::io::Error),
}

impl Failure {
    /// The reason, as logs, metrics and `Cache-Status` name it.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Failure::Target(_) | Failure::Fetch(FetchFailure::Request(_)) => Reason::BadRequest,
            Failure::Misdirected => Reason::Misdirected,
            Failure::NotStored => Reason::OnlyIfCached,
            Failure::Fetch(FetchFailure::Unreachable(_)) => Reason::OriginUnreachable,
            Failure::Fetch(FetchFailure::Timeout(_)) => Reason::OriginTimeout,
            Failure::Fetch(FetchFailure::Broken(_) | FetchFailure::Dropped(_)) => Reason::OriginBroken,
            Failure::Fetch(FetchFailure::Down) => Reason::OriginDown,
            Failure::Fetch(FetchFailure::Busy) => Reason::Overloaded,
            Failure::Fetch(FetchFailure::Lost) | Failure::Randomness(_) => Reason::Internal,
        }
    }

    fn status(&self) -> StatusCode {
        match self.reason() {
            Reason::BadRequest => StatusCode::BAD_REQUEST,
            Reason::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            // RFC 9111 5.2.1.7
            Reason::OriginTimeout | Reason::OnlyIfCached => StatusCode::GATEWAY_TIMEOUT,
            // Nobody was asked: it may well be otherwise in a moment.
            Reason::Overloaded | Reason::OriginDown => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// What the client is told: its own mistakes in words, the origin's and ours without what is behind (row L7).
    fn message(&self) -> String {
        match self {
            Failure::Target(_)
            | Failure::Misdirected
            | Failure::NotStored
            | Failure::Fetch(FetchFailure::Request(_)) => self.to_string(),
            Failure::Fetch(FetchFailure::Timeout(_)) => "The shop did not answer in time. Please try again.".into(),
            Failure::Fetch(FetchFailure::Busy) => "The shop is busy. Please try again.".into(),
            Failure::Fetch(FetchFailure::Lost) | Failure::Randomness(_) => {
                "Something went wrong here. Please try again.".into()
            }
            Failure::Fetch(_) => "The shop cannot be reached. Please try again.".into(),
        }
    }

    /// The response, and its outcome.
    pub(super) fn response(&self) -> (Response<Body>, Outcome) {
        let outcome = Outcome::new(Kind::Error, self.reason());
        (respond::error(self.status(), &outcome, &self.message()), outcome)
    }
}
