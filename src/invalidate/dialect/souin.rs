//! Souin's API: PURGE at its base with `Surrogate-Key`, PURGE of one of its keys, `/flush`, and POST of a JSON invalidation
//! (draft-nottingham-http-invalidation).

use super::answer::Form;
use super::fields::list;
use super::plain::{SEPARATORS, url_scope};
use super::reading::{Meant, NotUnderstood, tags};
use crate::invalidate::Settings;
use crate::key::{Target, UrlText};
use crate::ledger::Scope;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    selectors: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    /// Whether it is to be removed, or only not served without having been validated. Both are what a hard purge does.
    #[serde(default, rename = "purge")]
    _purge: bool,
}

/// What stands behind the API's base in a path, without the slash between.
pub(super) fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(base)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// PURGE.
pub(super) fn purge(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let what = below(head.uri.path(), &settings.dialects.souin_base).unwrap_or_default();
    let has_tags = head.headers.contains_key("surrogate-key");
    let scopes = match what {
        "" if has_tags => tags(&list(&head.headers, "surrogate-key", SEPARATORS)?, settings)?,
        "" => {
            return Err(NotUnderstood::Missing("a PURGE of Souin's API names tags in Surrogate-Key, a key, or /flush"));
        }
        _ if has_tags => return Err(NotUnderstood::Contradiction("the path", "Surrogate-Key")),
        "flush" => vec![Scope::All],
        key => vec![url_scope(of_key(key, head.uri.query())?, settings)],
    };
    Ok(Meant { scopes, mode: None, form: Form::Souin(StatusCode::NO_CONTENT) })
}

/// The URL of one of Souin's keys, such as `GET-https-shop.example-/a?page=2`.
fn of_key(key: &str, query: Option<&str>) -> Result<UrlText, NotUnderstood> {
    let bad = || NotUnderstood::Value {
        field: "path below Souin's base",
        form: "flush, or a key such as GET-https-shop.example-/a",
    };
    let (_method, rest) = key.split_once('-').ok_or_else(bad)?;
    let (scheme, rest) = rest.split_once('-').ok_or_else(bad)?;
    let (host, path) = rest.split_once("-/").ok_or_else(bad)?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Target::parse(&format!("{scheme}://{host}/{path}{query}")).map_err(|_| bad())
}

/// Whether a call that is no PURGE may be made; judged before its body is read. A page in a browser can send a POST to an
/// address that only its user reaches, but not as JSON without asking first.
pub(super) fn authorize(head: &Parts) -> Result<(), NotUnderstood> {
    if head.method != Method::POST {
        return Err(NotUnderstood::ApiMethod);
    }
    if is_json(&head.headers) { Ok(()) } else { Err(NotUnderstood::MediaType) }
}

fn is_json(fields: &HeaderMap) -> bool {
    let mut lines = fields.get_all(header::CONTENT_TYPE).iter();
    let essence = lines.next().and_then(|line| line.to_str().ok()).and_then(|line| line.split(';').next());
    lines.next().is_none() && essence.is_some_and(|own| own.trim().eq_ignore_ascii_case("application/json"))
}

/// POST of an invalidation.
pub(super) fn read(head: &Parts, body: &Value, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let base = &settings.dialects.souin_base;
    if below(head.uri.path(), base) != Some("") || head.headers.contains_key("surrogate-key") {
        return Err(NotUnderstood::Missing(
            "an invalidation is a POST to the base of Souin's API, without Surrogate-Key",
        ));
    }
    let form = "an object with type, and selectors or groups";
    // Serde reads an array into a struct field by field; an invalidation is an object.
    let object = body.as_object().ok_or_else(|| NotUnderstood::Body(form.into()))?;
    let written = Written::deserialize(object).map_err(|error| NotUnderstood::Body(error.to_string()))?;
    let names = if written.kind == "group" { &written.groups } else { &written.selectors };
    if names.is_empty() || (written.kind != "group" && !written.groups.is_empty()) {
        return Err(NotUnderstood::Body(form.into()));
    }
    let scopes = match written.kind.as_str() {
        // The selectors of groups are their origins; a tag is of every host, which takes them in.
        "group" => tags(names, settings)?,
        "uri" => names.iter().map(|text| Ok(url_scope(url(text)?, settings))).collect::<Result<_, NotUnderstood>>()?,
        "uri-prefix" => names.iter().map(|text| Ok(Scope::prefix(text)?)).collect::<Result<_, NotUnderstood>>()?,
        "origin" => names.iter().map(|text| origin(text)).collect::<Result<_, _>>()?,
        _ => return Err(NotUnderstood::Body("type is uri, uri-prefix, origin or group".into())),
    };
    Ok(Meant { scopes, mode: None, form: Form::Souin(StatusCode::OK) })
}

/// A URL, with or without its scheme.
fn url(text: &str) -> Result<UrlText, NotUnderstood> {
    let is_whole = text.contains("://") || text.starts_with('/');
    Ok(if is_whole { Target::parse(text) } else { Target::parse(&format!("https://{text}")) }?)
}

fn origin(text: &str) -> Result<Scope, NotUnderstood> {
    let origin = url(text)?;
    if origin.host.is_none() || &*origin.path != "/" || origin.query.is_some() {
        return Err(NotUnderstood::Body(format!("{text:?} is not an origin, such as https://shop.example")));
    }
    Ok(Scope::Prefix { host: origin.host, path: "/".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_souin_name_a_url() {
        let url =
            |key: &str, query| of_key(key, query).ok().map(|url| (url.host.unwrap_or_default(), url.path, url.query));
        assert_eq!(
            url("GET-https-my-shop.example-/a/b", Some("c=d")),
            Some(("my-shop.example".into(), "/a/b".into(), Some("c=d".into())))
        );
        for key in [".+", "GET-https-shop.example", "GET-ftp-shop.example-/a", "GET-https--/a", "mapping"] {
            assert_eq!(url(key, None), None, "{key}");
        }
    }

    #[test]
    fn only_what_stands_below_the_base_is_the_api_s() {
        assert_eq!(below("/api/souin", "/api/souin"), Some(""));
        assert_eq!(below("/api/souin/", "/api/souin"), Some(""));
        assert_eq!(below("/api/souin/flush", "/api/souin"), Some("flush"));
        assert_eq!(below("/api/souins", "/api/souin"), None);
        assert_eq!(below("/", "/api/souin"), None);
    }
}
