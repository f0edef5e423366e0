//! Freshening by HEAD (RFC 9111 4.3.5): what the origin says of a page that it does not send tells whether the stored one is
//! still that page.

use super::Exchange;
use super::validation::{self, Told};
use crate::stored::{Lifetime, Parts, StoredResponse};
use http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// What a 200 to a HEAD makes of the stored response to a GET: freshened where what it says of the content agrees, and else
/// stale. None where the answer says nothing of it, or the stored one has nothing to agree with: its content was taken apart.
pub fn taken_in(stored: &StoredResponse, told: Told<'_>) -> Option<StoredResponse> {
    let (exchange, generation) = (told.exchange, told.generation);
    if exchange.status != StatusCode::OK || stored.status != StatusCode::OK || stored.form_cookie().is_some() {
        return None;
    }
    let known = if agrees(stored, exchange.response)? { validation::updated(stored, told).ok() } else { None };
    Some(known.unwrap_or_else(|| made_stale(stored, exchange, generation)))
}

/// Whether each validator that was received, and the length, are the stored response's own. None where no validator was: that a
/// page is as long as before says nothing of what is in it.
fn agrees(stored: &StoredResponse, told: &HeaderMap) -> Option<bool> {
    let (fields, length) = (stored.fields(), stored.body.len().to_string());
    let validators =
        [header::ETAG, header::LAST_MODIFIED].map(|name| Some(fields.get(&name).as_ref() == Some(told.get(&name)?)));
    let is_as_long = told.get(header::CONTENT_LENGTH).is_none_or(|told| told.as_bytes() == length.as_bytes());
    let mut received = validators.into_iter().flatten().peekable();
    match received.peek() {
        None if is_as_long => None,
        _ => Some(is_as_long && received.all(|is_same| is_same)),
    }
}

/// It may still be validated, and stand in for an origin that fails.
fn made_stale(stored: &StoredResponse, exchange: &Exchange<'_>, generation: u64) -> StoredResponse {
    let own = stored.lifetime();
    let fresh = own.fresh.min(own.age(exchange.received));
    let lifetime = Lifetime { fresh, stale_while_revalidate: Duration::ZERO, ..own };
    StoredResponse::of(Parts { generation, lifetime, ..stored.to_parts() })
}
