//! `origin` and `origins`: where requests go, and when one of the servers there counts as down.

use super::reader::{Section, Text};
use super::server::host;
use super::units::show;
use crate::fetch::{BreakerSettings, HealthSettings, Settings};
use crate::route::Router;
use http::{StatusCode, Uri};
use std::sync::Arc;
use std::time::Duration;

/// The name of the origin that rules use where they name none.
pub(super) const DEFAULT: &str = "default";

/// Origins at most, and servers of each: each server is a set of metrics, and each is looked at for each request.
const ORIGINS_MAX: usize = 32;
const SERVERS_MAX: usize = 32;

/// All origins, the default one first.
pub(super) fn origins(file: &Section<'_>) -> Vec<Settings> {
    let default = file.below("origin");
    if !file.has("origin") {
        file.tell("origin", "the origin is missing; write for example origin: { url: \"http://127.0.0.1:9000\" }");
    }
    let mut origins = vec![origin(&default, DEFAULT.into(), file.has("origin"))];
    let named = file.below("origins");
    let sections = named.named_sections();
    if sections.len() > ORIGINS_MAX {
        file.tell("origins", format!("has {} origins; at most {ORIGINS_MAX} are taken", sections.len()));
    }
    for (name, section) in sections {
        if name == DEFAULT {
            named.tell(&name, "is the name of the one under origin; give this one another");
        } else if !is_name(&name) {
            named.tell(&name, "is not a name; write lower-case letters, digits, - and _, at most 64");
        }
        origins.push(origin(&section, name.into(), true));
    }
    origins
}

/// A name is a metrics label.
fn is_name(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(sound)
}

/// What an operator should know although nothing is wrong.
pub(super) fn cautions(origins: &[Settings], router: &Router) -> Vec<String> {
    let is_used = |origin: &&Settings| router.rules().any(|rule| rule.origin == origin.name);
    let unused = origins.iter().filter(|origin| !is_used(origin));
    unused.map(|origin| format!("no rule sends to the origin {}", origin.name)).collect()
}

fn origin(section: &Section<'_>, name: Arc<str>, is_there: bool) -> Settings {
    let (servers, stale_after) = (servers(section, is_there), section.duration("stale_after"));
    let settings = Settings {
        name,
        servers: servers.into(),
        connect_timeout: section.duration("connect_timeout").unwrap_or(Duration::from_secs(2)),
        response_timeout: section.duration("response_timeout").unwrap_or(Duration::from_secs(30)),
        body_idle_timeout: section.duration("body_idle_timeout").unwrap_or(Duration::from_secs(30)),
        connections_max: section.count("connections").unwrap_or(256),
        idle_timeout: section.duration("idle_timeout").unwrap_or(Duration::from_secs(4)),
        stale_after: stale_after.map(|_| positive(section, "stale_after", stale_after, Duration::ZERO)),
        breaker: breaker(&section.below("breaker")),
        health: section.has("health").then(|| health(&section.below("health"))),
    };
    if settings.stale_after.is_some_and(|patience| patience >= settings.response_timeout) {
        let limit = show(settings.response_timeout);
        section
            .tell("stale_after", format!("is not below response_timeout, {limit}, after which the origin has failed"));
    }
    section.finish();
    settings
}

fn servers(section: &Section<'_>, is_there: bool) -> Vec<Uri> {
    let url = section.text("url");
    let several = section.texts("servers");
    if section.has("url") && section.has("servers") {
        section.tell("servers", "stands beside url; write one of them");
    }
    if is_there && url.is_none() && !section.has("url") && several.as_ref().is_none_or(Vec::is_empty) {
        let key = if section.has("servers") { "servers" } else { "url" };
        section.tell(key, "names no server; write url: \"http://127.0.0.1:9000\", or several as servers: [...]");
    }
    let mut servers: Vec<Uri> = Vec::new();
    for text in url.into_iter().chain(several.unwrap_or_default()) {
        match server(section, &text) {
            Some(uri) if servers.contains(&uri) => section.refuse(&text, "stands there twice; write it once"),
            Some(uri) => servers.push(uri),
            None => {}
        }
    }
    if servers.len() > SERVERS_MAX {
        section.tell("servers", format!("has {} servers; at most {SERVERS_MAX} are taken", servers.len()));
    }
    servers
}

fn server(section: &Section<'_>, text: &Text) -> Option<Uri> {
    let uri = text.text.parse::<Uri>().ok().filter(|uri| {
        let plain = uri.path() == "/" && uri.query().is_none();
        let authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        matches!(uri.scheme_str(), Some("http" | "https")) && authority && plain
    });
    match uri {
        Some(uri) if uri.scheme_str() == Some("https") => {
            section.refuse(
                text,
                "is https, which this version does not speak to an origin; use http on a private network",
            );
            None
        }
        Some(uri) => Some(uri),
        None => {
            section.refuse(text, "is not an origin; write http://host:port without a path");
            None
        }
    }
}

fn breaker(section: &Section<'_>) -> BreakerSettings {
    let default = BreakerSettings::default();
    let failures = section.count("failures");
    let open = positive(section, "open", section.duration("open"), default.open);
    let open_max = section.duration("open_max");
    if open_max.is_some_and(|most| most < open) {
        section.tell("open_max", format!("is below open, {}", show(open)));
    }
    let form = "a status that can be a failure; write one from 500 to 599";
    let settings = BreakerSettings {
        failures: failures.map_or(default.failures, saturated),
        open,
        open_max: open_max.unwrap_or(default.open_max).max(open),
        statuses: statuses(section, form, 500..600),
    };
    section.finish();
    settings
}

fn health(section: &Section<'_>) -> HealthSettings {
    let path = section.parsed("path", "a path, such as /healthz", |text| {
        let is_path = text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok();
        is_path.then(|| text.into())
    });
    if path.is_none() && !section.has("path") {
        section.tell("path", "is missing; write the path that says whether a server is well, such as /healthz");
    }
    let settings = HealthSettings {
        path: path.unwrap_or_else(|| "/".into()),
        host: section.parsed("host", "a host name such as shop.example", host),
        interval: positive(section, "interval", section.duration("interval"), Duration::from_secs(5)),
        timeout: positive(section, "timeout", section.duration("timeout"), Duration::from_secs(2)),
        unhealthy_after: section.count("unhealthy_after").map_or(3, saturated),
        healthy_after: section.count("healthy_after").map_or(2, saturated),
        statuses: statuses(section, "a status; write one from 200 to 599", 200..600),
    };
    section.finish();
    settings
}

fn positive(section: &Section<'_>, key: &str, said: Option<Duration>, default: Duration) -> Duration {
    if said.is_some_and(|duration| duration.is_zero()) {
        section.tell(key, "must be longer than nothing");
    }
    said.unwrap_or(default)
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn statuses(section: &Section<'_>, form: &str, range: std::ops::Range<u16>) -> Box<[StatusCode]> {
    let status = |text: &Text| {
        let code = text.text.parse::<u16>().ok().filter(|code| range.contains(code));
        if code.is_none() {
            section.refuse(text, format!("is not {form}"));
        }
        StatusCode::from_u16(code?).ok()
    };
    section.texts("statuses").unwrap_or_default().iter().filter_map(status).collect()
}
