//! What a webhook's event lets go: tags and URLs made from its payload.

use crate::key::{QueryRules, SESSION_TAG, SessionKey, Target};
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
pub struct Template {
    text: Box<str>,
    parts: Box<[Part]>,
}

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
        if parts.is_empty() { Err(BadTemplate::Empty) } else { Ok(Template { text: text.into(), parts: parts.into() }) }
    }

    /// The texts it makes from a payload's data: one, or as many as there are where it says `[*]`.
    pub fn fill(&self, data: &Value) -> Filled {
        let mut filled = Filled { texts: vec![String::new()], is_whole: true };
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.texts.iter_mut().for_each(|own| own.push_str(text)),
                Part::Path(steps) => {
                    let values = values(data, steps);
                    filled.is_whole &= values.is_whole;
                    filled.texts = filled
                        .texts
                        .iter()
                        .flat_map(|own| values.texts.iter().map(move |value| format!("{own}{value}")))
                        .take(INVALIDATIONS_MAX + 1)
                        .collect();
                }
            }
        }
        filled
    }
}

/// What a template makes from a payload's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The texts.
    pub texts: Vec<String>,
    /// Whether every value was there. One that is missing is a mistake of the payload or the rule, as an empty list is not.
    pub is_whole: bool,
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

fn values(data: &Value, steps: &[Step]) -> Filled {
    let (mut found, mut is_whole) = (vec![data], true);
    for step in steps {
        let before = found.len();
        found = match step {
            Step::Name(name) => {
                let named: Vec<&Value> = found.iter().filter_map(|value| value.get(&**name)).collect();
                is_whole &= named.len() == before;
                named
            }
            Step::Each => {
                let lists: Vec<&Vec<Value>> = found.iter().filter_map(|value| value.as_array()).collect();
                is_whole &= lists.len() == before;
                lists.into_iter().flatten().collect()
            }
        };
    }
    let texts: Vec<String> = found.iter().copied().filter_map(scalar).collect();
    let is_whole = is_whole && texts.len() == found.len();
    Filled { texts, is_whole }
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
    /// Templates that the data has no value for, and texts that are no tags or URLs, in words.
    pub(super) skipped: Vec<String>,
}

/// An event asks for more than is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event asks for more than {INVALIDATIONS_MAX} invalidations; nothing was purged")]
pub(super) struct TooMany;

/// What an event with this data asks for by its rule.
pub(super) fn expand(
    rule: &EventRule,
    data: &Value,
    query: &QueryRules,
    sessions: Option<&SessionKey>,
    reason: &str,
) -> Result<Asked, TooMany> {
    let mut asked = Asked::default();
    let mut take = |template: &Template, scope: &dyn Fn(&str) -> Result<Scope, String>| {
        let Filled { texts, is_whole } = template.fill(data);
        if !is_whole {
            let what = if texts.is_empty() { "the event's data" } else { "a part of the event's data" };
            asked.skipped.push(format!("{:?}: {what} has no value for it", template.text));
        }
        for text in texts {
            match scope(&text) {
                Ok(scope) => asked.invalidations.push(Invalidation {
                    mode: mode_of(&scope, if rule.soft { Mode::Soft } else { Mode::Hard }),
                    scope,
                    settle: rule.settle,
                    source: Source::Webhook,
                    reason: reason.into(),
                }),
                Err(skipped) => asked.skipped.push(skipped),
            }
        }
    };
    rule.tags.iter().for_each(|template| take(template, &|text| tag(text, sessions)));
    rule.urls.iter().for_each(|template| take(template, &|text| url(text, query)));
    // What was skipped counts too: a template fills only one more than the limit, and what it left out would be lost.
    let all = asked.invalidations.len() + asked.skipped.len();
    if all > INVALIDATIONS_MAX { Err(TooMany) } else { Ok(asked) }
}

/// A URL scope; ignored parameters do not matter.
fn url(text: &str, query: &QueryRules) -> Result<Scope, String> {
    let url = Target::parse(text).map_err(|bad| format!("{text:?}: {bad}"))?;
    Ok(Scope::Url { host: url.host, path: url.path, query: query.keep(url.query.as_deref()) })
}

/// What becomes of what a scope names. Whoever has left must not come back by a shop that is down: a session ends, or it does
/// not.
pub(super) fn mode_of(scope: &Scope, asked: Mode) -> Mode {
    match scope {
        Scope::Tag(tag) if tag.as_str().starts_with(SESSION_TAG) => Mode::Hard,
        _ => asked,
    }
}

