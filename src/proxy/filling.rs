//! The task that fills: it asks the origin, decides what becomes of the answer, tells those who wait, and keeps what may be
//! kept. A client that leaves stops nothing.
//!
//! The order of things is what makes purges exact: the stamp was taken before the request is sent, what is to be validated
//! is judged after the stamp was taken, and what comes is kept before its readers see its end.

use super::Proxy;
use super::coding;
use super::errand::Errand;
use super::fill::{Ending, Fill, FillAnswer, FilledHead};
use super::lookup::standing;
use super::recording::{next_part, record};
use super::splicing;
use crate::body::Body;
use crate::clock::Timestamp;
use crate::csrf::CookieForm;
use crate::fetch::{Answered, FetchFailure, Lead, Outgoing};
use crate::headers::end_to_end_of;
use crate::invalidate::ChangedSessions;
use crate::key::sets_one_of;
use crate::ledger::Standing;
use crate::observe::{FillEnd, OriginResult, RouteFigures};
use crate::outcome::Reason;
use crate::policy::validation::Told;
use crate::policy::{Exchange, Framing, Plan, Whose, age, groups, stale, storing, validation, vary};
use crate::respond;
use crate::stored::{Coded, CodedForm, FieldBlock, Lifetime, Packed, Parts, StoredBody, StoredResponse, VaryKey};
use crate::tags::Tags;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use std::borrow::Cow;
use std::sync::Arc;

/// Runs a fill to its end, and counts it.
pub(super) async fn run(proxy: Arc<Proxy>, lead: Lead<Fill>, errand: Arc<Errand>) {
    let _ending = Ending { fill: lead.fetch(), figures: errand.figures() };
    let (end, not_stored) = match conduct(&proxy, &lead, &errand).await {
        Ok(end) => (end, None),
        Err((end, reason)) => (end, reason),
    };
    errand.figures().fill_ended(end, not_stored);
}

/// How a fill ended that kept nothing, and why not.
type NotKept = (FillEnd, Option<Reason>);

async fn conduct(proxy: &Arc<Proxy>, lead: &Lead<Fill>, errand: &Errand) -> Result<FillEnd, NotKept> {
    let fill = lead.fetch();
    let fail = |failure| {
        fill.publish(FillAnswer::Failed(failure));
        (FillEnd::Failed, None)
    };
    // Judged after the stamp was taken: a purge that came between look-up and now must not be undone by a 304.
    let validating = errand.validates.clone().filter(|stored| !matches!(standing(proxy, stored), Standing::Gone(_)));
    let answered = exchange(proxy, errand, validating.as_deref()).await.map_err(fail)?;
    let Some(stored) = validating.filter(|_| answered.status == StatusCode::NOT_MODIFIED) else {
        return receive(proxy, lead, errand, answered).await;
    };
    let Ok((fresh, kept)) = freshen(proxy, fill, errand, &stored, &answered) else {
        // A 304 that does not fit what is stored: ask for the whole.
        let mut whole = exchange(proxy, errand, None).await.map_err(fail)?;
        if errand.session.is_some() {
            hand_on_cookies(&answered, &mut whole);
        }
        return receive(proxy, lead, errand, whole).await;
    };
    fill.publish(FillAnswer::Validated(fresh, answered.took));
    kept.map_err(|reason| (FillEnd::NotStored, Some(reason)))?;
    Ok(FillEnd::Freshened)
}

/// What a 304 that was of no use sets is the visitor's all the same; the whole answer's own cookies come after it.
fn hand_on_cookies(first: &Answered, whole: &mut Answered) {
    let own: Vec<_> = whole.fields.get_all(header::SET_COOKIE).iter().cloned().collect();
    whole.fields.remove(header::SET_COOKIE);
    for line in first.fields.get_all(header::SET_COOKIE).iter().chain(&own) {
        whole.fields.append(header::SET_COOKIE, line.clone());
    }
}

async fn exchange(
    proxy: &Proxy,
    errand: &Errand,
    validating: Option<&StoredResponse>,
) -> Result<Answered, FetchFailure> {
    let fields = || {
        let mut fields = splicing::to_send(errand);
        for (name, value) in validating.map(validation::conditions).unwrap_or_default() {
            fields.insert(name, value);
        }
        fields
    };
    let outgoing = Outgoing::new(&Method::GET, &errand.path_and_query, &fields).relaying(&errand.interim);
    let answered = proxy.origins.send(&errand.rule.origin, outgoing, Body::empty()).await;
    count_exchange(errand.figures(), &answered);
    if let Ok(answered) = &answered {
        end_touched_session(proxy, errand, answered).await;
    }
    answered
}

