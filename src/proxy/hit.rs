//! Answers from a stored response.

use super::failure::Failure;
use super::reply::Reply;
use super::{Ask, Proxy};
use crate::csrf::Splice;
use crate::outcome::{Kind, Outcome, Reason};
use crate::respond;
use crate::stored::StoredResponse;
use http::StatusCode;
use std::time::Duration;

/// A fresh one.
pub(super) fn fresh(proxy: &Proxy, ask: &Ask, stored: &StoredResponse) -> Result<Reply, Failure> {
    from_stored(proxy, ask, stored, Outcome::new(Kind::Hit, Reason::Fresh), None)
}

/// A stale one, and why it may be used.
pub(super) fn stale(proxy: &Proxy, ask: &Ask, stored: &StoredResponse, reason: Reason) -> Result<Reply, Failure> {
    from_stored(proxy, ask, stored, Outcome::new(Kind::Stale, reason), None)
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
    from_stored(proxy, ask, stored, outcome, None)
}

/// One that the origin was asked about, which took it `origin_time`.
pub(super) fn validated(
    proxy: &Proxy,
    ask: &Ask,
    stored: &StoredResponse,
    outcome: Outcome,
    origin_time: Duration,
) -> Result<Reply, Failure> {
    from_stored(proxy, ask, stored, outcome, Some(origin_time))
}

/// One that has just been fetched, for this visitor as for all others.
pub(super) fn filled(proxy: &Proxy, ask: &Ask, stored: &StoredResponse, outcome: Outcome) -> Result<Reply, Failure> {
    from_stored(proxy, ask, stored, outcome, Some(stored.origin_time()))
}

fn from_stored(
    proxy: &Proxy,
    ask: &Ask,
    stored: &StoredResponse,
    mut outcome: Outcome,
    origin_time: Option<Duration>,
) -> Result<Reply, Failure> {
    let own = stored.form_cookie().map(|form| Splice::of(&ask.fields, form)).transpose()?;
    let now = proxy.clock.now();
    outcome.ttl_secs = Some(stored.lifetime().ttl_ms(now).div_euclid(1000));
    let response = respond::stored(stored, own.as_ref(), &ask.method, &ask.fields, &outcome, now);
    let saved_time = origin_time.is_none().then(|| stored.origin_time());
    Ok(Reply { response, outcome, origin_time, saved_time })
}
