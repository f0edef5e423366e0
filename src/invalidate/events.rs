//! What a webhook's event lets go: tags and URLs made from its payload.

use crate::key::Target;
use crate::ledger::{Invalidation, Mode, Scope, Source};
use crate::tags::Tag;
use serde_json::Value;
use std::time::Duration;

/// Invalidations that one delivery may ask for; more is refused whole, because a part of them would lose the rest.
pub const INVALIDATIONS_MAX: usize = 256;

/// What an event lets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// The event's exact name.
    pub event: Box<str>,
    /// Tags.
    pub tags: Box<[Template]>,
    /// URLs, with or without host.
    pub urls: Box<[Template]>,
    /// Stale instead of gone.
    pub soft: bool,
    /// See [`Invalidation::settle`].
    pub settle: Duration,
}

/// A text with holes for values of the payload's `data`: `product:{slug}`, `{product.slug}`, `{categories[*].id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Path(Box<[Step]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    Each,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// A brace that does not close, or encloses nothing that names a value.
    #[error("the braces in {0:?} do not enclose a name such as {{slug}}, {{product.slug}} or {{categories[*].id}}")]
    Braces(Box<str>),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Template, BadTemplate> {
        let bad = || BadTemplate::Braces(text.into());
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            let (path, after) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')).ok_or_else(bad)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(Part::Path(steps(path).ok_or_else(bad)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        if parts.is_empty() { Err(BadTemplate::Empty) } else { Ok(Template(parts.into())) }
    }

    /// The texts it makes from a payload's data: one, several where it says `[*]`, none where a value is missing.
    pub fn fill(&self, data: &Value) -> Vec<String> {
        let mut texts = vec![String::new()];
        for part in &self.0 {
            match part {
                Part::Text(text) => texts.iter_mut().for_each(|own| own.push_str(text)),
                Part::Path(steps) => {
                    let values = values(data, steps);
                    texts = texts
                        .iter()
                        .flat_map(|own| values.iter().map(move |value| format!("{own}{value}")))
                        .take(INVALIDATIONS_MAX + 1)
                        .collect();
                }
            }
        }
        texts
    }
}

fn steps(path: &str) -> Option<Box<[Step]>> {
    let mut steps = Vec::new();
    for name in path.split('.') {
        let (name, each) = name.strip_suffix("[*]").map_or((name, false), |name| (name, true));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        steps.push(Step::Name(name.into()));
        steps.extend(each.then_some(Step::Each));
    }
    Some(steps.into())
}

fn values(data: &Value, steps: &[Step]) -> Vec<String> {
    let mut found = vec![data];
    for step in steps {
        found = match step {
            Step::Name(name) => found.iter().filter_map(|value| value.get(&**name)).collect(),
            Step::Each => found.iter().filter_map(|value| value.as_array()).flatten().collect(),
        };
    }
    found.into_iter().filter_map(scalar).collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an event asks for, and what of its rule came to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The invalidations.
    pub(super) invalidations: Vec<Invalidation>,
    /// Texts that are no tags or URLs, in words.
    pub(super) skipped: Vec<String>,
}

/// What an event with this data asks for by its rule.
pub(super) fn expand(rule: &EventRule, data: &Value, reason: &str) -> Asked {
    let mut asked = Asked::default();
    let mut take = |scope: Result<Scope, String>| match scope {
        Ok(scope) => asked.invalidations.push(Invalidation {
            scope,
            mode: if rule.soft { Mode::Soft } else { Mode::Hard },
            settle: rule.settle,
            source: Source::Webhook,
            reason: reason.into(),
        }),
        Err(skipped) => asked.skipped.push(skipped),
    };
    for text in rule.tags.iter().flat_map(|template| template.fill(data)) {
        take(tag(&text));
    }
    for text in rule.urls.iter().flat_map(|template| template.fill(data)) {
        take(Target::parse(&text).map_err(|bad| format!("{text:?}: {bad}")).map(|url| Scope::Url {
            host: url.host,
            path: url.path,
            query: url.query,
        }));
    }
    asked
}

/// A tag scope. Tags of sessions are refused while none are kept: their raw values must not get into the ledger.
pub(super) fn tag(text: &str) -> Result<Scope, String> {
    if text.starts_with("session:") {
        return Err("session tags are not known in this version: nothing is stored by session".into());
    }
    Tag::new(text).map(Scope::Tag).map_err(|bad| bad.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fill(template: &str, data: &Value) -> Vec<String> {
        Template::parse(template).unwrap().fill(data)
    }

    #[test]
    fn templates_reach_into_the_payload() {
        let data = json!({"slug": "lamp", "id": 12, "on": true, "product": {"slug": "x"}, "none": null,
            "categories": [{"id": 1}, {"id": 2}, {"name": "no id"}]});
        let table: &[(&str, &[&str])] = &[
            ("products", &["products"]),
            ("product:{slug}", &["product:lamp"]),
            ("{id}-{on}", &["12-true"]),
            ("p:{product.slug}", &["p:x"]),
            ("category:{categories[*].id}", &["category:1", "category:2"]),
            ("{categories[*].id}/{slug}", &["1/lamp", "2/lamp"]),
            ("{missing}", &[]),
            ("{none}", &[]),
            ("{categories}", &[]),
            ("{slug.deeper}", &[]),
        ];
        for (template, expected) in table {
            assert_eq!(fill(template, &data), *expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{", "}", "{}", "a{b", "{a b}", "{a.}", "{[*]}", "{a[0]}", "{{a}}"] {
            assert!(matches!(Template::parse(text), Err(BadTemplate::Braces(_))), "{text}");
        }
        assert_eq!(Template::parse(""), Err(BadTemplate::Empty));
    }

    #[test]
    fn what_makes_no_tag_is_told_and_the_rest_is_done() {
        let rule = EventRule {
            event: "e".into(),
            tags: ["product:{slug}", "fixed", "session:{slug}"].map(|text| Template::parse(text).unwrap()).into(),
            urls: [Template::parse("/p/{slug}").unwrap()].into(),
            soft: false,
            settle: Duration::ZERO,
        };
        let asked = expand(&rule, &json!({"slug": "two words"}), "e");
        assert_eq!(asked.invalidations.len(), 1);
        assert_eq!(asked.skipped.len(), 3);
    }
}
