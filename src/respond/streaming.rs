//! A response that streams through: what the origin said, signed by us.

use super::{Keeper, sign, tell_browser};
use crate::body::Body;
use crate::outcome::Outcome;
use crate::policy::groups::strip_tag_fields;
use http::{HeaderMap, Response, StatusCode};

/// A response of these end-to-end fields, without the origin's tags: they are between it and its caches. Where it is being
/// kept, those further on are told for whom. `Age` goes through as it came.
pub fn streaming(
    status: StatusCode,
    mut fields: HeaderMap,
    body: Body,
    outcome: &Outcome,
    keeper: Option<Keeper>,
) -> Response<Body> {
    if let Some(keeper) = keeper {
        tell_browser(&mut fields, keeper);
    }
    strip_tag_fields(&mut fields);
    sign(&mut fields, outcome);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}
