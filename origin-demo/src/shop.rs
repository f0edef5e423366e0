//! The shop as a whole: opens its parts in order and closes them in reverse.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database::{Database, DatabaseError};
use crate::faults::Faults;
use crate::outbox::{Outbox, Webhook};
use crate::stats::Stats;
use crate::{pages, serve};

/// What a shop needs to open.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The database file, or `:memory:`. Its folder is made if it is missing.
    pub data: PathBuf,
    /// Who is told of edits; without one they wait in the outbox.
    pub webhook: Option<Webhook>,
}

/// An open shop. [`Shop::stop`] closes it in good order; dropped, it is closed as by a power cut,
/// which loses nothing that was answered.
pub struct Shop {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
    sending: Option<JoinHandle<()>>,
    database: std::thread::JoinHandle<()>,
}

/// Why a shop did not open.
#[derive(Debug)]
pub enum StartError {
    /// The database could not be opened; the text says why.
    Database(String),
    /// The address could not be listened on.
    Listen(SocketAddr, std::io::Error),
}

/// What every page may use.
pub(crate) struct Parts {
    pub(crate) database: Database,
    pub(crate) outbox: Outbox,
    pub(crate) stats: Stats,
    pub(crate) faults: Faults,
}

impl Shop {
    /// Opens a shop. It serves from the moment this returns.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let told = |error| StartError::Listen(settings.listen, error);
        let listener = TcpListener::bind(settings.listen).await.map_err(told)?;
        let address = listener.local_addr().map_err(told)?;
        let (database, thread) = Database::open(settings.data).await?;
        let (outbox, sender) = Outbox::new(database.clone(), settings.webhook);
        let (stats, faults) = (Stats::default(), Faults::default());
        let router = pages::router(Arc::new(Parts { database, outbox, stats, faults }));
        let (closing, closed) = watch::channel(false);
        let sending = sender.map(|sender| tokio::spawn(until(closed.clone(), sender)));
        Ok(Self {
            address,
            closing,
            serving: tokio::spawn(serve::serve(listener, router, closed)),
            sending,
            database: thread,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the shop: no new requests, those under way finish, the database file is closed.
    /// Messages not yet delivered stay in it.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        // A task that panicked has told so itself; closing goes on.
        let _ = self.serving.await;
        if let Some(sending) = self.sending {
            let _ = sending.await;
        }
        let _ = tokio::task::spawn_blocking(|| self.database.join()).await;
    }
}

/// Runs `work` until the shop is closing or was dropped.
async fn until(mut closed: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = serve::closed(&mut closed) => {}
    }
}

impl From<DatabaseError> for StartError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error.to_string())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => f.write_str(error),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
