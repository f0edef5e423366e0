//! Finds the dialect that a PURGE or the like is in, and has its reader say what is asked. Pure.

use super::answer::Form;
use super::fields::{self, once};
use super::tag_shape::BadTagShape;
use super::url_shape::BadUrlShape;
use super::{Dialect, cloudflare, drupal, fastly, magento, plain, souin, varnish};
use crate::invalidate::Settings;
use crate::invalidate::events::{mode_of, tag};
use crate::invalidate::order::WAIT_MAX;
use crate::key::BadTarget;
use crate::ledger::{BadShape, Invalidation, Mode, Scope, Source};
use crate::tags::BadTag;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use std::collections::HashSet;
use std::time::Duration;

/// Invalidations that one request may ask for: what 64 KiB of fields hold of tags of seven bytes.
pub(super) const ASKED_MAX: usize = 8_192;

/// What a request asks for, and how it is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::invalidate) struct Asked {
    pub(in crate::invalidate) invalidations: Vec<Invalidation>,
    /// How long the answer waits for other proxies, where the asker says it.
    pub(in crate::invalidate) wait: Option<Duration>,
    pub(in crate::invalidate) form: Form,
}

/// What a dialect's reader says.
#[derive(Debug)]
pub(super) struct Meant {
    pub(super) scopes: Vec<Scope>,
    /// Where the dialect has a word for it; else `X-Purge-Mode` says it.
    pub(super) mode: Option<Mode>,
    pub(super) form: Form,
}