/// A login or logout by GET: before anybody is answered, the session's pages are gone, on all proxies.
async fn end_touched_session(proxy: &Proxy, errand: &Errand, answered: &Answered) {
    let Some((session, _)) = &errand.session else { return };
    if sets_one_of(&errand.rules.sessions.cookies, &answered.fields) {
        let tags = proxy.tags_of_changed(session.hashes(), true).await;
        let sessions = ChangedSessions { tags, is_answered: true };
        proxy.invalidator.sessions_changed(&format!("GET {}", errand.key.path()), sessions).await;
    }
}

/// Counts a request to the origin by what came of it.
pub(super) fn count_exchange(figures: &RouteFigures, answered: &Result<Answered, FetchFailure>) {
    match answered {
        Ok(answered) => figures.origin_answered(OriginResult::of(answered.status), Some(answered.took)),
        // The origin did nothing wrong, and was not asked, or not to the end.
        Err(FetchFailure::Request(_) | FetchFailure::Down) => {}
        Err(_) => figures.origin_answered(OriginResult::Failed, None),
    }
}

pub(super) fn as_exchange<'a>(errand: &'a Errand, answered: &'a Answered) -> Exchange<'a> {
    Exchange {
        request: &errand.as_sent,
        status: answered.status,
        response: &answered.fields,
        framing: answered.framing,
        requested: answered.requested,
        received: answered.received,
        received_wall: answered.received_wall,
    }
}

/// What a 304 makes of the stored response, and whether that was kept.
fn freshen(
    proxy: &Arc<Proxy>,
    fill: &Fill,
    errand: &Errand,
    stored: &StoredResponse,
    answered: &Answered,
) -> Result<(Arc<StoredResponse>, Result<(), Reason>), Reason> {
    let exchange = as_exchange(errand, answered);
    let (tags, generation) = (errand.told_tags(&answered.fields)?, proxy.new_generation());
    let told = Told { exchange: &exchange, terms: &errand.terms(), tags, stamp: fill.stamp, generation };
    let fresh = validation::freshen(stored, told)?;
    let fresh = Arc::new(coding::as_told(proxy, errand, fresh));
    let kept = keep(proxy, errand, &fresh, answered.requested);
    freshen_alike(proxy, fill, errand, &fresh, answered);
    Ok((fresh, kept))
}

/// Freshens the other variants that the 304 speaks of, as far as memory has them: the others are asked about when they are wanted.
fn freshen_alike(proxy: &Arc<Proxy>, fill: &Fill, errand: &Errand, fresh: &StoredResponse, answered: &Answered) {
    let variants = proxy.memory.get(errand.cache, &errand.key);
    let is_other = |other: &&Arc<StoredResponse>| other.vary != fresh.vary && other.rule == fresh.rule;
    for other in variants.iter().flat_map(|variants| variants.iter()).filter(is_other) {
        let Ok(tags) = errand.told_tags(&answered.fields) else { return };
        let (exchange, terms, generation) = (as_exchange(errand, answered), errand.terms(), proxy.new_generation());
        let told = Told { exchange: &exchange, terms: &terms, tags, stamp: fill.stamp, generation };
        let known = validation::freshen_alike(other, told);
        // What is to be validated each time gains nothing. Judged after the stamp was taken, like what was asked about.
        let gains = |known: &StoredResponse| {
            let lifetime = known.lifetime();
            lifetime.is_fresh(proxy.clock.now()) && !lifetime.validate_always
        };
        let is_good = |known: &StoredResponse| gains(known) && !matches!(standing(proxy, other), Standing::Gone(_));
        if let Some(known) = known.ok().filter(is_good) {
            // What was invalidated meanwhile is not kept; nobody waits for it.
            let _ = keep(proxy, errand, &Arc::new(coding::as_told(proxy, errand, known)), answered.requested);
        }
    }
}

