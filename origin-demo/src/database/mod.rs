//! The shop's `SQLite` file, on a thread of its own.
//!
//! Work is sent to that thread as closures and answered one by one, so that no async thread ever
//! waits for a disk. Dropping the last handle ends the thread and closes the file.
//!
//! It must never run a query that nobody counts: closures get [`Queries`], not the connection.

mod catalogue;
mod customers;
mod edits;
mod messages;
mod queries;
mod schema;
mod seed;
mod words;

pub(crate) use catalogue::{Card, Category, Product, Rating, Review, Spec};
pub(crate) use customers::{Customer, Order};
pub(crate) use edits::ProductEdit;
pub(crate) use messages::Message;
pub(crate) use queries::Queries;

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// Questions that may queue for the database thread; further ones wait their turn to queue.
const QUEUE_MAX: usize = 256;

/// How long another process (a test, a curious person) may hold the file's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    jobs: mpsc::Sender<Job>,
}

/// Why the database did not answer.
#[derive(Debug)]
pub(crate) enum DatabaseError {
    Sqlite(rusqlite::Error),
    Folder(PathBuf, std::io::Error),
    /// Its thread has ended.
    Gone,
}

impl Database {
    /// Opens `path` (or `:memory:`), makes what is missing and fills it with the shop's stock when
    /// it is new. The thread's handle tells when the file is closed.
    pub(crate) async fn open(path: PathBuf) -> Result<(Self, JoinHandle<()>), DatabaseError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE_MAX);
        let (opened, opening) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let connection = match prepare(&path) {
                Ok(connection) => connection,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // Whoever opened may have gone away; then the queue is closed too and this ends.
            let _ = opened.send(Ok(()));
            while let Some(job) = queue.blocking_recv() {
                job(&connection);
            }
        });
        opening.await.unwrap_or(Err(DatabaseError::Gone))?;
        Ok((Self { jobs }, thread))
    }

    /// Runs `work` on the database thread; answers with its result and how many queries it made.
    ///
    /// A caller that goes away meanwhile loses the answer, not the work.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Queries<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<(T, u32), DatabaseError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let queries = Queries::new(connection);
            let result = work(&queries);
            let _ = answer.send(result.map(|value| (value, queries.count())));
        });
        self.jobs.send(job).await.map_err(|_| DatabaseError::Gone)?;
        let result = answered.await.map_err(|_| DatabaseError::Gone)?;
        result.map_err(DatabaseError::Sqlite)
    }
}

fn prepare(path: &Path) -> Result<Connection, DatabaseError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| DatabaseError::Folder(folder.to_owned(), error))?;
    }
    let connection = Connection::open(path).map_err(DatabaseError::Sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(DatabaseError::Sqlite)?;
    schema::create(&connection).map_err(DatabaseError::Sqlite)?;
    seed::plant(&Queries::new(&connection)).map_err(DatabaseError::Sqlite)?;
    Ok(connection)
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "database: {error}"),
            Self::Folder(folder, error) => {
                write!(f, "cannot make the folder {}: {error}", folder.display())
            }
            Self::Gone => f.write_str("database: its thread has ended"),
        }
    }
}

impl std::error::Error for DatabaseError {}
