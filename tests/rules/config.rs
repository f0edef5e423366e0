//! Each kind of wrong configuration, with the message an operator reads; and the file that ships.

use std::path::PathBuf;
use std::time::Duration;
use vitrine::config::{self, Config, load};
use vitrine::ledger::OnIsolation;
use vitrine::store::Backend;
use vitrine::store::redis::Secret;

/// What a file's text comes to: nothing, or the report of its mistakes.
fn told(text: &str) -> Result<Config, String> {
    told_with(text, &|_| None)
}

fn told_with(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy.yaml");
    std::fs::write(&file, text).unwrap();
    load(&file, environment).map(|loaded| loaded.config).map_err(|mistakes| config::report(&mistakes))
}

/// A file that is right but for these lines.
fn with(lines: &str) -> String {
    format!("origin: {{ url: \"http://127.0.0.1:9000\" }}\n{lines}\n")
}

#[test]
fn each_mistake_is_told_with_line_column_value_and_remedy() {
    let table = [
        ("liten: 1", "proxy.yaml:2:1: liten: is not a key that is known here; known are "),
        (
            "store: { backnd: sqlite }",
            "proxy.yaml:2:10: store.backnd: is not a key that is known here; known are sqlite, ",
        ),
        ("threads: [1]", "proxy.yaml:2:10: threads: a list is not a single value"),
        ("cookies: none", "proxy.yaml:2:10: cookies: a single value is not a map; write keys with their values"),
        ("hosts: shop.example", "proxy.yaml:2:8: hosts: a single value is not a list; write [a, b]"),
        ("hosts: [a b]", r#"proxy.yaml:2:9: hosts[0]: "a b" is not a host name with an optional port"#),
        (
            "max_keep: 5 minutes",
            r#"proxy.yaml:2:11: max_keep: "5 minutes" is not a duration; write a whole number with ms, s, m, h or d, such as 5m"#,
        ),
        (
            "store: { memory: 256MB }",
            r#"proxy.yaml:2:18: store.memory: "256MB" is not a size; write a whole number with B, KiB, MiB or GiB"#,
        ),
        ("store: { memory: 10B }", "proxy.yaml:2:18: store.memory: the memory tier needs at least 1MiB"),
        ("store: { backend: file }", r#"store.backend: "file" is not a backend; write sqlite, redis or memory"#),
        (
            r#"store: { redis: { url: "http://u:hunter2@h" } }"#,
            "proxy.yaml:2:24: store.redis.url: a Redis URL begins with redis://, rediss://",
        ),
        (
            r#"store: { redis: { prefix: "a{b" } }"#,
            "store.redis.prefix: is 1 to 64 visible ASCII characters without braces and wildcards",
        ),
        (
            "store: { redis: { on_isolation: stop } }",
            r#"store.redis.on_isolation: "stop" is not serve, revalidate or pass"#,
        ),
        ("store: { redis: { replicas: some } }", r#"store.redis.replicas: "some" is not a whole number"#),
        ("store: { redis: { fallback: memory } }", r#"store.redis.fallback: "memory" is not sqlite or none"#),
        (r#"store: { redis: { name: "" } }"#, "store.redis.name: is 1 to 64 bytes, such as shop-1"),
        (
            "store: { redis: { ca: /nowhere/ca.pem } }",
            r#"store.redis.ca: "/nowhere/ca.pem" cannot be read: No such file"#,
        ),
        ("store: { redis: { ca: /dev/null } }", "store.redis.ca: is for encrypted connections; write rediss://"),
        ("store: { redis: { password_file: /dev/null } }", r#"store.redis.password_file: "/dev/null" is empty"#),
        (
            "store: { redis: { password: a, password_file: /dev/null } }",
            "store.redis.password_file: stands beside password; write one of them",
        ),
        (
            "store: { redis: { database: 1 } }",
            "store.redis.database: is not a key that is known here; known are password, ",
        ),
        ("listen: [{ address: 127.0.0.1:1, tls: {} }]", "listen[0].tls: TLS is not in this version"),
        ("listen: [{ address: here }]", r#"listen[0].address: "here" is not an address with a port"#),
        (
            "listen: [{ address: 127.0.0.1:1 }, { address: 127.0.0.1:1 }]",
            "listen[1].address: 127.0.0.1:1 is listened on already",
        ),
        ("listen: []", "listen: names no address"),
        ("listen: [{ address: 0.0.0.0:8081 }]", "admin: would listen on 127.0.0.1:8081, but listen has 0.0.0.0:8081"),
        (
            "invalidation: { listen: 127.0.0.1:8080 }",
            "proxy.yaml:2:15: invalidation: would listen on 127.0.0.1:8080, but listen has 127.0.0.1:8080",
        ),
        ("lisen: []", "session_header, routes, session_key, "),
        (
            "admin: { address: 0.0.0.0:8081 }",
            "admin.token: 0.0.0.0:8081 can be reached from elsewhere: set a token, or listen on 127.0.0.1",
        ),
        ("admin: { token: short }", "admin.token: must have at least 16 visible characters"),
        ("limits: { head: 1KiB }", "limits.head: a request head may have between 8KiB and 1MiB"),
        ("limits: { head_timeout: 0 }", "limits.head_timeout: must be longer than nothing"),
        (
            "trusted_proxies: [10.0.0.0/99]",
            r#"trusted_proxies[0]: "10.0.0.0/99" is neither an IP address nor a network"#,
        ),
        ("cookies: { drop: [csrftoken] }", "cookies.drop: csrftoken may be dropped only where form tokens are spliced"),
        ("cookies: { key: ['['] }", r#"cookies.key[0]: "[" is not a name or glob"#),
        ("languages: [english!]", r#"languages[0]: "english!" is not a language tag"#),
        ("log: { format: xml }", r#"log.format: "xml" is not json or logfmt"#),
        ("threads: many", r#"threads: "many" is not auto or a whole number of at least 1"#),
        ("invalidation: { allow: [here] }", r#"invalidation.allow[0]: "here" is neither an IP address nor a network"#),
        ("invalidation: { events: { e: { tags: ['{'] } } }", "events.e.tags[0]: \"{\" is not a template"),
        ("invalidation: { events: { e: {} } }", "lets nothing go; write tags or urls"),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.contains(expected), "{lines}\n{expected}\nis not in\n{told}");
    }
}

#[test]
fn each_mistake_in_a_webhook_is_told_and_no_secret_with_it() {
    let table = [
        (
            "invalidation: { webhooks: [{ path: /w, secret: whsec_AAAA }] }",
            "webhooks[0].secret: is not a secret, or a weak one",
        ),
        ("invalidation: { webhooks: [{ path: w }] }", r#"webhooks[0].path: "w" is not a path; begin it with a slash"#),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: own }] }",
            r#"webhooks[0].scheme: "own" is not a scheme that is known"#,
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: stripe, secret: whsec_AAAA }] }",
            "webhooks[0].secret: is not a secret, or a weak one; write it as the sender shows it",
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: github, secrets: ['a secret that was copied with a blank '] }] }",
            "webhooks[0].secrets: is not a secret, or a weak one; write it as the sender shows it",
        ),
        (
            "invalidation: { webhooks: [{ path: /w }, { path: /w, scheme: github }] }",
            "webhooks[1].path: stands there for another webhook already",
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: github, id_field: none }] }",
            "webhooks[0].id_field: is not a key that is known here",
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: hmac-hex, signature_field: 'X Y' }] }",
            r#"webhooks[0].signature_field: "X Y" is not a field's name, such as X-Webhook-Signature"#,
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: hmac-hex, id_field: '' }] }",
            r#"webhooks[0].id_field: "" is not a field's name, or none"#,
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: hmac-hex, data_at: a..b }] }",
            r#"webhooks[0].data_at: "a..b" is not a place in the payload, such as data.object"#,
        ),
        (
            "invalidation: { webhooks: [{ path: /w, scheme: hmac-hex, event_at: a, event_field: X-Event }] }",
            "webhooks[0].event_at: stands beside event_field",
        ),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.contains(expected), "{lines}\n{expected}\nis not in\n{told}");
        assert!(!told.contains("AAAA") && !told.contains("a secret that was copied"), "{told}");
    }
}

