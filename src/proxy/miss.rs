//! What the cache cannot answer: one fetch for all who ask, each of whom looks whether its answer is right for them.

use super::ask::Carried;
use super::errand::Errand;
use super::failure::Failure;
use super::fill::{Fill, FillAnswer, FilledHead};
use super::lookup::{is_for, standing};
use super::pass;
use super::patience::answer_of;
use super::reply::Reply;
use super::{Ask, Proxy, hit};
use super::{coding, filling, guard};
use crate::body::Body;
use crate::fetch::{Answered, Joined, TapeReader};
use crate::headers::end_to_end;
use crate::key::Resource;
use crate::ledger::{Standing, Subject, Trust};
use crate::outcome::{Kind, Outcome, Reason};
use crate::policy::{stale, vary};
use crate::respond;
use crate::stored::{StoredResponse, VaryKey};
use crate::tags::Tags;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Fills that one request joins before it goes its own way: each was refused because a purge came between.
const JOINS_MAX: usize = 3;

/// Fetches, or shares the fetch that is under way, and answers with what comes of it.
pub(super) async fn fetch(
    proxy: &Arc<Proxy>,
    ask: &Ask,
    errand: Errand,
    reason: Reason,
    carried: Carried,
) -> Result<Reply, Failure> {
    let errand = Arc::new(errand.relaying(carried.interim.clone()));
    if let Err(reason) = guard::lets_keep(proxy, &errand) {
        return unkept(proxy, ask, &errand, reason, carried).await;
    }
    let mut refused: Option<Arc<Fill>> = None;
    for _ in 0..JOINS_MAX {
        let share = join(proxy, &errand, refused.as_ref());
        let answer = match answer_of(proxy, ask, &errand, &share.fill).await {
            Ok(answer) => answer,
            Err(stale) => return stale,
        };
        match answer {
            FillAnswer::Whole(stored, storing) => {
                if !share.leads
                    && !fits(proxy, ask, &errand, &share.fill, &stored.vary, &stored.tags, || stored.fields().to_map())
                {
                    refused = Some(share.fill);
                    continue;
                }
                return whole(proxy, ask, &stored, reason, storing, share.leads);
            }
            FillAnswer::Streaming(head) => {
                if let Some(reply) = instead_of_failure(proxy, ask, &errand, reason, head.status) {
                    return reply;
                }
                if !share.leads
                    && !fits(proxy, ask, &errand, &share.fill, &head.vary, &head.tags, || head.fields.clone())
                {
                    refused = Some(share.fill);
                    continue;
                }
                return match share.reader {
                    Some(reader) => Ok(streamed(&head, reader, reason, share.leads)),
                    // Too large to keep, and gone too far to join.
                    None => pass::pass(proxy, ask, errand.under(), Reason::KnownUnstorable, carried).await,
                };
            }
            FillAnswer::Validated(stored, origin_time) => {
                if share.leads
                    || fits(proxy, ask, &errand, &share.fill, &stored.vary, &stored.tags, || stored.fields().to_map())
                {
                    return validated(proxy, ask, &stored, reason, origin_time, share.leads);
                }
                refused = Some(share.fill);
            }
            FillAnswer::NotShared(why, status) => {
                if let Some(reply) = instead_of_failure(proxy, ask, &errand, reason, status) {
                    return reply;
                }
                let own = (share.leads && !errand.withholds_cookies).then(|| share.fill.take_private()).flatten();
                // With what a leader who has gone left there, which holds a connection.
                drop(share);
                return match own {
                    Some(answered) => Ok(unshared(answered, reason, why)),
                    None => pass::pass(proxy, ask, errand.under(), Reason::KnownUnstorable, carried).await,
                };
            }
            FillAnswer::Failed(failure) => {
                return stale_reply(proxy, ask, &errand, reason, None).unwrap_or(Err(Failure::Fetch(failure)));
            }
        }
    }
    pass::pass(proxy, ask, errand.under(), Reason::Overtaken, carried).await
}

/// The visitor's own answer, where nothing may be kept. What was stored before still answers for an origin that fails, as long
/// as nothing speaks against it.
async fn unkept(
    proxy: &Arc<Proxy>,
    ask: &Ask,
    errand: &Errand,
    reason: Reason,
    carried: Carried,
) -> Result<Reply, Failure> {
    let reply = pass::pass(proxy, ask, errand.under(), reason, carried).await;
    let failed = match &reply {
        Ok(reply) => stale::is_failure(reply.response.status()),
        Err(failure) => matches!(failure, Failure::Fetch(_)),
    };
    let status = reply.as_ref().ok().map(|reply| reply.response.status());
    let is_covered = failed && reason == Reason::GuardUnproven;
    let instead = is_covered.then(|| stale_reply(proxy, ask, errand, reason, status)).flatten();
    instead.unwrap_or(reply)
}

/// Starts a validation that nobody waits for, unless one is under way, or nothing may be kept.
pub(super) fn revalidate_behind(proxy: &Arc<Proxy>, errand: Errand) {
    let errand = Arc::new(errand);
    if guard::lets_keep(proxy, &errand).is_err() {
        return;
    }
    if let Joined::Leader(lead) = proxy.fills.join(&errand.key, None, || begin(proxy, &errand)) {
        proxy.tasks.spawn(filling::run(proxy.clone(), lead, errand));
    }
}

/// A request's share in a fill.
struct Share {
    fill: Arc<Fill>,
    /// A reader from the body's start; none where it had gone too far when this request came.
    reader: Option<TapeReader>,
    leads: bool,
}

fn begin(proxy: &Proxy, errand: &Errand) -> Fill {
    Fill::begin(proxy.ledger.stamp(), proxy.clock.now(), errand.rule.fingerprint)
}

