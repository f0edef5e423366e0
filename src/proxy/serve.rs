//! The story of a request.

use super::admit::admit;
use super::ask::Carried;
use super::course::{Course, choose};
use super::errand::Errand;
use super::failure::Failure;
use super::lookup::lookup;
use super::miss;
use super::pass::{self, Under};
use super::reply::Reply;
use super::{Ask, Proxy, Rules, head, hit};
use crate::outcome::Reason;
use crate::route::Routed;
use std::pin::Pin;
use std::sync::Arc;
use tracing::Instrument;

/// Answers one request that falls under a rule: admit, look up, choose, then exactly one of hit, stale, validate, miss or
/// pass.
pub(super) async fn serve(
    proxy: &Arc<Proxy>,
    rules: &Arc<Rules>,
    ask: &Ask,
    routed: &Routed<'_>,
    carried: Carried,
) -> Result<Reply, Failure> {
    let under = Under { rule: routed.rule, rules, figures: rules.figures.at(routed.place) };

    let wanted = match admit(rules, routed.rule, ask.asked()) {
        Ok(wanted) => wanted,
        Err(Reason::OnlyIfCached) => return Err(Failure::NotStored),
        Err(reason) => return outward(ask, pass::pass(proxy, ask, under, reason, carried)).await,
    };

    if rules.guards.suspect(routed) {
        return outward(ask, pass::pass(proxy, ask, under, Reason::GuardDiffers, carried)).await;
    }
    let found = lookup(proxy, rules, routed.rule, ask, &wanted).await;
    let at = found.at;
    let errand = |stored| Errand::new(proxy, rules, routed, ask, &wanted, stored);

    match choose(ask, &wanted.wishes, found, || proxy.knows_unstorable(&wanted.key)) {
        Course::Hit(stored) => hit::fresh(ask, &stored, at),
        Course::Stale(stored, reason) => {
            if reason == Reason::StaleWhileRevalidate {
                miss::revalidate_behind(proxy, errand(Some(stored.clone()))?.validating());
            }
            hit::stale(ask, &stored, reason, at)
        }
        Course::Validate(stored, reason) => {
            let errand = errand(Some(stored))?.validating();
            outward(ask, miss::fetch(proxy, ask, errand, reason, carried)).await
        }
        Course::Head(stored, reason) => match errand(Some(stored))? {
            errand if errand.asks_as_nobody() => outward(ask, head::ask(proxy, ask, errand, reason)).await,
            // What it would say is not what this visitor is to hear, or it may end their session.
            _ => outward(ask, pass::pass(proxy, ask, under, Reason::Head, carried)).await,
        },
        Course::Miss(fallback, reason) => {
            outward(ask, miss::fetch(proxy, ask, errand(fallback)?, reason, carried)).await
        }
        Course::Pass(reason) => outward(ask, pass::pass(proxy, ask, under, reason, carried)).await,
        Course::Refuse => Err(Failure::NotStored),
    }
}

/// What leaves for the origin, so that its messages tell which request they are about. In an allocation of its own: a hit
/// would carry the room for it otherwise.
fn outward<'a>(
    ask: &'a Ask,
    way: impl Future<Output = Result<Reply, Failure>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>> {
    let span = ask.span();
    if span.is_disabled() { Box::pin(way) } else { Box::pin(way.instrument(span)) }
}
