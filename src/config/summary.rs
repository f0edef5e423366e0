//! What `vitrine check` shows: the resolved rules, and what an operator should know.

use super::units::show;
use super::{Config, Mistake, load, report};
use crate::fetch;
use crate::route::{Audience, Rule, WithoutSession};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// `vitrine check`: shows the resolved rules, or every mistake; and beside an older file what the new one makes cacheable. The
/// exit code is 0 for good files and 1 for a bad one.
pub fn check(path: &Path, against: Option<&Path>, as_json: bool) -> ExitCode {
    match read(path, against) {
        Ok((config, widened)) if as_json => {
            let mut summary = summary_json(&config);
            if let Some(widened) = widened {
                summary["newly_cacheable"] = json!(widened);
            }
            println!("{summary}");
        }
        Ok((config, widened)) => {
            print!("{}", summary(&config));
            for route in widened.unwrap_or_default() {
                println!("newly cacheable, or shared more widely: {route}");
            }
        }
        Err(mistakes) => {
            let as_value = |own: &Mistake| json!({ "file": own.file, "line": own.line, "column": own.column, "key": own.key, "message": own.message });
            if as_json {
                println!("{}", json!({ "mistakes": mistakes.iter().map(as_value).collect::<Vec<_>>() }));
            }
            eprint!("{}", report(&mistakes));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn read(path: &Path, against: Option<&Path>) -> Result<(Config, Option<Vec<String>>), Vec<Mistake>> {
    let load = |path: &Path| load(path, &|name| std::env::var(name).ok()).map(|loaded| loaded.config);
    let config = load(path)?;
    let widened = against.map(load).transpose()?.map(|old| newly_cacheable(&old, &config));
    Ok((config, widened))
}

/// The rules as a table, and notes.
pub fn summary(config: &Config) -> String {
    let mut rows = vec![["name", "match", "origin", "cache", "audience", "ttl", "stale", "tags"].map(str::to_string)];
    rows.extend(config.router.rules().map(|rule| row(rule)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for origin in &config.origins {
        // The one that is there always needs no name.
        let name = if config.origins.len() == 1 { String::new() } else { format!(" {}", origin.name) };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "origin{name} {}", servers(origin).join(", "));
    }
    text.push('\n');
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    for note in &config.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    if !config.notes.is_empty() {
        text.push('\n');
    }
    text
}

fn servers(origin: &fetch::Settings) -> Vec<String> {
    origin.servers.iter().map(ToString::to_string).collect()
}

fn row(rule: &Rule) -> [String; 8] {
    let duration = |duration: Option<_>| duration.map_or_else(|| "-".to_string(), show);
    let stale = match (rule.lifetime.stale_while_revalidate, rule.lifetime.stale_if_error) {
        (None, None) => "-".to_string(),
        (behind, error) => format!("{}/{}", duration(behind), duration(error)),
    };
    let pattern = rule.pattern.as_ref().map_or_else(|| "(any other path)".to_string(), ToString::to_string);
    let cached = !rule.pass;
    let or_dash = |text: String| if cached { text } else { "-".into() };
    [
        rule.name.to_string(),
        pattern,
        rule.origin.to_string(),
        if cached { rule.cache.to_string() } else { "pass".into() },
        or_dash(rule.audience.as_str().into()),
        duration(rule.lifetime.ttl),
        stale,
        or_dash(rule.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    ]
}

/// The same for machines.
pub fn summary_json(config: &Config) -> Value {
    let rules: Vec<Value> = config
        .router
        .rules()
        .map(|rule| {
            json!({
                "name": &*rule.name,
                "match": rule.pattern.as_ref().map(ToString::to_string),
                "host": rule.host,
                "pass": rule.pass,
                "origin": &*rule.origin,
                "cache": rule.cache.as_str(),
                "audience": rule.audience.as_str(),
                "guard": rule.guard.as_str(),
                "ttl_ms": rule.lifetime.ttl.map(|ttl| ttl.as_millis()),
                "tags": rule.tags.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    let origins = config.origins.iter().map(|own| json!({ "name": &*own.name, "servers": servers(own) }));
    json!({ "origins": origins.collect::<Vec<_>>(), "routes": rules, "notes": config.notes })
}

/// The routes that a new configuration makes cacheable, or shares, and the old one did not (row W7).
pub fn newly_cacheable(old: &Config, new: &Config) -> Vec<String> {
    let was =
        |name: &str| old.router.rules().find(|rule| &*rule.name == name).map_or(Reach::Nobody, |rule| Reach::of(rule));
    let widened = new.router.rules().filter(|rule| Reach::of(rule) > was(&rule.name));
    widened.map(|rule| rule.name.to_string()).collect()
}

/// Who may get what was fetched for one visitor.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nobody,
    ThatVisitor,
    Everybody,
}

impl Reach {
    fn of(rule: &Rule) -> Reach {
        match rule.audience {
            _ if rule.pass => Reach::Nobody,
            Audience::Session if rule.without_session == WithoutSession::Pass => Reach::ThatVisitor,
            Audience::Session | Audience::Anonymous | Audience::Everyone => Reach::Everybody,
        }
    }
}
