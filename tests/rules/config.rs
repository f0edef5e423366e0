//! What a configuration comes to, mistakes of a file as a whole, and the file that ships.

use std::path::PathBuf;
use std::time::Duration;
use vitrine::config::{self, Config, load};
use vitrine::ledger::OnIsolation;
use vitrine::store::Backend;
use vitrine::store::redis::Secret;

/// What a file's text comes to: nothing, or the report of its mistakes.
pub(crate) fn told(text: &str) -> Result<Config, String> {
    told_with(text, &|_| None)
}

pub(crate) fn told_with(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy.yaml");
    std::fs::write(&file, text).unwrap();
    load(&file, environment).map(|loaded| loaded.config).map_err(|mistakes| config::report(&mistakes))
}

/// A file that is right but for these lines.
pub(crate) fn with(lines: &str) -> String {
    format!("origin: {{ url: \"http://127.0.0.1:9000\" }}\n{lines}\n")
}

#[test]
fn mistakes_of_the_file_as_a_whole_are_told() {
    let not_there = load(&PathBuf::from("/nowhere/proxy.yaml"), &|_| None).unwrap_err();
    assert!(config::report(&not_there).starts_with("proxy.yaml: cannot be read: "));
    let folder = tempfile::tempdir().unwrap();
    let is_folder = load(folder.path(), &|_| None).unwrap_err();
    assert!(config::report(&is_folder).contains("is a directory"));
    assert!(told("").unwrap_err().contains("proxy.yaml: is empty"));
    assert!(told("listen: []").unwrap_err().contains("the origin is missing; write for example origin:"));
    assert!(told(&with(&"# padding\n".repeat(110_000))).unwrap_err().contains("at most 1 MiB is read"));
    assert!(told("origin: { url: ftp://a }").unwrap_err().contains(r#"origin.url: "ftp://a" is not an origin"#));
    assert!(told("origin: { url: https://a }").unwrap_err().contains("is https, which this version does not speak"));
    let file = folder.path().join("latin.yaml");
    std::fs::write(&file, b"origin: \xff").unwrap();
    assert!(config::report(&load(&file, &|_| None).unwrap_err()).contains("is not UTF-8 text"));
}

#[test]
fn c11_repeated_keys_broken_yaml_and_bombs_are_told_with_their_line() {
    let table = [
        ("hosts: []\nhosts: [a]", "proxy.yaml:3:1: hosts: stands there twice; write it once"),
        ("store: { backend: sqlite, backend: memory }", "proxy.yaml:2:27: backend: stands there twice; write it once"),
        ("routes: [", "proxy.yaml:2:9: is not YAML: unclosed bracket '['"),
        ("routes:\n\t- a", "proxy.yaml:3:2: is not YAML: tabs disallowed"),
        ("---\nhosts: []", "proxy.yaml:3:1: a second document begins here; write everything in one"),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.starts_with(expected) && told.lines().count() == 1, "{expected}\nis not\n{told}");
    }
    let bomb = (0..12).fold("a0: &a0 [x, x]\n".to_string(), |bomb, n| {
        bomb + &format!("a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 10].join(", "))
    });
    let nested = |levels| format!("hosts: {}{}", "[".repeat(levels), "]".repeat(levels));
    for bomb in [bomb, nested(40), nested(20_000)] {
        let told = told(&with(&bomb)).unwrap_err();
        assert!(told.starts_with("proxy.yaml:") && told.contains("comes to more than 100000 values"), "{told}");
    }
}

#[test]
fn variables_come_from_the_environment_and_an_unset_one_is_told() {
    let environment = |name: &str| (name == "TTL").then(|| "90s".to_string());
    let rule = |ttl: &str| with(&format!("routes: [{{ name: a, match: \"/\", ttl: \"{ttl}\" }}]"));
    let config = told_with(&rule("${TTL}"), &environment).unwrap();
    assert_eq!(config.router.rules().next().unwrap().lifetime.ttl, Some(Duration::from_secs(90)));
    let unset = told(&rule("${TTL}")).unwrap_err();
    assert!(unset.contains("routes[0].ttl: the environment variable TTL is not set"), "{unset}");
}

#[test]
fn one_switch_goes_to_redis_in_the_file_or_in_the_environment() {
    let backend = |lines: &str, word: Option<&str>| {
        let environment = |name: &str| word.filter(|_| name == "USE_REDIS").map(Into::into);
        told_with(&with(lines), &environment).map(|config| config.store.backend)
    };
    let is_redis = |lines: &str, word: Option<&str>| matches!(backend(lines, word), Ok(Backend::Redis { .. }));
    assert!(is_redis("store: { backend: redis }", None));
    assert!(is_redis("store: { backend: redis }", Some("false")));
    assert!(!is_redis("", None) && !is_redis("", Some("False")) && !is_redis("", Some("")));
    for word in ["true", "True", "1", "yes"] {
        assert!(is_redis("store: { backend: sqlite }", Some(word)), "{word}");
    }
    let told = backend("", Some("maybe")).unwrap_err();
    assert!(told.contains(r#"USE_REDIS is "maybe" in the environment; write true or false"#), "{told}");
}

#[test]
fn what_redis_needs_is_read_and_its_password_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let lines = format!(
        "store: {{ backend: redis, redis: {{ url: \"redis-sentinel://s1,s2/shop/3\", username: shop, password_file: {}, \
         prefix: \"shop:\", name: shop-1, on_isolation: pass, fallback: sqlite }} }}",
        file.display()
    );
    let config = told(&with(&lines)).unwrap();
    let Backend::Redis { settings, membership, falls_back, .. } = &config.store.backend else { panic!("{config:?}") };
    assert_eq!((settings.prefix.as_str(), settings.database, settings.username.as_deref()), ("shop:", 3, Some("shop")));
    assert_eq!(settings.password, Secret::new("hunter2"));
    assert_eq!((membership.name.as_str(), membership.on_isolation), ("shop-1", Some(OnIsolation::Pass)));
    assert_eq!((membership.replicas, *falls_back), (1, true), "a master with sentinels waits for a replica");
    assert!(!format!("{config:?}").contains("hunter2"));
    let variable = |name: &str| (name == "REDIS_PASSWORD").then(|| "hunter2".to_string());
    let lines = r#"store: { backend: redis, redis: { password: "${REDIS_PASSWORD}" } }"#;
    let Backend::Redis { settings, .. } = told_with(&with(lines), &variable).unwrap().store.backend else { panic!() };
    assert_eq!(settings.password, Secret::new("hunter2"));
    let told =
        told_with(&with("store: { redis: { password: \"${REDIS_PASSWORD}\", url: \"redis://h:x\" } }"), &variable);
    assert!(!told.unwrap_err().contains("hunter2"));
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let told = told(&with("threads: x\nhosts: [a b]\nroutes: [{ name: a, match: b, ttl: c, ddl: d }]")).unwrap_err();
    let keys: Vec<&str> = told.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(keys, ["threads", "hosts[0]", "routes[0].match", "routes[0].ttl", "routes[0].ddl"]);
}

#[test]
fn ten_lines_are_enough_and_the_same_file_gives_the_same_fingerprints() {
    let text = with("routes:\n  - { name: home, match: \"/\", ttl: 5m }");
    let fingerprints = |config: &Config| config.router.rules().map(|rule| rule.fingerprint).collect::<Vec<_>>();
    let first = told(&text).unwrap();
    assert_eq!(fingerprints(&first), fingerprints(&told(&text).unwrap()));
    let other = told(&text.replace("5m", "6m")).unwrap();
    assert_ne!(fingerprints(&first)[0], fingerprints(&other)[0]);
    assert_eq!(fingerprints(&first)[1], fingerprints(&other)[1]);
    let keyed = told(&format!("{text}cookies: {{ key: [currency] }}\n")).unwrap();
    assert_ne!(fingerprints(&first)[0], fingerprints(&keyed)[0]);
}

#[test]
fn what_might_share_a_personal_page_is_noted() {
    let notes = |lines: &str| told(&with(lines)).unwrap().notes;
    let noted = |lines: &str, text: &str| notes(lines).iter().any(|note| note.contains(text));
    let rule = |rule: &str| format!("routes: [{{ name: a, {rule} }}]");
    let shares = "shares pages under";
    for (own, expected) in [
        (r#"match: "/account/{*path}", ttl: 1h"#, true),
        (r#"match: "/de/orders", ttl: 1h, audience: everyone"#, true),
        (r#"match: "/account/{*path}", ttl: 1h, audience: session"#, false),
        (r#"match: "/account/{*path}", pass: true"#, false),
        (r#"match: "/accounting", ttl: 1h"#, false),
    ] {
        assert_eq!(noted(&rule(own), shares), expected, "{own}");
    }
    let kept = rule(r#"match: "/", ttl: 1h, audience: everyone, cookies: [currency, sessionid]"#);
    assert!(noted(&kept, "names the cookie sessionid as part of its key"));
    let redis = "store: { backend: redis }\n";
    let own = rule(r#"match: "/account/{*path}", audience: session"#);
    assert!(noted(&format!("{redis}{own}"), "session_key is not set"));
    let key = "session_key: 0123456789abcdef0123456789abcdef\n";
    assert!(!noted(&format!("{redis}{key}{own}"), "session_key"));
    assert!(!noted(&own, "session_key"), "one proxy alone makes its own");
}

#[test]
fn what_a_rule_says_of_cookies_changes_these_lists_alone() {
    let classes = |rule: &str| {
        let lines = format!(
            "cookies: {{ session: [sessionid], personal: [basket], key: [currency], drop: [seen] }}\n\
             routes: [{{ name: a, match: \"/\", {rule} }}]"
        );
        let config = told(&with(&lines)).unwrap();
        let rule = config.router.rules().next().unwrap().clone();
        let names = [&rule.cookies.session, &rule.cookies.personal, &rule.cookies.key, &rule.cookies.drop];
        let all = config.sessions.cookies.names().iter().map(ToString::to_string).collect::<Vec<_>>();
        (names.map(|globs| globs.names().join(" ")), all)
    };
    let expected =
        |names: [&str; 4], all: &[&str]| (names.map(str::to_string), all.iter().map(ToString::to_string).collect());
    assert_eq!(classes("ttl: 1h"), expected(["sessionid", "basket", "currency", "seen"], &["sessionid"]));
    assert_eq!(classes("cookies: [size]"), expected(["sessionid", "basket", "size", "seen"], &["sessionid"]));
    assert_eq!(
        classes("cookies: { session: [forum], personal: [] }"),
        expected(["sessionid forum", "", "currency", "seen"], &["sessionid", "forum"])
    );
}

#[test]
fn a_dialect_that_needs_a_secret_is_off_without_it_and_the_secret_is_never_shown() {
    let invalidation = |lines: &str| {
        let config = told(&with(&format!("invalidation: {{ {lines} }}"))).unwrap();
        let notes: Vec<String> = config.notes.into_iter().filter(|note| note.contains("dialect")).collect();
        (format!("{:?}", config.invalidation.dialects), notes.join("; "))
    };
    let (dialects, notes) = invalidation("allow: []");
    assert!(dialects.contains("on: [Plain, WordPress]") && notes.is_empty(), "{dialects} {notes}");
    let (_, notes) = invalidation("dialects: [fastly, cloudflare], fastly: { key: \"\" }");
    assert!(notes.contains("the dialect cloudflare is off: invalidation.cloudflare has no token"), "{notes}");
    assert!(notes.contains("the dialect fastly is off: invalidation.fastly has no key"), "{notes}");
    let (dialects, notes) = invalidation("cloudflare: { token: 0123456789abcdef, zone: z1 }");
    assert!(notes.contains("the dialect cloudflare is off: invalidation.dialects does not name it"), "{notes}");
    assert!(dialects.contains("z1") && !dialects.contains("0123456789abcdef"), "{dialects}");
    assert!(!told(&with("invalidation: { fastly: { key: hunter2 } }")).unwrap_err().contains("hunter2"));
}

#[test]
fn the_file_that_ships_says_what_the_page_table_says() {
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("proxy.yaml");
    let loaded = load(&shipped, &|_| None).map_err(|mistakes| config::report(&mistakes)).unwrap();
    let rule = |name: &str| loaded.config.router.rules().find(|rule| &*rule.name == name).unwrap().clone();
    let minutes = |minutes| Some(Duration::from_mins(minutes));
    for (name, ttl, cache) in [
        ("home", minutes(5), "default"),
        ("product-list", minutes(10), "default"),
        ("product-detail", minutes(30), "products"),
        ("categories", minutes(60), "default"),
        ("account", minutes(8 * 60), "sessions"),
    ] {
        assert_eq!((rule(name).lifetime.ttl, rule(name).cache.as_str()), (ttl, cache), "{name}");
    }
    assert!(rule("checkout").pass);
    assert!(loaded.config.notes.iter().any(|note| note.contains("/webhooks/shop is off")));
}

#[test]
fn every_key_is_in_the_documentation() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let documentation = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let mut keys = 0;
    for entry in std::fs::read_dir(root.join("src/config")).unwrap().flatten() {
        let code = std::fs::read_to_string(entry.path()).unwrap();
        let code = code.split("#[cfg(test)]").next().unwrap();
        // The reader is asked for a key by a method's first argument.
        for call in [
            "text(\"",
            "texts(\"",
            "duration(\"",
            "size(\"",
            "bool(\"",
            "count(\"",
            "parsed(\"",
            "below(\"",
            "sections(\"",
            "within(\"",
        ] {
            for key in code.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                keys += 1;
                let documented = documentation.contains(&format!("`{key}`"))
                    || documentation.contains(&format!(".{key}`"))
                    || documentation.contains(&format!("`{key}:"))
                    || documentation.contains(&format!("`{key}."))
                    || documentation.contains(&format!("{{ {key} }}"));
                assert!(documented, "the key {key} is not in docs/configuration.md");
            }
        }
    }
    assert!(keys > 50, "only {keys} keys were found");
}
