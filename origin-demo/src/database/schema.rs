//! The tables.

use rusqlite::{Connection, Result};

/// `synchronous = FULL`: an edit that was answered, and its webhook, survive a power cut.
const TABLES: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;

CREATE TABLE IF NOT EXISTS categories (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    blurb TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS products (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    price INTEGER NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL REFERENCES categories (slug),
    version INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS products_by_category ON products (category);
CREATE TABLE IF NOT EXISTS specs (
    product INTEGER NOT NULL REFERENCES products (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS specs_by_product ON specs (product);
CREATE TABLE IF NOT EXISTS reviews (
    product INTEGER NOT NULL REFERENCES products (id),
    author TEXT NOT NULL,
    stars INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS reviews_by_product ON reviews (product);
CREATE TABLE IF NOT EXISTS customers (
    login TEXT PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    login TEXT NOT NULL REFERENCES customers (login)
);
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    login TEXT NOT NULL REFERENCES customers (login),
    placed TEXT NOT NULL,
    product INTEGER NOT NULL REFERENCES products (id),
    price INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS outbox (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER NOT NULL,
    delivered INTEGER
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (delivered) WHERE delivered IS NULL;
";

/// Makes the tables that are not there yet.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(TABLES)
}
