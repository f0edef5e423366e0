//! `store`, `caches`, `cookies`, `csrf`, `query` and `languages`.

use super::reader::{Section, Text};
use super::shared_store::{self, Shared};
use crate::cache_name::CacheName;
use crate::key::{CookieClasses, FORM_TOKEN_COOKIE, Globs, Languages, QueryRules};
use crate::store::{Backend, Settings};
use std::path::{Path, PathBuf};

pub(super) const MIB: u64 = 1024 * 1024;
/// Django's own name for the cookie that holds a visitor's choice.
const LANGUAGE_COOKIE: &str = "django_language";

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
    let (cache_bytes_max, session_bytes_max) = caches(file);
    Settings { backend, memory_bytes_max, cache_bytes_max, object_bytes_max, session_bytes_max }
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

/// The caches' sizes, and how much is kept for one session.
fn caches(file: &Section<'_>) -> ([u64; 3], u64) {
    let section = file.below("caches");
    let mut session_bytes_max = MIB;
    let sizes = CacheName::ALL.map(|cache| {
        let below = section.below(cache.as_str());
        let size = below.size("max_size");
        if size.is_some_and(|size| size < MIB) {
            below.tell("max_size", "a cache needs at least 1MiB");
        }
        let size = size.unwrap_or(match cache {
            CacheName::Default => 512 * MIB,
            CacheName::Products => 1024 * MIB,
            CacheName::Sessions => 128 * MIB,
        });
        if cache == CacheName::Sessions {
            session_bytes_max = below.size("max_per_session").unwrap_or(session_bytes_max).min(size);
        }
        below.finish();
        size
    });
    section.finish();
    (sizes, session_bytes_max)
}

/// What cookies mean where no rule says otherwise.
pub(super) fn cookies(file: &Section<'_>) -> CookieClasses {
    let section = file.below("cookies");
    let names = |names: &[&str]| Globs::new(names).unwrap_or_default();
    let otherwise = CookieClasses { session: names(&["sessionid"]), personal: names(&["messages"]), ..csrf(file) };
    let classes = classes(&section, &otherwise);
    section.finish();
    let lists = [("session", &classes.session), ("personal", &classes.personal), ("key", &classes.key)];
    let taken = lists.into_iter().find(|(_, list)| classes.splices && list.matches(&classes.form_token));
    if let Some((list, _)) = taken {
        let name = &classes.form_token;
        file.below("csrf").tell("cookie", format!("{name} is also among cookies.{list}; take it out there"));
    }
    classes
}

/// The four lists, where they are there.
pub(super) fn classes(section: &Section<'_>, otherwise: &CookieClasses) -> CookieClasses {
    let list = |key, otherwise: &Globs| if section.has(key) { globs(section, key) } else { otherwise.clone() };
    let classes = CookieClasses {
        session: list("session", &otherwise.session),
        personal: list("personal", &otherwise.personal),
        key: list("key", &otherwise.key),
        drop: list("drop", &otherwise.drop),
        ..otherwise.clone()
    };
    // Without spliced tokens, a shared page without its csrftoken cookie has forms that answer 403.
    if !classes.splices && classes.drop.matches(&classes.form_token) && section.has("drop") {
        let name = &classes.form_token;
        section.tell(
            "drop",
            format!(
                "{name} may be dropped only where form tokens are spliced; write csrf: {{ scheme: django }}: the forms of a \
                 page that is stored without it would answer 403"
            ),
        );
    }
    classes
}

pub(super) fn query(file: &Section<'_>) -> QueryRules {
    let section = file.below("query");
    let rules = QueryRules { ignore: globs(&section, "ignore") };
    section.finish();
    rules
}

pub(super) fn globs(section: &Section<'_>, key: &'static str) -> Globs {
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
    let form = "the name of a cookie";
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=');
    let cookie = file.parsed("language_cookie", form, |text| is_name(text).then(|| text.to_string()));
    Languages::new(tags, cookie.as_deref().unwrap_or(LANGUAGE_COOKIE))
}

/// Whether form tokens are spliced, and the name of their cookie.
fn csrf(file: &Section<'_>) -> CookieClasses {
    let section = file.below("csrf");
    let is_django = |text: &str| (text == "django").then_some(());
    let scheme = section.parsed("scheme", "a scheme that is known; write django", is_django);
    if file.has("csrf") && !section.has("scheme") {
        section.tell("scheme", "is missing; write django");
    }
    let is_name = |text: &str| {
        let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        (!text.is_empty() && text.bytes().all(is_token)).then(|| Box::from(text))
    };
    let name = section.parsed("cookie", "the name of a cookie", is_name);
    section.finish();
    CookieClasses {
        form_token: name.unwrap_or_else(|| FORM_TOKEN_COOKIE.into()),
        splices: scheme.is_some(),
        ..CookieClasses::default()
    }
}
