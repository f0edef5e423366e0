//! `origin` and `origins`: what is read, what is wrong, and what is noted.

use crate::config::told;
use std::time::Duration;
use vitrine::config::{self, Config};
use vitrine::fetch::{BreakerSettings, HealthSettings};

const RULE: &str = "routes: [{ name: a, match: /a, origin: search }]\n";

#[test]
fn one_server_is_as_short_as_ever_and_everything_else_has_a_default() {
    let config = told("origin: { url: \"http://127.0.0.1:9000\" }\n").unwrap();
    let [origin] = &config.origins[..] else { panic!("{config:?}") };
    assert_eq!((&*origin.name, origin.servers.len(), origin.stale_after), ("default", 1, None));
    assert_eq!((&origin.breaker, &origin.health), (&BreakerSettings::default(), &None));
    assert!(config.router.rules().all(|rule| &*rule.origin == "default"));
    assert!(config::summary(&config).starts_with("origin http://127.0.0.1:9000/\n\n"));
}

#[test]
fn named_origins_have_servers_limits_a_breaker_and_health_checks_of_their_own() {
    let config = told(&format!(
        "origin: {{ servers: [http://a:1, http://b:1], stale_after: 300ms, breaker: {{ failures: 2, open: 1s, open_max: 8s, \
         statuses: [502, 503] }} }}\norigins: {{ search: {{ url: http://c:1, connections: 8, health: {{ path: /healthz?deep, \
         host: Shop.example, interval: 1s, timeout: 500ms, unhealthy_after: 4, healthy_after: 1, statuses: [200, 204] }} }} }}\n{RULE}"
    ))
    .unwrap();
    let [default, search] = &config.origins[..] else { panic!("{config:?}") };
    assert_eq!((default.servers.len(), default.stale_after), (2, Some(Duration::from_millis(300))));
    let second = Duration::from_secs(1);
    let statuses = |codes: &[u16]| codes.iter().map(|code| http::StatusCode::from_u16(*code).unwrap()).collect();
    let expected = BreakerSettings { failures: 2, open: second, open_max: 8 * second, statuses: statuses(&[502, 503]) };
    assert_eq!(default.breaker, expected);
    assert_eq!((&*search.name, search.connections_max), ("search", 8));
    let expected = HealthSettings {
        path: "/healthz?deep".into(),
        host: Some("shop.example".into()),
        interval: second,
        timeout: second / 2,
        unhealthy_after: 4,
        healthy_after: 1,
        statuses: statuses(&[200, 204]),
    };
    assert_eq!(search.health.as_ref(), Some(&expected));
    let origins: Vec<&str> = config.router.rules().map(|rule| &*rule.origin).collect();
    assert_eq!(origins, ["search", "default"]);
    let summary = config::summary(&config);
    assert!(summary.starts_with("origin default http://a:1/, http://b:1/\norigin search http://c:1/\n\n"), "{summary}");
    assert_eq!(config::summary_json(&config)["origins"][1]["servers"][0], "http://c:1/");
}

