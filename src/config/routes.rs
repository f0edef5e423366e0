//! `routes`: rules, in their order.

use super::choices::{self, Defaults};
use super::origins::DEFAULT;
use super::reader::{Section, Text};
use super::server::host;
use super::{caching, compression, guard, lifetime};
use crate::cache_name::CacheName;
use crate::crypto;
use crate::fetch;
use crate::key::{CookieClasses, Globs, Languages, QueryRules};
use crate::policy::{CodingRule, LifetimeRule};
use crate::route::{Audience, Guard, Pattern, Router, Rule, TagTemplate, WithoutSession};
use crate::stored::RuleFingerprint;
use http::{HeaderName, Method};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The name of the rule for paths that no rule matches.
const UNMATCHED: &str = "other";
/// Rules at most: each may be looked at for each request.
const ROUTES_MAX: usize = 1_000;

/// What every rule's stored responses depend on beside the rule itself.
pub(super) struct Ground {
    text: String,
    cookies: Arc<CookieClasses>,
    session_header: Option<HeaderName>,
    origins: Vec<Arc<str>>,
    max_keep: Duration,
    defaults: Defaults,
    coding: Option<Arc<CodingRule>>,
}

impl Ground {
    /// What decides keys and what is dropped.
    pub(super) fn of(
        cookies: &Arc<CookieClasses>,
        query: &QueryRules,
        languages: &Languages,
        session_header: Option<HeaderName>,
        max_keep: Duration,
        defaults: Defaults,
    ) -> Ground {
        let text =
            format!("{:?} {:?} {:?} {session_header:?}", query.ignore.names(), languages.tags(), languages.cookie());
        Ground { text, cookies: cookies.clone(), session_header, origins: Vec::new(), max_keep, defaults, coding: None }
    }

    /// The origins that rules may name. Which one a rule names is a part of the rule itself.
    pub(super) fn with_origins(self, origins: &[fetch::Settings]) -> Ground {
        Ground { origins: origins.iter().map(|own| own.name.clone()).collect(), ..self }
    }

    /// With what is compressed where a rule says nothing of it.
    pub(super) fn with_coding(self, coding: Option<Arc<CodingRule>>) -> Ground {
        Ground { coding, ..self }
    }
}

pub(super) fn router(file: &Section<'_>, ground: &Ground, notes: &mut Vec<String>) -> Router {
    let mut rules: Vec<Rule> = Vec::new();
    let mut names: HashMap<String, String> = HashMap::new();
    let sections = file.sections("routes");
    if sections.len() > ROUTES_MAX {
        file.tell("routes", format!("has {} rules; at most {ROUTES_MAX} are taken", sections.len()));
    }
    for section in sections {
        let rule = rule(&section, ground);
        section.finish();
        let Some(rule) = rule else { continue };
        if let Some(first) = names.insert(rule.name.to_string(), section.path("name")) {
            section.tell("name", format!("{:?} is the name of another rule, at {first}", rule.name));
        }
        let shadow = rules.iter().find(|earlier| shadows(earlier, &rule));
        if let Some(earlier) = shadow {
            notes.push(format!("the rule {} never matches: {} before it matches the same", rule.name, earlier.name));
        }
        rules.push(rule);
    }
    let sessions = session_names(file, ground, &rules);
    let complete = |mut rule: Rule| {
        rule.cookies = Arc::new(CookieClasses { session: sessions.clone(), ..(*rule.cookies).clone() });
        // Debug output is the same for the same rule in one build; another build may make its stored responses a miss once.
        rule.fingerprint = fingerprint(ground, &format!("{rule:?}"));
        Arc::new(rule)
    };
    let other = complete(unmatched(ground));
    Router::new(rules.into_iter().map(complete).collect(), other)
}

/// What tells sessions apart under one rule does so under all: an id that another rule's list took for a harmless cookie would
/// stand in its key, and its logout would end nothing.
fn session_names(file: &Section<'_>, ground: &Ground, rules: &[Rule]) -> Globs {
    let mut names: Vec<&str> = Vec::new();
    let lists = rules.iter().map(|rule| &rule.cookies.session);
    for name in std::iter::once(&ground.cookies.session).chain(lists).flat_map(Globs::names) {
        if !names.contains(&&**name) {
            names.push(name);
        }
    }
    Globs::new(&names).unwrap_or_else(|error| {
        file.tell("cookies", format!("the names of session cookies cannot be matched together: {error}"));
        Globs::default()
    })
}

fn shadows(earlier: &Rule, later: &Rule) -> bool {
    let same_pattern =
        earlier.pattern.as_ref().map(ToString::to_string) == later.pattern.as_ref().map(ToString::to_string);
    same_pattern && (earlier.host.is_none() || earlier.host == later.host) && earlier.methods.is_empty()
}

