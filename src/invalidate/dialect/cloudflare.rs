//! Cloudflare's API: `POST /client/v4/zones/{zone}/purge_cache`, as Wagtail, WordPress, Drupal and FOSHttpCache use it.

use super::answer::Form;
use super::fields::once;
use super::plain::url_scope;
use super::reading::{Meant, NotUnderstood, tags};
use crate::crypto::equal_in_constant_time;
use crate::invalidate::Settings;
use crate::key::Target;
use crate::ledger::Scope;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

/// Items in one call, as Cloudflare has it.
const ITEMS_MAX: usize = 100;

/// The zone that a path of the API names.
pub(super) fn zone(path: &str) -> Option<&str> {
    path.strip_prefix("/client/v4/zones/")?.strip_suffix("/purge_cache").filter(|zone| !zone.contains('/'))
}

/// Whether the call may be made at all; judged before its body is read.
pub(super) fn authorize(head: &Parts, settings: &Settings) -> Result<(), NotUnderstood> {
    let Some(api) = &settings.dialects.cloudflare else { return Err(NotUnderstood::Secret("the token")) };
    let shown = token(&head.headers)?.unwrap_or_default();
    if !equal_in_constant_time(shown.as_bytes(), &api.secret.0) {
        return Err(NotUnderstood::Secret("the token"));
    }
    if head.method != Method::POST {
        return Err(NotUnderstood::ApiMethod);
    }
    match (&api.id, zone(head.uri.path())) {
        (Some(own), Some(named)) if **own != *named => Err(NotUnderstood::Id("zone")),
        _ => Ok(()),
    }
}

/// The bearer token, or the key of clients that know no other.
fn token(fields: &HeaderMap) -> Result<Option<&str>, NotUnderstood> {
    let bearer = once(fields, "authorization")?.map(|value| match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    });
    match (bearer, once(fields, "x-auth-key")?) {
        (Some(bearer), Some(key)) if bearer != key => Err(NotUnderstood::Contradiction("Authorization", "X-Auth-Key")),
        (bearer, key) => Ok(bearer.or(key)),
    }
}

/// What the body asks for: one of `files`, `tags`, `hosts`, `prefixes` and `purge_everything`.
pub(super) fn read(body: &Value, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let only = body.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    let form = "an object with exactly one of files, tags, hosts, prefixes and purge_everything";
    let bad = || NotUnderstood::Body(form.into());
    let (name, value) = only.ok_or_else(bad)?;
    let scopes = match name.as_str() {
        "purge_everything" if *value == true => vec![Scope::All],
        "files" => items(name, value)?.iter().map(|file| self::file(file, settings)).collect::<Result<_, _>>()?,
        "tags" => tags(&texts(name, value)?, settings)?,
        "hosts" => texts(name, value)?.into_iter().map(host).collect::<Result<_, _>>()?,
        "prefixes" => texts(name, value)?.into_iter().map(prefix).collect::<Result<_, _>>()?,
        _ => return Err(bad()),
    };
    Ok(Meant { scopes, mode: None, form: Form::Cloudflare })
}

fn items<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], NotUnderstood> {
    match value.as_array() {
        Some(items) if items.len() > ITEMS_MAX => Err(NotUnderstood::TooMany { count: items.len(), max: ITEMS_MAX }),
        Some(items) if !items.is_empty() => Ok(items),
        _ => Err(NotUnderstood::Body(format!("{name} is a list that is not empty"))),
    }
}

fn texts<'a>(name: &str, value: &'a Value) -> Result<Vec<&'a str>, NotUnderstood> {
    let text = |item: &'a Value| item.as_str().ok_or_else(|| NotUnderstood::Body(format!("{name} is a list of texts")));
    items(name, value)?.iter().map(text).collect()
}

/// A file: its URL, or an object with it and fields that choose among its variants. All variants go.
fn file(file: &Value, settings: &Settings) -> Result<Scope, NotUnderstood> {
    let of_object = |object: &Map<String, Value>| {
        let is_known = object.keys().all(|key| matches!(key.as_str(), "url" | "headers"));
        object.get("url").and_then(Value::as_str).filter(|_| is_known).map(String::from)
    };
    let url = file.as_str().map(String::from).or_else(|| file.as_object().and_then(of_object));
    let url =
        url.ok_or_else(|| NotUnderstood::Body("files is a list of URLs, or of objects with url and headers".into()))?;
    let url = Target::parse(&url)?;
    match url.host {
        Some(_) => Ok(url_scope(url, settings)),
        None => Err(NotUnderstood::Body("a file is a whole URL, such as https://shop.example/a".into())),
    }
}

fn host(host: &str) -> Result<Scope, NotUnderstood> {
    let bad = || NotUnderstood::Body(format!("{host:?} is not a host"));
    if host.contains(['/', '?', '#']) {
        return Err(bad());
    }
    let url = Target::parse(&format!("https://{host}/")).map_err(|_| bad())?;
    Ok(Scope::Prefix { host: url.host, path: "/".into() })
}

/// A host and the beginning of a path, without a scheme. It goes on where it ends: `/foo` takes `/foobar` too.
fn prefix(prefix: &str) -> Result<Scope, NotUnderstood> {
    if prefix.starts_with('/') || prefix.contains("://") {
        return Err(NotUnderstood::Body(format!("{prefix:?} is not a host with a path, such as shop.example/a")));
    }
    if prefix.contains('/') { Ok(Scope::prefix(prefix)?) } else { host(prefix) }
}
