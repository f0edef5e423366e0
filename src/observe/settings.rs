//! What is logged, where, and how.

use std::path::PathBuf;

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To standard output.
    Stdout,
    /// To standard error.
    Stderr,
    /// To a file, appended to; opened again on SIGHUP.
    File(PathBuf),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Logfmt,
}

/// The `log` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the access log goes.
    pub access: AccessLog,
    /// How both logs look.
    pub format: Format,
}
