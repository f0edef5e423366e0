//! What readers read: the variants of a key, rows by number, counts. Each row is looked at before it is believed.

use super::queue::{Queue, Write};
use super::rows::{column_ms, host_number, tag_number, url_number};
use super::state::State;
use super::tables::statements;
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::key::Key;
use crate::ledger::Scope;
use crate::stored::{StoredResponse, codec};
use bytes::Bytes;
use rusqlite::{Connection, Result, Row};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of one key's variants that one read brings to memory, at most; what does not fit is left out, as if it were not
/// there. Thirty-two large variants of one page must not take the proxy's memory.
const READ_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A row that was asked for this long after it was last noted is noted again.
const NOTED_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// What reading needs beside a connection.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) state: Arc<State>,
    /// For rows that are found damaged.
    pub(super) queue: Arc<Queue>,
}

impl Lookup {
    /// The variants that are stored under a key, newest first.
    pub(super) fn by_key(&self, from: &Connection, cache: CacheName, key: &Key) -> Result<Vec<Arc<StoredResponse>>> {
        let now = self.state.clock.now();
        let mut statement = from.prepare_cached(&statements(cache).by_key)?;
        let mut rows = statement.query((key.digest(), column_ms(now)))?;
        let mut variants: Vec<(i64, Arc<StoredResponse>)> = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            // The digest found it; the whole key decides.
            let Some(response) = self.response(row, cache)?.filter(|response| response.key() == *key) else { continue };
            bytes += response.weight();
            if bytes > READ_BYTES_MAX && !variants.is_empty() {
                break;
            }
            self.note(row, cache, now)?;
            variants.push((row.get(0)?, Arc::new(response)));
        }
        variants.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
        Ok(variants.into_iter().map(|(_, response)| response).collect())
    }

    /// The rows of these numbers, as far as they are there.
    pub(super) fn by_ids(&self, from: &Connection, cache: CacheName, ids: &[i64]) -> Result<Vec<Arc<StoredResponse>>> {
        let now_ms = column_ms(self.state.clock.now());
        let mut statement = from.prepare_cached(&statements(cache).by_id)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = statement.query((id, now_ms))?;
            if let Some(row) = rows.next()? {
                found.extend(self.response(row, cache)?.map(Arc::new));
            }
        }
        Ok(found)
    }

    /// The response of a row. One that cannot be read is a miss; its row is deleted.
    fn response(&self, row: &Row<'_>, cache: CacheName) -> Result<Option<StoredResponse>> {
        let meta = row.get_ref(3)?.as_blob().unwrap_or_default();
        let body = row.get_ref(4)?.as_blob_or_null().unwrap_or_default().unwrap_or_default();
        match codec::decode(meta, &Bytes::copy_from_slice(body)) {
            Ok(response) if response.cache == cache => Ok(Some(response)),
            Ok(_) => Ok(None),
            Err(error) => {
                let (id, generation) = (row.get(0)?, row.get(1)?);
                tracing::warn!(%cache, id, %error, "a stored response is let go");
                // A full queue takes it another time: the row is found again.
                let _ = self.queue.push(Write::Damaged { cache, id, generation });
                Ok(None)
            }
        }
    }

    fn note(&self, row: &Row<'_>, cache: CacheName, now: Timestamp) -> Result<()> {
        let seen = Timestamp(row.get::<_, i64>(2)?.max(0).cast_unsigned());
        if now.since(seen) > NOTED_AGAIN_AFTER {
            self.state.touch(cache, row.get(0)?);
        }
        Ok(())
    }
}

/// The numbers of the rows that were asked for last, as many as make up `bytes_max`.
pub(super) fn most_seen(from: &Connection, cache: CacheName, bytes_max: u64) -> Result<Vec<i64>> {
    let mut statement = from.prepare_cached(&statements(cache).most_seen)?;
    let mut rows = statement.query(())?;
    let (mut ids, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        bytes += row.get::<_, i64>(1)?.max(0).cast_unsigned();
        if bytes > bytes_max {
            break;
        }
        ids.push(row.get(0)?);
    }
    Ok(ids)
}

/// Rows that are counted at most: a purge that matches more says that it does not know how many, and costs no more.
pub(super) const COUNTED_MAX: usize = 1_000;

/// How many rows a scope matches; none where no index tells it, or where they are more than are counted.
pub(super) fn count(from: &Connection, scope: &Scope) -> Result<Option<u64>> {
    let mut sum = 0;
    for cache in CacheName::ALL {
        let sql = statements(cache);
        let one = |statement: &str, parameters: &[i64]| {
            let parameters = rusqlite::params_from_iter(parameters);
            let mut statement = from.prepare_cached(statement)?;
            let mut rows = statement.query(parameters)?;
            let mut count = 0;
            while rows.next()?.is_some() {
                count += 1;
            }
            Ok::<_, rusqlite::Error>(count)
        };
        sum += match scope {
            Scope::Tag(tag) => one(&sql.count_tag, &[tag_number(tag.as_str())])?,
            Scope::Url { host, path, query } => {
                let path_query = query.as_deref().map(|query| url_number(path, Some(query)));
                let path = url_number(path, None);
                match (path_query, host.as_deref().map(host_number)) {
                    (None, None) => one(&sql.count_path, &[path])?,
                    (None, Some(host)) => one(&sql.count_path_host, &[path, host])?,
                    (Some(query), None) => one(&sql.count_path_query, &[path, query])?,
                    (Some(query), Some(host)) => one(&sql.count_path_query_host, &[path, query, host])?,
                }
            }
            Scope::All | Scope::Cache(_) | Scope::Prefix { .. } | Scope::Pattern { .. } => return Ok(None),
        };
    }
    Ok((sum <= COUNTED_MAX).then_some(sum as u64))
}
