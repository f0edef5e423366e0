//! What a PURGE request asks for. Pure.
//!
//! One URL in the plain form of Wagtail, FOSHttpCache and WordPress, or tags in `Surrogate-Key`, `Cache-Tag` or `xkey`. A
//! field of a purge dialect that is not spoken here is refused: a purge of something else than was meant is worse than none.

use super::events::{mode_of, tag};
use super::order::WAIT_MAX;
use crate::key::{BadTarget, QueryRules, Scheme, SessionKey, Target, UrlText};
use crate::ledger::{Invalidation, Mode, Scope, Source};
use crate::policy::groups::texts_of;
use crate::tags::BadTag;
use http::request::Parts;
use http::{HeaderMap, Method};
use std::time::Duration;

/// Methods of purge dialects; only the first is served.
const PURGE_METHODS: [&str; 7] = ["PURGE", "BAN", "URIBAN", "PURGEKEYS", "PURGETAGS", "FASTLYPURGE", "REFRESH"];

/// Fields that other dialects put what is to be purged into.
const UNKNOWN_FIELDS: [&str; 18] = [
    "apiplatform-ban-regex",
    "cache-tags",
    "clear-cache",
    "purge-cache-tags",
    "x-cache-tags",
    "x-content-type",
    "x-drupal-cache-tags",
    "x-host",
    "x-litespeed-purge",
    "x-magento-purge-soft",
    "x-magento-tags-pattern",
    "x-pool",
    "x-purge-regex",
    "x-purge-tags",
    "x-refresh",
    "x-url",
    "xkey-purge",
    "xkey-softpurge",
];

/// Why a PURGE is not understood; each is answered with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotUnderstood {
    #[error("the field {0} belongs to a way of purging that is not understood here; nothing was purged")]
    Field(&'static str),
    #[error("X-Purge-Method must be \"default\", or \"regex\" with a path that ends in \".*\"")]
    PurgeMethod,
    #[error("a PURGE names either tags or, by X-Purge-Method, a URL")]
    Contradiction,
    #[error("X-Purge-Mode must be \"soft\" or \"hard\"")]
    Mode,
    #[error("X-Purge-Settle must be a number of seconds, such as \"2s\"")]
    Settle,
    #[error("X-Purge-Wait must be a number of seconds up to 60, such as \"2s\"")]
    Wait,
    #[error("{0}")]
    Tag(String),
    #[error("{0}")]
    Target(#[from] BadTarget),
}

impl From<BadTag> for NotUnderstood {
    fn from(bad: BadTag) -> NotUnderstood {
        NotUnderstood::Tag(bad.to_string())
    }
}

/// Whether a method is one of a purge client's, spoken here or not.
pub(super) fn is_purge_like(method: &Method) -> bool {
    PURGE_METHODS.contains(&method.as_str())
}

/// What a PURGE asks for.
pub(super) fn asked(
    head: &Parts,
    query: &QueryRules,
    sessions: Option<&SessionKey>,
) -> Result<Vec<Invalidation>, NotUnderstood> {
    let fields = &head.headers;
    if let Some(field) = UNKNOWN_FIELDS.into_iter().find(|name| fields.contains_key(*name)) {
        return Err(NotUnderstood::Field(field));
    }
    let (mode, settle) = (mode(fields)?, settle(fields)?);
    let invalidation = |scope| Invalidation {
        mode: mode_of(&scope, mode),
        scope,
        settle,
        source: Source::Purge,
        reason: "PURGE request".into(),
    };
    Ok(scopes(head, query, sessions)?.into_iter().map(invalidation).collect())
}

fn scopes(head: &Parts, query: &QueryRules, sessions: Option<&SessionKey>) -> Result<Vec<Scope>, NotUnderstood> {
    let fields = &head.headers;
    let method = text(fields, "x-purge-method");
    let names_tags = ["surrogate-key", "cache-tag", "xkey"].iter().any(|name| fields.contains_key(*name));
    if names_tags {
        if method.is_some() {
            return Err(NotUnderstood::Contradiction);
        }
        // A session's id may be longer than a tag: it is hashed first.
        let texts = texts_of(fields)?;
        if texts.is_empty() {
            return Err(BadTag::Empty.into());
        }
        return texts.into_iter().map(|own| tag(own, sessions).map_err(NotUnderstood::Tag)).collect();
    }
    let scope = |url: UrlText| match method {
        None | Some("default") => {
            Ok(Scope::Url { host: url.host, path: url.path, query: query.keep(url.query.as_deref()) })
        }
        // The only regex that is understood: everything below a path.
        Some("regex") => match url.path.strip_suffix(".*") {
            Some(path) if url.query.is_none() => Ok(Scope::Prefix { host: url.host, path: path.into() }),
            _ => Err(NotUnderstood::PurgeMethod),
        },
        Some(_) => Err(NotUnderstood::PurgeMethod),
    };
    urls(head)?.into_iter().map(scope).collect()
}

/// The URL that the request line and the Host name. Clients that are told where the cache listens write that address into a
/// whole URL, and the site into the Host: then both are meant, because a purge of the wrong one of them loses a purge.
fn urls(head: &Parts) -> Result<Vec<UrlText>, BadTarget> {
    let mut request = http::Request::new(());
    *request.uri_mut() = head.uri.path_and_query().map_or_else(|| head.uri.clone(), |path| path.clone().into());
    request.headers_mut().clone_from(&head.headers);
    if head.uri.authority().is_none() {
        let target = Target::of(&request, Scheme::Http)?;
        return Ok(vec![UrlText { host: Some(target.host), path: target.path, query: target.query }]);
    }
    let whole = Target::parse(&head.uri.to_string())?;
    let scheme = if head.uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    let of_site = Target::of(&request, scheme).ok().map(|target| UrlText { host: Some(target.host), ..whole.clone() });
    let of_site = of_site.filter(|of_site| of_site.host != whole.host);
    Ok([whole].into_iter().chain(of_site).collect())
}

fn mode(fields: &HeaderMap) -> Result<Mode, NotUnderstood> {
    let fastly = text(fields, "fastly-soft-purge").map(|value| if value == "1" { "soft" } else { "hard" });
    match text(fields, "x-purge-mode").or(fastly) {
        None | Some("hard") => Ok(Mode::Hard),
        Some("soft") => Ok(Mode::Soft),
        Some(_) => Err(NotUnderstood::Mode),
    }
}

fn settle(fields: &HeaderMap) -> Result<Duration, NotUnderstood> {
    let Some(value) = text(fields, "x-purge-settle") else { return Ok(Duration::ZERO) };
    seconds(value).ok_or(NotUnderstood::Settle)
}

/// How long the asker waits for other proxies, where they say it. Not in the query: that is a part of the URL to purge.
pub(super) fn wait(fields: &HeaderMap) -> Result<Option<Duration>, NotUnderstood> {
    let Some(value) = text(fields, "x-purge-wait") else { return Ok(None) };
    seconds(value).filter(|wait| *wait <= WAIT_MAX).map(Some).ok_or(NotUnderstood::Wait)
}

fn seconds(text: &str) -> Option<Duration> {
    text.strip_suffix('s').unwrap_or(text).parse().ok().map(Duration::from_secs)
}

fn text<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // What is not ASCII is something, but nothing that is understood.
    fields.get(name).map(|value| value.to_str().unwrap_or("?").trim())
}
