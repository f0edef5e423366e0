//! A purge order from the admin API: a JSON object with one of `url`, `tags`, `prefix`, `pattern`, `cache`, `all`, or an
//! `event` with its `data`, or the `delivery` of a webhook that is kept. Pure.

use super::events::{self, Asked, mode_of, tag};
use super::{Settings, replay};
use crate::cache_name::CacheName;
use crate::key::Target;
use crate::ledger::{Arrival, Invalidation, Mode, Scope, Source};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The longest that an asker waits for other proxies.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

const EXACTLY_ONE: &str = "an order names exactly one of url, tags, prefix, pattern, cache, all, event and delivery";

/// What is asked, and whether it is only asked for show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) invalidations: Vec<Invalidation>,
    pub(super) skipped: Vec<String>,
    pub(super) dry_run: bool,
    /// The delivery that it carries out.
    pub(super) delivery: Option<u64>,
    /// How long to wait for other proxies, where the asker says it.
    pub(super) wait: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    url: Option<String>,
    tags: Option<Vec<String>>,
    prefix: Option<String>,
    pattern: Option<String>,
    cache: Option<String>,
    all: Option<bool>,
    event: Option<String>,
    data: Option<Value>,
    /// The number of a webhook in the inbox: what it asks for by the rules of now.
    delivery: Option<u64>,
    soft: bool,
    /// Seconds, or with a unit: `"2s"`, `"500ms"`.
    settle: Option<Value>,
    dry_run: bool,
    reason: Option<String>,
    /// How long to wait for other proxies, written like `settle`.
    wait: Option<Value>,
}

/// Reads an order.
///
/// # Errors
/// What is wrong with it, in words for the person who wrote it.
pub(super) fn read(
    json: &[u8],
    settings: &Settings,
    inbox: impl Fn(u64) -> Option<Arc<Arrival>>,
) -> Result<Order, String> {
    // Serde reads an array into a struct field by field; an order is an object.
    let value: Value = serde_json::from_slice(json).map_err(|error| format!("not JSON: {error}"))?;
    if !value.is_object() {
        return Err("a purge order is a JSON object such as {\"tags\":[\"product:lamp\"]}".into());
    }
    let written: Written = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let mode = if written.soft { Mode::Soft } else { Mode::Hard };
    let settle = time("settle", written.settle.as_ref())?.unwrap_or_default();
    let wait = time("wait", written.wait.as_ref())?;
    if wait.is_some_and(|wait| wait > WAIT_MAX) {
        return Err(format!("wait: at most {} s", WAIT_MAX.as_secs()));
    }
    let (dry_run, delivery) = (written.dry_run, written.delivery);
    if let Some(asked) = of_event(&written, settings, inbox)? {
        // What the asker says goes beyond what the rule says.
        let as_admin = |own: Invalidation| Invalidation {
            source: Source::Admin,
            mode: mode_of(&own.scope, if written.soft { Mode::Soft } else { own.mode }),
            settle: settle.max(own.settle),
            reason: written.reason.as_deref().map_or(own.reason, Into::into),
            ..own
        };
        let invalidations = asked.invalidations.into_iter().map(as_admin).collect();
        return Ok(Order { invalidations, skipped: asked.skipped, dry_run, delivery, wait });
    }
    let reason = written.reason.clone().unwrap_or_else(|| "admin API".into());
    let asked = |scope| Invalidation {
        mode: mode_of(&scope, mode),
        scope,
        settle,
        source: Source::Admin,
        reason: reason.clone().into(),
    };
    let invalidations = scopes(&written, settings)?.into_iter().map(asked).collect();
    Ok(Order { invalidations, skipped: Vec::new(), dry_run, delivery, wait })
}

/// What an order asks for that names an event, or a delivery that bears one; none where it names neither.
fn of_event(
    written: &Written,
    settings: &Settings,
    inbox: impl Fn(u64) -> Option<Arc<Arrival>>,
) -> Result<Option<Asked>, String> {
    let names_scope = written.url.is_some()
        || written.tags.is_some()
        || written.prefix.is_some()
        || written.pattern.is_some()
        || written.cache.is_some()
        || written.all == Some(true);
    match (&written.event, written.delivery) {
        (None, None) => Ok(None),
        _ if names_scope => Err(EXACTLY_ONE.into()),
        (Some(event), None) => {
            let rule = settings.events.iter().find(|rule| *rule.event == **event);
            let rule = rule.ok_or_else(|| format!("no rule under invalidation.events speaks of {event:?}"))?;
            let data = written.data.as_ref().unwrap_or(&Value::Null);
            let asked = events::expand(rule, data, &settings.query, settings.sessions.as_ref(), event);
            asked.map(Some).map_err(|too_many| too_many.to_string())
        }
        (None, Some(number)) if written.data.is_none() => {
            let arrival = inbox(number).ok_or_else(|| format!("no delivery {number} is kept"))?;
            replay::asked(&arrival, settings).map(Some)
        }
        (None, Some(_)) => Err("data: a delivery has its own".into()),
        (Some(_), Some(_)) => Err(EXACTLY_ONE.into()),
    }
}

