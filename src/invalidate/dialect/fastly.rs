//! Fastly: PURGE of a URL with `Fastly-Key`, and its API for URLs, keys and everything.

use super::answer::Form;
use super::fields::{list, once};
use super::plain::{SEPARATORS, fastly_mode, url_scope, urls};
use super::reading::{Meant, NotUnderstood, tags};
use crate::crypto::equal_in_constant_time;
use crate::invalidate::Settings;
use crate::key::{BadTarget, Target};
use crate::ledger::{Mode, Scope};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Keys in one call, as Fastly has it.
const KEYS_MAX: usize = 256;

/// What a path of the API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    /// `/purge/{url}`; what its query is stands in the request's.
    Url,
    /// `/service/{id}/purge`.
    Keys(&'a str),
    /// `/service/{id}/purge/{key}`.
    Key(&'a str, &'a str),
    /// `/service/{id}/purge_all`.
    All(&'a str),
}

/// The call that a path is.
pub(super) fn call(path: &str) -> Option<Call<'_>> {
    if path.strip_prefix("/purge/").is_some_and(|url| !url.is_empty()) {
        return Some(Call::Url);
    }
    let (id, rest) = path.strip_prefix("/service/")?.split_once('/')?;
    match rest {
        "purge" => Some(Call::Keys(id)),
        "purge_all" => Some(Call::All(id)),
        _ => rest.strip_prefix("purge/").filter(|key| !key.is_empty()).map(|key| Call::Key(id, key)),
    }
}

/// Whether the key is shown, and the service ours; judged before a body is read.
pub(super) fn authorize(head: &Parts, settings: &Settings) -> Result<(), NotUnderstood> {
    let Some(api) = &settings.dialects.fastly else { return Err(NotUnderstood::Secret("Fastly-Key")) };
    let shown = once(&head.headers, "fastly-key")?.unwrap_or_default();
    if !equal_in_constant_time(shown.as_bytes(), &api.secret.0) {
        return Err(NotUnderstood::Secret("Fastly-Key"));
    }
    match (&api.id, call(head.uri.path())) {
        (Some(own), Some(Call::Keys(id) | Call::Key(id, _) | Call::All(id))) if **own != *id => {
            Err(NotUnderstood::Id("service"))
        }
        _ => Ok(()),
    }
}

/// PURGE of a URL.
pub(super) fn purge(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    authorize(head, settings)?;
    if head.headers.contains_key("surrogate-key") {
        return Err(NotUnderstood::Contradiction("Fastly-Key on a PURGE of a URL", "Surrogate-Key"));
    }
    Ok(Meant { scopes: urls(head, settings)?, mode: fastly_mode(&head.headers)?, form: Form::Fastly })
}

/// A call of the API. An empty body is none.
pub(super) fn read(head: &Parts, body: Option<&Value>, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let mode = fastly_mode(&head.headers)?;
    let call = call(head.uri.path()).ok_or(NotUnderstood::Missing("this is no call of Fastly's API"))?;
    let has_keys = head.headers.contains_key("surrogate-key");
    if has_keys && !matches!(call, Call::Keys(_)) {
        return Err(NotUnderstood::Contradiction("the path", "Surrogate-Key"));
    }
    if body.is_some() && !matches!(call, Call::Keys(_)) {
        return Err(NotUnderstood::Body("only /service/{id}/purge has one".into()));
    }
    match call {
        Call::Url => Ok(Meant { scopes: vec![url(head, settings)?], mode, form: Form::Fastly }),
        Call::Key(_, key) => {
            let key =
                percent_decode_str(key).decode_utf8().map_err(|_| NotUnderstood::Tag("the key is not UTF-8".into()))?;
            Ok(Meant { scopes: tags(&[key], settings)?, mode, form: Form::Fastly })
        }
        Call::Keys(_) => {
            let keys = keys(head, body)?;
            Ok(Meant { scopes: tags(&keys, settings)?, mode, form: Form::FastlyKeys(keys) })
        }
        Call::All(_) if mode == Some(Mode::Soft) => Err(NotUnderstood::Contradiction("purge_all", "Fastly-Soft-Purge")),
        Call::All(_) => Ok(Meant { scopes: vec![Scope::All], mode, form: Form::Fastly }),
    }
}

/// The URL behind `/purge/`, with or without a scheme. Some clients write it as it is, others encode all of it into one
/// segment.
fn url(head: &Parts, settings: &Settings) -> Result<Scope, NotUnderstood> {
    let whole = head.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let raw = whole.strip_prefix("/purge/").unwrap_or_default();
    let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| BadTarget::NotAscii)?;
    let text = if raw.contains('/') { raw } else { &decoded };
    let text = if text.contains("://") { text.into() } else { format!("https://{text}") };
    Ok(url_scope(Target::parse(&text)?, settings))
}

/// The keys, in the field or in the body.
fn keys(head: &Parts, body: Option<&Value>) -> Result<Vec<String>, NotUnderstood> {
    let in_field = head.headers.contains_key("surrogate-key");
    let keys: Vec<String> = match (in_field, body) {
        (true, Some(_)) => return Err(NotUnderstood::Contradiction("Surrogate-Key", "the body")),
        (true, None) => list(&head.headers, "surrogate-key", SEPARATORS)?.into_iter().map(String::from).collect(),
        (false, body) => {
            let form = "an object with surrogate_keys, a list of texts, and nothing else";
            let object = body.and_then(Value::as_object).filter(|object| object.len() == 1);
            let keys = object.and_then(|object| object.get("surrogate_keys")).and_then(Value::as_array);
            let text = |key: &Value| key.as_str().map(String::from);
            let keys = keys.and_then(|keys| keys.iter().map(text).collect::<Option<Vec<_>>>());
            keys.filter(|keys| !keys.is_empty()).ok_or_else(|| NotUnderstood::Body(form.into()))?
        }
    };
    match keys.len() {
        count if count > KEYS_MAX => Err(NotUnderstood::TooMany { count, max: KEYS_MAX }),
        _ => Ok(keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_api_are_told_from_the_shop_s_own() {
        let table = [
            ("/purge/shop.example/a", Some(Call::Url)),
            ("/service/s1/purge", Some(Call::Keys("s1"))),
            ("/service/s1/purge/product:1", Some(Call::Key("s1", "product:1"))),
            ("/service/s1/purge_all", Some(Call::All("s1"))),
            ("/purge/", None),
            ("/purge", None),
            ("/service/s1", None),
            ("/service/s1/purge/", None),
            ("/service/s1/purged", None),
            ("/a/purge/b", None),
        ];
        for (path, expected) in table {
            assert_eq!(call(path), expected, "{path}");
        }
    }
}