/// Takes a whole response in: decides what becomes of it, tells those who wait, and reads it to its end.
async fn receive(
    proxy: &Arc<Proxy>,
    lead: &Lead<Fill>,
    errand: &Errand,
    answered: Answered,
) -> Result<FillEnd, NotKept> {
    let fill = lead.fetch();
    let head = match judge(proxy, errand, &answered) {
        Ok(head) => head,
        Err(reason) => {
            leave_to_leader(proxy, lead, errand, answered, reason);
            return Err((FillEnd::NotStored, Some(reason)));
        }
    };
    if let Some(secret) = splicing::concerns(errand, &answered.fields) {
        return splicing::receive(proxy, lead, errand, head, secret, answered).await;
    }
    let head = Arc::new(head);
    let (requested, mut body) = (answered.requested, answered.body);
    // A response begins with its first byte: one that breaks before it is a failure, which what is stale may answer.
    let first = match next_part(&mut body).await {
        Ok(first) => first,
        Err(broken) => {
            fill.publish(FillAnswer::Failed(FetchFailure::Broken(broken.to_string())));
            return Err((FillEnd::Broken, Some(Reason::Incomplete)));
        }
    };
    fill.publish(FillAnswer::Streaming(head.clone()));
    let recorded = match record(proxy, lead, errand, head.length, first, body).await {
        Ok(recorded) => recorded,
        Err(broken) => {
            fill.tape.end(Err(broken));
            return Err((FillEnd::Broken, Some(Reason::Incomplete)));
        }
    };
    let end = match (recorded.whole, head.lifetime) {
        (None, _) => Err(Reason::TooLarge),
        (Some(_), None) => Err(head.storing),
        (Some(body), Some(lifetime)) => store(proxy, fill, errand, &head, lifetime, body, requested),
    };
    // Its readers see the end only now: whoever has read it whole finds it stored.
    fill.tape.write(recorded.last);
    fill.tape.end(Ok(()));
    end.map(|()| FillEnd::Stored).map_err(|reason| (FillEnd::NotStored, Some(reason)))
}

/// What cannot be shared is the leader's alone; the others are released at once, and the next are told beforehand.
/// What was made with our secret is nobody's.
fn leave_to_leader(proxy: &Proxy, lead: &Lead<Fill>, errand: &Errand, answered: Answered, reason: Reason) {
    lead.close();
    let status = answered.status;
    // What answers credentials says nothing of what others would get.
    if !stale::is_failure(status) && !errand.as_sent.contains_key(header::AUTHORIZATION) {
        proxy.note_unstorable(errand);
    }
    // What the leader has to ask for once more anyway would hold a connection, and maybe the one worker, that this needs.
    if !errand.withholds_cookies && !splicing::sets_form_cookie(errand, &answered.fields) {
        lead.fetch().leave_private(answered);
    }
    lead.fetch().publish(FillAnswer::NotShared(reason, status));
}

/// Whether a response is for all, and whether it is kept; the error says why it is for the leader alone.
fn judge(proxy: &Proxy, errand: &Errand, answered: &Answered) -> Result<FilledHead, Reason> {
    let exchange = as_exchange(errand, answered);
    let length = match answered.framing {
        Framing::Length(bytes) => Some(bytes),
        _ => None,
    };
    let plan = match &errand.fallback {
        // An error page never takes the place of what may answer instead of it (row D6).
        Some(_) if stale::is_failure(answered.status) => Err(Reason::Status),
        _ => storing::decide(&exchange, &errand.terms()),
    };
    // What is shared without being kept is judged by its tags as well: whoever comes after a purge does not get it.
    let (plan, tags) = match (plan, errand.tags(&answered.fields)) {
        (Ok(plan), Ok(tags)) => (Some(plan), tags),
        (Err(reason), Ok(tags)) if storing::may_share_unstored(&exchange, reason, &errand.terms()) => {
            return Ok(head_of(errand, answered, None, tags, length, reason));
        }
        (Err(reason), _) | (_, Err(reason)) => return Err(reason),
    };
    if length.is_some_and(|bytes| bytes > proxy.limits.object_bytes_max) {
        return Err(Reason::TooLarge);
    }
    Ok(head_of(errand, answered, plan, tags, length, Reason::Stored))
}

