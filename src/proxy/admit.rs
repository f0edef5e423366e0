//! Whether a request is a matter for the cache at all, and what it is looked up by. Pure.
//!
//! Promise 2 is kept here and in the fields of a shared fill: what makes a request its visitor's own passes it, whatever a
//! rule's lifetime says.

use super::{Ask, Rules};
use crate::fetch::{shared_fields, unmatched_fields};
use crate::key::{CookieClass, CookieClasses, Cookies, Key, Target};
use crate::outcome::Reason;
use crate::route::{Audience, Routed, Rule};
use http::{HeaderMap, HeaderName, Method, header};
use std::borrow::Cow;
use std::sync::OnceLock;

/// What becomes of a request before anything is looked up.
#[derive(Debug)]
pub(super) enum Admission {
    /// The cache has nothing to do with it.
    Pass(Reason),
    /// It may be answered from the cache.
    Cache(Wanted),
}

/// What a request is looked up by, and what a fill for it would send.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The primary key.
    pub key: Key,
    /// The key cookies, as they are in the key.
    cookies: Vec<(Box<str>, Box<str>)>,
    /// The language, as it is in the key.
    language: Option<Box<str>>,
    /// Made when first needed: most hits have no Vary to judge.
    as_sent: OnceLock<HeaderMap>,
}

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
    pub(super) fn as_sent(&self, rule: &Rule, ask: &Ask) -> &HeaderMap {
        self.as_sent.get_or_init(|| {
            if rule.unmatched {
                return unmatched_fields(&ask.fields, ask.forwarded_by());
            }
            let cookies: Vec<(&str, &str)> = self.cookies.iter().map(|(name, value)| (&**name, &**value)).collect();
            shared_fields(&ask.fields, ask.forwarded_by(), &cookies, self.language.as_deref(), &rule.headers)
        })
    }
}

/// Fields by which a client asks for another method than the request line's (K4): such a request is nobody's page.
const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// Judges a request that falls under a rule.
pub(super) fn admit(rules: &Rules, routed: &Routed<'_>, ask: &Ask) -> Admission {
    if let Some(reason) = refusal(routed.rule, ask) {
        return Admission::Pass(reason);
    }
    let Ok(cookies) = Cookies::of(&ask.fields) else { return Admission::Pass(Reason::CookieUnclear) };
    if let Some(reason) = cookie_refusal(routed.rule, &rules.cookies, &cookies) {
        return Admission::Pass(reason);
    }
    match cookies.key_cookies(&rules.cookies) {
        Ok(kept) => Admission::Cache(wanted(rules, routed.rule, ask, &kept)),
        Err(_) => Admission::Pass(Reason::CookieUnclear),
    }
}

fn refusal(rule: &Rule, ask: &Ask) -> Option<Reason> {
    let has = |name| ask.fields.contains_key(name);
    let reasons = [
        (ask.method != Method::GET && ask.method != Method::HEAD, Reason::Method),
        (has(header::UPGRADE), Reason::Upgrade),
        (rule.pass, Reason::RulePass),
        // Such a path falls under no rule.
        (rule.unmatched && ask.target.is_alias(), Reason::PathAlias),
        (METHOD_OVERRIDES.iter().any(|name| ask.fields.contains_key(name)), Reason::Method),
        (has(header::AUTHORIZATION), Reason::Authorization),
        (ask.has_body, Reason::RequestBody),
        (rule.audience == Audience::Session, Reason::SessionRoute),
    ];
    reasons.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
}

fn cookie_refusal(rule: &Rule, classes: &CookieClasses, cookies: &Cookies<'_>) -> Option<Reason> {
    if rule.audience == Audience::Everyone {
        return None;
    }
    if cookies.any(classes, CookieClass::Session) {
        return Some(Reason::CookieSession);
    }
    cookies.any(classes, CookieClass::Personal).then_some(Reason::CookiePersonal)
}

fn wanted(rules: &Rules, rule: &Rule, ask: &Ask, cookies: &[(&str, &str)]) -> Wanted {
    let kept = match ask.target.query.as_deref() {
        Some(query) => Cow::Owned(Target { query: rules.query.keep(Some(query)), ..ask.target.clone() }),
        None => Cow::Borrowed(&ask.target),
    };
    let accepted = ask.fields.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    // A path without a rule forwards what the visitor sent, for Vary to tell.
    let language = if rule.unmatched { None } else { rules.languages.reduce(accepted) };
    Wanted {
        key: Key::new(&kept, cookies, language),
        cookies: cookies.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        language: language.map(Into::into),
        as_sent: OnceLock::new(),
    }
}
