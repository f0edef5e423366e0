//! `compression`, of the file and of a rule.

use super::caching::MIB;
use super::reader::{Section, Text};
use crate::coding::Coding;
use crate::policy::{CodingRule, MediaRange};
use std::sync::Arc;

/// A page of 1 KiB shrinks to a third, and with its head still fits one packet as it is: below it nothing arrives sooner.
const BYTES_MIN: u64 = 1_024;

/// Texts: what is packed by its nature (pictures, fonts, archives) gains nothing.
const TYPES: [&str; 15] = [
    "text/html",
    "text/css",
    "text/plain",
    "text/xml",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/problem+json",
    "application/xml",
    "application/xhtml+xml",
    "application/rss+xml",
    "application/atom+xml",
    "image/svg+xml",
];

/// What is coded where no rule says otherwise; none where the file says `compression: false`.
pub(super) fn settings(file: &Section<'_>) -> Option<Arc<CodingRule>> {
    let is_value = file.has("compression") && !file.is_map("compression");
    if is_value {
        let form = "true, false or a map; write false, or keys such as { codings: [br, gzip] }";
        let is_on = file.parsed("compression", form, |text| text.parse().ok()).unwrap_or(true);
        return is_on.then(|| Arc::new(usual()));
    }
    let section = file.below("compression");
    let usual = usual();
    let bytes_min = section.size("min_size").unwrap_or(usual.bytes_min);
    if bytes_min > MIB {
        section.tell("min_size", "is more than 1MiB; to compress nothing, write compression: false");
    }
    let rule = CodingRule {
        codings: codings(&section).unwrap_or(usual.codings),
        types: types(&section).unwrap_or(usual.types),
        bytes_min,
        sessions: section.bool("sessions").unwrap_or(usual.sessions),
    };
    section.finish();
    Some(Arc::new(rule))
}

fn usual() -> CodingRule {
    CodingRule {
        codings: Coding::ALL.into(),
        types: TYPES.into_iter().filter_map(MediaRange::parse).collect(),
        bytes_min: BYTES_MIN,
        sessions: false,
    }
}

/// What is coded under a rule.
pub(super) fn of_rule(section: &Section<'_>, of_file: Option<&Arc<CodingRule>>, pass: bool) -> Option<Arc<CodingRule>> {
    let asked = section.bool("compression");
    match asked {
        Some(_) if pass => section.tell("compression", "is for responses that are kept, but the rule says pass: true"),
        Some(true) if of_file.is_none() => {
            section.tell("compression", "is turned off for the whole file; take compression: false out at its top");
        }
        _ => {}
    }
    of_file.filter(|_| !pass && asked.unwrap_or(true)).cloned()
}

fn codings(section: &Section<'_>) -> Option<Box<[Coding]>> {
    let texts = section.texts("codings")?;
    let mut codings = Vec::new();
    for text in &texts {
        match Coding::ALL.into_iter().find(|own| own.as_str() == text.text) {
            Some(own) if codings.contains(&own) => section.refuse(text, "stands there twice; write it once"),
            Some(own) => codings.push(own),
            None => section.refuse(text, "is not a coding; write br, zstd or gzip"),
        }
    }
    if texts.is_empty() {
        section.tell("codings", "names no coding; to compress nothing, write compression: false");
    }
    Some(codings.into())
}

fn types(section: &Section<'_>) -> Option<Box<[MediaRange]>> {
    let texts = section.texts("types")?;
    let range = |text: &Text| {
        let range = MediaRange::parse(&text.text);
        if range.is_none() {
            section.refuse(text, "is not a media type; write one such as text/html, or all of a kind such as text/*");
        }
        range
    };
    if texts.is_empty() {
        section.tell("types", "names no media type; to compress nothing, write compression: false");
    }
    Some(texts.iter().filter_map(range).collect())
}
