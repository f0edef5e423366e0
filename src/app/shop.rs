//! The parts that last as long as the process, made from the first configuration.

use crate::admin::Phase;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Mistake};
use crate::crypto;
use crate::fetch::Origin;
use crate::invalidate::Invalidator;
use crate::ledger::{self, Journal, Ledger, Opened, Volatile};
use crate::observe::{MetricsError, Observer, OpenError as LogError};
use crate::proxy::{FillLimits, Parts, Proxy, Rules};
use crate::store::sqlite::{self, SqliteStore};
use crate::store::{Backend, MemoryTier, Nothing, Store};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Of the memory budget, what fills under way may hold beside it.
const FILLING_SHARE: u64 = 4;

/// The lasting parts.
pub(super) struct Shop {
    pub(super) proxy: Arc<Proxy>,
    pub(super) invalidator: Arc<Invalidator>,
    pub(super) ledger: Ledger,
    pub(super) observer: Arc<Observer>,
    pub(super) clock: Clock,
    pub(super) sqlite: Option<Arc<SqliteStore>>,
    pub(super) started: Timestamp,
    phase: Mutex<Phase>,
}

/// Why vitrine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error("{}", crate::config::report(.0))]
    Config(Vec<Mistake>),
    /// An address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The data directory.
    #[error("data_dir {}: {error}", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] sqlite::OpenError),
    /// The access log.
    #[error("log.access: {0}")]
    Log(#[from] LogError),
    /// The metrics: a mistake of ours.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The system has no randomness to give.
    #[error(transparent)]
    Random(#[from] io::Error),
}

impl Shop {
    /// Makes the parts.
    pub(super) fn open(config: &Config, clock: Clock) -> Result<Shop, StartError> {
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|error| StartError::Data { path: config.data_dir.clone(), error })?;
        let observer = Arc::new(Observer::new(env!("CARGO_PKG_VERSION"))?);
        observer.log_access(&config.log)?;
        let backend = Behind::open(config, &clock)?;
        let settings = ledger::Settings { max_keep: config.max_keep, ..ledger::Settings::default() };
        let ledger = Ledger::open(backend.opened, backend.journal, settings, clock.clone());
        let invalidator = Arc::new(Invalidator::new(
            config.invalidation.clone(),
            ledger.clone(),
            backend.store.clone(),
            observer.clone(),
            clock.clone(),
        ));
        let proxy = Proxy::new(Parts {
            rules: rules(config, &observer),
            origin: Origin::new(config.origin.clone(), clock.clone()),
            memory: MemoryTier::new(config.store.memory_bytes_max, config.store.cache_bytes_max),
            store: backend.store,
            ledger: ledger.clone(),
            invalidator: invalidator.clone(),
            observer: observer.clone(),
            clock: clock.clone(),
            limits: FillLimits {
                object_bytes_max: config.store.object_bytes_max,
                filling_bytes_max: (config.store.memory_bytes_max / FILLING_SHARE).max(config.store.object_bytes_max),
            },
            seed: u64::from_le_bytes(crypto::random()?),
        });
        observer.config_loaded(clock.wall());
        Ok(Shop {
            proxy: Arc::new(proxy),
            invalidator,
            ledger,
            observer,
            started: clock.wall(),
            clock,
            sqlite: backend.sqlite,
            phase: Mutex::new(Phase::Starting),
        })
    }

    /// Where the process is in its life.
    pub(super) fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Writes what is queued and closes files.
    pub(super) async fn close(&self) {
        if let Some(sqlite) = self.sqlite.clone() {
            // It waits for the disk: not on a runtime thread. A panic there has been told by its own message.
            let _ = tokio::task::spawn_blocking(move || sqlite.close()).await;
        }
        self.observer.close_access_log();
    }
}

/// What the configuration says of requests.
pub(super) fn rules(config: &Config, observer: &Observer) -> Rules {
    Rules {
        figures: observer.routes(config.router.rules().map(|rule| (rule.name.clone(), rule.cache))),
        router: config.router.clone(),
        cookies: config.cookies.clone(),
        query: config.query.clone(),
        languages: config.languages.clone(),
        hosts: config.hosts.clone().into(),
        trusted: config.trusted_proxies.clone().into(),
    }
}

/// What is behind memory.
struct Behind {
    store: Arc<dyn Store>,
    journal: Arc<dyn Journal>,
    opened: Opened,
    sqlite: Option<Arc<SqliteStore>>,
}

impl Behind {
    fn open(config: &Config, clock: &Clock) -> Result<Behind, StartError> {
        match &config.store.backend {
            Backend::Memory => Ok(Behind {
                store: Arc::new(Nothing),
                journal: Arc::new(Volatile),
                opened: Volatile::opened()?,
                sqlite: None,
            }),
            Backend::Sqlite { path } => {
                let mut settings = sqlite::Settings::new(path, config.store.cache_bytes_max);
                settings.object_bytes_max = config.store.object_bytes_max;
                let (sqlite, opened) = SqliteStore::open(settings, clock.clone())?;
                let sqlite = Arc::new(sqlite);
                Ok(Behind { store: sqlite.clone(), journal: sqlite.clone(), opened, sqlite: Some(sqlite) })
            }
        }
    }
}
