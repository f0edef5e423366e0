//! How long a rule's responses are good for, and which of them are kept at all.

use super::choices::Defaults;
use super::reader::{Section, Text};
use crate::policy::{LifetimeRule, SESSION_KEEP_MAX};
use crate::route::Audience;
use http::StatusCode;
use std::time::Duration;

/// Statuses that a rule stores where it does not say.
const STATUSES: [StatusCode; 7] = [
    StatusCode::OK,
    StatusCode::NON_AUTHORITATIVE_INFORMATION,
    StatusCode::MULTIPLE_CHOICES,
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::PERMANENT_REDIRECT,
    StatusCode::NOT_FOUND,
    StatusCode::GONE,
];

/// What a rule says of lifetimes.
pub(super) fn of_rule(
    section: &Section<'_>,
    defaults: &Defaults,
    max_keep: Duration,
    audience: Audience,
) -> LifetimeRule {
    let is_own = audience == Audience::Session;
    let within = |key: &'static str| {
        let duration = section.duration(key);
        if duration.is_some_and(|duration| duration > max_keep) {
            section.tell(key, format!("is longer than max_keep, {}", super::units::show(max_keep)));
        } else if is_own && duration.is_some_and(|duration| duration > SESSION_KEEP_MAX) {
            let longest = super::units::show(SESSION_KEEP_MAX);
            section.tell(key, format!("is longer than {longest}, for which a visitor's own page is kept at most"));
        }
        duration
    };
    if is_own && section.has("stale_while_revalidate") {
        let message = "is not for visitors' own pages: nobody would get the cookies of an answer that comes behind";
        section.tell("stale_while_revalidate", message);
    }
    let (ttl, override_origin) = (within("ttl"), section.bool("override").unwrap_or(false));
    if override_origin && ttl.is_none() {
        section.tell("override", "turns the rule's ttl against the origin's, but there is no ttl");
    }
    LifetimeRule {
        ttl,
        negative_ttl: within("negative_ttl"),
        stale_while_revalidate: within("stale_while_revalidate").or(defaults.stale_while_revalidate),
        stale_if_error: within("stale_if_error").or(defaults.stale_if_error),
        statuses: Some(statuses(section)),
        override_origin,
        max_keep,
    }
}

fn statuses(section: &Section<'_>) -> Box<[StatusCode]> {
    let Some(texts) = section.texts("statuses") else { return STATUSES.into() };
    let status = |text: &Text| {
        let status = text.text.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
        let storable =
            |status: &StatusCode| (200..600).contains(&status.as_u16()) && ![206, 304].contains(&status.as_u16());
        let status = status.filter(storable);
        if status.is_none() {
            section.refuse(text, "is not a status that can be stored; write one from 200 to 599, and not 206 or 304");
        }
        status
    };
    texts.iter().filter_map(status).collect()
}
