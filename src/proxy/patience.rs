//! How long a visitor waits for an origin that is slow or down, where something stale may answer instead.

use super::errand::Errand;
use super::failure::Failure;
use super::fill::{Fill, FillAnswer};
use super::miss::stand_in;
use super::reply::Reply;
use super::{Ask, Proxy, hit};
use crate::outcome::Reason;
use tokio::time::timeout;

/// Waits for a fill's answer. Where patience is over before it comes and something stale may answer, that does, and the fill
/// goes on behind: it is the one that finds out whether an origin is back. A session's own pages are waited for, because
/// nobody else would get the cookies that come with them.
pub(super) async fn answer_of(
    proxy: &Proxy,
    ask: &Ask,
    errand: &Errand,
    fill: &Fill,
) -> Result<FillAnswer, Result<Reply, Failure>> {
    let is_coverable = errand.fallback.is_some() && errand.session.is_none();
    let patience = proxy.origins.patience(&errand.rule.origin).filter(|_| is_coverable);
    if let Some(patience) = patience {
        if let Ok(answer) = timeout(patience, fill.answer()).await {
            return Ok(answer);
        }
        let reason = if patience.is_zero() { Reason::StaleIfError } else { Reason::StaleIfSlow };
        if let Some(stored) = stand_in(proxy, errand) {
            return Err(hit::stale(ask, stored, reason, proxy.clock.now()));
        }
    }
    Ok(fill.answer().await)
}
