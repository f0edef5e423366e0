//! The connection as page code sees it: every statement is counted.

use std::cell::Cell;

use rusqlite::{Connection, OptionalExtension, Params, Result, Row, Transaction, TransactionBehavior};

/// A connection that counts what it is asked.
pub(crate) struct Queries<'c> {
    connection: &'c Connection,
    count: Cell<u32>,
}

impl<'c> Queries<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, count: Cell::new(0) }
    }

    /// How many statements were run so far.
    pub(crate) fn count(&self) -> u32 {
        self.count.get()
    }

    /// All rows, each through `read`.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.one_more();
        self.connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.one_more();
        self.connection.prepare_cached(sql)?.query_row(parameters, read).optional()
    }

    /// Changes rows and says how many.
    pub(crate) fn change(&self, sql: &str, parameters: impl Params) -> Result<usize> {
        self.one_more();
        self.connection.prepare_cached(sql)?.execute(parameters)
    }

    /// The number of the row inserted last.
    pub(crate) fn last_row(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// Runs `work` as one transaction: all of it is committed, or, after an error, nothing.
    pub(crate) fn together<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let transaction = Transaction::new_unchecked(self.connection, TransactionBehavior::Immediate)?;
        let value = work(self)?;
        transaction.commit()?;
        Ok(value)
    }

    fn one_more(&self) {
        self.count.set(self.count.get().saturating_add(1));
    }
}
