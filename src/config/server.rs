//! `listen`, `limits`, `admin`, `hosts`, `trusted_proxies`, `threads`, `log`.

use super::reader::{Section, Text};
use crate::accept::{Limits, ListenSettings};
use crate::admin;
use crate::invalidate::Network;
use crate::key::{Scheme, Target};
use crate::observe::{self, AccessLog, Format};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::num::NonZero;

const ADDRESS_FORM: &str = "an address with a port, such as 127.0.0.1:8080 or [::1]:8080";

pub(super) fn listen(file: &Section<'_>) -> Vec<ListenSettings> {
    if !file.has("listen") {
        return vec![ListenSettings { address: SocketAddr::from(([127, 0, 0, 1], 8080)) }];
    }
    let mut taken = HashSet::new();
    let mut listen = Vec::new();
    for section in file.sections("listen") {
        let address = section.parsed("address", ADDRESS_FORM, |text| text.parse::<SocketAddr>().ok());
        if section.has("tls") {
            section
                .tell("tls", "TLS is not in this version; put a terminator in front, and list it in trusted_proxies");
        }
        match address {
            Some(address) if address.port() != 0 && !taken.insert(address) => {
                section.tell("address", format!("{address} is listened on already"));
            }
            Some(address) => listen.push(ListenSettings { address }),
            None if !section.has("address") => section.tell("address", format!("is missing; write {ADDRESS_FORM}")),
            None => {}
        }
        section.finish();
    }
    if listen.is_empty() {
        file.tell("listen", "names no address");
    }
    listen
}

/// Two listeners at one address would be told at the start, when the port is found taken; better before.
pub(super) fn keep_apart(
    file: &Section<'_>,
    listen: &[ListenSettings],
    others: [(&'static str, Option<SocketAddr>); 2],
) {
    let mut taken: Vec<(&str, SocketAddr)> = listen.iter().map(|listen| ("listen", listen.address)).collect();
    for (key, address) in others.into_iter().filter_map(|(key, address)| Some((key, address?))) {
        match taken.iter().find(|(_, other)| overlap(*other, address)) {
            Some((first, other)) => file.tell(key, format!("would listen on {address}, but {first} has {other}")),
            None => taken.push((key, address)),
        }
    }
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let same_ip = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && same_ip
}

pub(super) fn limits(file: &Section<'_>) -> Limits {
    let section = file.below("limits");
    let default = Limits::default();
    let bytes =
        |key, default: usize| section.size(key).map_or(default, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let is_on = |text: &str| match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    };
    let limits = Limits {
        front: file.parsed("front", "on or off", is_on).unwrap_or(default.front),
        connections_max: section.count("connections").unwrap_or(default.connections_max),
        head_bytes_max: bytes("head", default.head_bytes_max),
        field_bytes_max: bytes("field", default.field_bytes_max),
        fields_max: section.count("fields").unwrap_or(default.fields_max),
        target_bytes_max: bytes("target", default.target_bytes_max),
        head_timeout: section.duration("head_timeout").unwrap_or(default.head_timeout),
        body_idle_timeout: section.duration("body_idle_timeout").unwrap_or(default.body_idle_timeout),
        write_timeout: section.duration("write_timeout").unwrap_or(default.write_timeout),
        drain_timeout: section.duration("drain_timeout").unwrap_or(default.drain_timeout),
        interim: section.bool("interim").unwrap_or(default.interim),
    };
    if !(8 * 1024..=1024 * 1024).contains(&limits.head_bytes_max) {
        section.tell("head", "a request head may have between 8KiB and 1MiB");
    }
    for (key, timeout) in [
        ("head_timeout", limits.head_timeout),
        ("body_idle_timeout", limits.body_idle_timeout),
        ("write_timeout", limits.write_timeout),
    ] {
        if timeout.is_zero() {
            section.tell(key, "must be longer than nothing, or every connection is closed at once");
        }
    }
    section.finish();
    limits
}

pub(super) fn admin(file: &Section<'_>) -> admin::Settings {
    let section = file.below("admin");
    let address = section.parsed("address", ADDRESS_FORM, |text| text.parse::<SocketAddr>().ok());
    let address = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8081)));
    let token = section.text("token").map(|text| text.text).unwrap_or_default();
    if token.is_empty() && !address.ip().is_loopback() {
        section.tell("token", format!("{address} can be reached from elsewhere: set a token, or listen on 127.0.0.1"));
    }
    if !token.is_empty() && (token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        section.tell("token", "must have at least 16 visible characters; make one with: openssl rand -hex 32");
    }
    section.finish();
    admin::Settings { address, token: token.into() }
}

pub(super) fn hosts(file: &Section<'_>) -> Vec<Box<str>> {
    let mut hosts = Vec::new();
    for text in file.texts("hosts").unwrap_or_default() {
        match host(&text.text) {
            Some(host) => hosts.push(host),
            None => file.refuse(&text, "is not a host name with an optional port, such as shop.example"),
        }
    }
    hosts
}

/// A host as it stands in keys.
pub(super) fn host(text: &str) -> Option<Box<str>> {
    let is_host = !text.contains(['/', '?', '#']);
    let url = Target::parse(&format!("{}://{text}/", Scheme::Http.as_str())).ok();
    url.filter(|_| is_host)?.host
}

pub(super) fn networks(section: &Section<'_>, key: &'static str) -> Option<Vec<Network>> {
    let texts = section.texts(key)?;
    let network = |text: Text| match text.text.parse() {
        Ok(network) => Some(network),
        Err(error) => {
            section.refuse(&text, format!("is {error}"));
            None
        }
    };
    Some(texts.into_iter().filter_map(network).collect())
}

pub(super) fn threads(file: &Section<'_>) -> Option<NonZero<usize>> {
    let read = |text: &str| match text {
        "auto" => Some(None),
        number => number.parse().ok().and_then(NonZero::new).map(Some),
    };
    file.parsed("threads", "auto or a whole number of at least 1", read).flatten()
}

pub(super) fn log(file: &Section<'_>) -> observe::Settings {
    let section = file.below("log");
    let access = section.text("access").map_or(AccessLog::Stdout, |text| match text.text.as_str() {
        "off" => AccessLog::Off,
        "stdout" => AccessLog::Stdout,
        "stderr" => AccessLog::Stderr,
        path => AccessLog::File(path.into()),
    });
    let format = section.parsed("format", "json or logfmt", |text| match text {
        "json" => Some(Format::Json),
        "logfmt" => Some(Format::Logfmt),
        _ => None,
    });
    section.finish();
    observe::Settings { access, format: format.unwrap_or(Format::Json) }
}