fn join(proxy: &Arc<Proxy>, errand: &Arc<Errand>, refused: Option<&Arc<Fill>>) -> Share {
    match proxy.fills.join(&errand.key, refused, || begin(proxy, errand)) {
        Joined::Follower(fill) => Share { reader: fill.tape.reader(), fill, leads: false },
        Joined::Leader(lead) => {
            let fill = lead.fetch().clone();
            // Before the fill can run ahead of its first reader. In an allocation of its own: on its way into a task it would be
            // copied six times.
            let reader = fill.tape.reader();
            proxy.tasks.spawn(Box::pin(filling::run(proxy.clone(), lead, errand.clone())));
            Share { fill, reader, leads: true }
        }
    }
}

/// Whether a response that another request's fill brought is right for this one too: fetched under the same rule, made for the
/// same values of what Vary names, for credentials where these are sent, and not invalidated since that fill began.
fn fits(
    proxy: &Proxy,
    ask: &Ask,
    errand: &Errand,
    fill: &Fill,
    vary: &VaryKey,
    tags: &Tags,
    fields: impl FnOnce() -> HeaderMap,
) -> bool {
    let Resource { host, path, query } = errand.key.view().resource();
    let subject = Subject { cache: errand.cache, host, path, query, tags };
    fill.rule == errand.rule.fingerprint
        && vary.matches(|name| vary::normalised(&errand.as_sent, name))
        && is_for(&errand.rule, ask, fields)
        && trusted(proxy, ask, fill)
        && proxy.ledger.standing(&subject, fill.stamp) == Standing::Valid
}

/// Whether the ledger can tell if a fill was invalidated. A proxy that is cut off from it cannot: then a fill is right only for
/// those who came before it began, and those who came later share the next one.
fn trusted(proxy: &Proxy, ask: &Ask, fill: &Fill) -> bool {
    proxy.ledger.trust(proxy.clock.now()) == Trust::Whole || fill.began > ask.arrived
}

fn streamed(head: &FilledHead, reader: TapeReader, reason: Reason, leads: bool) -> Reply {
    let mut outcome = Outcome::new(if leads { Kind::Miss } else { Kind::Collapsed }, reason);
    outcome.fwd_status = Some(head.status.as_u16());
    outcome.storing = Some(head.storing);
    outcome.collapsed = !leads;
    let body = Body::streamed(reader.announced(head.length));
    let mut fields = coding::fields_of(head);
    if leads {
        for (name, value) in &head.leaders_fields {
            fields.append(name, value.clone());
        }
    }
    let response = respond::streaming(head.status, fields, body, &outcome, head.keeper());
    Reply { origin_time: Some(head.origin_time), ..Reply::new(response, outcome) }
}

/// A page that a fill brought whole, with this visitor's own form tokens where it has any.
fn whole(
    proxy: &Proxy,
    ask: &Ask,
    stored: &StoredResponse,
    reason: Reason,
    storing: Reason,
    leads: bool,
) -> Result<Reply, Failure> {
    let mut outcome = Outcome::new(if leads { Kind::Miss } else { Kind::Collapsed }, reason);
    outcome.fwd_status = Some(stored.status.as_u16());
    outcome.storing = Some(storing);
    outcome.collapsed = !leads;
    hit::filled(proxy, ask, stored, outcome)
}

fn validated(
    proxy: &Proxy,
    ask: &Ask,
    stored: &StoredResponse,
    reason: Reason,
    origin_time: Duration,
    leads: bool,
) -> Result<Reply, Failure> {
    let mut outcome = Outcome::new(Kind::Revalidated, reason);
    outcome.fwd_status = Some(StatusCode::NOT_MODIFIED.as_u16());
    outcome.collapsed = !leads;
    hit::validated(proxy, ask, stored, outcome, origin_time)
}

/// The leader's own response, which nobody shares.
fn unshared(answered: Answered, reason: Reason, why: Reason) -> Reply {
    let mut outcome = Outcome::new(Kind::Miss, reason);
    outcome.fwd_status = Some(answered.status.as_u16());
    outcome.storing = Some(why);
    let origin_time = answered.took;
    let body = Body::streamed(answered.body);
    let response = respond::streaming(answered.status, end_to_end(&answered.fields), body, &outcome, None);
    Reply { origin_time: Some(origin_time), ..Reply::new(response, outcome) }
}

/// What answers in place of an origin's failure, where something may. The request was forwarded for that `reason`.
pub(super) fn instead_of_failure(
    proxy: &Proxy,
    ask: &Ask,
    errand: &Errand,
    reason: Reason,
    status: StatusCode,
) -> Option<Result<Reply, Failure>> {
    stale::is_failure(status).then(|| stale_reply(proxy, ask, errand, reason, Some(status))).flatten()
}

/// What is stored, where it may answer for an origin that failed, with that status or without any.
pub(super) fn stale_reply(
    proxy: &Proxy,
    ask: &Ask,
    errand: &Errand,
    reason: Reason,
    status: Option<StatusCode>,
) -> Option<Result<Reply, Failure>> {
    stand_in(proxy, errand).map(|stored| hit::instead(proxy, ask, stored, reason, status))
}

/// The stored response that may answer in place of the origin now.
pub(super) fn stand_in<'a>(proxy: &Proxy, errand: &'a Errand) -> Option<&'a StoredResponse> {
    let stored = errand.fallback.as_ref().filter(|_| errand.may_stand_in)?;
    let now = proxy.clock.now();
    // Whoever is cut off from the ledger cannot know whether it was purged.
    if proxy.ledger.trust(now) != Trust::Whole {
        return None;
    }
    let standing = standing(proxy, stored);
    let may = stale::may_answer_failure(stored, standing, errand.rule.fingerprint, now);
    may.then_some(stored)
}
