//! Age (RFC 9111 4.2.3, 5.1), to the millisecond, saturating.

use super::Exchange;
use crate::clock::Timestamp;
use crate::headers::{Fields, http_date, list_items, text};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;

/// Ages saturate here (RFC 9111 1.2.2).
const AGE_MAX: Duration = Duration::from_secs(1 << 31);

/// The age a response has when its head has come: the greater of what its Date and what its Age say, the latter with the
/// time that the exchange took.
pub fn corrected_initial_age(exchange: &Exchange<'_>) -> Duration {
    let now = exchange.received_wall;
    let apparent_age =
        date(exchange.response, &header::DATE, now).map_or(Duration::ZERO, |date| whole_seconds(now.since(date)));
    let corrected = age_value(exchange.response) + exchange.received.since(exchange.requested);
    apparent_age.max(corrected).min(AGE_MAX)
}

/// Dates have no fractions: what is left of a second between two clocks is no age.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// The value of Age: the first of several; none where it is no plain number.
fn age_value(response: &HeaderMap) -> Duration {
    let Some(first) = list_items(response, &header::AGE).next() else { return Duration::ZERO };
    if !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return Duration::ZERO;
    }
    first.parse().map_or(AGE_MAX, Duration::from_secs).min(AGE_MAX)
}

/// Adds the time of receipt as Date where a response came without one (RFC 9110 6.6.1).
pub fn add_date(fields: &mut HeaderMap, received_wall: Timestamp) {
    if !fields.contains_key(header::DATE)
        && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(received_wall.to_system_time()))
    {
        fields.insert(header::DATE, date);
    }
}

/// A date field in one of the three shapes of RFC 9110 5.6.7; none where it is not, or stands there twice. `now` is the wall
/// time, or near it.
pub fn date(fields: &impl Fields, name: &HeaderName, now: Timestamp) -> Option<Timestamp> {
    let mut lines = fields.lines(name);
    let text = text(lines.next()?)?;
    if lines.next().is_some() {
        return None;
    }
    http_date(text, now)
}
