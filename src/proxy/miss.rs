//! What the cache cannot answer: one fetch for all who ask, each of whom looks whether its answer is right for them.

use super::admit::Wanted;
use super::ask::Carried;
use super::failure::Failure;
use super::fill::{Fill, FillAnswer, FilledHead};
use super::lookup::standing;
use super::pass::{self, Under};
use super::reply::Reply;
use super::sessions::Filling;
use super::{Ask, Proxy, Rules, hit};
use super::{coding, filling, guard};
use crate::body::Body;
use crate::cache_name::CacheName;
use crate::csrf::Secret;
use crate::fetch::{Answered, Joined, TapeReader};
use crate::headers::end_to_end;
use crate::key::{Key, SESSION_TAG, Session};
use crate::ledger::{Standing, Subject, Trust};
use crate::observe::RouteFigures;
use crate::outcome::{Kind, Outcome, Reason};
use crate::policy::{Terms, Whose, groups, stale, vary};
use crate::respond;
use crate::route::{Routed, Rule};
use crate::stored::{StoredResponse, VaryKey};
use crate::tags::{BadTag, Tag, Tags};
use http::{HeaderMap, HeaderName, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

/// Fills that one request joins before it goes its own way: each was refused because a purge came between.
const JOINS_MAX: usize = 3;

/// What a fill is to fetch, and what it may do with it.
pub(super) struct Errand {
    pub rules: Arc<Rules>,
    pub rule: Arc<Rule>,
    pub key: Key,
    pub path_and_query: String,
    /// The fields to send.
    pub as_sent: HeaderMap,
    /// The stored response to validate.
    pub validates: Option<Arc<StoredResponse>>,
    /// What may answer if the origin fails.
    pub fallback: Option<Arc<StoredResponse>>,
    /// The cache that it is for.
    pub cache: CacheName,
    /// The session whose own page it fetches; none: everybody's. Whoever changes something in it finds that it is being fetched.
    pub session: Option<(Session, Filling)>,
    /// Whether the visitor has cookies that are not sent: then what cannot be shared is not this visitor's either.
    pub withholds_cookies: bool,
    /// The secret that form tokens in what it brings are made of; none: they are not spliced.
    pub form_secret: Option<Secret>,
    /// Fields whose values are in the key, or the same for everybody.
    pub in_key: Vec<HeaderName>,
    /// The rule's place among the router's.
    pub place: usize,
    rule_tags: Result<Vec<Tag>, BadTag>,
}

impl Errand {
    /// Where it is counted.
    pub(super) fn figures(&self) -> &RouteFigures {
        self.rules.figures.at(self.place)
    }

    /// What the request falls under.
    fn under(&self) -> Under<'_> {
        Under { rule: &self.rule, rules: &self.rules, figures: self.figures() }
    }

    /// What counts for what it brings.
    pub(super) fn terms(&self) -> Terms<'_> {
        let rule = &self.rule;
        Terms { lifetime: &rule.lifetime, cookies: &rule.cookies, whose: self.whose(), in_key: &self.in_key }
    }

    /// For whom it fetches.
    pub(super) fn whose(&self) -> Whose {
        if self.session.is_some() { Whose::OneSessions } else { Whose::Everybodys }
    }

    /// All tags of a response: the rule's, the origin's and its session's. No session is named by anything but its hash.
    pub(super) fn tags(&self, response: &HeaderMap) -> Result<Tags, Reason> {
        let of_rule = self.rule_tags.clone().map_err(|_| Reason::BadTags)?;
        let of_rule = of_rule.into_iter().map(|tag| self.sealed(tag)).collect::<Result<Vec<_>, _>>()?;
        let of_session = self.session.iter().flat_map(|(session, _)| session.hashes()).map(|hash| hash.tag());
        let all = of_rule.into_iter().chain(self.told_tags(response)?).chain(of_session);
        Tags::collect(all).map_err(|_| Reason::BadTags)
    }

    /// The tags that the origin gives.
    pub(super) fn told_tags(&self, response: &HeaderMap) -> Result<Vec<Tag>, Reason> {
        let of_origin = groups::tags_of(response).map_err(|_| Reason::BadTags)?;
        of_origin.into_iter().map(|tag| self.sealed(tag)).collect()
    }

    fn sealed(&self, tag: Tag) -> Result<Tag, Reason> {
        if !tag.as_str().starts_with(SESSION_TAG) {
            return Ok(tag);
        }
        let sealed = self.rules.sessions.key.as_ref().and_then(|key| key.session_tag(tag.as_str()));
        sealed.ok_or(Reason::BadTags)
    }
}

