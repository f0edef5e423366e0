//! The tables of the file, and every statement that is put to a cache's own.
//!
//! A cache has three: its rows, small enough to be looked through; the contents, apart from them, so that no scan reads a
//! page's HTML; and the tags. Names come from [`CacheName`] alone, never from a configuration or a request. Each statement
//! finds its rows by an index, which a test asks SQLite itself.

use super::lookup::COUNTED_MAX;
use crate::cache_name::CacheName;
use std::sync::LazyLock;

/// In the file's header: whose file it is ("VTR1").
pub(super) const APPLICATION_ID: i64 = 0x5654_5231;
/// In the file's header: changes with each change of the tables.
pub(super) const USER_VERSION: i64 = 1;

/// The ledger's tables. Rows bear a checksum and their predecessor's position: a record that was lost or changed would be a
/// purge undone, and SQLite sees neither.
const LEDGER: &str = "
    CREATE TABLE ledger (
        position INTEGER PRIMARY KEY,
        previous INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        scope TEXT NOT NULL,
        host TEXT,
        value TEXT,
        query TEXT,
        mode TEXT NOT NULL,
        settle_ms INTEGER NOT NULL,
        source TEXT NOT NULL,
        reason TEXT NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE ledger_delivery (
        id TEXT PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        answer TEXT NOT NULL
    ) STRICT;
    CREATE INDEX ledger_delivery_time ON ledger_delivery (time_ms);
    CREATE TABLE ledger_meta (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT;
";

/// The name of a cache's table.
pub(super) const fn table(cache: CacheName) -> &'static str {
    match cache {
        CacheName::Default => "cache_table",
        CacheName::Products => "product_cache_table",
        CacheName::Sessions => "session_cache_table",
    }
}

/// What makes all tables in an empty file.
pub(super) fn creation() -> String {
    let caches = CacheName::ALL.map(|cache| cache_tables(table(cache)));
    format!("{LEDGER}{}", caches.concat())
}

/// `seen` is when a row was last asked for, as far as anybody told. The URL columns are numbers of a path in every host,
/// of path and query in every host, and of a host: together they are every scope a URL purge can have, in one index.
fn cache_tables(t: &str) -> String {
    format!(
        "
    CREATE TABLE {t} (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL,
        vary BLOB NOT NULL,
        generation INTEGER NOT NULL,
        path INTEGER NOT NULL,
        path_query INTEGER NOT NULL,
        host INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        keep_until_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        meta BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX {t}_key ON {t} (key, vary);
    CREATE INDEX {t}_url ON {t} (path, path_query, host);
    CREATE INDEX {t}_seen ON {t} (seen_ms, bytes);
    CREATE INDEX {t}_keep ON {t} (keep_until_ms, bytes);
    CREATE TABLE {t}_body (
        id INTEGER PRIMARY KEY,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE {t}_tag (
        tag INTEGER NOT NULL,
        id INTEGER NOT NULL,
        PRIMARY KEY (tag, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX {t}_tag_id ON {t}_tag (id);
"
    )
}

/// The statements for one cache's tables.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) insert: String,
    pub(super) insert_body: String,
    pub(super) insert_tag: String,
    pub(super) delete_variant: String,
    pub(super) delete_generation: String,
    pub(super) delete_row: String,
    pub(super) delete_body: String,
    pub(super) delete_tags: String,
    pub(super) generation_of: String,
    pub(super) ids_of_key: String,
    pub(super) touch: String,
    pub(super) sums: String,
    pub(super) past_keep: String,
    pub(super) least_seen: String,
    pub(super) up_to_id: String,
    pub(super) last_id: String,
    pub(super) by_key: String,
    pub(super) by_id: String,
    pub(super) most_seen: String,
    pub(super) count_tag: String,
    pub(super) count_path: String,
    pub(super) count_path_host: String,
    pub(super) count_path_query: String,
    pub(super) count_path_query_host: String,
}

impl Statements {
    /// All of them, by which an opened file shows that its tables are what they should be.
    pub(super) fn all(&self) -> [&str; 24] {
        [
            &self.insert,
            &self.insert_body,
            &self.insert_tag,
            &self.delete_variant,
            &self.delete_generation,
            &self.delete_row,
            &self.delete_body,
            &self.delete_tags,
            &self.generation_of,
            &self.ids_of_key,
            &self.touch,
            &self.sums,
            &self.past_keep,
            &self.least_seen,
            &self.up_to_id,
            &self.last_id,
            &self.by_key,
            &self.by_id,
            &self.most_seen,
            &self.count_tag,
            &self.count_path,
            &self.count_path_host,
            &self.count_path_query,
            &self.count_path_query_host,
        ]
    }
}

/// The statements for a cache's tables.
pub(super) fn statements(cache: CacheName) -> &'static Statements {
    static ALL: LazyLock<[Statements; 3]> = LazyLock::new(|| CacheName::ALL.map(|cache| prepare(table(cache))));
    &ALL[cache.index()]
}

fn prepare(t: &str) -> Statements {
    let columns = "r.id, r.generation, r.seen_ms, r.meta, b.body";
    let joined = format!("{t} r LEFT JOIN {t}_body b ON b.id = r.id");
    let count = |and: &str| format!("SELECT 1 FROM {t} WHERE path = ?1{and} LIMIT {}", COUNTED_MAX + 1);
    Statements {
        insert: format!(
            "INSERT INTO {t} (key, vary, generation, path, path_query, host, bytes, keep_until_ms, seen_ms, meta)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ),
        insert_body: format!("INSERT OR REPLACE INTO {t}_body (id, body) VALUES (?1, ?2)"),
        insert_tag: format!("INSERT OR IGNORE INTO {t}_tag (tag, id) VALUES (?1, ?2)"),
        delete_variant: format!("DELETE FROM {t} WHERE key = ?1 AND vary = ?2 RETURNING id, bytes"),
        delete_generation: format!("DELETE FROM {t} WHERE key = ?1 AND generation = ?2 RETURNING id, bytes"),
        delete_row: format!("DELETE FROM {t} WHERE id = ?1 RETURNING id, bytes"),
        delete_body: format!("DELETE FROM {t}_body WHERE id = ?1"),
        delete_tags: format!("DELETE FROM {t}_tag WHERE id = ?1"),
        generation_of: format!("SELECT generation FROM {t} WHERE id = ?1"),
        ids_of_key: format!("SELECT id FROM {t} WHERE key = ?1"),
        touch: format!("UPDATE {t} SET seen_ms = ?2 WHERE id = ?1"),
        sums: format!("SELECT count(*), coalesce(sum(bytes), 0) FROM {t} INDEXED BY {t}_seen"),
        past_keep: format!("SELECT id, bytes FROM {t} WHERE keep_until_ms <= ?1 ORDER BY keep_until_ms LIMIT ?2"),
        least_seen: format!("SELECT id, bytes FROM {t} ORDER BY seen_ms LIMIT ?1"),
        up_to_id: format!("SELECT id, bytes FROM {t} WHERE id <= ?1 ORDER BY id LIMIT ?2"),
        last_id: format!("SELECT coalesce(max(id), 0) FROM {t}"),
        by_key: format!("SELECT {columns} FROM {joined} WHERE r.key = ?1 AND r.keep_until_ms > ?2"),
        by_id: format!("SELECT {columns} FROM {joined} WHERE r.id = ?1 AND r.keep_until_ms > ?2"),
        most_seen: format!("SELECT id, bytes FROM {t} ORDER BY seen_ms DESC"),
        count_tag: format!("SELECT 1 FROM {t}_tag WHERE tag = ?1 LIMIT {}", COUNTED_MAX + 1),
        count_path_host: count(" AND host = ?2"),
        count_path_query: count(" AND path_query = ?2"),
        count_path_query_host: count(" AND path_query = ?2 AND host = ?3"),
        count_path: count(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn no_statement_looks_through_a_table() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&creation()).unwrap();
        for statement in CacheName::ALL.iter().flat_map(|cache| statements(*cache).all()) {
            let plan = plan(&connection, statement);
            // Sums, and rows in the order of time, go along a small index that holds all they need.
            let searched = |line: &str| !line.starts_with("SCAN") || line.contains("COVERING INDEX");
            assert!(plan.lines().all(searched) && !plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
        }
    }

    fn plan(connection: &Connection, statement: &str) -> String {
        let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let lines = explained.raw_query().mapped(|row| row.get::<_, String>(3)).collect::<Result<Vec<_>, _>>();
        lines.unwrap().join("\n")
    }
}