fn head_of(
    errand: &Errand,
    answered: &Answered,
    plan: Option<Plan>,
    tags: Tags,
    length: Option<u64>,
    storing: Reason,
) -> FilledHead {
    let mut fields = end_to_end_of(&answered.fields, respond::OWN_FIELDS, |_| true);
    if errand.whose() == Whose::Everybodys && !errand.keeps_cookies() {
        fields.remove(header::SET_COOKIE);
    }
    age::add_date(&mut fields, answered.received_wall);
    groups::strip_tag_fields(&mut fields);
    let mut names = plan.as_ref().map(|plan| plan.vary.clone()).unwrap_or_default();
    // What the rule sends of the visitor's keeps pages apart, whether the origin says Vary or not (row K12).
    names.extend(errand.rule.headers.iter().filter(|name| !errand.in_key.contains(name)).cloned());
    let mut leaders_fields = HeaderMap::new();
    for name in plan.iter().flat_map(|plan| &plan.omit) {
        leaders_fields.extend(fields.get_all(name).iter().map(|value| (name.clone(), value.clone())));
        fields.remove(name);
    }
    let vary = VaryKey::of(&names, |name| vary::normalised(&errand.as_sent, name));
    FilledHead {
        status: answered.status,
        is_codable: plan.is_some() && coding::is_codable(errand, answered, length, &vary),
        fields,
        leaders_fields,
        length,
        vary,
        tags,
        storing,
        lifetime: plan.map(|plan| plan.lifetime),
        whose: errand.whose(),
        origin_time: answered.took,
    }
}

/// Keeps a response that has come whole, unless it was invalidated while it came.
fn store(
    proxy: &Arc<Proxy>,
    fill: &Fill,
    errand: &Errand,
    head: &FilledHead,
    lifetime: Lifetime,
    body: Bytes,
    requested: Timestamp,
) -> Result<(), Reason> {
    let content = Content { body: StoredBody::whole(body), form_cookie: None, packed: None };
    let stored = to_store(proxy, fill, errand, head, lifetime, content)?;
    proxy.unstorable.forget(&errand.key);
    keep(proxy, errand, &Arc::new(stored), requested)
}

/// The content of a response that has come whole, as it is stored.
pub(super) struct Content {
    pub body: StoredBody,
    pub form_cookie: Option<CookieForm>,
    pub packed: Option<Packed>,
}

/// What is stored of a response that has come whole.
pub(super) fn to_store(
    proxy: &Proxy,
    fill: &Fill,
    errand: &Errand,
    head: &FilledHead,
    lifetime: Lifetime,
    content: Content,
) -> Result<StoredResponse, Reason> {
    let Content { body, form_cookie, packed } = content;
    let coded = match packed {
        Some(packed) => Coded::Made([CodedForm::Packed(packed)].into()),
        None if form_cookie.is_none() && coding::is_awaited(errand, head, body.len() as u64) => Coded::Awaited,
        None => Coded::No,
    };
    let mut fields = Cow::Borrowed(&head.fields);
    // What is set is set once.
    if !errand.keeps_cookies() && fields.contains_key(header::SET_COOKIE) {
        fields.to_mut().remove(header::SET_COOKIE);
    }
    let etag = head.fields.get(header::ETAG).cloned().unwrap_or_else(|| respond::etag_of_body(&body));
    Ok(StoredResponse::of(Parts {
        cache: errand.cache,
        key: errand.key.clone(),
        vary: head.vary.clone(),
        generation: proxy.new_generation(),
        status: head.status,
        fields: FieldBlock::copy_of(&fields).map_err(|_| Reason::TooLarge)?,
        body,
        form_cookie,
        coded,
        etag,
        lifetime,
        stamp: fill.stamp,
        tags: head.tags.clone(),
        route: errand.rule.name.clone(),
        rule: errand.rule.fingerprint,
        origin_time: head.origin_time,
    }))
}

/// Into the memory tier at once, and into the store behind the response; unless something newer than the stamp matches it,
/// or a purge asked that what is fetched so soon after it be not kept.
pub(super) fn keep(
    proxy: &Arc<Proxy>,
    errand: &Errand,
    stored: &Arc<StoredResponse>,
    requested: Timestamp,
) -> Result<(), Reason> {
    // A route comes under suspicion before its purge is recorded: where it is not yet, that record will be newer than the stamp.
    if errand.rules.guards.is_suspect(errand.place) {
        return Err(Reason::GuardDiffers);
    }
    if proxy.ledger.standing(&stored.subject(), stored.stamp) != Standing::Valid {
        return Err(Reason::InvalidatedInFlight);
    }
    if proxy.ledger.settling(&stored.subject(), requested) {
        return Err(Reason::Settling);
    }
    let order = proxy.keeping();
    proxy.note_for_session(stored).map_err(|_| Reason::SessionQuota)?;
    proxy.memory.insert(stored.clone());
    // What the queue has no room for stays in memory alone; the store counts it.
    let _ = proxy.store.put(stored.clone());
    drop(order);
    coding::begin(proxy, errand, stored);
    Ok(())
}
