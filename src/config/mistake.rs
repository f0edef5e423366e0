//! What is wrong with a configuration: each with its place, what stands there, and what to write instead.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1; 0 where the mistake is of the file as a whole.
    pub line: u64,
    /// Its column, from 1.
    pub column: u64,
    /// The key, such as `routes[3].ttl`; empty where it is of none.
    pub key: String,
    /// What is wrong, and what to write.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The file's name alone: its folder is known to whoever named it, and lines stay short.
        let name = self.file.file_name().map_or_else(|| self.file.to_string_lossy(), |name| name.to_string_lossy());
        f.write_str(&name)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes, one a line, in the order of the file.
pub fn report(mistakes: &[Mistake]) -> String {
    let mut text = String::new();
    for mistake in mistakes {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{mistake}");
    }
    text
}

impl Mistake {
    /// A mistake of the file as a whole.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Mistake {
        Mistake { file: file.into(), line: 0, column: 0, key: String::new(), message: message.into() }
    }
}
