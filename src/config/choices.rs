//! `caching`: what the RFCs leave to a cache, for every rule that does not say otherwise.

use super::reader::{Section, Text};
use crate::headers::CDN_CACHE_CONTROL;
use crate::policy::Choices;
use crate::respond;
use http::HeaderName;
use std::time::Duration;

/// Targeted fields at most: each is looked for in each response.
const TARGETED_MAX: usize = 8;

/// What every rule is asked that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    /// What of the RFCs is chosen.
    pub(super) choices: Choices,
    /// Where neither response nor rule says it (RFC 5861 3).
    pub(super) stale_while_revalidate: Option<Duration>,
    /// Where neither response nor rule says it (RFC 5861 4).
    pub(super) stale_if_error: Option<Duration>,
}

/// The section of the file.
pub(super) fn defaults(file: &Section<'_>, max_keep: Duration) -> Defaults {
    let section = file.below("caching");
    let within = |key: &'static str| {
        let duration = section.duration(key);
        if duration.is_some_and(|duration| duration > max_keep) {
            section.tell(key, format!("is longer than max_keep, {}", super::units::show(max_keep)));
        }
        duration
    };
    let careful = Choices::default();
    let choices = Choices {
        authorization: section.bool("authorization").unwrap_or(careful.authorization),
        targeted: targeted(&section),
        ..of_rule(&section, &careful)
    };
    let defaults = Defaults {
        choices,
        stale_while_revalidate: within("stale_while_revalidate"),
        stale_if_error: within("stale_if_error"),
    };
    section.finish();
    defaults
}

/// What a rule may choose for itself.
pub(super) fn of_rule(section: &Section<'_>, otherwise: &Choices) -> Choices {
    let set_cookie = |text: &str| match text {
        "refuse" => Some(false),
        "store" => Some(true),
        _ => None,
    };
    Choices {
        heuristics: section.bool("heuristics").unwrap_or(otherwise.heuristics),
        set_cookie: section.parsed("set_cookie", "refuse or store", set_cookie).unwrap_or(otherwise.set_cookie),
        request_directives: section.bool("request_directives").unwrap_or(otherwise.request_directives),
        ..otherwise.clone()
    }
}

fn targeted(section: &Section<'_>) -> Box<[HeaderName]> {
    let Some(texts) = section.texts("targeted") else { return [CDN_CACHE_CONTROL].into() };
    if texts.len() > TARGETED_MAX {
        section.tell("targeted", format!("has {} fields; at most {TARGETED_MAX} are taken", texts.len()));
    }
    let field = |text: &Text| {
        let name = text.text.parse::<HeaderName>().ok();
        // Others would not be taken away from a visitor's own page, and have a cache on the way keep it.
        let name = name.filter(|name| name.as_str().ends_with("-control") && respond::is_for_caches(name.as_str()));
        if name.is_none() {
            section.refuse(
                text,
                "is not a targeted field; write a name that ends in -Cache-Control, such as CDN-Cache-Control",
            );
        }
        name
    };
    texts.iter().filter_map(field).collect()
}
