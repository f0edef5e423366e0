//! One URL as Wagtail, FOSHttpCache, Drupal and Shopware send it, tags in `Surrogate-Key`, `Cache-Tag` or `xkey`, and
//! WordPress, which says how it means a path.

use super::answer::Form;
use super::fields::{list, once};
use super::reading::{Meant, NotUnderstood, tags};
use crate::invalidate::Settings;
use crate::key::{BadTarget, Scheme, Target, UrlText};
use crate::ledger::{Mode, Scope};
use http::HeaderMap;
use http::request::Parts;

/// Fields that name tags; the path then means nothing.
const TAG_FIELDS: [&str; 3] = ["surrogate-key", "cache-tag", "xkey"];
/// Blanks and commas both separate, whichever the field's own separator is: neither can be part of a tag.
pub(super) const SEPARATORS: &[char] = &[' ', '\t', ','];

/// What a path that is a regex may hold at its end alone: anywhere else it would be taken by the letter, and less purged than was
/// meant. A dot is itself there, because that client quotes nothing.
const OF_REGEXES: &[char] = &['*', '+', '?', '(', ')', '[', ']', '{', '}', '|', '^', '$', '\\'];

/// Whether a request names tags.
pub(super) fn names_tags(fields: &HeaderMap) -> bool {
    TAG_FIELDS.iter().any(|name| fields.contains_key(*name))
}

/// PURGE of a URL, or of tags.
pub(super) fn url_or_tags(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let (fields, form) = (&head.headers, Form::Phrase("Purged"));
    let mode = fastly_mode(fields)?;
    if !names_tags(fields) {
        return Ok(Meant { scopes: urls(head, settings)?, mode, form });
    }
    let mut texts = Vec::new();
    for name in TAG_FIELDS.into_iter().filter(|name| fields.contains_key(*name)) {
        texts.extend(list(fields, name, SEPARATORS)?);
    }
    Ok(Meant { scopes: tags(&texts, settings)?, mode, form })
}

/// PURGE of a URL, or, the only regex that is understood, of everything below a path.
pub(super) fn wordpress(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let scopes = match once(&head.headers, "x-purge-method")? {
        Some("default") => urls(head, settings)?,
        Some("regex") => {
            let prefix = |url: UrlText| match url.path.strip_suffix(".*") {
                Some(path) if url.query.is_none() && !path.contains(OF_REGEXES) => {
                    Ok(Scope::Prefix { host: url.host, path: path.into() })
                }
                _ => Err(NotUnderstood::PurgeMethod),
            };
            named(head)?.into_iter().map(prefix).collect::<Result<_, _>>()?
        }
        _ => return Err(NotUnderstood::PurgeMethod),
    };
    Ok(Meant { scopes, mode: None, form: Form::Phrase("Purged") })
}

/// What `Fastly-Soft-Purge` says.
pub(super) fn fastly_mode(fields: &HeaderMap) -> Result<Option<Mode>, NotUnderstood> {
    Ok(once(fields, "fastly-soft-purge")?.map(|value| if value == "1" { Mode::Soft } else { Mode::Hard }))
}

/// The scopes of the URL that a request names.
pub(super) fn urls(head: &Parts, settings: &Settings) -> Result<Vec<Scope>, NotUnderstood> {
    Ok(named(head)?.into_iter().map(|url| url_scope(url, settings)).collect())
}

/// A URL's scope; ignored parameters do not matter.
pub(super) fn url_scope(url: UrlText, settings: &Settings) -> Scope {
    Scope::Url { host: url.host, path: url.path, query: settings.query.keep(url.query.as_deref()) }
}

/// The URL that the request line and the Host name. Clients that are told where the cache listens write that address into a
/// whole URL, and the site into the Host: then both are meant, because a purge of the wrong one of them loses a purge.
fn named(head: &Parts) -> Result<Vec<UrlText>, BadTarget> {
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
