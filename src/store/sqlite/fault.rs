//! What an error of SQLite means for the store.

use rusqlite::{Error, ErrorCode};

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The file is not what it should be: stop using it.
    Damaged,
    /// There is no room: make some, and pause.
    Full,
    /// The disk or the file system refuses: pause.
    Disk,
    /// Somebody else holds the file: skip this time.
    Busy,
    /// Anything else; our own mistake as likely as not.
    Other,
}

impl Fault {
    pub(super) fn of(error: &Error) -> Fault {
        match error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Damaged,
                ErrorCode::DiskFull => Fault::Full,
                ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied => Fault::Disk,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Busy,
                _ => Fault::Other,
            },
            // STRICT tables hold no wrong types and our own rows no bad text: only damage does.
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
            | Error::InvalidColumnType(..) => Fault::Damaged,
            _ => Fault::Other,
        }
    }
}
