//! Clients that speak to Varnish by rules of their own: FOSHttpCache (BAN, PURGEKEYS), its form for Symfony's cache
//! (PURGETAGS, `Clear-Cache`) and API Platform.

use super::answer::Form;
use super::fields::{list, once};
use super::plain::SEPARATORS;
use super::reading::{Meant, NotUnderstood, tags};
use super::tag_shape::{self, TagShape};
use super::url_shape::{self, UrlShape};
use crate::invalidate::Settings;
use crate::ledger::{Mode, Scope};
use http::request::Parts;

const EVERYTHING: &str = ".*";

/// BAN with regexes of tags, or of host and URL.
///
/// Tags are let go whatever else is named: no scope is of both, and the tags alone are the wider one.
pub(super) fn ban(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let fields = &head.headers;
    if let Some(field) = ["xkey-purge", "xkey-softpurge"].iter().find(|own| fields.contains_key(**own)) {
        return Err(NotUnderstood::Contradiction("BAN", field));
    }
    let field = |name| once(fields, name);
    let (host, url) = (field("x-host")?, field("x-url")?);
    let content_type = field("x-content-type")?;
    let form = Form::Phrase("Banned");
    if let Some(regex) = field("x-cache-tags")? {
        return Ok(Meant { scopes: tags_or_all(regex, "x-cache-tags", settings)?, mode: None, form });
    }
    if host.is_none() && url.is_none() {
        let missing = "a BAN names what is to go in X-Url, X-Host or X-Cache-Tags";
        return Err(NotUnderstood::Missing(missing));
    }
    let hosts = url_shape::hosts(host.unwrap_or(EVERYTHING))?;
    let shape = url_shape::read(url.unwrap_or(EVERYTHING))?;
    // No scope is of a media type. Where it narrows something, that alone is the wider one; everything is too wide.
    if content_type.is_some_and(|regex| regex != EVERYTHING) && hosts.is_none() && shape == UrlShape::Every {
        let missing = "nothing can be purged by X-Content-Type alone; name X-Url, X-Host or X-Cache-Tags";
        return Err(NotUnderstood::Missing(missing));
    }
    Ok(Meant { scopes: shape.scopes(hosts.as_deref(), &settings.query), mode: None, form })
}

/// PURGEKEYS with tags that are to be gone, or stale.
pub(super) fn purgekeys(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let fields = &head.headers;
    if let Some(field) =
        ["x-cache-tags", "x-host", "x-url", "x-content-type"].iter().find(|own| fields.contains_key(**own))
    {
        return Err(NotUnderstood::Contradiction("PURGEKEYS", field));
    }
    let (name, mode) = match (fields.contains_key("xkey-purge"), fields.contains_key("xkey-softpurge")) {
        (true, false) => ("xkey-purge", Mode::Hard),
        (false, true) => ("xkey-softpurge", Mode::Soft),
        (true, true) => return Err(NotUnderstood::Contradiction("xkey-purge", "xkey-softpurge")),
        (false, false) => return Err(NotUnderstood::Missing("neither xkey-purge nor xkey-softpurge is set")),
    };
    let texts = list(fields, name, SEPARATORS)?;
    Ok(Meant { scopes: tags(&texts, settings)?, mode: Some(mode), form: Form::Xkey(mode) })
}

/// PURGETAGS with a list of tags; PURGE with `Clear-Cache`, for everything.
pub(super) fn symfony(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let (fields, form) = (&head.headers, Form::Phrase("Purged"));
    let clear = once(fields, "clear-cache")?;
    let scopes = match (head.method.as_str(), clear) {
        ("PURGE", Some("true")) if !fields.contains_key("x-cache-tags") => vec![Scope::All],
        ("PURGE", None) => return Err(NotUnderstood::Missing("X-Cache-Tags goes with PURGETAGS")),
        ("PURGE", _) => return Err(NotUnderstood::Value { field: "Clear-Cache", form: "\"true\", and stand alone" }),
        (_, Some(_)) => return Err(NotUnderstood::Contradiction("PURGETAGS", "Clear-Cache")),
        (_, None) if fields.contains_key("x-cache-tags") => tags(&list(fields, "x-cache-tags", SEPARATORS)?, settings)?,
        (_, None) => return Err(NotUnderstood::Missing("a PURGETAGS names its tags in X-Cache-Tags")),
    };
    Ok(Meant { scopes, mode: None, form })
}

/// BAN with a regex of tags in a field of its own.
pub(super) fn api_platform(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let regex = once(&head.headers, "apiplatform-ban-regex")?.unwrap_or_default();
    let scopes = tags_or_all(regex, "apiplatform-ban-regex", settings)?;
    Ok(Meant { scopes, mode: None, form: Form::Phrase("Ban added") })
}

/// What a regex of tags lets go.
pub(super) fn tags_or_all(regex: &str, name: &'static str, settings: &Settings) -> Result<Vec<Scope>, NotUnderstood> {
    if regex.is_empty() {
        return Err(NotUnderstood::Empty(name));
    }
    match tag_shape::read(regex)? {
        TagShape::Every => Ok(vec![Scope::All]),
        TagShape::Tags(texts) => tags(&texts, settings),
    }
}
