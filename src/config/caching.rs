//! `store`, `caches`, `cookies`, `query`, `languages`, and the keys of what comes in a later version.

use super::reader::{Section, Text};
use crate::cache_name::CacheName;
use crate::key::{CookieClasses, Globs, Languages, QueryRules};
use crate::store::{Backend, Settings};
use std::path::{Path, PathBuf};

const MIB: u64 = 1024 * 1024;

pub(super) fn store(file: &Section<'_>, data_dir: &Path) -> Settings {
    let section = file.below("store");
    let sqlite = section.below("sqlite");
    let path = sqlite.text("path").map_or_else(|| data_dir.join("cache.db"), |text| PathBuf::from(text.text));
    sqlite.finish();
    let backend = match section.text("backend") {
        None => Backend::Sqlite { path },
        Some(text) => match text.text.as_str() {
            "sqlite" => Backend::Sqlite { path },
            "memory" => Backend::Memory,
            "redis" => {
                section.refuse(&text, "is not in this version; write sqlite or memory");
                Backend::Memory
            }
            _ => {
                section.refuse(&text, "is not a backend; write sqlite or memory");
                Backend::Memory
            }
        },
    };
    if section.has("redis") {
        section.tell("redis", "the Redis backend is not in this version; leave its section out");
    }
    let memory_bytes_max = section.size("memory").unwrap_or(256 * MIB);
    let object_bytes_max = section.size("object_max").unwrap_or(8 * MIB);
    if memory_bytes_max < MIB {
        section.tell("memory", "the memory tier needs at least 1MiB");
    }
    section.finish();
    Settings { backend, memory_bytes_max, cache_bytes_max: caches(file), object_bytes_max }
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
pub(super) fn later(file: &Section<'_>, environment: &dyn Fn(&str) -> Option<String>) {
    if file.has("csrf") {
        file.tell("csrf", "splicing form tokens is not in this version; leave the key out");
    }
    // Hashes session ids, which nothing stores yet: it may stand there already.
    let _ = file.text("session_key");
    if environment("USE_REDIS").is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1") {
        file.tell(
            "store",
            "USE_REDIS is set in the environment, but the Redis backend is not in this version; unset it",
        );
    }
}
