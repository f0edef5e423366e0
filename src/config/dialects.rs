//! `invalidation.dialects`: which ways of purging are spoken, and the secrets of those that need one.

use super::reader::Section;
use crate::invalidate::{Api, ApiSecret, Dialect, Dialects};

/// Characters of a secret, at least: as for the admin token.
const SECRET_BYTES_MIN: usize = 16;

pub(super) fn dialects(section: &Section<'_>, notes: &mut Vec<String>) -> Dialects {
    let default = Dialects::default();
    let on = on(section).unwrap_or(default.on);
    let cloudflare = api(&section.below("cloudflare"), "token", "zone");
    let fastly = api(&section.below("fastly"), "key", "service");
    let souin = section.below("souin");
    let base = souin.parsed("base", "a path such as /souin-api/souin", base).unwrap_or(default.souin_base);
    souin.finish();
    for (dialect, api, secret) in [(Dialect::Cloudflare, &cloudflare, "token"), (Dialect::Fastly, &fastly, "key")] {
        let name = dialect.as_str();
        match (on.contains(&dialect), api) {
            (true, None) => notes.push(format!("the dialect {name} is off: invalidation.{name} has no {secret}")),
            (false, Some(_)) => {
                notes.push(format!("the dialect {name} is off: invalidation.dialects does not name it"));
            }
            _ => {}
        }
    }
    Dialects { on, fastly, cloudflare, souin_base: base }
}

fn on(section: &Section<'_>) -> Option<Box<[Dialect]>> {
    let texts = section.texts("dialects")?;
    let mut on = Vec::new();
    for text in texts {
        match Dialect::parse(&text.text) {
            Some(dialect) if !on.contains(&dialect) => on.push(dialect),
            Some(_) => section.refuse(&text, "stands there twice"),
            None => {
                let known = Dialect::ALL.map(Dialect::as_str).join(", ");
                section.refuse(&text, format!("is not a dialect that is known; known are {known}"));
            }
        }
    }
    Some(on.into())
}

/// An API's secret and the one service or zone that it is for; none without a secret.
fn api(section: &Section<'_>, secret: &'static str, id: &'static str) -> Option<Api> {
    let text = section.text(secret).filter(|text| !text.text.is_empty());
    let id = section.parsed(id, "a name of visible characters without a slash", name);
    section.finish();
    let text = text?;
    if text.text.len() < SECRET_BYTES_MIN || !text.text.bytes().all(|byte| byte.is_ascii_graphic()) {
        section.tell(secret, format!("must have at least {SECRET_BYTES_MIN} visible characters"));
        return None;
    }
    Some(Api { secret: ApiSecret(text.text.into_bytes().into()), id })
}

fn name(text: &str) -> Option<Box<str>> {
    let is_sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    is_sound.then(|| text.into())
}

fn base(text: &str) -> Option<Box<str>> {
    let is_sound = text.len() > 1
        && text.starts_with('/')
        && !text.ends_with('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    is_sound.then(|| text.into())
}
