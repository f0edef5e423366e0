//! Drupal's purgers for Varnish: BAN with tags, BAN and URIBAN with a regex in place of the path. A purge of one URL is
//! plain.

use super::answer::Form;
use super::fields::list;
use super::reading::{Meant, NotUnderstood, tags};
use super::{Dialect, url_shape};
use crate::invalidate::Settings;
use http::request::Parts;

/// A list of tags is separated by blanks, in older rules by pipes.
const SEPARATORS: &[char] = &[' ', '\t', ',', '|'];

/// BAN and URIBAN. The regex of a path is of every host, as in the rules that Drupal's modules ship.
pub(super) fn ban(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let (fields, form) = (&head.headers, Form::Phrase("Ban added."));
    let mut named = Dialect::Drupal.marks().iter().filter(|name| fields.contains_key(**name));
    if let Some(name) = named.next() {
        if let Some(other) = named.next() {
            return Err(NotUnderstood::Contradiction(name, other));
        }
        if head.method.as_str() == "URIBAN" {
            return Err(NotUnderstood::Contradiction("URIBAN", name));
        }
        return Ok(Meant { scopes: tags(&list(fields, name, SEPARATORS)?, settings)?, mode: None, form });
    }
    if head.uri.query().is_some() {
        return Err(NotUnderstood::UrlShape(url_shape::BadUrlShape::Query));
    }
    let shape = url_shape::read(head.uri.path())?;
    Ok(Meant { scopes: shape.scopes(None, &settings.query), mode: None, form })
}