impl Errand {
    /// The errand of a request that falls under a rule. `stored` is what was found and cannot be used as it is.
    ///
    /// # Errors
    /// When the system has no randomness for a secret: a page with another's tokens must not be taken for one without.
    pub(super) fn new(
        proxy: &Proxy,
        rules: &Arc<Rules>,
        routed: &Routed<'_>,
        ask: &Ask,
        wanted: &Wanted,
        stored: Option<Arc<StoredResponse>>,
    ) -> std::io::Result<Errand> {
        let query = wanted.key.query().map(|query| format!("?{query}")).unwrap_or_default();
        let splices = routed.rule.splices && wanted.session.is_none();
        Ok(Errand {
            rules: rules.clone(),
            rule: routed.rule.clone(),
            key: wanted.key.clone(),
            path_and_query: format!("{}{query}", wanted.key.path()),
            as_sent: wanted.as_sent(rules, routed.rule, ask).clone(),
            validates: None,
            fallback: stored,
            cache: wanted.cache,
            session: wanted.session.clone().map(|session| {
                let filling = proxy.sessions.filling(session.hashes());
                (session, filling)
            }),
            // What was fetched for one session is that visitor's, whatever else their browser sends.
            withholds_cookies: !routed.rule.unmatched && wanted.session.is_none() && bears_own_fields(rules, ask),
            form_secret: splices.then(Secret::random).transpose()?,
            in_key: in_key(rules, routed.rule, wanted),
            place: routed.place,
            rule_tags: routed.tags(),
        })
    }

    /// The same, to ask whether what was found still holds.
    pub(super) fn validating(self) -> Errand {
        Errand { validates: self.fallback.clone(), ..self }
    }
}

/// Whether a request says who its visitor is, in whatever way.
fn bears_own_fields(rules: &Rules, ask: &Ask) -> bool {
    let session = rules.sessions.header.iter().any(|name| ask.fields.contains_key(name));
    session || ask.fields.contains_key(header::COOKIE)
}

/// The fields of a fill whose values are in the key.
fn in_key(rules: &Rules, rule: &Rule, wanted: &Wanted) -> Vec<HeaderName> {
    if rule.unmatched {
        return Vec::new();
    }
    let language = rules.languages.are_known().then_some(header::ACCEPT_LANGUAGE);
    let session = rules.sessions.header.clone().filter(|_| wanted.session.is_some());
    // Where tokens are looked for, no content coding is asked for, whoever asks.
    let coding = (rule.splices && wanted.session.is_none()).then_some(header::ACCEPT_ENCODING);
    [header::COOKIE].into_iter().chain(language).chain(session).chain(coding).collect()
}

