//! Why the store could not be opened, in words for the operator.

use std::io;
use std::path::PathBuf;

/// The store could not be opened. What another file would mend is not among these: that is done.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another vitrine; give each its own data_dir", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// A database with somebody else's tables. It is neither used nor put aside: it may be the shop's own.
    #[error("{} is a database, but not vitrine's; set store.sqlite.path to another file", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Written by another version.
    #[error("{} is of version {version}", path.display())]
    Version {
        /// The database.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// Its ledger cannot be trusted.
    #[error("{}: the ledger is damaged: {what}", path.display())]
    Ledger {
        /// The database.
        path: PathBuf,
        /// What does not agree.
        what: &'static str,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its word.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Its word.
        source: rusqlite::Error,
    },
}
