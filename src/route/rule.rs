//! What a rule says.

use super::{Parameters, Pattern};
use crate::cache_name::CacheName;
use crate::key::CookieClasses;
use crate::policy::{Choices, CodingRule, LifetimeRule};
use crate::stored::RuleFingerprint;
use crate::tags::{BadTag, Tag};
use http::{HeaderName, Method};
use std::sync::Arc;

/// For whom a rule's responses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Visitors without a session or personal cookie; others are passed to the origin.
    Anonymous,
    /// One copy for all, fetched without cookies.
    Everyone,
    /// One copy for each session.
    Session,
}

impl Audience {
    /// The word in `proxy.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Audience::Anonymous => "anonymous",
            Audience::Everyone => "everyone",
            Audience::Session => "session",
        }
    }
}

/// What becomes of a request without a session under a rule for sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WithoutSession {
    /// It is passed to the origin.
    Pass,
    /// It is answered as under a rule for anonymous visitors.
    Anonymous,
}

impl WithoutSession {
    /// The word in `proxy.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            WithoutSession::Pass => "pass",
            WithoutSession::Anonymous => "anonymous",
        }
    }
}

/// Whether a rule's pages are sampled before they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// They are kept at once.
    Off,
    /// Two anonymous fetches have to be alike first, and now and then after.
    Sample,
}

impl Guard {
    /// The word in `proxy.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Guard::Off => "off",
            Guard::Sample => "sample",
        }
    }
}

/// One rule, validated.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name: a metric label, and the tag `route:<name>`.
    pub name: Arc<str>,
    /// The paths it speaks of; none matches every path (the rule for what no other matches).
    pub pattern: Option<Pattern>,
    /// The host it speaks of, as in a key; none: every host.
    pub host: Option<Box<str>>,
    /// The methods it speaks of; empty: every method.
    pub methods: Box<[Method]>,
    /// Never cached: everything goes to the origin as it is, upgrades included.
    pub pass: bool,
    /// The name of the origin that is asked.
    pub origin: Arc<str>,
    /// Where its responses are kept.
    pub cache: CacheName,
    /// For whom they are.
    pub audience: Audience,
    /// For requests without a session, where they are for sessions.
    pub without_session: WithoutSession,
    /// Whether its pages are sampled before they are kept.
    pub guard: Guard,
    /// What cookies mean under it.
    pub cookies: Arc<CookieClasses>,
    /// For how long they are good.
    pub lifetime: LifetimeRule,
    /// What of the RFCs the configuration chooses for it.
    pub choices: Choices,
    /// Tags that each of its responses bears.
    pub tags: Box<[TagTemplate]>,
    /// Further request fields that its fills send; its responses vary on them.
    pub headers: Box<[HeaderName]>,
    /// The codings that its responses are kept in, beside the form that they came in; none: no other.
    pub coding: Option<Arc<CodingRule>>,
    /// Whether the form tokens of its shared pages become each visitor's own.
    pub splices: bool,
    /// Changes when anything changes that decides what is stored under it.
    pub fingerprint: RuleFingerprint,
    /// Whether it is the one for paths that no rule matches: RFC 9111 alone, every end-to-end field forwarded.
    pub unmatched: bool,
}

/// A tag with holes for a pattern's parameters: `product:{slug}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTemplate(Box<[TagPart]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum TagPart {
    Text(Box<str>),
    Parameter(Box<str>),
}

impl std::fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            TagPart::Text(text) => f.write_str(text),
            TagPart::Parameter(name) => write!(f, "{{{name}}}"),
        })
    }
}

impl TagTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// A brace that does not close, or an empty name, in words.
    pub fn parse(text: &str) -> Result<TagTemplate, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(open);
            let inner = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let Some((name, after)) = inner.filter(|(name, _)| !name.is_empty() && !name.contains('{')) else {
                return Err(format!("the braces in {text:?} do not enclose a name"));
            };
            if !before.is_empty() {
                parts.push(TagPart::Text(before.into()));
            }
            parts.push(TagPart::Parameter(name.into()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(TagPart::Text(rest.into()));
        }
        if parts.is_empty() {
            return Err("a tag is empty".into());
        }
        Ok(TagTemplate(parts.into()))
    }

    /// The parameters it names.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            TagPart::Parameter(name) => Some(&**name),
            TagPart::Text(_) => None,
        })
    }

    /// The tag for these parameters. Their values are percent-decoded once, so that the tag is the one that the shop, which
    /// knows the decoded value, will name.
    ///
    /// # Errors
    /// The result is no tag: such a response is not stored, because a purge could not find it.
    pub fn fill(&self, parameters: &Parameters<'_>) -> Result<Tag, BadTag> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                TagPart::Text(fixed) => text.push_str(fixed),
                TagPart::Parameter(name) => {
                    let raw = parameters.get(name).ok_or(BadTag::Empty)?;
                    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8();
                    text.push_str(&decoded.map_err(|_| BadTag::Character { tag: raw.into() })?);
                }
            }
        }
        Tag::new(&text)
    }
}
