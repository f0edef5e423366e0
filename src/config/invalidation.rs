//! `invalidation`: who may send PURGE, webhooks, and what events mean.

use super::dialects;
use super::reader::{Section, Text};
use super::server::networks;
use crate::accept::ListenSettings;
use crate::invalidate::{
    BodyHmac, EventAt, EventRule, Network, Place, Scheme, Secret, Settings, Template, WebhookSettings,
};
use crate::key::QueryRules;
use http::HeaderName;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Longer than a proxy's lease, so that one that died is waited for until its lease has run out.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(5);

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
    let webhooks = webhooks(&section, notes);
    let events = events(&section.below("events"));
    let wait = section.duration("wait").unwrap_or(CONFIRMATION_WAIT);
    let dialects = dialects::dialects(&section, notes);
    let redirects = section.bool("redirects").unwrap_or(false);
    section.finish();
    note_loopback(listen, &allow, &trusted, public, notes);
    // What session ids are hashed with is known when the proxy starts.
    let sessions = None;
    Settings {
        redirects,
        listen,
        wait,
        allow: allow.into(),
        dialects,
        trusted: trusted.into(),
        webhooks,
        events,
        query,
        sessions,
    }
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

fn webhooks(section: &Section<'_>, notes: &mut Vec<String>) -> Box<[WebhookSettings]> {
    let mut webhooks: Vec<WebhookSettings> = Vec::new();
    for own in section.sections("webhooks") {
        let Some(webhook) = webhook(&own, notes) else { continue };
        if webhooks.iter().any(|other| other.path == webhook.path) {
            own.tell("path", "stands there for another webhook already; give each sender a path of its own");
        }
        webhooks.push(webhook);
    }
    webhooks.into()
}

fn webhook(section: &Section<'_>, notes: &mut Vec<String>) -> Option<WebhookSettings> {
    let form = "a path; begin it with a slash";
    let path = section.parsed("path", form, |text| text.starts_with('/').then(|| Box::from(text)));
    if !section.has("path") {
        section.tell("path", "is missing; write for example /webhooks/shop");
    }
    let form = format!("a scheme that is known; write one of {}", Scheme::NAMES.join(", "));
    let scheme = section.parsed("scheme", &form, Scheme::named).unwrap_or(Scheme::Standard);
    let mut secrets: Vec<Secret> = Vec::new();
    let texts = section.text("secret").into_iter().chain(section.texts("secrets").unwrap_or_default());
    for text in texts.filter(|text| !text.text.is_empty()) {
        secrets.extend(secret(section, &scheme, &text));
    }
    let scheme = match scheme {
        Scheme::Body(own) if own.is_configurable() => Scheme::Body(places(section, own)),
        other => other,
    };
    section.finish();
    let path: Box<str> = path?;
    if secrets.is_empty() {
        notes.push(format!("the webhook {path} is off: it has no secret"));
    }
    Some(WebhookSettings { path, scheme, secrets: secrets.into() })
}

/// A secret; what is wrong with one is told without showing it.
fn secret(section: &Section<'_>, scheme: &Scheme, text: &Text) -> Option<Secret> {
    let place = if text.key.ends_with(".secret") { "secret" } else { "secrets" };
    scheme.secret(&text.text).map_err(|bad| section.tell(place, bad.to_string())).ok()
}

/// Where a sender that nobody knows says what.
fn places(section: &Section<'_>, mut own: BodyHmac) -> BodyHmac {
    let form = "a field's name, such as X-Webhook-Signature";
    let named = |text: &str| HeaderName::from_bytes(text.as_bytes()).ok();
    if let Some(field) = section.parsed("signature_field", form, named) {
        own = own.signature_in(field);
    }
    let or_none = |text: &str| if text == "none" { Some(None) } else { named(text).map(Some) };
    if let Some(field) = section.parsed("id_field", "a field's name, or none", or_none) {
        own = own.id_in(field);
    }
    let form_of_place = "a place in the payload, such as data.object";
    let field = section.parsed("event_field", form, named).map(EventAt::Field);
    let place = section.parsed("event_at", form_of_place, Place::parse).map(EventAt::Body);
    if field.is_some() && place.is_some() {
        section.tell("event_at", "stands beside event_field; an event's name is in one of the two");
    }
    if let Some(event) = field.or(place) {
        own = own.event_in(event);
    }
    if let Some(place) = section.parsed("data_at", form_of_place, Place::parse) {
        own = own.data_in(place);
    }
    own
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