fn unmatched(ground: &Ground) -> Rule {
    Rule {
        name: UNMATCHED.into(),
        pattern: None,
        host: None,
        methods: [].into(),
        pass: false,
        origin: DEFAULT.into(),
        cache: CacheName::Default,
        audience: Audience::Anonymous,
        without_session: WithoutSession::Pass,
        guard: Guard::Off,
        cookies: Arc::new(CookieClasses { splices: false, ..(*ground.cookies).clone() }),
        lifetime: LifetimeRule {
            ttl: None,
            negative_ttl: None,
            stale_while_revalidate: ground.defaults.stale_while_revalidate,
            stale_if_error: ground.defaults.stale_if_error,
            statuses: None,
            override_origin: false,
            max_keep: ground.max_keep,
        },
        choices: ground.defaults.choices.clone(),
        tags: [].into(),
        headers: [].into(),
        coding: ground.coding.clone(),
        splices: false,
        fingerprint: RuleFingerprint(0),
        unmatched: true,
    }
}

fn fingerprint(ground: &Ground, rule: &str) -> RuleFingerprint {
    RuleFingerprint(crypto::checksum(format!("{}|{:?}|{rule}", ground.text, ground.max_keep).as_bytes()))
}

fn rule(section: &Section<'_>, ground: &Ground) -> Option<Rule> {
    let name = name(section);
    let pattern = pattern(section);
    let pass = section.bool("pass").unwrap_or(false);
    let origin = origin(section, ground);
    let audience = audience(section);
    let cache = cache(section, audience);
    let without_session = without_session(section, audience);
    let guard = guard::of_rule(section, pass, audience);
    let is_shared = !pass && (audience != Audience::Session || without_session == WithoutSession::Anonymous);
    let splices = splices(section, ground, is_shared);
    let cookies = cookies(section, ground, splices);
    let lifetime = lifetime::of_rule(section, &ground.defaults, ground.max_keep, audience);
    let choices = choices::of_rule(section, &ground.defaults.choices);
    if splices && choices.set_cookie {
        let name = &ground.cookies.form_token;
        let message = format!("would set one visitor's {name} for everybody; write set_cookie: refuse, or csrf: false");
        section.tell("set_cookie", message);
    }
    let tags = tags(section, pattern.as_ref());
    let headers = headers(section, ground);
    let methods = methods(section);
    let host = section.parsed("host", "a host name such as shop.example", host);
    if pass {
        let of_caching = [
            "ttl",
            "negative_ttl",
            "stale_while_revalidate",
            "stale_if_error",
            "cache",
            "tags",
            "override",
            "cookies",
            "heuristics",
            "set_cookie",
            "request_directives",
        ];
        for key in of_caching.into_iter().filter(|key| section.has(key)) {
            section.tell(key, "says how to cache, but the rule says pass: true; leave one of them out");
        }
    }
    Some(Rule {
        name: name?.into(),
        pattern: Some(pattern?),
        host,
        methods: methods.into(),
        pass,
        origin,
        cache,
        audience,
        without_session,
        guard,
        cookies,
        lifetime,
        choices,
        tags: tags.into(),
        headers: headers.into(),
        coding: compression::of_rule(section, ground.coding.as_ref(), pass),
        splices,
        fingerprint: RuleFingerprint(0),
        unmatched: false,
    })
}

fn name(section: &Section<'_>) -> Option<String> {
    let is_name = |text: &str| {
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        (1..=64).contains(&text.len()) && text.bytes().all(sound)
    };
    if !section.has("name") {
        section.tell("name", "is missing; it becomes the route's metric label and the tag route:<name>");
        return None;
    }
    let form = "a name; write lower-case letters, digits, - and _, at most 64, and not \"other\"";
    section.parsed("name", form, |text| (is_name(text) && text != UNMATCHED).then(|| text.to_string()))
}

fn pattern(section: &Section<'_>) -> Option<Pattern> {
    let Some(text) = section.text("match") else {
        if !section.has("match") {
            section.tell("match", "is missing; write a path pattern such as /products/{product} or /media/{*path}");
        }
        return None;
    };
    Pattern::parse(&text.text).map_err(|error| section.refuse(&text, format!("is not a pattern: {error}"))).ok()
}

fn origin(section: &Section<'_>, ground: &Ground) -> Arc<str> {
    let known = |text: &str| ground.origins.iter().find(|name| &***name == text).cloned();
    let form = format!("an origin; there are {}", ground.origins.join(", "));
    section.parsed("origin", &form, known).unwrap_or_else(|| DEFAULT.into())
}

fn audience(section: &Section<'_>) -> Audience {
    let read = |text: &str| {
        [Audience::Anonymous, Audience::Everyone, Audience::Session].into_iter().find(|own| own.as_str() == text)
    };
    section.parsed("audience", "anonymous, everyone or session", read).unwrap_or(Audience::Anonymous)
}

