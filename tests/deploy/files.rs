//! The unit and the production configuration.

use crate::deploy;
use std::collections::BTreeSet;
use vitrine::config;

fn unit() -> String {
    std::fs::read_to_string(deploy().join("vitrine.service")).unwrap()
}

#[test]
fn the_unit_checks_before_it_starts_and_says_when_it_is_ready() {
    let unit = unit();
    for line in [
        "Type=notify",
        "ExecStartPre=/usr/local/bin/vitrine check --config /etc/vitrine/proxy.yaml",
        "ExecStart=/usr/local/bin/vitrine serve --config /etc/vitrine/proxy.yaml",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "MemoryDenyWriteExecute=yes",
        "SystemCallFilter=@system-service",
    ] {
        assert!(unit.lines().any(|own| own == line), "{line} is missing");
    }
}

#[test]
fn each_line_of_hardening_stands_under_its_reason() {
    let unit = unit();
    let hardening = unit.split("# The whole file system").nth(1).unwrap().split("[Install]").next().unwrap();
    let mut reason = true;
    for line in hardening.lines().skip(1) {
        match line {
            "" => reason = false,
            comment if comment.starts_with('#') => reason = true,
            directive => assert!(reason, "{directive} stands without a reason"),
        }
    }
}

#[test]
fn the_stop_time_leaves_room_for_the_drain() {
    let seconds = unit().lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s')?.parse().ok());
    assert!(seconds.is_some_and(|seconds: u64| seconds > 20));
}

#[test]
fn the_production_configuration_is_good_and_needs_its_secrets() {
    let file = deploy().join("proxy.production.yaml");
    let secrets = |name: &str| match name {
        "VITRINE_ADMIN_TOKEN" => Some("0123456789abcdef0123456789abcdef".to_string()),
        "VITRINE_WEBHOOK_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr".to_string()),
        _ => None,
    };
    let loaded = config::load(&file, &secrets).map_err(|mistakes| config::report(&mistakes)).unwrap();
    assert_eq!(loaded.config.notes, Vec::<String>::new());
    assert!(loaded.config.invalidation.listen.is_some());
    let without = config::load(&file, &|_| None).unwrap_err();
    let named: BTreeSet<_> = without.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(named, BTreeSet::from(["admin.token", "invalidation.webhooks[0].secret"]));
}
