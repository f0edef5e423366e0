//! Rows of the caches, as the writer changes them, each inside a transaction that is not this file's.
//!
//! A row is found by the digest of its key and of its Vary key; which key it really is stands in its `meta`, and readers
//! compare all of it. Whatever takes a row away takes its content and its tags with it.

use super::tables::{Statements, statements};
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::crypto;
use crate::key::Key;
use crate::ledger::UrlId;
use crate::store::VARIANTS_MAX;
use crate::stored::StoredResponse;
use crate::stored::codec::{self, Encoded};
use rusqlite::{Connection, Result, Statement, ToSql};

/// What a row takes beside `meta` and content: its columns and its places in six indexes.
const ROW_BYTES: u64 = 256;
/// What a tag's row and its place in the index take, as measured.
const TAG_ROW_BYTES: u64 = 36;

/// What changed in one cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) added: u64,
    pub(super) added_bytes: u64,
    pub(super) removed: u64,
    pub(super) removed_bytes: u64,
    /// Of the removed, those that gave way to others.
    pub(super) evicted: u64,
}

impl Change {
    pub(super) fn and(&mut self, other: Change) {
        self.added += other.added;
        self.added_bytes += other.added_bytes;
        self.removed += other.removed;
        self.removed_bytes += other.removed_bytes;
        self.evicted += other.evicted;
    }
}

/// One row to take away: its number and what it counts for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doomed {
    pub(super) id: i64,
    pub(super) bytes: u64,
}

/// Stores a response in place of one with the same key and Vary key. Of too many variants the oldest go.
pub(super) fn put(connection: &Connection, response: &StoredResponse, now: Timestamp) -> Result<Change> {
    let sql = statements(response.cache);
    let key = response.key().digest();
    let vary = response.vary.digest();
    let mut change = take(connection, sql, &sql.delete_variant, (key, vary))?;
    let encoded = codec::encode(response);
    let tags = response.tags.iter().count() as u64;
    let bytes = encoded.meta.len() as u64 + encoded.body.len() as u64 + ROW_BYTES + tags * TAG_ROW_BYTES;
    let id = insert(connection, sql, response, &encoded, bytes, now)?;
    let mut insert_tag = connection.prepare_cached(&sql.insert_tag)?;
    for tag in response.tags.iter() {
        insert_tag.execute((tag_number(tag), id))?;
    }
    change.and(Change { added: 1, added_bytes: bytes, ..Change::default() });
    change.and(cut_variants(connection, sql, key)?);
    Ok(change)
}

/// Takes away exactly this generation.
pub(super) fn remove(connection: &Connection, cache: CacheName, key: &Key, generation: u64) -> Result<Change> {
    let sql = statements(cache);
    take(connection, sql, &sql.delete_generation, (key.digest(), generation.cast_signed()))
}

/// Takes away a row that was found damaged, if it still is the same.
pub(super) fn remove_damaged(connection: &Connection, cache: CacheName, id: i64, generation: i64) -> Result<Change> {
    let sql = statements(cache);
    let own = connection.prepare_cached(&sql.generation_of)?.query_row([id], |row| row.get::<_, i64>(0));
    match own {
        Ok(own) if own == generation => take(connection, sql, &sql.delete_row, [id]),
        Ok(_) | Err(rusqlite::Error::QueryReturnedNoRows) => Ok(Change::default()),
        Err(error) => Err(error),
    }
}

/// Takes these rows away.
pub(super) fn remove_all(connection: &Connection, cache: CacheName, doomed: &[Doomed]) -> Result<Change> {
    let sql = statements(cache);
    let mut change = Change::default();
    for row in doomed {
        change.and(take(connection, sql, &sql.delete_row, [row.id])?);
    }
    Ok(change)
}

/// Rows as a statement lists them, in its order, until `enough` says so of their number and sum of bytes.
pub(super) fn list(
    statement: &mut Statement<'_>,
    parameters: impl rusqlite::Params,
    enough: impl Fn(usize, u64) -> bool,
) -> Result<Vec<Doomed>> {
    let mut listed = Vec::new();
    let mut sum = 0;
    let mut rows = statement.query(parameters)?;
    while !enough(listed.len(), sum) {
        let Some(row) = rows.next()? else { break };
        let row = Doomed { id: row.get(0)?, bytes: row.get::<_, i64>(1)?.max(0).cast_unsigned() };
        sum += row.bytes;
        listed.push(row);
    }
    Ok(listed)
}

/// The number by which a tag is looked up. Two tags may share one; then a count is too high by the other's.
pub(super) fn tag_number(tag: &str) -> i64 {
    crypto::checksum(tag.as_bytes()).cast_signed()
}

/// The number of a path in every host, or of path and query.
pub(super) fn url_number(path: &str, query: Option<&str>) -> i64 {
    UrlId::of(None, path, query).0.cast_signed()
}

/// The number of a host.
pub(super) fn host_number(host: &str) -> i64 {
    UrlId::of(Some(host), "", None).0.cast_signed()
}

/// A moment as a column holds it.
pub(super) fn column_ms(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_millis()).unwrap_or(i64::MAX)
}

fn insert(
    connection: &Connection,
    sql: &Statements,
    response: &StoredResponse,
    encoded: &Encoded,
    bytes: u64,
    now: Timestamp,
) -> Result<i64> {
    let key = response.key();
    let (host, path, query) = (key.host(), key.path(), key.query());
    connection.prepare_cached(&sql.insert)?.execute((
        response.key().digest(),
        response.vary.digest(),
        response.generation.cast_signed(),
        url_number(path, None),
        url_number(path, query),
        host_number(host),
        bytes.cast_signed(),
        column_ms(response.lifetime().keep_until()),
        column_ms(now),
        &encoded.meta,
    ))?;
    let id = connection.last_insert_rowid();
    connection.prepare_cached(&sql.insert_body)?.execute((id, &encoded.body[..]))?;
    Ok(id)
}

/// The row of the lowest number is the oldest: a new one's is above all others.
fn cut_variants(connection: &Connection, sql: &Statements, key: [u8; 16]) -> Result<Change> {
    let mut statement = connection.prepare_cached(&sql.ids_of_key)?;
    let mut ids = statement.query_map([key], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>>>()?;
    let excess = ids.len().saturating_sub(VARIANTS_MAX);
    ids.sort_unstable();
    let mut change = Change::default();
    for id in &ids[..excess] {
        change.and(take(connection, sql, &sql.delete_row, [id])?);
    }
    Ok(Change { evicted: change.removed, ..change })
}

/// Runs a statement that deletes rows, and deletes what belongs to these.
fn take(connection: &Connection, sql: &Statements, delete: &str, parameters: impl rusqlite::Params) -> Result<Change> {
    let taken = list(&mut *connection.prepare_cached(delete)?, parameters, |_, _| false)?;
    let mut change = Change::default();
    for row in taken {
        let id: &dyn ToSql = &row.id;
        connection.prepare_cached(&sql.delete_body)?.execute([id])?;
        connection.prepare_cached(&sql.delete_tags)?.execute([id])?;
        change.and(Change { removed: 1, removed_bytes: row.bytes, ..Change::default() });
    }
    Ok(change)
}
