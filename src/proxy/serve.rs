//! The story of a request.

use super::admit::{Admission, admit};
use super::ask::Carried;
use super::course::{Course, choose};
use super::failure::Failure;
use super::lookup::lookup;
use super::miss::{self, Errand};
use super::pass::{self, Under};
use super::reply::Reply;
use super::{Ask, Proxy, Rules, hit};
use crate::outcome::Reason;
use std::sync::Arc;
use tracing::Instrument;

/// Answers one request: route, admit, look up, choose, then exactly one of hit, stale, validate, miss or pass.
pub(super) async fn serve(
    proxy: &Arc<Proxy>,
    rules: &Arc<Rules>,
    ask: &Ask,
    carried: Carried,
) -> Result<Reply, Failure> {
    let routed = rules.router.route(&ask.method, &ask.target);
    let under = Under { rule: routed.rule, rules, figures: rules.figures.at(routed.place) };

    let wanted = match admit(rules, &routed, ask) {
        Admission::Pass(reason) => return pass::pass(proxy, ask, under, reason, carried).instrument(ask.span()).await,
        Admission::Cache(wanted) => wanted,
    };

    let found = lookup(proxy, routed.rule, ask, &wanted).await;
    let errand = |stored| Errand::new(rules, &routed, ask, &wanted, stored);

    match choose(ask, found, || proxy.knows_unstorable(&wanted.key)) {
        Course::Hit(stored) => Ok(hit::fresh(proxy, ask, &stored)),
        Course::Stale(stored) => {
            miss::revalidate_behind(proxy, errand(Some(stored.clone())).validating());
            Ok(hit::stale(proxy, ask, &stored, Reason::StaleWhileRevalidate))
        }
        Course::Validate(stored, reason) => {
            let errand = errand(Some(stored)).validating();
            miss::fetch(proxy, ask, errand, reason, carried).instrument(ask.span()).await
        }
        Course::Miss(fallback, reason) => {
            miss::fetch(proxy, ask, errand(fallback), reason, carried).instrument(ask.span()).await
        }
        Course::Pass(reason) => pass::pass(proxy, ask, under, reason, carried).instrument(ask.span()).await,
    }
}