#[test]
fn each_mistake_in_an_origin_is_told_with_its_place_and_its_remedy() {
    let own = |keys: &str| format!("origin: {{ {keys} }}\n");
    let with = |lines: &str| format!("origin: {{ url: http://a:1 }}\n{lines}\n");
    let table = [
        ("hosts: []\n".into(), "proxy.yaml:1:1: origin: the origin is missing; write for example origin: { url:"),
        (own(""), "proxy.yaml:1:9: origin.url: names no server; write url: "),
        (own("servers: []"), "proxy.yaml:1:20: origin.servers: names no server; write url: "),
        (own("url: http://a:1, servers: [http://b:1]"), "origin.servers: stands beside url; write one of them"),
        (
            own("servers: [http://a:1, http://A:1]"),
            r#"proxy.yaml:1:33: origin.servers[1]: "http://A:1" stands there twice; write it once"#,
        ),
        (own("url: http://a:1/shop"), r#"origin.url: "http://a:1/shop" is not an origin; write http://host:port"#),
        (own("servers: [https://a:1]"), r#"origin.servers[0]: "https://a:1" is https, which this version does not"#),
        (
            own("url: http://a:1, stale_after: 30s"),
            "origin.stale_after: is not below response_timeout, 30s, after which",
        ),
        (own("url: http://a:1, stale_after: 0s"), "origin.stale_after: must be longer than nothing"),
        (own("url: http://a:1, breaker: { failures: 0 }"), r#"origin.breaker.failures: "0" is not a whole number"#),
        (own("url: http://a:1, breaker: { open: 0s }"), "origin.breaker.open: must be longer than nothing"),
        (own("url: http://a:1, breaker: { open_max: 1s }"), "origin.breaker.open_max: is below open, 5s"),
        (
            own("url: http://a:1, breaker: { statuses: [404] }"),
            r#"origin.breaker.statuses[0]: "404" is not a status that can be a failure; write one from 500 to 599"#,
        ),
        (own("url: http://a:1, health: {}"), "origin.health.path: is missing; write the path that says whether"),
        (own("url: http://a:1, health: { path: healthz }"), r#"origin.health.path: "healthz" is not a path, such as"#),
        (
            own("url: http://a:1, health: { path: /, interval: 0s }"),
            "origin.health.interval: must be longer than nothing",
        ),
        (own("url: http://a:1, health: { path: /, statuses: [ok] }"), r#"health.statuses[0]: "ok" is not a status"#),
        (own("url: http://a:1, helth: {}"), "origin.helth: is not a key that is known here; known are url, servers, "),
        (with("origins: { default: { url: http://b:1 } }"), "origins.default: is the name of the one under origin"),
        (with("origins: { A b: { url: http://b:1 } }"), "origins.A b: is not a name; write lower-case letters"),
        (with("origins: { search: {} }"), "proxy.yaml:2:20: origins.search.url: names no server"),
        (with("origins: [search]"), "origins: a list is not a map"),
        (
            with("origins: { search: { url: http://b:1 } }\nroutes: [{ name: a, match: /a, origin: serach }]"),
            r#"proxy.yaml:3:40: routes[0].origin: "serach" is not an origin; there are default, search"#,
        ),
    ];
    for (text, expected) in table {
        let told = told(&text).expect_err(&text);
        assert!(told.contains(expected), "{text}{expected}\nis not in\n{told}");
    }
    let many: Vec<String> = (0..40).map(|n| format!("http://a:{}", n + 1)).collect();
    let told = told(&own(&format!("servers: [{}]", many.join(", ")))).unwrap_err();
    assert!(told.contains("origin.servers: has 40 servers; at most 32 are taken"), "{told}");
}

#[test]
fn s45_an_origin_by_https_is_refused_rather_than_spoken_to_in_clear() {
    let told = told("origin: { url: https://shop.example }\n").unwrap_err();
    assert!(told.contains("is https, which this version does not speak to an origin"), "{told}");
}

#[test]
fn an_origin_that_no_rule_sends_to_is_noted() {
    let notes = |lines: &str| {
        told(&format!("origin: {{ url: http://a:1 }}\norigins: {{ search: {{ url: http://b:1 }} }}\n{lines}"))
            .unwrap()
            .notes
    };
    let noted = |lines: &str| notes(lines).contains(&"no rule sends to the origin search".to_string());
    assert!(noted("") && !noted(RULE));
}

#[test]
fn a_rule_that_asks_another_origin_uses_nothing_that_was_stored_before() {
    let text = |origin: &str| {
        format!(
            "origin: {{ url: http://a:1 }}\norigins: {{ search: {{ url: http://b:1 }} }}\n\
             routes: [{{ name: a, match: /a, ttl: 1h, origin: {origin} }}]\n"
        )
    };
    let fingerprint = |config: &Config| config.router.rules().next().unwrap().fingerprint;
    let [first, again, other] =
        ["default", "default", "search"].map(|origin| fingerprint(&told(&text(origin)).unwrap()));
    assert_eq!(first, again);
    assert_ne!(first, other);
}
