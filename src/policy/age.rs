//! Age (RFC 9111 4.2.3, 5.1), to the millisecond, saturating.

use super::Exchange;
use crate::clock::Timestamp;
use crate::headers::list_items;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;

/// Ages saturate here (RFC 9111 1.2.2).
const AGE_MAX: Duration = Duration::from_secs(1 << 31);

/// The age a response has when its head has come: the greater of what its Date and what its Age say, the latter with the
/// time that the exchange took.
pub fn corrected_initial_age(exchange: &Exchange<'_>) -> Duration {
    let apparent_age = date(exchange.response, &header::DATE)
        .map_or(Duration::ZERO, |date| whole_seconds(exchange.received_wall.since(date)));
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

/// A date field in one of the three shapes of RFC 9110 5.6.7; none where it is not, or stands there twice.
pub fn date(fields: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let mut lines = fields.get_all(name).iter();
    let text = lines.next()?.to_str().ok()?;
    if lines.next().is_some() {
        return None;
    }
    let read = httpdate::parse_http_date(text).or_else(|_| httpdate::parse_http_date(&in_proper_case(text)));
    read.ok().filter(|_| has_time_apart(text)).map(Timestamp::from_system_time)
}

/// Whether a blank stands before the time, as in each of the shapes: httpdate takes any byte there after a two-digit year.
fn has_time_apart(text: &str) -> bool {
    let before = text.find(':').and_then(|colon| colon.checked_sub(3));
    before.is_some_and(|at| text.as_bytes()[at] == b' ')
}

/// The names of days, months and the zone as they are usually written: their case says nothing.
fn in_proper_case(text: &str) -> String {
    let mut begins = true;
    let proper = text.chars().map(|letter| {
        let begun = std::mem::replace(&mut begins, !letter.is_ascii_alphabetic());
        if begun { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    });
    let proper: String = proper.collect();
    proper.strip_suffix("Gmt").map_or(proper.clone(), |before| format!("{before}GMT"))
}
