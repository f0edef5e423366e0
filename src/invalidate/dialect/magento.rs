//! Magento 2: `X-Magento-Tags-Pattern`, `X-Pool`, and the soft field of the elgentos extension.

use super::answer::Form;
use super::fields::once;
use super::reading::{Meant, NotUnderstood};
use super::varnish::tags_or_all;
use crate::invalidate::Settings;
use crate::ledger::{Mode, Scope};
use http::request::Parts;

/// PURGE with a pattern of tags, or of everything; the path means nothing.
///
/// `X-Pool` names a release by a field of its responses, of which there is no scope: everything is let go in its place.
pub(super) fn pattern(head: &Parts, settings: &Settings) -> Result<Meant, NotUnderstood> {
    let fields = &head.headers;
    let (pattern, pool) = (once(fields, "x-magento-tags-pattern")?, once(fields, "x-pool")?);
    let mode = match once(fields, "x-magento-purge-soft")? {
        None => None,
        Some("1") => Some(Mode::Soft),
        Some("0") => Some(Mode::Hard),
        Some(_) => return Err(NotUnderstood::Value { field: "X-Magento-Purge-Soft", form: "\"1\" or \"0\"" }),
    };
    if pool.is_some_and(str::is_empty) {
        return Err(NotUnderstood::Empty("x-pool"));
    }
    let of_pattern = pattern.map(|regex| tags_or_all(regex, "x-magento-tags-pattern", settings)).transpose()?;
    let scopes = match (of_pattern, pool) {
        (_, Some(_)) => vec![Scope::All],
        (Some(scopes), None) => scopes,
        (None, None) => {
            return Err(NotUnderstood::Missing(
                "X-Magento-Tags-Pattern or X-Pool is required beside X-Magento-Purge-Soft",
            ));
        }
    };
    Ok(Meant { scopes, mode, form: Form::Magento })
}
