//! Reload: a good file takes effect for the next request; a bad one is refused whole and the old one stays.

use super::Environment;
use super::session_key::{self, session_key};
use super::shop::{Shop, invalidation, rules};
use crate::admin::{ConfigState, Reloaded};
use crate::clock::Timestamp;
use crate::config::{self, Config, Loaded, Mistake};
use crate::key::SessionKey;
use crate::route::Rule;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}", config::report(.0))]
pub struct ReloadError(pub Vec<Mistake>);

/// Knows the configuration in force, and puts another one in its place.
pub(super) struct Reloader {
    shop: Arc<Shop>,
    /// What the process was started with: of some of it only a start can make another.
    started: Arc<Config>,
    path: PathBuf,
    environment: Environment,
    state: Mutex<State>,
}

struct State {
    config: Arc<Config>,
    hash: String,
    loaded: Timestamp,
    refused: Vec<String>,
}

impl Reloader {
    pub(super) fn new(shop: Arc<Shop>, path: &Path, environment: Environment, loaded: Loaded) -> Reloader {
        let started = Arc::new(loaded.config);
        let state =
            State { config: started.clone(), hash: loaded.hash, loaded: shop.clock.wall(), refused: Vec::new() };
        Reloader { shop, started, path: path.into(), environment, state: Mutex::new(state) }
    }

    /// What is in force.
    pub(super) fn settings(&self) -> Arc<Config> {
        self.state().config.clone()
    }

    /// How the configuration stands, for status and health.
    pub(super) fn config_state(&self) -> ConfigState {
        let state = self.state();
        ConfigState {
            path: self.path.clone(),
            hash: state.hash.clone(),
            loaded: state.loaded,
            refused: state.refused.clone(),
        }
    }

    /// Reads the file again and puts it in force.
    pub(super) fn reload(&self) -> Result<Reloaded, ReloadError> {
        match config::load(&self.path, &*self.environment) {
            Ok(loaded) => {
                if let Some(message) = sends_to_new_origin(&self.started, &loaded.config) {
                    return self.refuse(vec![Mistake::of_file(&self.path, message)]);
                }
                // Folder and store are those that the process was started with: others take a restart.
                let kept = Config {
                    data_dir: self.started.data_dir.clone(),
                    store: self.started.store.clone(),
                    ..loaded.config.clone()
                };
                match session_key(&kept) {
                    Ok(key) => Ok(self.put_in_force(loaded, key)),
                    Err(error) => self.refuse(vec![Mistake::of_file(&self.path, error.to_string())]),
                }
            }
            Err(mistakes) => self.refuse(mistakes),
        }
    }

    fn refuse(&self, mistakes: Vec<Mistake>) -> Result<Reloaded, ReloadError> {
        self.state().refused = mistakes.iter().map(ToString::to_string).collect();
        self.shop.observer.config_refused();
        tracing::error!("the configuration was refused, the old one stays:\n{}", config::report(&mistakes));
        Err(ReloadError(mistakes))
    }

    fn put_in_force(&self, loaded: Loaded, key: Option<SessionKey>) -> Reloaded {
        let old = self.settings();
        let changed = self.state().hash != loaded.hash;
        let needs_restart = needs_restart(&self.started, &loaded.config);
        if let Err(error) = self.shop.observer.log_access(&loaded.config.log) {
            tracing::error!(%error, "the access log stays as it was");
        }
        if !old.sessions.are_as(&loaded.config.sessions) {
            session_key::end_all(&self.shop, "sessions are told apart otherwise");
        }
        self.shop.invalidator.set_settings(invalidation(&loaded.config, key.clone()));
        self.shop.proxy.set_rules(rules(&loaded.config, key, &self.shop.observer));
        self.shop.observer.config_loaded(self.shop.clock.wall());
        for route in config::newly_cacheable(&old, &loaded.config) {
            tracing::warn!(route, "the new configuration makes this route cacheable");
        }
        for what in &needs_restart {
            tracing::warn!("{what} takes effect at the next start");
        }
        tracing::info!(changed, "the configuration was loaded");
        *self.state() = State {
            config: Arc::new(loaded.config),
            hash: loaded.hash,
            loaded: self.shop.clock.wall(),
            refused: Vec::new(),
        };
        Reloaded { changed, needs_restart }
    }

    /// Whether content with this hash is in force although a reload was refused since: the file was gone, and is back.
    fn refused_since(&self, hash: &str) -> bool {
        let state = self.state();
        state.hash == hash && !state.refused.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rule that names an origin which the process was not started with. To ask another one instead would be worse than to
/// go on under the old rules.
fn sends_to_new_origin(started: &Config, new: &Config) -> Option<String> {
    let is_there = |rule: &Rule| started.origins.iter().any(|origin| origin.name == rule.origin);
    let rule = new.router.rules().find(|rule| !is_there(rule))?;
    Some(format!("the rule {} sends to the origin {}, which is new: that takes a restart", rule.name, rule.origin))
}

/// The settings that only a start can change, where they differ.
fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let differ = [
        ("listen", old.listen != new.listen),
        ("limits", old.limits != new.limits),
        ("admin", old.admin != new.admin),
        ("origin and origins", old.origins != new.origins),
        ("data_dir", old.data_dir != new.data_dir),
        ("threads", old.threads != new.threads),
        ("store and caches", old.store != new.store),
        ("max_keep", old.max_keep != new.max_keep),
        ("invalidation.listen", old.invalidation.listen != new.invalidation.listen),
    ];
    differ.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_string()).collect()
}

/// Reloads whenever the file's content has changed, until it is told to stop.
pub(super) async fn follow(reloader: Arc<Reloader>, stop: CancellationToken) {
    let mut changes = match config::watch(&reloader.path, reloader.config_state().hash) {
        Ok(changes) => changes,
        Err(error) => {
            tracing::warn!(%error, "the configuration is not watched; SIGHUP reloads it");
            return;
        }
    };
    let again = |hash: &str| reloader.refused_since(hash);
    while let Some(Some(())) = stop.run_until_cancelled(changes.changed(again)).await {
        // What is wrong with it has been logged.
        let _ = reloader.reload();
    }
}
