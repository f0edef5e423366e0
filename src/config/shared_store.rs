//! `store.redis`: where Redis is, who this proxy is among others, and what it does when it is cut off from them.

use super::reader::Section;
use crate::ledger::OnIsolation;
use crate::store::redis::{Secret, Servers, Settings, Tls, log::Membership};
use std::path::Path;

/// Where the file names none.
const DEFAULT_URL: &str = "redis://127.0.0.1:6379/0";
/// Bytes of a proxy's name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of the prefix of keys.
const PREFIX_BYTES_MAX: usize = 64;

/// What the section says.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) membership: Membership,
    /// Whether the embedded store carries on while Redis is away.
    pub(super) falls_back: bool,
}

/// Reads the section; none where its URL is wrong, which is told.
pub(super) fn read(section: &Section<'_>, object_bytes_max: u64) -> Option<Shared> {
    let settings = servers(section, password(section));
    let prefix = prefix(section);
    let membership = membership(section);
    let username = section.text("username").map(|text| text.text).filter(|text| !text.is_empty());
    let tls = authorities(section);
    let fallback = section.parsed("fallback", "sqlite or none", |word| match word {
        "sqlite" => Some(true),
        "none" => Some(false),
        _ => None,
    });
    let replicas = section.parsed("replicas", "a whole number", |text| text.parse().ok());
    let settings = settings?;
    if tls.is_some() && settings.tls.is_none() {
        section.tell("ca", "is for encrypted connections; write rediss:// in the url");
    }
    // Where a replica may take over, a master that is cut off must not go on confirming.
    let replicas = replicas.unwrap_or_else(|| usize::from(!matches!(settings.servers, Servers::One(_))));
    Some(Shared {
        membership: Membership { replicas, ..membership },
        falls_back: fallback.unwrap_or(false),
        settings: Settings {
            prefix,
            object_bytes_max,
            username: username.or(settings.username),
            tls: settings.tls.map(|system| tls.unwrap_or(system)),
            ..settings
        },
    })
}

fn servers(section: &Section<'_>, password: Option<Secret>) -> Option<Settings> {
    let Some(url) = section.text("url") else { return Settings::parse(DEFAULT_URL, password).ok() };
    match Settings::parse(&url.text, password) {
        Ok(settings) => Some(settings),
        Err(error) => {
            // The text is not shown: it may hold a password.
            section.tell("url", error.to_string());
            None
        }
    }
}

/// From the file itself, as `${NAME}`, or from a file of its own that only the service may read.
fn password(section: &Section<'_>) -> Option<Secret> {
    let password = section.text("password").and_then(|text| Secret::new(text.text));
    let Some(file) = section.text("password_file") else { return password };
    if password.is_some() {
        section.tell("password_file", "stands beside password; write one of them");
        return password;
    }
    match std::fs::read_to_string(&file.text) {
        Ok(text) => {
            let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
            if secret.is_none() {
                section.refuse(&file, "is empty");
            }
            secret
        }
        Err(error) => {
            section.refuse(&file, format!("cannot be read: {error}"));
            None
        }
    }
}

fn prefix(section: &Section<'_>) -> String {
    let prefix = section.text("prefix").map_or_else(|| "ecommerce:".into(), |text| text.text);
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'*' | b'?' | b'[' | b']' | b'\\');
    if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(is_plain) {
        section.tell("prefix", "is 1 to 64 visible ASCII characters without braces and wildcards, such as \"shop:\"");
    }
    prefix
}

/// Without the id, which is the data directory's and read when the proxy starts.
fn membership(section: &Section<'_>) -> Membership {
    let name = section.text("name").map(|text| text.text);
    if name.as_ref().is_some_and(|name| name.is_empty() || name.len() > NAME_BYTES_MAX) {
        section.tell("name", "is 1 to 64 bytes, such as shop-1");
    }
    let on_isolation = section.parsed("on_isolation", "serve, revalidate or pass", OnIsolation::parse);
    Membership { id: String::new(), name: name.unwrap_or_default(), on_isolation, replicas: 0 }
}

fn authorities(section: &Section<'_>) -> Option<Tls> {
    let file = section.text("ca")?;
    match Tls::trusting(Path::new(&file.text)) {
        Ok(tls) => Some(tls),
        Err(error) => {
            section.refuse(&file, format!("cannot be read: {error}"));
            None
        }
    }
}
