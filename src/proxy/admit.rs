//! Whether a request is a matter for the cache at all, and what it is looked up by. Pure.
//!
//! Promise 2 is kept here and in the fields of a shared fill: what makes a request its visitor's own passes it, whatever a
//! rule's lifetime says; and what is one session's own has that session in its key.

use super::Rules;
use super::ask::Asked;
use crate::cache_name::CacheName;
use crate::fetch::{ForwardedBy, shared_fields, unmatched_fields};
use crate::headers::Fields;
use crate::key::{Cookies, IdFrom, Key, Session, Sorted, Target, each_once};
use crate::outcome::Reason;
use crate::policy::Wishes;
use crate::route::{Audience, Rule, WithoutSession};
use http::{HeaderMap, HeaderName, Method, header};
use std::borrow::Cow;
use std::sync::OnceLock;

/// What a request is looked up by, and what a fill for it would send.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The primary key.
    pub key: Key,
    /// The cache it is kept in.
    pub cache: CacheName,
    /// Whose own page it is; none: everybody's.
    pub session: Option<Session>,
    /// What the request wishes of the cache, where it is asked.
    pub wishes: Wishes,
    /// The key cookies, as they are in the key.
    cookies: Pairs,
    /// The cookies that a fill sends: the key cookies, and for a session its own.
    sent: Pairs,
    /// The language, as it is in the key.
    language: Option<Box<str>>,
    /// Made when first needed: most hits have no Vary to judge.
    as_sent: OnceLock<HeaderMap>,
}

/// Names and values.
type Pairs = Vec<(Box<str>, Box<str>)>;

impl Wanted {
    /// The key cookies, for people.
    pub(super) fn key_cookies(&self) -> Vec<(String, String)> {
        self.cookies.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// The language in the key, for people.
    pub(super) fn key_language(&self) -> Option<String> {
        self.language.as_deref().map(str::to_string)
    }

    /// The fields that a fill sends; Vary is judged by them.
    pub(super) fn as_sent(&self, rules: &Rules, rule: &Rule, request: &HeaderMap, by: ForwardedBy<'_>) -> &HeaderMap {
        self.as_sent.get_or_init(|| {
            if rule.unmatched {
                return unmatched_fields(request, by);
            }
            let cookies: Vec<(&str, &str)> = self.sent.iter().map(|(name, value)| (&**name, &**value)).collect();
            let mut fields = shared_fields(request, by, &cookies, self.language.as_deref(), &rule.headers);
            // It is in the key, as its hash.
            let id = rules.sessions.header.as_ref().filter(|_| self.session.is_some());
            if let Some((name, value)) = id.and_then(|name| Some((name, request.get(name)?))) {
                fields.insert(name, value.clone());
            }
            fields
        })
    }
}

/// Fields by which a client asks for another method than the request line's (K4): such a request is nobody's page.
const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// Fields of scripts that ask for a part of a page: a request that bears one is not answered with the whole page, unless the
/// rule tells the two apart.
const PART_MARKS: [HeaderName; 2] =
    [HeaderName::from_static("hx-request"), HeaderName::from_static("x-requested-with")];

/// Judges a request that falls under a rule: what it is looked up by, if it may be answered from the cache.
///
/// # Errors
/// The cache has nothing to do with it, and why.
pub(super) fn admit(rules: &Rules, rule: &Rule, ask: Asked<'_, impl Fields>) -> Result<Wanted, Reason> {
    let wishes = if rule.choices.request_directives { Wishes::of(ask.fields) } else { Wishes::NONE };
    let wanted = wanted(rules, rule, ask, wishes);
    // What is not in the cache's hands is not stored.
    wanted.map_err(|reason| if wishes.only_if_cached { Reason::OnlyIfCached } else { reason })
}

fn wanted(rules: &Rules, rule: &Rule, ask: Asked<'_, impl Fields>, wishes: Wishes) -> Result<Wanted, Reason> {
    refusal(rule, &ask, &wishes).map_or(Ok(()), Err)?;
    let cookies = Cookies::of(ask.fields).map_err(|_| Reason::CookieUnclear)?.sorted(&rule.cookies);
    let header_id = rules.sessions.header_id(ask.fields).map_err(|_| Reason::CookieUnclear)?;
    each_once(&cookies.key).map_err(|_| Reason::CookieUnclear)?;
    if rule.splices {
        // Whose tokens would the page get?
        each_once(&cookies.form_token).map_err(|_| Reason::CookieUnclear)?;
    }
    let visit = Visit { rules, rule, ask, wishes, cookies, header_id };
    match (rule.audience, rule.without_session) {
        (Audience::Everyone, _) => Ok(visit.of_everybody(rule.cache)),
        (Audience::Anonymous, _) => visit.anonymous(rule.cache),
        (Audience::Session, _) if visit.has_session() => visit.own(),
        (Audience::Session, WithoutSession::Anonymous) => visit.anonymous(CacheName::Default),
        (Audience::Session, WithoutSession::Pass) => Err(Reason::NoSession),
    }
}

/// Whether a request asks for another method than its own.
pub(super) fn asks_for_other_method(fields: &impl Fields) -> bool {
    METHOD_OVERRIDES.iter().any(|name| fields.has(name))
}

fn refusal(rule: &Rule, ask: &Asked<'_, impl Fields>, wishes: &Wishes) -> Option<Reason> {
    let has = |name: &HeaderName| ask.fields.has(name);
    // A fill under a rule asks as nobody.
    let takes_credentials = rule.unmatched && rule.choices.authorization;
    let asks_for_part = |name: &HeaderName| has(name) && !rule.headers.contains(name);
    let reasons = [
        (*ask.method != Method::GET && *ask.method != Method::HEAD, Reason::Method),
        (has(&header::UPGRADE), Reason::Upgrade),
        (rule.pass, Reason::RulePass),
        // Such a path falls under no rule.
        (rule.unmatched && ask.target.is_alias(), Reason::PathAlias),
        (asks_for_other_method(ask.fields), Reason::Method),
        (has(&header::AUTHORIZATION) && !takes_credentials, Reason::Authorization),
        (wishes.no_store, Reason::RequestNoStore),
        // RFC 9111 4.3.2: they are not for a cache to judge.
        (has(&header::IF_MATCH) || has(&header::IF_UNMODIFIED_SINCE), Reason::Precondition),
        (ask.has_body, Reason::RequestBody),
        // A path without a rule forwards the mark, for Vary to tell.
        (!rule.unmatched && PART_MARKS.iter().any(asks_for_part), Reason::PartOfPage),
    ];
    reasons.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
}

/// A request that may be a matter for the cache, with its cookies told apart.
struct Visit<'a, F> {
    rules: &'a Rules,
    rule: &'a Rule,
    ask: Asked<'a, F>,
    wishes: Wishes,
    cookies: Sorted<'a>,
    header_id: Option<(IdFrom<'a>, &'a str)>,
}