fn without_session(section: &Section<'_>, audience: Audience) -> WithoutSession {
    let read =
        |text: &str| [WithoutSession::Pass, WithoutSession::Anonymous].into_iter().find(|own| own.as_str() == text);
    let without = section.parsed("without_session", "pass or anonymous", read);
    if without.is_some() && audience != Audience::Session {
        section.tell("without_session", "is for rules with audience: session");
    }
    without.unwrap_or(WithoutSession::Pass)
}

/// What cookies mean under a rule: a list names those that are part of its key; a map changes any of the four lists. Where tokens are
/// spliced their cookie is in none of these: a page that sets it would never be stored.
fn cookies(section: &Section<'_>, ground: &Ground, splices: bool) -> Arc<CookieClasses> {
    let classes = listed_cookies(section, ground);
    let name = &ground.cookies.form_token;
    let lists = [&classes.session, &classes.personal, &classes.key];
    if splices && section.has("cookies") && lists.into_iter().any(|list| list.matches(name)) {
        let message = format!("{name} is the cookie of form tokens; take it out, or write csrf: false");
        section.tell("cookies", message);
    }
    if classes.splices == splices { classes } else { Arc::new(CookieClasses { splices, ..(*classes).clone() }) }
}

/// Whether form tokens become each visitor's own. A visitor's own pages have theirs already.
fn splices(section: &Section<'_>, ground: &Ground, is_shared: bool) -> bool {
    let asked = section.bool("csrf");
    match asked {
        Some(_) if !is_shared => section.tell("csrf", "is for rules whose pages are shared; leave it out"),
        Some(true) if !ground.cookies.splices => {
            section.tell("csrf", "needs the scheme; write csrf: { scheme: django } at the top of the file");
        }
        _ => {}
    }
    is_shared && ground.cookies.splices && asked.unwrap_or(true)
}

fn listed_cookies(section: &Section<'_>, ground: &Ground) -> Arc<CookieClasses> {
    if !section.has("cookies") {
        return ground.cookies.clone();
    }
    if section.is_list("cookies") {
        return Arc::new(CookieClasses { key: caching::globs(section, "cookies"), ..(*ground.cookies).clone() });
    }
    let own = section.below("cookies");
    let classes = caching::classes(&own, &ground.cookies);
    own.finish();
    Arc::new(classes)
}

fn cache(section: &Section<'_>, audience: Audience) -> CacheName {
    let cache = section.parsed("cache", "one of the caches default, products and sessions", CacheName::parse);
    let is_sessions = cache == Some(CacheName::Sessions);
    if cache.is_some() && is_sessions != (audience == Audience::Session) {
        section.tell("cache", "the sessions cache is for rules with audience: session, and these use no other");
    }
    let default = if audience == Audience::Session { CacheName::Sessions } else { CacheName::Default };
    cache.unwrap_or(default)
}

fn tags(section: &Section<'_>, pattern: Option<&Pattern>) -> Vec<TagTemplate> {
    let mut tags = Vec::new();
    for text in section.texts("tags").unwrap_or_default() {
        match TagTemplate::parse(&text.text) {
            Err(error) => section.refuse(&text, format!("is not a tag: {error}")),
            Ok(template) => {
                let known = |name: &str| pattern.is_none_or(|pattern| pattern.names().any(|own| own == name));
                let unknown = template.parameters().find(|name| !known(name)).map(str::to_string);
                match unknown {
                    Some(name) => {
                        section.refuse(&text, format!("names {{{name}}}, which the rule's match does not bind"));
                    }
                    None => tags.push(template),
                }
            }
        }
    }
    tags
}

fn headers(section: &Section<'_>, ground: &Ground) -> Vec<HeaderName> {
    let mut headers = Vec::new();
    for text in section.texts("headers").unwrap_or_default() {
        let name = text.text.parse::<HeaderName>().ok();
        let name = name.filter(|name| !["cookie", "authorization", "host", "range"].contains(&name.as_str()));
        let name = name.filter(|name| ground.session_header.as_ref() != Some(name));
        match name {
            Some(name) => headers.push(name),
            None => section.refuse(&text, "is not a request field that a shared page may depend on"),
        }
    }
    headers
}

fn methods(section: &Section<'_>) -> Vec<Method> {
    let texts = section.texts("methods").unwrap_or_default();
    let method = |text: &Text| {
        let is_method = text.text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        let method = Method::from_bytes(text.text.as_bytes()).ok().filter(|_| is_method);
        if method.is_none() {
            section.refuse(text, "is not a method; write it in capitals, such as GET");
        }
        method
    };
    texts.iter().filter_map(method).collect()
}
