//! Connections: how the writer's and the readers' are set up, and what a file must be to be ours.

use super::arrivals;
use super::tables::{APPLICATION_ID, USER_VERSION, creation, table};
use super::{OpenError, Settings};
use crate::cache_name::CacheName;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Result, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// For how long the writer waits for somebody else's lock when it stores, and when it commits to the ledger. Stored
/// responses can be fetched again, so they do not hold up what comes after them.
pub(super) const BUSY_STORING: Duration = Duration::from_millis(250);
/// See [`BUSY_STORING`].
pub(super) const BUSY_COMMITTING: Duration = Duration::from_secs(2);
/// A row's content is 4 to 8 KiB as often as not.
const PAGE_BYTES: u32 = 8192;
/// SQLite's own page caches: small, because the system has one as well, and memory is for the hot tier.
const READER_CACHE_KIB: i64 = 2048;
const WRITER_CACHE_KIB: i64 = 4096;
/// The empty tables, and room for some records.
const PAGES_MIN: u32 = 64;
/// More than all statements of one connection.
const STATEMENTS_CACHED: usize = 96;
/// Values up to this are read, whatever the setting for objects is now: they may be of another time.
const VALUE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// Tables of ours, in the version we write.
    Ours(Connection),
    /// Tables of ours, in another version.
    OtherVersion(i64),
}

/// The writer's connection to a file that is ours or empty; an empty one is given its tables.
pub(super) fn writer(path: &Path, settings: &Settings) -> Result<Found, OpenError> {
    let failed = |source| OpenError::Sqlite { path: path.into(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    guard(&connection, settings).map_err(failed)?;
    if is_empty(&connection).map_err(failed)? {
        create(&mut connection).map_err(failed)?;
    }
    match header(&connection).map_err(failed)? {
        (APPLICATION_ID, USER_VERSION) => {}
        (APPLICATION_ID, version) => return Ok(Found::OtherVersion(version)),
        (_, version) if has_our_tables(&connection).map_err(failed)? => return Ok(Found::OtherVersion(version)),
        _ => return Err(OpenError::Foreign { path: path.into() }),
    }
    tune_writer(&connection, settings).map_err(failed)?;
    connection.execute_batch(arrivals::TABLE).map_err(failed)?;
    Ok(Found::Ours(connection))
}

/// One reader's connection.
pub(super) fn reader(path: &Path, settings: &Settings) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    guard(&connection, settings)?;
    connection.busy_timeout(settings.read_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// What a connection needs before it looks at a file that may be damaged or somebody else's.
fn guard(connection: &Connection, settings: &Settings) -> Result<()> {
    connection.busy_timeout(BUSY_COMMITTING)?;
    // A schema that was tampered with runs no function of its own, and writes nowhere.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A disk error under a memory map is a SIGBUS, which would end the proxy.
    connection.pragma_update(None, "mmap_size", 0)?;
    let value_bytes_max = settings.object_bytes_max.saturating_mul(2).max(VALUE_BYTES_MIN);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(value_bytes_max).unwrap_or(i32::MAX))?;
    Ok(())
}

fn is_empty(connection: &Connection) -> Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", (), |row| row.get(0))
}

fn has_our_tables(connection: &Connection) -> Result<bool> {
    let named = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1";
    connection.query_row(named, [table(CacheName::Default)], |row| row.get(0))
}

fn header(connection: &Connection) -> Result<(i64, i64)> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// In this order: the first three have no effect once there is a table, or a write-ahead log.
fn create(connection: &mut Connection) -> Result<()> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let whole = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    whole.execute_batch(&creation())?;
    whole.pragma_update(None, "application_id", APPLICATION_ID)?;
    whole.pragma_update(None, "user_version", USER_VERSION)?;
    whole.commit()
}

fn tune_writer(connection: &Connection, settings: &Settings) -> Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // After a power cut the last stored responses may be missing, the file is whole; the ledger's commits ask for more.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    // The writer does it itself, between two rounds, and never in a commit that somebody waits for.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    let pages_max = u32::try_from(settings.file_bytes_max / u64::from(PAGE_BYTES)).unwrap_or(u32::MAX);
    connection.pragma_update(None, "max_page_count", pages_max.max(PAGES_MIN))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(())
}
