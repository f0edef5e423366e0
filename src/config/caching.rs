//! `store`, `caches`, `cookies`, `query`, `languages`, and the keys of what comes in a later version.

use super::reader::{Section, Text};
use super::shared_store::{self, Shared};
use crate::cache_name::CacheName;
use crate::key::{CookieClasses, Globs, Languages, QueryRules};
use crate::store::{Backend, Settings};
use std::path::{Path, PathBuf};

const MIB: u64 = 1024 * 1024;

/// What is kept where. `USE_REDIS=true` in the environment stands above `backend`.
pub(super) fn store(file: &Section<'_>, data_dir: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Settings {
    let section = file.below("store");
    let sqlite = section.below("sqlite");
    let path = sqlite.text("path").map_or_else(|| data_dir.join("cache.db"), |text| PathBuf::from(text.text));
    sqlite.finish();
    let object_bytes_max = section.size("object_max").unwrap_or(8 * MIB);
    let below = section.below("redis");
    let shared = shared_store::read(&below, object_bytes_max);
    below.finish();
    let in_file = section.text("backend").map_or_else(|| "sqlite".into(), |text| text.text);
    let wants_redis = wants_redis(&section, environment);
    let backend = match (if wants_redis { "redis" } else { &in_file }, shared) {
        ("sqlite", _) => Backend::Sqlite { path },
        ("redis", Some(Shared { settings, membership, falls_back })) => {
            Backend::Redis { settings: Box::new(settings), membership, embedded: path, falls_back }
        }
        // What is wrong with its section has been told.
        ("redis", None) | ("memory", _) => Backend::Memory,
        _ => {
            section.tell("backend", format!("{in_file:?} is not a backend; write sqlite, redis or memory"));
            Backend::Memory
        }
    };
    let memory_bytes_max = section.size("memory").unwrap_or(256 * MIB);
    if memory_bytes_max < MIB {
        section.tell("memory", "the memory tier needs at least 1MiB");
    }
    section.finish();
    Settings { backend, memory_bytes_max, cache_bytes_max: caches(file), object_bytes_max }
}

/// The switch from development to production, for those who set it in the environment.
fn wants_redis(section: &Section<'_>, environment: &dyn Fn(&str) -> Option<String>) -> bool {
    let word = environment("USE_REDIS").unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "true" | "1" | "yes" | "on" => true,
        "" | "false" | "0" | "no" | "off" => false,
        _ => {
            section.tell("backend", format!("USE_REDIS is {word:?} in the environment; write true or false"));
            false
        }
    }
}

fn caches(file: &Section<'_>) -> [u64; 3] {
    let section = file.below("caches");
    let sizes = CacheName::ALL.map(|cache| {
        let below = section.below(cache.as_str());
        let size = below.size("max_size");
        if size.is_some_and(|size| size < MIB) {
            below.tell("max_size", "a cache needs at least 1MiB");
        }
        below.finish();
        size.unwrap_or(match cache {
            CacheName::Default => 512 * MIB,
            CacheName::Products => 1024 * MIB,
            CacheName::Sessions => 128 * MIB,
        })
    });
    section.finish();
    sizes
}

pub(super) fn cookies(file: &Section<'_>) -> CookieClasses {
    let section = file.below("cookies");
    let classes = CookieClasses {
        session: globs(&section, "session"),
        personal: globs(&section, "personal"),
        key: globs(&section, "key"),
        drop: globs(&section, "drop"),
    };
    // Without spliced tokens, a shared page without its csrftoken cookie has forms that answer 403.
    if classes.drop.matches("csrftoken") {
        section.tell(
            "drop",
            "csrftoken may be dropped only where form tokens are spliced (csrf), which is not in this version: \
             the forms of a page that is stored without it would answer 403",
        );
    }
    section.finish();
    classes
}

pub(super) fn query(file: &Section<'_>) -> QueryRules {
    let section = file.below("query");
    let rules = QueryRules { ignore: globs(&section, "ignore") };
    section.finish();
    rules
}

fn globs(section: &Section<'_>, key: &'static str) -> Globs {
    let texts = section.texts(key).unwrap_or_default();
    let sound = |text: &&Text| match Globs::new(&[&text.text]) {
        Ok(_) if !text.text.is_empty() => true,
        Ok(_) => {
            section.refuse(text, "is empty; write a name, with * for any characters");
            false
        }
        Err(error) => {
            section.refuse(text, format!("is not a name or glob: {error}"));
            false
        }
    };
    let names: Vec<&str> = texts.iter().filter(sound).map(|text| text.text.as_str()).collect();
    Globs::new(&names).unwrap_or_default()
}

pub(super) fn languages(file: &Section<'_>) -> Languages {
    let mut tags: Vec<Box<str>> = Vec::new();
    for text in file.texts("languages").unwrap_or_default() {
        let is_tag = |text: &str| {
            !text.is_empty()
                && text.len() <= 35
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if is_tag(&text.text) {
            tags.push(text.text.into());
        } else {
            file.refuse(&text, "is not a language tag such as en or pt-BR");
        }
    }
    Languages::new(tags)
}

/// Keys of what is not in this version: told, never overlooked.
pub(super) fn later(file: &Section<'_>) {
    if file.has("csrf") {
        file.tell("csrf", "splicing form tokens is not in this version; leave the key out");
    }
    // Hashes session ids, which nothing stores yet: it may stand there already.
    let _ = file.text("session_key");
}
