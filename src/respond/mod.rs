//! Responses, built: from what is stored, from what streams in, or from nothing but an error. Pure; never touches a store,
//! and decides nothing but what the client's own conditions and ranges ask for.

mod conditional;
mod error;
mod range;
mod status;
mod stored;
mod streaming;

pub use error::error;
pub use status::{cache_status, x_cache};
pub use stored::{etag_of_body, stored};
pub use streaming::streaming;

use crate::headers::{CACHE_STATUS, X_CACHE};
use crate::outcome::Outcome;
use crate::stored::LifetimeFrom;
use http::{HeaderMap, HeaderValue, header};

/// What vitrine calls itself in `Via`.
const OWN_VIA: HeaderValue = HeaderValue::from_static("1.1 vitrine");

/// Adds what every response tells: how it came about, and by whom. `Cache-Status` goes behind what caches upstream said
/// (RFC 9211 2).
fn sign(fields: &mut HeaderMap, outcome: &Outcome) {
    fields.append(header::VIA, OWN_VIA);
    fields.append(CACHE_STATUS, cache_status(outcome));
    fields.insert(X_CACHE, HeaderValue::from_static(x_cache(outcome)));
}

/// Where the rule gave the lifetime, it is ours alone: a browser is told to ask each time, so that a purge reaches it too.
fn tell_browser(fields: &mut HeaderMap, from: LifetimeFrom) {
    if from != LifetimeFrom::Origin {
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        fields.remove(header::EXPIRES);
        fields.remove(header::PRAGMA);
    }
}
