//! Heuristic freshness (RFC 9111 4.2.2): what has not changed for long is taken not to change soon.

use super::Exchange;
use super::age::date;
use super::directives::CacheControl;
use http::{StatusCode, header};
use std::time::Duration;

/// Of the time since it was last modified, the part for which a response is taken to last; what the RFC gives as typical.
const SHARE: u32 = 10;

/// The lifetime of a response whose origin states none; none where there is nothing to go by, or the status is not one to
/// guess for.
pub(super) fn lifetime(exchange: &Exchange<'_>, directives: &CacheControl) -> Option<Duration> {
    if !is_cacheable_by_default(exchange.status) && !directives.public {
        return None;
    }
    let now = exchange.received_wall;
    let modified = date(exchange.response, &header::LAST_MODIFIED, now)?;
    Some(date(exchange.response, &header::DATE, now).unwrap_or(now).since(modified) / SHARE)
}

/// RFC 9110 15.1.
pub(super) fn is_cacheable_by_default(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}
