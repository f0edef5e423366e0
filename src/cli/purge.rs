//! `vitrine purge` and `vitrine clear`.

use super::client::Client;
use super::show::plain;
use super::{Clear, Failure, Purge};
use serde_json::{Map, Value, json};
use std::io::Write;

pub(super) async fn run(client: &Client, purge: &Purge, json: bool) -> Result<(), Failure> {
    let answer = client.post("/api/v1/purge", &order(purge)).await?;
    tell(&answer, json, if purge.dry_run { "would purge" } else { "purged" })
}

pub(super) async fn clear(client: &Client, clear: &Clear, json: bool) -> Result<(), Failure> {
    let order = clear.cache.as_ref().map_or_else(|| json!({}), |cache| json!({ "cache": cache }));
    let answer = client.post("/api/v1/clear", &order).await?;
    tell(&answer, json, "cleared")
}

/// The order in its wire form. The arguments name exactly one scope: clap has seen to that.
fn order(purge: &Purge) -> Value {
    let mut order = Map::new();
    let texts = [
        ("url", &purge.url),
        ("prefix", &purge.prefix),
        ("pattern", &purge.pattern),
        ("event", &purge.event),
        ("cache", &purge.cache),
        ("settle", &purge.settle),
        ("wait", &purge.wait),
    ];
    for (name, value) in texts {
        order.extend(value.as_ref().map(|value| (name.to_string(), json!(value))));
    }
    if !purge.tag.is_empty() {
        order.insert("tags".into(), json!(purge.tag));
    }
    order.extend(purge.delivery.map(|number| ("delivery".to_string(), json!(number))));
    order.extend(purge.data.as_ref().map(|data| ("data".to_string(), data.clone())));
    for (name, value) in [("all", purge.all), ("soft", purge.soft), ("dry_run", purge.dry_run)] {
        order.extend(value.then(|| (name.to_string(), json!(true))));
    }
    Value::Object(order)
}

/// The whole answer, one `name: value` a line under what was done.
fn tell(answer: &Value, json: bool, done: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        return Ok(writeln!(out, "{answer}")?);
    }
    writeln!(out, "{done}")?;
    for (name, value) in answer.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        writeln!(out, "  {name}: {}", plain(&text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Arguments, Command};
    use clap::Parser;

    #[test]
    fn orders_say_what_was_typed() {
        for (typed, expected) in [
            (&["--url", "/a?b"][..], json!({ "url": "/a?b" })),
            (&["--tag", "a", "--tag", "b", "--soft"], json!({ "tags": ["a", "b"], "soft": true })),
            (&["--prefix", "/a", "--dry-run"], json!({ "prefix": "/a", "dry_run": true })),
            (&["--pattern", "/a/**", "--settle", "2s"], json!({ "pattern": "/a/**", "settle": "2s" })),
            (&["--all", "--wait", "10s"], json!({ "all": true, "wait": "10s" })),
            (&["--event", "e", "--data", "{\"id\":7}"], json!({ "event": "e", "data": { "id": 7 } })),
            (&["--delivery", "7", "--dry-run"], json!({ "delivery": 7, "dry_run": true })),
            (&["--cache", "products"], json!({ "cache": "products" })),
            (&["--all"], json!({ "all": true })),
        ] {
            let arguments = Arguments::try_parse_from(["vitrine", "purge"].iter().chain(typed)).unwrap();
            let Command::Purge(purge) = arguments.command else { panic!("{typed:?}") };
            assert_eq!(order(&purge), expected);
        }
    }
}
