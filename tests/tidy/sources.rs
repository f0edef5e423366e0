//! Our own source files.

use std::path::{Path, PathBuf};

/// One file: its path below `src`, and its text without the test module at its end.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) code: String,
}

/// Every file of the library and of the demo shop.
pub(crate) fn all() -> Vec<Source> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "origin-demo/src"] {
        collect(&root, &root.join(folder), &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            // Below a `tests.rs`, which is left out as well.
            if !path.ends_with("tests") {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_string();
            let path = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            found.push(Source { path, code });
        }
    }
}

/// A line without its comment and without the texts in it.
pub(crate) fn bare(line: &str) -> String {
    let code = line.split("//").next().unwrap_or_default();
    code.split('"').step_by(2).collect()
}