/// Fetches, or shares the fetch that is under way, and answers with what comes of it.
pub(super) async fn fetch(
    proxy: &Arc<Proxy>,
    ask: &Ask,
    errand: Errand,
    reason: Reason,
    carried: Carried,
) -> Result<Reply, Failure> {
    let errand = Arc::new(errand);
    if let Err(reason) = guard::lets_keep(proxy, &errand) {
        return unkept(proxy, ask, &errand, reason, carried).await;
    }
    let mut refused: Option<Arc<Fill>> = None;
    for _ in 0..JOINS_MAX {
        let share = join(proxy, &errand, refused.as_ref());
        match share.fill.answer().await {
            FillAnswer::Whole(stored, storing) => {
                if !share.leads && !fits(proxy, ask, &errand, &share.fill, &stored.vary, &stored.tags) {
                    refused = Some(share.fill);
                    continue;
                }
                return whole(proxy, ask, &stored, reason, storing, share.leads);
            }
            FillAnswer::Streaming(head) => {
                if let Some(reply) = instead_of_failure(proxy, ask, &errand, head.status) {
                    return reply;
                }
                if !share.leads && !fits(proxy, ask, &errand, &share.fill, &head.vary, &head.tags) {
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
                if share.leads || (trusted(proxy, ask, &share.fill) && standing(proxy, &stored) == Standing::Valid) {
                    return validated(proxy, ask, &stored, reason, origin_time, share.leads);
                }
                refused = Some(share.fill);
            }
            FillAnswer::NotShared(why, status) => {
                if let Some(reply) = instead_of_failure(proxy, ask, &errand, status) {
                    return reply;
                }
                let own = (share.leads && !errand.withholds_cookies).then(|| share.fill.take_private()).flatten();
                return match own {
                    Some(answered) => Ok(unshared(answered, reason, why)),
                    None => pass::pass(proxy, ask, errand.under(), Reason::KnownUnstorable, carried).await,
                };
            }
            FillAnswer::Failed(failure) => {
                return stale_reply(proxy, ask, &errand).unwrap_or(Err(Failure::Fetch(failure)));
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
    let instead = (failed && reason == Reason::GuardUnproven).then(|| stale_reply(proxy, ask, errand)).flatten();
    instead.unwrap_or(reply)
}

/// Starts a validation that nobody waits for, unless one is under way, or nothing may be kept.
pub(super) fn revalidate_behind(proxy: &Arc<Proxy>, errand: Errand) {
    let errand = Arc::new(errand);
    if guard::lets_keep(proxy, &errand).is_err() {
        return;
    }
    let stamp = || Fill::begin(proxy.ledger.stamp(), proxy.clock.now());
    if let Joined::Leader(lead) = proxy.fills.join(&errand.key, None, stamp) {
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

fn join(proxy: &Arc<Proxy>, errand: &Arc<Errand>, refused: Option<&Arc<Fill>>) -> Share {
    match proxy.fills.join(&errand.key, refused, || Fill::begin(proxy.ledger.stamp(), proxy.clock.now())) {
        Joined::Follower(fill) => Share { reader: fill.tape.reader(), fill, leads: false },
        Joined::Leader(lead) => {
            let fill = lead.fetch().clone();
            // Before the fill can run ahead of its first reader.
            let reader = fill.tape.reader();
            proxy.tasks.spawn(filling::run(proxy.clone(), lead, errand.clone()));
            Share { fill, reader, leads: true }
        }
    }
}

/// Whether a response that another request's fill brought is right for this one too: made for the same values of what Vary
/// names, and not invalidated since that fill began.
fn fits(proxy: &Proxy, ask: &Ask, errand: &Errand, fill: &Fill, vary: &VaryKey, tags: &Tags) -> bool {
    let subject = Subject {
        cache: errand.cache,
        host: errand.key.host(),
        path: errand.key.path(),
        query: errand.key.query(),
        tags,
    };
    vary.matches(|name| vary::normalised(&errand.as_sent, name))
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
    let response = respond::streaming(head.status, coding::fields_of(head), body, &outcome, head.keeper());
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

/// What answers in place of an origin's failure, where something may.
fn instead_of_failure(proxy: &Proxy, ask: &Ask, errand: &Errand, status: StatusCode) -> Option<Result<Reply, Failure>> {
    stale::is_failure(status).then(|| stale_reply(proxy, ask, errand)).flatten()
}

fn stale_reply(proxy: &Proxy, ask: &Ask, errand: &Errand) -> Option<Result<Reply, Failure>> {
    let stored = errand.fallback.as_ref()?;
    let now = proxy.clock.now();
    // Whoever is cut off from the ledger cannot know whether it was purged.
    if proxy.ledger.trust(now) != Trust::Whole {
        return None;
    }
    let standing = standing(proxy, stored);
    let may = stale::may_answer_failure(stored, standing, errand.rule.fingerprint, now);
    may.then(|| hit::stale(proxy, ask, stored, Reason::StaleIfError))
}