fn scopes(written: &Written, settings: &Settings) -> Result<Vec<Scope>, String> {
    let (query, sessions) = (&settings.query, settings.sessions.as_ref());
    let shape = |error: crate::ledger::BadShape| error.to_string();
    let mut asked: Vec<Vec<Scope>> = Vec::new();
    if let Some(url) = &written.url {
        let url = Target::parse(url).map_err(|error| format!("url: {error}"))?;
        asked.push(vec![Scope::Url { host: url.host, path: url.path, query: query.keep(url.query.as_deref()) }]);
    }
    if let Some(tags) = &written.tags {
        asked.push(tags.iter().map(|text| tag(text, sessions)).collect::<Result<_, _>>()?);
    }
    if let Some(prefix) = &written.prefix {
        asked.push(vec![Scope::prefix(prefix).map_err(shape)?]);
    }
    if let Some(pattern) = &written.pattern {
        asked.push(vec![Scope::pattern(pattern).map_err(shape)?]);
    }
    if let Some(cache) = &written.cache {
        let known = || format!("cache: {cache:?} is none of default, products and sessions");
        asked.push(vec![Scope::Cache(CacheName::parse(cache).ok_or_else(known)?)]);
    }
    if written.all == Some(true) {
        asked.push(vec![Scope::All]);
    }
    match asked.pop() {
        Some(scopes) if asked.is_empty() && !scopes.is_empty() => Ok(scopes),
        _ => Err(EXACTLY_ONE.into()),
    }
}

fn time(name: &str, value: Option<&Value>) -> Result<Option<Duration>, String> {
    let bad = || format!("{name}: seconds, or a text such as \"2s\" or \"500ms\"");
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Duration::from_secs).map(Some).ok_or_else(bad),
        Some(Value::String(text)) => {
            let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
            let number = digits.parse().map_err(|_| bad())?;
            match unit {
                "ms" => Ok(Some(Duration::from_millis(number))),
                "s" | "" => Ok(Some(Duration::from_secs(number))),
                "m" => Ok(Some(Duration::from_secs(number.saturating_mul(60)))),
                _ => Err(bad()),
            }
        }
        Some(_) => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidate::EventRule;

    fn order(json: &str) -> Result<Order, String> {
        let rule = EventRule {
            event: "product.updated".into(),
            tags: [events::Template::parse("product:{slug}").unwrap()].into(),
            urls: [].into(),
            soft: false,
            settle: Duration::ZERO,
        };
        let settings = Settings { events: [rule].into(), ..Settings::default() };
        read(json.as_bytes(), &settings, |_| None)
    }

    #[test]
    fn each_kind_of_order_names_its_scope() {
        let scope = |json| order(json).map(|order| order.invalidations[0].scope.to_string());
        for (json, expected) in [
            (r#"{"url":"http://shop.example/a?b"}"#, "url shop.example/a?b"),
            (r#"{"tags":["product:lamp"]}"#, "tag product:lamp"),
            (r#"{"prefix":"/media/"}"#, "prefix /media/"),
            (r#"{"pattern":"/media/**"}"#, "pattern /media/**"),
            (r#"{"cache":"products"}"#, "cache products"),
            (r#"{"all":true}"#, "all"),
            (r#"{"event":"product.updated","data":{"slug":"lamp"}}"#, "tag product:lamp"),
        ] {
            assert_eq!(scope(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn an_event_is_let_go_as_the_asker_says() {
        let json = r#"{"event":"product.updated","data":{"slug":"lamp"},"soft":true,"settle":2,"reason":"import"}"#;
        let own = &order(json).unwrap().invalidations[0];
        assert_eq!((own.mode, own.settle, &*own.reason), (Mode::Soft, Duration::from_secs(2), "import"));
        let own = &order(r#"{"event":"product.updated","data":{"slug":"lamp"}}"#).unwrap().invalidations[0];
        assert_eq!((own.mode, own.settle, &*own.reason), (Mode::Hard, Duration::ZERO, "product.updated"));
    }

    #[test]
    fn options_are_read_and_nothing_is_guessed() {
        let full = r#"{"all":true,"soft":true,"settle":"500ms","wait":2,"dry_run":true,"reason":"test"}"#;
        let full = order(full).unwrap();
        let own = &full.invalidations[0];
        assert_eq!(full.wait, Some(Duration::from_secs(2)));
        assert_eq!(
            (own.mode, own.settle, &*own.reason, full.dry_run),
            (Mode::Soft, Duration::from_millis(500), "test", true)
        );
        for bad in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"all":false}"#,
            r#"{"url":"/a","all":true}"#,
            r#"{"tag":"a"}"#,
            r#"{"tags":[]}"#,
            r#"{"tags":["a b"]}"#,
            r#"{"tags":["session:raw"]}"#,
            r#"{"url":"a"}"#,
            r#"{"prefix":""}"#,
            r#"{"cache":"other"}"#,
            r#"{"event":"unknown"}"#,
            r#"{"event":"product.updated","data":{"slug":"lamp"},"url":"/a"}"#,
            r#"{"delivery":7}"#,
            r#"{"delivery":7,"all":true}"#,
            r#"{"delivery":-1}"#,
            r#"{"delivery":7,"event":"product.updated"}"#,
            r#"{"delivery":7,"data":{}}"#,
            r#"{"all":true,"settle":"soon"}"#,
            r#"{"all":true,"wait":"soon"}"#,
            r#"{"all":true,"wait":61}"#,
            r#"[null,["a"]]"#,
        ] {
            assert!(order(bad).is_err(), "{bad}");
        }
    }
}
