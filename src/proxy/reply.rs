//! An answer, with what the outside has to tell of it.

use crate::body::Body;
use crate::outcome::Outcome;
use http::Response;
use std::time::Duration;

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Reply {
    /// What the client is sent.
    pub response: Response<Body>,
    /// How it came about.
    pub outcome: Outcome,
    /// How long the origin took for this request, where it was asked.
    pub origin_time: Option<Duration>,
    /// How long the origin would have taken: it took so long for the stored response.
    pub saved_time: Option<Duration>,
}

impl Reply {
    /// An answer that cost the origin nothing and saved it nothing that is known.
    pub(super) fn new(response: Response<Body>, outcome: Outcome) -> Reply {
        Reply { response, outcome, origin_time: None, saved_time: None }
    }
}
