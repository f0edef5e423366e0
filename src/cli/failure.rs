//! How a command fails, and with which exit code.

use std::io;
use std::process::ExitCode;

/// Why a command did not do what was asked. The words name the thing, the place and the remedy.
#[derive(Debug)]
pub(super) enum Failure {
    /// The arguments make no sense.
    Usage(String),
    /// Refused or failed.
    Failed(String),
    /// Whoever read the output has gone: nothing is wrong.
    Unread,
}

impl Failure {
    pub(super) fn failed(words: impl Into<String>) -> Failure {
        Failure::Failed(words.into())
    }

    /// Says it on standard error and gives the exit code.
    pub(super) fn tell(&self) -> ExitCode {
        let (words, code) = match self {
            Failure::Usage(words) => (words, 2),
            Failure::Failed(words) => (words, 1),
            Failure::Unread => return ExitCode::SUCCESS,
        };
        eprintln!("vitrine: {words}");
        ExitCode::from(code)
    }
}

/// Errors of writing to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Failed(format!("cannot write to standard output: {error}")),
        }
    }
}