#[test]
fn mistakes_about_form_tokens_are_told() {
    let table = [
        ("csrf: { scheme: rails }", r#"csrf.scheme: "rails" is not a scheme that is known; write django"#),
        ("csrf: {}", "csrf.scheme: is missing; write django"),
        ("csrf: { scheme: django, cookie: \"a b\" }", r#"csrf.cookie: "a b" is not the name of a cookie"#),
        (
            "csrf: { scheme: django, cookie: token }\ncookies: { session: [token] }",
            "csrf.cookie: token is also among cookies.session",
        ),
        (
            "csrf: { scheme: django }\nroutes: [{ name: a, match: /a, cookies: [csrftoken] }]",
            "routes[0].cookies: csrftoken is the cookie of form tokens; take it out, or write csrf: false",
        ),
        (
            "csrf: { scheme: django }\nroutes: [{ name: a, match: /a, cookies: { personal: ['csrf*'] } }]",
            "routes[0].cookies: csrftoken is the cookie of form tokens",
        ),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.contains(expected), "{lines}\n{expected}\nis not in\n{told}");
    }
    assert!(told(&with("csrf: { scheme: django }\ncookies: { drop: [csrftoken] }")).is_ok());
}

#[test]
fn each_mistake_in_what_dialects_need_is_told() {
    let table = [
        (
            "invalidation: { dialects: [plain, varnish] }",
            r#"invalidation.dialects[1]: "varnish" is not a dialect that is known; known are plain, wordpress, "#,
        ),
        ("invalidation: { dialects: [plain, plain] }", r#"invalidation.dialects[1]: "plain" stands there twice"#),
        (
            "invalidation: { cloudflare: { token: short } }",
            "invalidation.cloudflare.token: must have at least 16 visible characters",
        ),
        (
            "invalidation: { fastly: { key: short } }",
            "invalidation.fastly.key: must have at least 16 visible characters",
        ),
        ("invalidation: { fastly: { service: a/b } }", r#"fastly.service: "a/b" is not a name of visible characters"#),
        ("invalidation: { souin: { base: / } }", r#"souin.base: "/" is not a path such as /souin-api/souin"#),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.contains(expected), "{lines}\n{expected}\nis not in\n{told}");
    }
}

#[test]
fn each_mistake_in_a_rule_is_told() {
    let table = [
        (r#"{ name: a, match: "/", ttl: soon }"#, r#"routes[0].ttl: "soon" is not a duration"#),
        (r#"{ name: a, match: "/", ttl: 30d }"#, "routes[0].ttl: is longer than max_keep, 7d"),
        (r#"{ match: "/" }"#, "routes[0].name: is missing"),
        (r#"{ name: A, match: "/" }"#, r#"routes[0].name: "A" is not a name; write lower-case letters"#),
        (r#"{ name: other, match: "/" }"#, r#"routes[0].name: "other" is not a name"#),
        ("{ name: a }", "routes[0].match: is missing; write a path pattern such as /products/{product}"),
        (
            "{ name: a, match: products }",
            r#"routes[0].match: "products" is not a pattern: a pattern begins with a slash"#,
        ),
        (r#"{ name: a, match: "/{a}{b}" }"#, "two names stand side by side"),
        (
            r#"{ name: a, match: "/{p}", tags: ["t:{q}"] }"#,
            r#"routes[0].tags[0]: "t:{q}" names {q}, which the rule's match does not bind"#,
        ),
        (r#"{ name: a, match: "/", tags: ["{"] }"#, "routes[0].tags[0]: \"{\" is not a tag"),
        (
            r#"{ name: a, match: "/", pass: true, ttl: 5m }"#,
            "routes[0].ttl: says how to cache, but the rule says pass: true",
        ),
        (r#"{ name: a, match: "/", guard: on }"#, r#"routes[0].guard: "on" is not off or sample"#),
        (
            r#"{ name: a, match: "/", pass: true, guard: sample }"#,
            "routes[0].guard: compares what would be shared, but the rule says pass: true",
        ),
        (
            r#"{ name: a, match: "/", audience: session, guard: sample }"#,
            "routes[0].guard: compares what would be shared; with audience: session nothing is",
        ),
        (r#"{ name: a, match: "/", pass: no }"#, r#"routes[0].pass: "no" is not true or false"#),
        (r#"{ name: a, match: "/", cache: other }"#, r#"routes[0].cache: "other" is not one of the caches"#),
        (
            r#"{ name: a, match: "/", cache: sessions }"#,
            "routes[0].cache: the sessions cache is for rules with audience: session",
        ),
        (
            r#"{ name: a, match: "/", audience: session, ttl: 9h }"#,
            "routes[0].ttl: is longer than 8h, for which a visitor's own page is kept at most",
        ),
        (
            r#"{ name: a, match: "/", audience: session, stale_while_revalidate: 1m }"#,
            "routes[0].stale_while_revalidate: is not for visitors' own pages",
        ),
        (
            r#"{ name: a, match: "/", without_session: anonymous }"#,
            "routes[0].without_session: is for rules with audience: session",
        ),
        (
            r#"{ name: a, match: "/", audience: session, without_session: share }"#,
            r#"routes[0].without_session: "share" is not pass or anonymous"#,
        ),
        (r#"{ name: a, match: "/", cookies: ["["] }"#, r#"routes[0].cookies[0]: "[" is not a name or glob"#),
        (r#"{ name: a, match: "/", cookies: { sesion: [a] } }"#, "routes[0].cookies.sesion: is not a key"),
        (r#"{ name: a, match: "/", cookies: { drop: [csrftoken] } }"#, "routes[0].cookies.drop: csrftoken may be"),
        (r#"{ name: a, match: "/", csrf: true }"#, "routes[0].csrf: needs the scheme; write csrf: { scheme: django }"),
        (r#"{ name: a, match: "/", pass: true, csrf: false }"#, "routes[0].csrf: is for rules whose pages are shared"),
        (r#"{ name: a, match: "/", pass: true, cookies: [a] }"#, "routes[0].cookies: says how to cache"),
        (
            r#"{ name: a, match: "/", audience: all }"#,
            r#"routes[0].audience: "all" is not anonymous, everyone or session"#,
        ),
        (
            r#"{ name: a, match: "/", override: true }"#,
            "routes[0].override: turns the rule's ttl against the origin's, but there is no ttl",
        ),
        (
            r#"{ name: a, match: "/", statuses: [206] }"#,
            r#"routes[0].statuses[0]: "206" is not a status that can be stored"#,
        ),
        (r#"{ name: a, match: "/", methods: [get] }"#, r#"routes[0].methods[0]: "get" is not a method"#),
        (
            r#"{ name: a, match: "/", headers: [cookie] }"#,
            r#"routes[0].headers[0]: "cookie" is not a request field that a shared page may depend on"#,
        ),
        (
            r#"{ name: a, match: "/" }, { name: a, match: "/b" }"#,
            r#"routes[1].name: "a" is the name of another rule, at routes[0].name"#,
        ),
    ];
    for (rules, expected) in table {
        let told = told(&with(&format!("routes: [{rules}]"))).expect_err(rules);
        assert!(told.contains(expected), "{rules}\n{expected}\nis not in\n{told}");
    }
}

#[test]
fn each_mistake_about_the_guard_is_told() {
    let table = [
        (
            "guard: { allow: ['*'] }",
            r#"guard.allow[0]: "*" would allow everything to differ; write what stands around it"#,
        ),
        (r#"guard: { allow: [""] }"#, r#"guard.allow[0]: "" would allow everything to differ"#),
        (r#"guard: { allow: ["a\nb"] }"#, "has more than one line; what may differ is looked for in one line"),
        ("guard: { every: 1ms }", "guard.every: is less than 1s; each sample asks the shop twice"),
        ("guard: { every: often }", r#"guard.every: "often" is not a duration"#),
        ("guard: sample", "guard: a single value is not a map"),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.contains(expected), "{lines}\n{expected}\nis not in\n{told}");
    }
    let many = vec!["a"; 65].join(", ");
    assert!(told(&with(&format!("guard: {{ allow: [{many}] }}"))).is_err_and(|told| told.contains("at most 64")));
    let long = "a".repeat(201);
    assert!(told(&with(&format!("guard: {{ allow: [{long}] }}"))).is_err_and(|told| told.contains("more than 200")));
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
fn each_mistake_about_visitors_is_told() {
    let table = [
        ("language_cookie: 'a=b'", r#"language_cookie: "a=b" is not the name of a cookie"#),
        ("session_key: short", "session_key: is too short for a secret; write at least 32 random characters"),
        ("session_header: Cookie", r#"session_header: "Cookie" is not a request field that can hold a session's id"#),
        (
            "session_header: X-Own\nroutes: [{ name: a, match: /, headers: [x-own] }]",
            r#"routes[0].headers[0]: "x-own" is not a request field that a shared page may depend on"#,
        ),
    ];
    for (lines, expected) in table {
        let told = told(&with(lines)).expect_err(lines);
        assert!(told.contains(expected), "{lines}\n{expected}\nis not in\n{told}");
    }
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
