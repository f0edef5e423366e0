//! What we build on: nothing banned, nothing from elsewhere, nothing under a licence that was not looked at.

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package};

/// Crates that must not be in the tree, and why.
const BANNED: [(&str, &str); 8] = [
    ("serde_yml", "unsound and archived, RUSTSEC-2025-0068"),
    ("bincode", "unmaintained, RUSTSEC-2025-0141"),
    ("rkyv", "stored bytes come from a file that others may write"),
    ("rustls-pemfile", "unmaintained, RUSTSEC-2025-0134"),
    ("openssl", "one cryptographic library, and it is aws-lc-rs"),
    ("native-tls", "one cryptographic library, and it is aws-lc-rs"),
    ("chrono", "dates are httpdate's and our own few lines"),
    ("moka", "the memory tier is quick_cache"),
];

/// Crates that tests may use and nothing else, and why.
const FOR_TESTS: [(&str, &str); 1] =
    [("http-cache-semantics", "the policy is ours; tests/semantics holds it beside theirs")];

const LICENCES: [&str; 13] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "MPL-2.0",
    "OpenSSL",
    "BSL-1.0",
    "0BSD",
    "Unlicense",
];

fn metadata() -> Metadata {
    MetadataCommand::new().features(CargoOpt::AllFeatures).exec().expect("cargo metadata runs")
}

/// Whether each part of a licence expression that must hold is one we know: of an OR, one is enough.
fn is_known(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    expression.split(" AND ").all(|part| {
        part.split(" OR ").any(|licence| LICENCES.contains(&licence.split(" WITH ").next().unwrap_or_default().trim()))
    })
}

fn problems(package: &Package) -> Vec<String> {
    let mut found = Vec::new();
    let name = package.name.as_str();
    if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        found.push(format!("{name} is in the tree: {why}"));
    }
    match &package.source {
        Some(source) if !source.is_crates_io() => found.push(format!("{name} comes from {source}, not from crates.io")),
        Some(_) | None => {}
    }
    if package.source.is_some() && !package.license.as_deref().is_some_and(is_known) {
        found.push(format!("{name} has the licence {:?}, which nobody has looked at", package.license));
    }
    found
}

#[test]
fn what_we_build_on_was_looked_at() {
    let metadata = metadata();
    let found: Vec<String> = metadata.packages.iter().flat_map(problems).collect();
    assert!(metadata.packages.len() > 50 && found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn each_direct_dependency_is_a_release_from_the_registry() {
    for package in metadata().workspace_packages() {
        for dependency in &package.dependencies {
            assert!(dependency.path.is_none(), "{} of {} is a path", dependency.name, package.name);
            let is_for_tests = FOR_TESTS.iter().find(|(name, _)| *name == dependency.name);
            let is_well = is_for_tests.is_none() || dependency.kind == DependencyKind::Development;
            assert!(is_well, "{} of {}: {is_for_tests:?}", dependency.name, package.name);
            assert_ne!(dependency.req.to_string(), "*", "{} of {} has no version", dependency.name, package.name);
        }
    }
}

#[test]
fn licence_expressions_are_read() {
    for known in
        ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception", "(MIT OR GPL-3.0) AND ISC"]
    {
        assert!(is_known(known), "{known}");
    }
    for unknown in ["GPL-3.0", "MIT AND GPL-3.0", ""] {
        assert!(!is_known(unknown), "{unknown}");
    }
}