/// Why a request is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::invalidate) enum NotUnderstood {
    #[error("{0} is not served here: no dialect that speaks it is in invalidation.dialects; nothing was purged")]
    Method(Method),
    #[error("this {0} is in none of the dialects in invalidation.dialects; nothing was purged")]
    None(Method),
    #[error("the field {field} belongs to the dialect {}, which is not in invalidation.dialects{}; nothing was purged",
        .dialect.as_str(), secret_of(*.dialect))]
    Off { field: &'static str, dialect: Dialect },
    #[error("this path belongs to the dialect souin, which is not in invalidation.dialects; nothing was purged")]
    SouinOff,
    #[error("the field {0} belongs to a way of purging that is not understood here; nothing was purged")]
    Foreign(&'static str),
    #[error("the field {field} does not go with the dialect {} that this request is in; nothing was purged",
        .dialect.as_str())]
    Beside { field: Box<str>, dialect: Dialect },
    #[error("the fields {0} and {1} contradict each other; nothing was purged")]
    Contradiction(&'static str, &'static str),
    #[error("the field {0} stands there more than once; nothing was purged")]
    Twice(&'static str),
    #[error("the field {0} holds what is not ASCII; nothing was purged")]
    NotAscii(&'static str),
    #[error("the field {0} is empty; nothing was purged")]
    Empty(&'static str),
    #[error("the field {field} must be {form}; nothing was purged")]
    Value { field: &'static str, form: &'static str },
    #[error("{0}; nothing was purged")]
    Missing(&'static str),
    #[error(
        "X-Purge-Method must be \"default\", or \"regex\" with a path that is text with \".*\" behind it; nothing was purged"
    )]
    PurgeMethod,
    #[error("{count} things to purge at once; at most {max} are taken; nothing was purged")]
    TooMany { count: usize, max: usize },
    #[error("{0}; nothing was purged")]
    Tag(String),
    #[error("{0}; nothing was purged")]
    TagShape(#[from] BadTagShape),
    #[error("{0}; nothing was purged")]
    UrlShape(#[from] BadUrlShape),
    #[error("{0}; nothing was purged")]
    Shape(#[from] BadShape),
    #[error("{0}; nothing was purged")]
    Target(#[from] BadTarget),
    #[error("the body is not what is understood here: {0}; nothing was purged")]
    Body(String),
    #[error("the body must be sent as application/json; nothing was purged")]
    MediaType,
    #[error("{0} does not hold; nothing was purged")]
    Secret(&'static str),
    #[error("this is not the {0} that is configured; nothing was purged")]
    Id(&'static str),
    #[error("only POST and PURGE are served here; nothing was purged")]
    ApiMethod,
}

/// Where a dialect needs a secret too.
fn secret_of(dialect: Dialect) -> &'static str {
    if matches!(dialect, Dialect::Fastly) { ", or has no key" } else { "" }
}

impl From<BadTag> for NotUnderstood {
    fn from(bad: BadTag) -> NotUnderstood {
        NotUnderstood::Tag(bad.to_string())
    }
}

impl NotUnderstood {
    /// What it is answered with.
    pub(in crate::invalidate) fn status(&self) -> StatusCode {
        match self {
            NotUnderstood::Method(_) | NotUnderstood::ApiMethod => StatusCode::METHOD_NOT_ALLOWED,
            NotUnderstood::Secret(_) => StatusCode::UNAUTHORIZED,
            NotUnderstood::Id(_) => StatusCode::NOT_FOUND,
            NotUnderstood::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// What a request with a purge client's method asks for.
///
/// # Errors
/// The first thing about it that is not understood.
pub(in crate::invalidate) fn read(head: &Parts, settings: &Settings) -> Result<Asked, NotUnderstood> {
    let dialect = dialect_of(head, settings)?;
    fields::check(&head.headers, dialect)?;
    let meant = match dialect {
        Dialect::Plain => plain::url_or_tags(head, settings),
        Dialect::WordPress => plain::wordpress(head, settings),
        Dialect::FosHttpCache if head.method.as_str() == "PURGEKEYS" => varnish::purgekeys(head, settings),
        Dialect::FosHttpCache => varnish::ban(head, settings),
        Dialect::Symfony => varnish::symfony(head, settings),
        Dialect::Magento => magento::pattern(head, settings),
        Dialect::Drupal => drupal::ban(head, settings),
        Dialect::Shopware => Ok(Meant { scopes: vec![Scope::All], mode: None, form: Form::Phrase("Banned") }),
        Dialect::ApiPlatform => varnish::api_platform(head, settings),
        Dialect::Fastly => fastly::purge(head, settings),
        Dialect::Souin => souin::purge(head, settings),
        // It has an API alone.
        Dialect::Cloudflare => Err(NotUnderstood::Method(head.method.clone())),
    }?;
    asked(&head.headers, meant, &format!("{} request", head.method))
}

/// Whether a call of a dialect's API may be made.
///
/// # Errors
/// A secret that does not hold, or a method or kind of body that is not served.
pub(in crate::invalidate) fn authorize(
    dialect: Dialect,
    head: &Parts,
    settings: &Settings,
) -> Result<(), NotUnderstood> {
    match dialect {
        Dialect::Cloudflare => cloudflare::authorize(head, settings),
        Dialect::Fastly => fastly::authorize(head, settings),
        _ => souin::authorize(head),
    }
}

/// What a call of a dialect's API asks for.
///
/// # Errors
/// The first thing about it that is not understood.
pub(in crate::invalidate) fn read_call(
    dialect: Dialect,
    head: &Parts,
    body: &[u8],
    settings: &Settings,
) -> Result<Asked, NotUnderstood> {
    fields::check(&head.headers, dialect)?;
    let json = || serde_json::from_slice(body).map_err(|error| NotUnderstood::Body(format!("no JSON: {error}")));
    let meant = match dialect {
        Dialect::Cloudflare => cloudflare::read(&json()?, settings),
        Dialect::Fastly if body.is_empty() => fastly::read(head, None, settings),
        Dialect::Fastly => fastly::read(head, Some(&json()?), settings),
        _ => souin::read(head, &json()?, settings),
    }?;
    asked(&head.headers, meant, &format!("{} API", dialect.as_str()))
}

/// The one dialect that a request is in: by a field that only it has, else by path and method.
fn dialect_of(head: &Parts, settings: &Settings) -> Result<Dialect, NotUnderstood> {
    let (dialects, method) = (&settings.dialects, &head.method);
    let is_souins = method.as_str() == "PURGE" && souin::below(head.uri.path(), &dialects.souin_base).is_some();
    if is_souins && dialects.speaks(Dialect::Souin) {
        return Ok(Dialect::Souin);
    }
    let marked = |dialect: Dialect| dialect.marks().iter().find(|mark| head.headers.contains_key(**mark));
    let mut off = None;
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.speaks(method)) {
        match marked(dialect) {
            Some(_) if dialects.speaks(dialect) => return Ok(dialect),
            Some(field) => off = off.or(Some(NotUnderstood::Off { field, dialect })),
            None => {}
        }
    }
    if let Some(off) = off {
        return Err(off);
    }
    // It would be the purge of a page that nobody has, where everything was meant.
    if is_souins && !plain::names_tags(&head.headers) {
        return Err(NotUnderstood::SouinOff);
    }
    unmarked(head, settings)
}

/// The dialect of a request without a field that names it.
fn unmarked(head: &Parts, settings: &Settings) -> Result<Dialect, NotUnderstood> {
    let candidates: &[Dialect] = match head.method.as_str() {
        "PURGE" => &[Dialect::Plain],
        "BAN" if head.uri.path() == "/" => &[Dialect::Shopware, Dialect::Drupal, Dialect::FosHttpCache],
        "BAN" => &[Dialect::Drupal, Dialect::FosHttpCache],
        "URIBAN" => &[Dialect::Drupal],
        "PURGEKEYS" => &[Dialect::FosHttpCache],
        "PURGETAGS" => &[Dialect::Symfony],
        _ => &[],
    };
    // A field of a dialect that does not speak this method is told as what it is.
    let found = candidates.iter().copied().find(|dialect| settings.dialects.speaks(*dialect));
    found.ok_or_else(|| NotUnderstood::None(head.method.clone()))
}

/// Puts together what a reader said and what our own fields say.
pub(super) fn asked(fields: &HeaderMap, meant: Meant, reason: &str) -> Result<Asked, NotUnderstood> {
    let own = own_mode(fields)?;
    let mode = match (own, meant.mode) {
        (Some(own), Some(meant)) if own != meant => {
            return Err(NotUnderstood::Contradiction("X-Purge-Mode", "that of the dialect for the same"));
        }
        (own, meant) => own.or(meant).unwrap_or(Mode::Hard),
    };
    let (settle, wait) = (settle(fields)?, wait(fields)?);
    let mut seen = HashSet::new();
    let invalidation = |scope: Scope| Invalidation {
        mode: mode_of(&scope, mode),
        scope,
        settle,
        source: Source::Purge,
        reason: reason.into(),
    };
    let scopes = meant.scopes.into_iter().filter(|scope| seen.insert(scope.clone()));
    let invalidations: Vec<Invalidation> = scopes.map(invalidation).collect();
    match invalidations.len() {
        count if count > ASKED_MAX => Err(NotUnderstood::TooMany { count, max: ASKED_MAX }),
        _ => Ok(Asked { invalidations, wait, form: meant.form }),
    }
}

/// The scopes of tags. A session's id may be longer than a tag: it is hashed first.
pub(super) fn tags<T: AsRef<str>>(texts: &[T], settings: &Settings) -> Result<Vec<Scope>, NotUnderstood> {
    let scope = |text: &T| tag(text.as_ref(), settings.sessions.as_ref()).map_err(NotUnderstood::Tag);
    texts.iter().map(scope).collect()
}

fn own_mode(fields: &HeaderMap) -> Result<Option<Mode>, NotUnderstood> {
    match once(fields, "x-purge-mode")? {
        None => Ok(None),
        Some("hard") => Ok(Some(Mode::Hard)),
        Some("soft") => Ok(Some(Mode::Soft)),
        Some(_) => Err(NotUnderstood::Value { field: "X-Purge-Mode", form: "\"soft\" or \"hard\"" }),
    }
}

fn settle(fields: &HeaderMap) -> Result<Duration, NotUnderstood> {
    let bad = NotUnderstood::Value { field: "X-Purge-Settle", form: "a number of seconds, such as \"2s\"" };
    once(fields, "x-purge-settle")?.map_or(Ok(Duration::ZERO), |text| seconds(text).ok_or(bad))
}

/// How long the asker waits for other proxies, where they say it. Not in the query: that is a part of the URL to purge.
fn wait(fields: &HeaderMap) -> Result<Option<Duration>, NotUnderstood> {
    let bad = NotUnderstood::Value { field: "X-Purge-Wait", form: "a number of seconds up to 60, such as \"2s\"" };
    let Some(text) = once(fields, "x-purge-wait")? else { return Ok(None) };
    seconds(text).filter(|wait| *wait <= WAIT_MAX).map(Some).ok_or(bad)
}

fn seconds(text: &str) -> Option<Duration> {
    text.strip_suffix('s').unwrap_or(text).parse().ok().map(Duration::from_secs)
}
