//! Answers from a stored response.

use super::failure::Failure;
use super::reply::Reply;
use super::{Ask, Proxy};
use crate::clock::Timestamp;
use crate::csrf::Splice;
use crate::outcome::{Kind, Outcome, Reason};
use crate::respond;
use crate::stored::StoredResponse;
use http::StatusCode;
use std::time::Duration;

/// A fresh one, as it is at that moment.
pub(super) fn fresh(ask: &Ask, stored: &StoredResponse, at: Timestamp) -> Result<Reply, Failure> {
    from_stored(ask, stored, Outcome::new(Kind::Hit, Reason::Fresh), None, at)
}

/// A stale one, as it is at that moment, and why it may be used.
pub(super) fn stale(ask: &Ask, stored: &StoredResponse, reason: Reason, at: Timestamp) -> Result<Reply, Failure> {
    from_stored(ask, stored, Outcome::new(Kind::Stale, reason), None, at)
}

/// A stale one in place of an origin that failed, after the request was forwarded for that reason.
pub(super) fn instead(
    proxy: &Proxy,
    ask: &Ask,
    stored: &StoredResponse,
    forwarded: Reason,
    status: Option<StatusCode>,
) -> Result<Reply, Failure> {
    let mut outcome = Outcome::new(Kind::Stale, Reason::StaleIfError);
    outcome.fwd = forwarded.fwd();
    outcome.fwd_status = status.map(|status| status.as_u16());
    from_stored(ask, stored, outcome, None, proxy.clock.now())
}

/// One that the origin was asked about, which took it `origin_time`.
pub(super) fn validated(
    proxy: &Proxy,
    ask: &Ask,
    stored: &StoredResponse,
    outcome: Outcome,
    origin_time: Duration,
) -> Result<Reply, Failure> {
    from_stored(ask, stored, outcome, Some(origin_time), proxy.clock.now())
}

/// One that has just been fetched, for this visitor as for all others.
pub(super) fn filled(proxy: &Proxy, ask: &Ask, stored: &StoredResponse, outcome: Outcome) -> Result<Reply, Failure> {
    from_stored(ask, stored, outcome, Some(stored.origin_time()), proxy.clock.now())
}

fn from_stored(
    ask: &Ask,
    stored: &StoredResponse,
    mut outcome: Outcome,
    origin_time: Option<Duration>,
    at: Timestamp,
) -> Result<Reply, Failure> {
    let own = stored.form_cookie().map(|form| Splice::of(&ask.fields, form)).transpose()?;
    outcome.ttl_secs = Some(stored.lifetime().ttl_ms(at).div_euclid(1000));
    let response = respond::stored(stored, own.as_ref(), &ask.method, &ask.fields, &outcome, at);
    let saved_time = origin_time.is_none().then(|| stored.origin_time());
    Ok(Reply { response, outcome, origin_time, saved_time })
}
