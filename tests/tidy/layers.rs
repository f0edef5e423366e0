//! Arrows point one way, and a crate has its place.

use crate::sources::{self, Source, bare};

/// Modules by layer: each may use its own layer and those before it.
const LAYERS: [&[&str]; 10] = [
    &["clock", "cache_name", "coding", "crypto", "digits", "outcome", "headers", "body", "interim", "tags"],
    &["key", "csrf"],
    &["ledger"],
    &["stored"],
    &["policy", "store"],
    &["fetch", "observe", "route"],
    &["respond", "accept"],
    &["invalidate", "proxy"],
    &["admin"],
    &["config", "dispatch", "app", "cli"],
];

/// Crates and the only modules that may use them.
const PLACES: [(&str, &[&str]); 25] = [
    ("hyper", &["accept", "fetch"]),
    ("httparse", &["accept"]),
    ("hyper_util", &["accept", "fetch"]),
    ("tower_service", &["fetch"]),
    ("socket2", &["accept"]),
    ("rustix", &["body"]),
    ("rusqlite", &["store"]),
    ("quick_cache", &["store"]),
    ("redis", &["store"]),
    ("serde_yaml", &["config"]),
    ("notify", &["config"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("prometheus", &["observe"]),
    ("tracing_subscriber", &["observe"]),
    ("aws_lc_rs", &["crypto"]),
    ("xxhash_rust", &["crypto"]),
    ("globset", &["key"]),
    ("brotli", &["coding"]),
    ("flate2", &["coding"]),
    ("zstd", &["coding"]),
    ("sd_notify", &["app"]),
    // An allocator is a program's: `main.rs`, which belongs to no module.
    ("tikv_jemallocator", &["main"]),
];

/// The module a file of the library belongs to.
fn module(source: &Source) -> Option<&str> {
    let below = source.path.strip_prefix("src/")?;
    let name = below.split(['/', '.']).next()?;
    (!matches!(name, "lib" | "main")).then_some(name)
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of ours that a piece of code names with `crate::`.
fn used(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for line in code.lines().map(bare) {
        for rest in line.split("crate::").skip(1) {
            let names = match rest.strip_prefix('{') {
                Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let name: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                used.extend(layer(&name).map(|_| name.clone()));
            }
        }
    }
    used
}

fn against_the_arrows(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let Some(own) = module(source) else { continue };
        let Some(own_layer) = layer(own) else {
            found.push(format!("{}: the module {own} has no layer; give it one in tests/tidy/layers.rs", source.path));
            continue;
        };
        for name in used(&source.code) {
            if layer(&name).is_some_and(|layer| layer > own_layer) {
                found.push(format!("{}: uses crate::{name}, a layer above it; turn the call round", source.path));
            }
        }
    }
    found
}

fn out_of_place(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let Some(own) = module(source) else { continue };
        for (name, places) in PLACES.iter().filter(|(_, places)| !places.contains(&own)) {
            let paths = [format!("{name}::"), format!("use {name};")];
            let uses = |line: &str| {
                paths.iter().any(|path| {
                    line.find(path.as_str()).is_some_and(|at| {
                        !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                    })
                })
            };
            if source.code.lines().map(bare).any(|line| uses(&line)) {
                found.push(format!("{}: uses {name}, which belongs in {}", source.path, places.join(", ")));
            }
        }
    }
    found
}

#[test]
fn a_module_uses_only_what_is_below_it() {
    let found = against_the_arrows(&sources::all());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn each_crate_is_used_where_it_belongs() {
    let found = out_of_place(&sources::all());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn both_checks_see_what_is_wrong() {
    let source = |path: &str, code: &str| Source { path: path.into(), code: code.into() };
    let bad = [
        source("src/policy/age.rs", "use crate::{clock, proxy};"),
        source("src/key/mod.rs", "fn f() { crate::store::x() }"),
        source("src/stray.rs", ""),
        source("src/key/mod.rs", "use crate::clock::Timestamp; // crate::app"),
    ];
    assert_eq!(against_the_arrows(&bad).len(), 3);
    let misplaced = [source("src/proxy/mod.rs", "use hyper::body;"), source("src/proxy/mod.rs", "// hyper::body")];
    assert_eq!(out_of_place(&misplaced).len(), 1);
}
