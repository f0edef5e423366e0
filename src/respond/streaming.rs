//! A response that streams through: what the origin said, signed by us.

use super::{sign, tell_browser};
use crate::body::Body;
use crate::outcome::Outcome;
use crate::policy::groups::strip_tag_fields;
use crate::stored::LifetimeFrom;
use http::{HeaderMap, Response, StatusCode};

/// A response of these end-to-end fields, without the origin's tags: they are between it and its caches. Where it is being
/// kept and the rule gave its lifetime (`from`), browsers are told to ask each time. `Age` goes through as it came.
pub fn streaming(
    status: StatusCode,
    mut fields: HeaderMap,
    body: Body,
    outcome: &Outcome,
    from: Option<LifetimeFrom>,
) -> Response<Body> {
    if let Some(from) = from {
        tell_browser(&mut fields, from);
    }
    strip_tag_fields(&mut fields);
    sign(&mut fields, outcome);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}
