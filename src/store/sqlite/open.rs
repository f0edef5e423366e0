//! Opening the file: claimed, judged, and either taken as it is or put aside for a new one.
//!
//! The cache never keeps the shop from starting: what is damaged or of another version is renamed and begun anew, under a
//! new epoch, so that nothing that was stored before is trusted anywhere. Start means these few look-ups, whatever the file
//! holds: no row is loaded, and sums come from a covering index.

use super::arrivals;
use super::connection::{self, Found};
use super::fault::Fault;
use super::files::Files;
use super::ledger_rows::{LedgerRows, LoadError};
use super::tables::statements;
use super::{OpenError, Settings};
use crate::cache_name::CacheName;
use crate::clock::Clock;
use crate::ledger::{Arrival, Opened};
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;

/// An opened file.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) writer: Connection,
    pub(super) ledger: LedgerRows,
    pub(super) opened: Opened,
    /// What the inbox held.
    pub(super) arrivals: Vec<Arrival>,
    /// Rows and their bytes, by cache.
    pub(super) sums: [(u64, u64); 3],
    /// Where the former file is now, if it was of no use.
    pub(super) quarantined: Option<PathBuf>,
}

/// Opens the file that `files` has claimed.
pub(super) fn open(files: &Files, settings: &Settings, clock: &Clock) -> Result<Ready, OpenError> {
    let unusable = match files.known_damage() {
        Some(why) => why.to_owned(),
        None => match attempt(files, settings) {
            Ok(ready) => return Ok(ready),
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Unusable { why, .. }) => why,
        },
    };
    let failed = |source| OpenError::Io { path: files.database.clone(), source };
    let aside = files.quarantine(clock.wall()).map_err(failed)?;
    tracing::error!(why = unusable, aside = %aside.display(), "the store was of no use: it begins anew, empty");
    match attempt(files, settings) {
        Ok(ready) => Ok(Ready { quarantined: Some(aside), ..ready }),
        Err(Refusal::Error(error) | Refusal::Unusable { error, .. }) => Err(error),
    }
}

/// Why a file was not opened.
enum Refusal {
    /// It is of no use.
    Unusable { why: String, error: OpenError },
    /// Another file would fare no better, or this one is not ours to put aside.
    Error(OpenError),
}

fn attempt(files: &Files, settings: &Settings) -> Result<Ready, Refusal> {
    let path = &files.database;
    let sqlite = |source| judge(OpenError::Sqlite { path: path.clone(), source });
    files.create().map_err(|source| Refusal::Error(OpenError::Io { path: path.clone(), source }))?;
    let writer = match connection::writer(path, settings).map_err(judge)? {
        Found::Ours(writer) => writer,
        Found::OtherVersion(version) => return Err(judge(OpenError::Version { path: path.clone(), version })),
    };
    let (ledger, opened) = LedgerRows::load(&writer).map_err(|error| match error {
        LoadError::Sqlite(source) => sqlite(source),
        LoadError::Damaged(what) => judge(OpenError::Ledger { path: path.clone(), what }),
        LoadError::Random(source) => Refusal::Error(OpenError::Io { path: path.clone(), source }),
    })?;
    let mut sums = [(0, 0); 3];
    for cache in CacheName::ALL {
        for statement in statements(cache).all() {
            writer.prepare_cached(statement).map(drop).map_err(sqlite)?;
        }
        sums[cache.index()] = sum(&writer, cache).map_err(sqlite)?;
    }
    let arrivals = arrivals::all(&writer).map_err(sqlite)?;
    Ok(Ready { writer, ledger, opened, arrivals, sums, quarantined: None })
}

/// Rows of a cache and their bytes, from an index that holds both.
pub(super) fn sum(writer: &Connection, cache: CacheName) -> rusqlite::Result<(u64, u64)> {
    let count = |number: i64| number.max(0).cast_unsigned();
    writer.query_row(&statements(cache).sums, (), |row| Ok((count(row.get(0)?), count(row.get(1)?))))
}

fn judge(error: OpenError) -> Refusal {
    let unusable = match &error {
        OpenError::Version { .. } | OpenError::Ledger { .. } => true,
        OpenError::Sqlite { source, .. } => match Fault::of(source) {
            // A table that is not there, or has another shape, is damage as well: what came before was ours.
            Fault::Damaged | Fault::Other => true,
            Fault::Disk => source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure),
            Fault::Full | Fault::Busy => false,
        },
        OpenError::InUse { .. } | OpenError::Foreign { .. } | OpenError::Io { .. } => false,
    };
    if unusable { Refusal::Unusable { why: error.to_string(), error } } else { Refusal::Error(error) }
}
