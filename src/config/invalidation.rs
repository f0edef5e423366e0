//! `invalidation`: who may send PURGE, webhooks, and what events mean.

use super::dialects;
use super::reader::{Section, Text};
use super::server::networks;
use crate::accept::ListenSettings;
use crate::invalidate::{EventRule, Network, Secret, Settings, Template, WebhookSettings};
use crate::key::QueryRules;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Longer than a proxy's lease, so that one that died is waited for until its lease has run out.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a secret, at least (Standard Webhooks 1.0).
const SECRET_BYTES_MIN: usize = 24;

pub(super) fn settings(
    file: &Section<'_>,
    trusted: Vec<Network>,
    query: Arc<QueryRules>,
    public: &[ListenSettings],
    notes: &mut Vec<String>,
) -> Settings {
    let section = file.below("invalidation");
    let form = "an address with a port, such as 127.0.0.1:8082";
    let listen = section.parsed("listen", form, |text| text.parse::<SocketAddr>().ok());
    let allow = networks(&section, "allow").unwrap_or_else(loopback);
    let webhooks = section.sections("webhooks").iter().filter_map(|own| webhook(own, notes)).collect();
    let events = events(&section.below("events"));
    let wait = section.duration("wait").unwrap_or(CONFIRMATION_WAIT);
    let dialects = dialects::dialects(&section, notes);
    section.finish();
    note_loopback(listen, &allow, &trusted, public, notes);
    // What session ids are hashed with is known when the proxy starts.
    let sessions = None;
    Settings { listen, wait, allow: allow.into(), dialects, trusted: trusted.into(), webhooks, events, query, sessions }
}

fn loopback() -> Vec<Network> {
    let v4 = Network { address: Ipv4Addr::LOCALHOST.into(), prefix_bits: 32 };
    let v6 = Network { address: Ipv6Addr::LOCALHOST.into(), prefix_bits: 128 };
    vec![v4, v6]
}

/// Behind a TLS terminator on the same machine every visitor comes from loopback, and so could purge.
fn note_loopback(
    listen: Option<SocketAddr>,
    allow: &[Network],
    trusted: &[Network],
    public: &[ListenSettings],
    notes: &mut Vec<String>,
) {
    let loopback_may = allow.iter().any(|network| network.contains(Ipv4Addr::LOCALHOST.into()));
    let on_loopback = public.iter().any(|own| own.address.ip().is_loopback());
    let behind_terminator = trusted.iter().any(|network| network.contains(Ipv4Addr::LOCALHOST.into()));
    if listen.is_none() && loopback_may && (on_loopback || behind_terminator) {
        notes.push(
            "loopback may PURGE on a public address: behind a TLS terminator on this machine that is every visitor \
             whose terminator adds no X-Forwarded-For; set invalidation.listen to give PURGE an address of its own"
                .into(),
        );
    }
}

fn webhook(section: &Section<'_>, notes: &mut Vec<String>) -> Option<WebhookSettings> {
    let form = "a path; begin it with a slash";
    let path = section.parsed("path", form, |text| text.starts_with('/').then(|| Box::from(text)));
    if !section.has("path") {
        section.tell("path", "is missing; write for example /webhooks/shop");
    }
    let scheme = |text: &str| (text == "standard-webhooks").then_some(());
    section.parsed("scheme", "a scheme that is known; write standard-webhooks", scheme);
    let mut secrets: Vec<Secret> = Vec::new();
    let texts = section.text("secret").into_iter().chain(section.texts("secrets").unwrap_or_default());
    for text in texts.filter(|text| !text.text.is_empty()) {
        secrets.extend(secret(section, &text));
    }
    section.finish();
    let path: Box<str> = path?;
    if secrets.is_empty() {
        notes.push(format!("the webhook {path} is off: it has no secret"));
    }
    Some(WebhookSettings { path, secrets: secrets.into() })
}

/// A secret; what is wrong with one is told without showing it.
fn secret(section: &Section<'_>, text: &Text) -> Option<Secret> {
    let key = text.text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    match key {
        Some(key) if key.len() >= SECRET_BYTES_MIN => Some(Secret(key.into())),
        _ => {
            let place = if text.key.ends_with(".secret") { "secret" } else { "secrets" };
            section.tell(
                place,
                "is not a secret, or a weak one; write whsec_ and the base64 of at least 24 random bytes, \
                 made for example with: echo whsec_$(openssl rand -base64 32)",
            );
            None
        }
    }
}

fn events(section: &Section<'_>) -> Box<[EventRule]> {
    let mut rules = Vec::new();
    for (event, own) in section.named_sections() {
        let rule = EventRule {
            event: event.into(),
            tags: templates(&own, "tags"),
            urls: templates(&own, "urls"),
            soft: own.bool("soft").unwrap_or(false),
            settle: own.duration("settle").unwrap_or(Duration::ZERO),
        };
        if rule.tags.is_empty() && rule.urls.is_empty() {
            own.tell("", "lets nothing go; write tags or urls");
        }
        own.finish();
        rules.push(rule);
    }
    rules.into()
}

fn templates(section: &Section<'_>, key: &'static str) -> Box<[Template]> {
    let mut templates = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        match Template::parse(&text.text) {
            Ok(template) => templates.push(template),
            Err(error) => section.refuse(&text, format!("is not a template: {error}")),
        }
    }
    templates.into()
}