/// A tag scope. The id in a session's tag is hashed here, before any ledger, log or answer sees it.
pub(super) fn tag(text: &str, sessions: Option<&SessionKey>) -> Result<Scope, String> {
    if text.starts_with(SESSION_TAG) {
        let tag = sessions.and_then(|key| key.session_tag(text));
        return tag.map(Scope::Tag).ok_or_else(|| "no session_key is set: nothing is stored by session".into());
    }
    Tag::new(text).map(Scope::Tag).map_err(|bad| bad.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fill(template: &str, data: &Value) -> Filled {
        Template::parse(template).unwrap().fill(data)
    }

    fn rule(tags: &[&str], urls: &[&str]) -> EventRule {
        let templates = |texts: &[&str]| texts.iter().map(|text| Template::parse(text).unwrap()).collect();
        EventRule {
            event: "e".into(),
            tags: templates(tags),
            urls: templates(urls),
            soft: false,
            settle: Duration::ZERO,
        }
    }

    #[test]
    fn templates_reach_into_the_payload() {
        let data = json!({"slug": "lamp", "id": 12, "on": true, "product": {"slug": "x"}, "none": null,
            "categories": [{"id": 1}, {"id": 2}, {"name": "no id"}], "others": []});
        let table: &[(&str, &[&str])] = &[
            ("products", &["products"]),
            ("product:{slug}", &["product:lamp"]),
            ("{id}-{on}", &["12-true"]),
            ("p:{product.slug}", &["p:x"]),
            ("category:{categories[*].id}", &["category:1", "category:2"]),
            ("{categories[*].id}/{slug}", &["1/lamp", "2/lamp"]),
        ];
        for (template, expected) in table {
            assert_eq!(fill(template, &data).texts, *expected, "{template}");
        }
        assert_eq!(fill("{others[*].id}", &data), Filled { texts: Vec::new(), is_whole: true });
        for template in ["{missing}", "{none}", "{categories}", "{slug.deeper}", "{missing[*].id}", "{slug[*]}"] {
            assert_eq!(fill(template, &data), Filled { texts: Vec::new(), is_whole: false }, "{template}");
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
    fn what_comes_to_nothing_is_told_and_the_rest_is_done() {
        let rule = rule(&["product:{slug}", "fixed", "session:{slug}", "shop:{shop}"], &["/p/{slug}"]);
        let asked = expand(&rule, &json!({"slug": "two words"}), &QueryRules::default(), None, "e").unwrap();
        assert_eq!(asked.invalidations.len(), 1);
        assert_eq!(asked.skipped.len(), 4);
        assert_eq!(asked.skipped[2], r#""shop:{shop}": the event's data has no value for it"#);
    }

    #[test]
    fn what_only_a_part_of_a_list_has_is_told_and_the_rest_is_done() {
        for (list, expected) in [
            (json!([{"id": 1}, {"name": "no id"}, {"id": 2}]), 2),
            (json!([{"id": 1}, {"id": null}]), 1),
            (json!([{"id": 1}, 7]), 1),
        ] {
            let data = json!({ "categories": list });
            let rule = rule(&["category:{categories[*].id}"], &[]);
            let asked = expand(&rule, &data, &QueryRules::default(), None, "e").unwrap();
            assert_eq!(asked.invalidations.len(), expected, "{data}");
            let told = r#""category:{categories[*].id}": a part of the event's data has no value for it"#;
            assert_eq!(asked.skipped, [told], "{data}");
        }
    }

    #[test]
    fn a_session_is_hashed_on_arrival_and_always_ends() {
        let key = SessionKey::new(b"key");
        let soft = EventRule { soft: true, ..rule(&["session:{session}", "user"], &[]) };
        let expand = |session: &str| {
            let asked = expand(&soft, &json!({ "session": session }), &QueryRules::default(), Some(&key), "e").unwrap();
            asked.invalidations.iter().map(|own| (own.scope.to_string(), own.mode)).collect::<Vec<_>>()
        };
        let hashed = format!("tag session:{}", key.hash("5ec4e7"));
        assert_eq!(expand("5ec4e7"), [(hashed.clone(), Mode::Hard), ("tag user".into(), Mode::Soft)]);
        assert_eq!(expand(&key.hash("5ec4e7").to_string())[0].0, hashed);
        assert_eq!(expand("two words, and no tag")[0].0, format!("tag session:{}", key.hash("two words, and no tag")));
    }

    #[test]
    fn a_url_is_keyed_as_requests_for_it_are() {
        let query = QueryRules { ignore: crate::key::Globs::new(&["utm_*"]).unwrap() };
        let asked =
            expand(&rule(&[], &["{url}"]), &json!({"url": "/p/lamp?utm_source=feed&page=2"}), &query, None, "e");
        assert_eq!(asked.unwrap().invalidations[0].scope.to_string(), "url /p/lamp?page=2");
    }

    #[test]
    fn more_than_is_taken_is_refused_whole_also_where_some_of_it_is_no_tag() {
        let expanded = |ids: usize, first: &str| {
            let ids: Vec<Value> = (0..ids).map(|id| if id == 0 { json!(first) } else { json!(id) }).collect();
            expand(&rule(&["{ids[*]}"], &[]), &json!({"ids": ids}), &QueryRules::default(), None, "e")
        };
        assert_eq!(expanded(256, "0").unwrap().invalidations.len(), 256);
        assert_eq!(expanded(257, "0"), Err(TooMany));
        assert_eq!(expanded(300, "two words"), Err(TooMany));
    }
}
