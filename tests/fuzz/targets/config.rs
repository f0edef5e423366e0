//! `proxy.yaml`: whatever is in it, every mistake is told with its place, and what is accepted can be told.

use std::path::PathBuf;
use std::sync::LazyLock;
use vitrine::config::{self, load, report};

/// One file for the process; where tests run beside each other they are processes of their own.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("vitrine-fuzz-{}.yaml", std::process::id());
    std::env::temp_dir().join(name)
});

/// Any file.
pub(super) fn file(bytes: &[u8]) {
    // What names other files is about those.
    if bytes.windows(5).any(|at| at == b"_file") {
        return;
    }
    std::fs::write(&*FILE, bytes).unwrap();
    let environment = |name: &str| (name.len() < 8).then(|| format!("secret-{name}-0123456789abcdef"));
    match load(&FILE, &environment) {
        Ok(loaded) => {
            assert!(config::newly_cacheable(&loaded.config, &loaded.config).is_empty(), "nothing is new beside itself");
            assert!(!config::summary(&loaded.config).is_empty() && config::summary_json(&loaded.config).is_object());
            assert_eq!(load(&FILE, &environment).unwrap().hash, loaded.hash);
        }
        Err(mistakes) => {
            let lines = bytes.iter().filter(|byte| **byte == b'\n' || **byte == b'\r').count() as u64 + 1;
            assert!(!mistakes.is_empty() && report(&mistakes).lines().count() >= mistakes.len());
            for mistake in &mistakes {
                assert!(!mistake.message.is_empty() && mistake.line <= lines, "{mistake} of {lines}");
            }
            assert_eq!(load(&FILE, &environment).unwrap_err(), mistakes, "each time the same");
        }
    }
    let _ = std::fs::remove_file(&*FILE);
}
