//! Which fields are whose, and fields that may stand only once.

use super::{Dialect, NotUnderstood};
use http::HeaderMap;

/// Ours, which go with every dialect.
const OWN: [&str; 3] = ["x-purge-mode", "x-purge-settle", "x-purge-wait"];

/// Fields that are understood in no dialect: of other purge clients, and those in which a response names its tags. Beside them the
/// path would be purged in place of what was meant.
const FOREIGN: [&str; 9] = [
    "x-litespeed-purge",
    "x-purge-regex",
    "x-purge-tags",
    "x-refresh",
    "x-magento-tags",
    "edge-cache-tag",
    "cdn-tag",
    "x-litespeed-tag",
    "cache-groups",
];

impl Dialect {
    /// Fields that say what is to go, and so name the dialect where the method alone does not.
    pub(super) fn marks(self) -> &'static [&'static str] {
        match self {
            Dialect::WordPress => &["x-purge-method"],
            Dialect::FosHttpCache => {
                &["x-cache-tags", "x-host", "x-url", "x-content-type", "xkey-purge", "xkey-softpurge"]
            }
            Dialect::Symfony => &["clear-cache", "x-cache-tags"],
            Dialect::Magento => &["x-magento-tags-pattern", "x-pool", "x-magento-purge-soft"],
            Dialect::Drupal => &["cache-tags", "purge-cache-tags", "x-drupal-cache-tags"],
            Dialect::ApiPlatform => &["apiplatform-ban-regex"],
            Dialect::Fastly => &["fastly-key"],
            Dialect::Plain | Dialect::Shopware | Dialect::Cloudflare | Dialect::Souin => &[],
        }
    }

    /// Fields that go with it beside its marks.
    fn others(self) -> &'static [&'static str] {
        match self {
            Dialect::Plain => &["surrogate-key", "cache-tag", "xkey", "fastly-soft-purge"],
            Dialect::Fastly => &["fastly-soft-purge", "surrogate-key"],
            Dialect::Souin => &["surrogate-key"],
            _ => &[],
        }
    }

    fn has(self, field: &str) -> bool {
        self.marks().contains(&field) || self.others().contains(&field)
    }
}

/// Refuses fields of other dialects than the one that a request is in.
pub(super) fn check(fields: &HeaderMap, dialect: Dialect) -> Result<(), NotUnderstood> {
    for name in fields.keys() {
        let name = name.as_str();
        if let Some(foreign) = FOREIGN.into_iter().find(|own| *own == name) {
            return Err(NotUnderstood::Foreign(foreign));
        }
        let is_of_another = !dialect.has(name) && Dialect::ALL.into_iter().any(|other| other.has(name));
        if is_of_another {
            return Err(NotUnderstood::Beside { field: name.into(), dialect });
        }
    }
    for name in OWN {
        once(fields, name)?;
    }
    Ok(())
}

/// The text of a field that stands at most once.
pub(super) fn once<'a>(fields: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, NotUnderstood> {
    let mut lines = fields.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => line.to_str().map(|text| Some(text.trim())).map_err(|_| NotUnderstood::NotAscii(name)),
        (Some(_), Some(_)) => Err(NotUnderstood::Twice(name)),
    }
}

/// The items of a list field, all its lines together; what separates them is in `separators`.
pub(super) fn list<'a>(
    fields: &'a HeaderMap,
    name: &'static str,
    separators: &'static [char],
) -> Result<Vec<&'a str>, NotUnderstood> {
    let mut items = Vec::new();
    for line in fields.get_all(name) {
        let line = line.to_str().map_err(|_| NotUnderstood::NotAscii(name))?;
        items.extend(line.split(separators).filter(|item| !item.is_empty()));
    }
    if items.is_empty() { Err(NotUnderstood::Empty(name)) } else { Ok(items) }
}