impl<'a, F: Fields> Visit<'a, F> {
    fn has_session(&self) -> bool {
        self.header_id.is_some() || self.cookies.session.iter().any(|(_, id)| !id.is_empty())
    }

    fn anonymous(&self, cache: CacheName) -> Result<Wanted, Reason> {
        if !self.cookies.session.is_empty() || self.header_id.is_some() {
            return Err(Reason::CookieSession);
        }
        if !self.cookies.personal.is_empty() {
            return Err(Reason::CookiePersonal);
        }
        Ok(self.of_everybody(cache))
    }

    fn of_everybody(&self, cache: CacheName) -> Wanted {
        let (target, language) = (self.keyed_target(), self.language());
        let key = Key::new(&target, &self.cookies.key, language);
        self.wanted(key, cache, None, copied(self.cookies.key.iter()), language)
    }

    /// This visitor's own page: everything of theirs that reaches the origin is in the key, what is secret as a hash.
    fn own(&self) -> Result<Wanted, Reason> {
        let secret = self.rules.sessions.key.as_ref().ok_or(Reason::NoSessionKey)?;
        let of_cookies = self.cookies.session.iter().filter(|(_, id)| !id.is_empty());
        // Some servers take quotes off, and others do not.
        if of_cookies.clone().any(|(_, id)| id.starts_with('"')) {
            return Err(Reason::CookieUnclear);
        }
        let others: Vec<_> = self.cookies.personal.iter().chain(&self.cookies.form_token).copied().collect();
        for list in [&self.cookies.session, &others] {
            each_once(list).map_err(|_| Reason::CookieUnclear)?;
        }
        let of_cookies = of_cookies.map(|(name, id)| (IdFrom::Cookie(name), *id));
        let ids: Vec<(IdFrom<'_>, &str)> = of_cookies.chain(self.header_id).collect();
        let session = secret.session(&ids, &others);
        let (target, language) = (self.keyed_target(), self.language());
        let key = Key::of_session(&target, &self.cookies.key, language, &session);
        let sent = copied(self.cookies.session.iter().chain(&others).chain(&self.cookies.key));
        Ok(self.wanted(key, self.rule.cache, Some(session), sent, language))
    }

    fn wanted(
        &self,
        key: Key,
        cache: CacheName,
        session: Option<Session>,
        sent: Pairs,
        language: Option<&str>,
    ) -> Wanted {
        Wanted {
            key,
            cache,
            session,
            wishes: self.wishes,
            cookies: copied(self.cookies.key.iter()),
            sent,
            language: language.map(Into::into),
            as_sent: OnceLock::new(),
        }
    }

    fn keyed_target(&self) -> Cow<'a, Target> {
        let target = self.ask.target;
        match target.query.as_deref() {
            Some(query) => Cow::Owned(Target { query: self.rules.query.keep(Some(query)), ..target.clone() }),
            None => Cow::Borrowed(target),
        }
    }

    /// The visitor's choice, if a key cookie holds it; else what their browser prefers.
    fn language(&self) -> Option<&'a str> {
        // A path without a rule forwards what the visitor sent, for Vary to tell.
        if self.rule.unmatched {
            return None;
        }
        let languages = &self.rules.languages;
        let chosen = self.cookies.key.iter().find_map(|(name, value)| languages.chosen(name, value));
        let accepted = || self.ask.fields.text(&header::ACCEPT_LANGUAGE);
        chosen.or_else(|| languages.reduce(accepted()))
    }
}

fn copied<'a>(cookies: impl Iterator<Item = &'a (&'a str, &'a str)>) -> Pairs {
    cookies.map(|(name, value)| ((*name).into(), (*value).into())).collect()
}
