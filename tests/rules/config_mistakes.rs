//! Each kind of wrong configuration: what is told, where, and what to write instead.

use crate::config::{told, with};

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
        ("lisen: []", "session_header, caching, origin, origins, routes, session_key, "),
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
        (
            "compression: maybe",
            r#"proxy.yaml:2:14: compression: "maybe" is not true, false or a map; write false, or keys such as { codings: "#,
        ),
        ("compression: [br]", "proxy.yaml:2:14: compression: a list is not a single value"),
        (
            "compression: { coding: [br] }",
            "proxy.yaml:2:16: compression.coding: is not a key that is known here; known are min_size, codings, types, sessions",
        ),
        (
            "compression: { codings: [br, deflate] }",
            r#"proxy.yaml:2:30: compression.codings[1]: "deflate" is not a coding; write br, zstd or gzip"#,
        ),
        ("compression: { codings: [br, br] }", r#"compression.codings[1]: "br" stands there twice; write it once"#),
        (
            "compression: { codings: [] }",
            "compression.codings: names no coding; to compress nothing, write compression: false",
        ),
        (
            "compression: { types: [html, 'text/*'] }",
            r#"proxy.yaml:2:24: compression.types[0]: "html" is not a media type; write one such as text/html"#,
        ),
        ("compression: { types: [] }", "compression.types: names no media type"),
        ("compression: { min_size: 1000 }", r#"compression.min_size: "1000" is not a size"#),
        ("compression: { min_size: 2MiB }", "compression.min_size: is more than 1MiB"),
        ("compression: { sessions: some }", r#"compression.sessions: "some" is not true or false"#),
        (
            "compression: false\nroutes: [{ name: a, match: /a, compression: true }]",
            "proxy.yaml:3:45: routes[0].compression: is turned off for the whole file",
        ),
        (
            "routes: [{ name: a, match: /a, pass: true, compression: false }]",
            "routes[0].compression: is for responses that are kept, but the rule says pass: true",
        ),
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
fn each_mistake_in_what_is_chosen_is_told() {
    let table = [
        ("caching: { heuristics: maybe }", r#"caching.heuristics: "maybe" is not true or false"#),
        ("caching: { set_cookie: always }", r#"caching.set_cookie: "always" is not refuse or store"#),
        ("caching: { stale_if_error: 8d }", "caching.stale_if_error: is longer than max_keep, 7d"),
        ("caching: { targeted: [Expires] }", r#"caching.targeted[0]: "Expires" is not a targeted field"#),
        ("caching: { targeted: [Shop-Caching] }", r#"caching.targeted[0]: "Shop-Caching" is not a targeted field"#),
        ("caching: { targeted: [a b] }", r#"caching.targeted[0]: "a b" is not a targeted field"#),
        ("caching: { targeted: [a, b, c, d, e, f, g, h, i] }", "caching.targeted: has 9 fields; at most 8 are taken"),
        ("caching: { stale: 1d }", "caching.stale: is not a key that is known"),
        (
            "csrf: { scheme: django }\ncaching: { set_cookie: store }\nroutes: [{ name: a, match: / }]",
            "routes[0].set_cookie: would set one visitor's csrftoken for everybody; write set_cookie: refuse, or csrf: false",
        ),
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
