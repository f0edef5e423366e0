//! The parts that last as long as the process, made from the first configuration.

use super::behind::Behind;
use crate::admin::Phase;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Mistake};
use crate::crypto;
use crate::fetch::Origins;
use crate::invalidate::{self, Invalidator};
use crate::key::SessionKey;
use crate::ledger::Ledger;
use crate::observe::{MetricsError, Observer, OpenError as LogError};
use crate::proxy::{FillLimits, Guards, Parts, Proxy, Rules, SessionRules};
use crate::store::redis::RedisStore;
use crate::store::redis::log::RedisLog;
use crate::store::sqlite::{self, SqliteStore};
use crate::store::{Files, MemoryTier};
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
    /// The embedded store, where it is the tier behind memory.
    pub(super) sqlite: Option<Arc<SqliteStore>>,
    /// The shared store; none where this proxy shares nothing.
    pub(super) redis: Option<Arc<RedisStore>>,
    /// The shared ledger; none where this proxy shares nothing.
    pub(super) log: Option<RedisLog>,
    /// Files of the embedded store that are open, the outbox among them.
    files: Vec<Arc<SqliteStore>>,
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
    pub(super) fn open(config: &Config, key: Option<&SessionKey>, clock: Clock) -> Result<Shop, StartError> {
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|error| StartError::Data { path: config.data_dir.clone(), error })?;
        let observer = Arc::new(Observer::new(env!("CARGO_PKG_VERSION"))?);
        observer.log_access(&config.log)?;
        let backend = Behind::open(config, &clock)?;
        let ledger = backend.ledger;
        let invalidator = Arc::new(Invalidator::new(
            invalidation(config, key.cloned()),
            ledger.clone(),
            backend.inbox,
            backend.store.clone(),
            observer.clone(),
            clock.clone(),
        ));
        let proxy = Proxy::new(Parts {
            rules: rules(config, key.cloned(), &observer),
            origins: Origins::new(&config.origins, &clock),
            memory: MemoryTier::new(config.store.memory_bytes_max, config.store.cache_bytes_max),
            files: Files::new(config.store.memory_bytes_max),
            store: backend.store,
            ledger: ledger.clone(),
            invalidator: invalidator.clone(),
            observer: observer.clone(),
            clock: clock.clone(),
            limits: FillLimits {
                object_bytes_max: config.store.object_bytes_max,
                session_bytes_max: config.store.session_bytes_max,
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
            redis: backend.redis,
            log: backend.log,
            files: backend.files,
            phase: Mutex::new(Phase::Starting),
        })
    }

    /// Whether there is anything behind memory.
    pub(super) fn has_store(&self) -> bool {
        self.sqlite.is_some() || self.redis.is_some()
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
        if let Some(redis) = &self.redis {
            redis.close().await;
        }
        for file in self.files.clone() {
            // It waits for the disk: not on a runtime thread. A panic there has been told by its own message.
            let _ = tokio::task::spawn_blocking(move || file.close()).await;
        }
        self.observer.close_access_log();
    }
}

/// What the configuration says of requests.
pub(super) fn rules(config: &Config, key: Option<SessionKey>, observer: &Observer) -> Rules {
    let sessions = &config.sessions;
    Rules {
        sessions: SessionRules { key, cookies: sessions.cookies.clone(), header: sessions.header.clone() },
        figures: observer.routes(config.router.rules().map(|rule| (rule.name.clone(), rule.cache))),
        guards: Guards::new(&config.router, config.guard.clone()),
        router: config.router.clone(),
        query: config.query.clone(),
        languages: config.languages.clone(),
        hosts: config.hosts.clone().into(),
        trusted: config.trusted_proxies.clone().into(),
        admin_token: (!config.admin.token.is_empty()).then(|| crypto::sha256(config.admin.token.as_bytes())),
    }
}

/// What the configuration says of invalidations.
pub(super) fn invalidation(config: &Config, sessions: Option<SessionKey>) -> invalidate::Settings {
    invalidate::Settings { sessions, ..config.invalidation.clone() }
}
