//! What stands behind memory, as the configuration has it: the embedded store with a ledger of its own, Redis with the shared
//! one, or nothing.

use super::shop::StartError;
use super::{identity, switch};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{self, Inbox, Ledger, Volatile};
use crate::store::redis::log::{Membership, RedisLog};
use crate::store::redis::{RedisStore, Settings as RedisSettings};
use crate::store::sqlite::{self, SqliteStore};
use crate::store::{Backend, Fallback, Nothing, Store};
use std::path::Path;
use std::sync::Arc;

/// What is behind memory.
pub(super) struct Behind {
    pub(super) store: Arc<dyn Store>,
    pub(super) ledger: Ledger,
    pub(super) sqlite: Option<Arc<SqliteStore>>,
    pub(super) redis: Option<Arc<RedisStore>>,
    pub(super) log: Option<RedisLog>,
    pub(super) inbox: Inbox,
    pub(super) files: Vec<Arc<SqliteStore>>,
}

impl Behind {
    /// Opens it. Waits for the disk, and never for Redis.
    pub(super) fn open(config: &Config, clock: &Clock) -> Result<Behind, StartError> {
        match &config.store.backend {
            Backend::Memory => Behind::nothing(config, clock),
            Backend::Sqlite { path } => Behind::embedded(path, config, clock),
            Backend::Redis { settings, membership, embedded, falls_back } => {
                Behind::shared(settings, membership, embedded, *falls_back, config, clock)
            }
        }
    }

    fn nothing(config: &Config, clock: &Clock) -> Result<Behind, StartError> {
        let ledger = Ledger::open(Volatile::opened()?, Arc::new(Volatile), of_ledger(config), clock.clone());
        let inbox = Inbox::open(Vec::new(), Arc::new(Volatile));
        Ok(Behind { store: Arc::new(Nothing), ledger, inbox, sqlite: None, redis: None, log: None, files: Vec::new() })
    }

    fn embedded(path: &Path, config: &Config, clock: &Clock) -> Result<Behind, StartError> {
        let (sqlite, mut opened) = SqliteStore::open(of_file(path, config), clock.clone())?;
        switch::stand_alone(&mut opened, &sqlite, clock.wall())?;
        let sqlite = Arc::new(sqlite);
        let ledger = Ledger::open(opened, sqlite.clone(), of_ledger(config), clock.clone());
        let inbox = Inbox::open(sqlite.arrivals(), sqlite.clone());
        let files = vec![sqlite.clone()];
        Ok(Behind { store: sqlite.clone(), ledger, inbox, sqlite: Some(sqlite), redis: None, log: None, files })
    }

    fn shared(
        settings: &RedisSettings,
        membership: &Membership,
        embedded: &Path,
        falls_back: bool,
        config: &Config,
        clock: &Clock,
    ) -> Result<Behind, StartError> {
        // Its lock also keeps a second proxy from taking this one's place among the others.
        let outbox = sqlite::Settings::new(config.data_dir.join("outbox.db"), [0; 3]);
        let (outbox, mut opened) = SqliteStore::open(outbox, clock.clone())?;
        let outbox = Arc::new(outbox);
        let inbox = Inbox::open(outbox.arrivals(), outbox.clone());
        let mut files = vec![outbox.clone()];
        let second = if falls_back || embedded.exists() {
            let (second, before) = SqliteStore::open(of_file(embedded, config), clock.clone())?;
            switch::carry_over(&before, &second, &mut opened, &*outbox, clock.wall())?;
            let second = Arc::new(second);
            files.push(second.clone());
            falls_back.then_some(second)
        } else {
            None
        };
        let membership = identity::complete(membership, config)?;
        let isolation = membership.on_isolation.unwrap_or_default();
        let log = RedisLog::new(settings.clone(), membership, clock.clone())?;
        let ledger =
            Ledger::shared(&opened, outbox, Arc::new(log.clone()), isolation, of_ledger(config), clock.clone())?;
        let redis = Arc::new(RedisStore::open(settings.clone(), config.store.cache_bytes_max, clock.clone()));
        let store: Arc<dyn Store> = match second {
            Some(second) => Arc::new(Fallback::new(redis.clone(), second)),
            None => redis.clone(),
        };
        Ok(Behind { store, ledger, inbox, sqlite: None, redis: Some(redis), log: Some(log), files })
    }
}

fn of_ledger(config: &Config) -> ledger::Settings {
    ledger::Settings { max_keep: config.max_keep, ..ledger::Settings::default() }
}

fn of_file(path: &Path, config: &Config) -> sqlite::Settings {
    let mut settings = sqlite::Settings::new(path, config.store.cache_bytes_max);
    settings.object_bytes_max = config.store.object_bytes_max;
    settings
}
