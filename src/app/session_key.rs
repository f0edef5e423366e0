//! What session ids are hashed with: as the configuration says, or made at the first start and kept in `data_dir`, where one proxy
//! is alone. Several proxies have to be told the same one.

use super::shop::{Shop, StartError};
use crate::cache_name::CacheName;
use crate::config::Config;
use crate::crypto;
use crate::key::SessionKey;
use crate::ledger::{Invalidation, Mode, Scope, Source};
use crate::store::Backend;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The file in `data_dir`.
const FILE: &str = "session.key";
/// Beside it: how sessions were told apart at the last start.
const PRINT: &str = "session.print";
const SECRET_BYTES: usize = 32;

/// The key; none where it has to be set and is not.
pub(super) fn session_key(config: &Config) -> Result<Option<SessionKey>, StartError> {
    if let Some(secret) = &config.sessions.secret {
        return Ok(Some(SessionKey::new(secret.0.as_bytes())));
    }
    if matches!(config.store.backend, Backend::Redis { .. }) {
        return Ok(None);
    }
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| StartError::Data { path: config.data_dir.clone(), error })?;
    let path = config.data_dir.join(FILE);
    let secret = kept(&path).map_err(|error| StartError::Data { path, error })?;
    Ok(Some(SessionKey::new(secret.as_bytes())))
}

/// Ends what is kept for all sessions: by another key or other cookies than before nobody could end it one by one, and by the
/// way back to these it would be found again.
pub(super) fn end_all(shop: &Shop, reason: &'static str) -> JoinHandle<bool> {
    let asked = [Invalidation {
        scope: Scope::Cache(CacheName::Sessions),
        mode: Mode::Hard,
        settle: Duration::ZERO,
        source: Source::Session,
        reason: reason.into(),
    }];
    let invalidator = shop.invalidator.clone();
    tokio::spawn(async move {
        let ended = invalidator.invalidate(&asked, Duration::ZERO).await;
        if let Err(error) = &ended {
            tracing::error!(%error, "what is kept for sessions could not be ended for good");
        }
        ended.is_ok()
    })
}

/// Ends what is kept for all sessions if the process tells them apart otherwise than at its last start.
pub(super) fn end_those_of_another(shop: &Arc<Shop>, config: &Config, key: Option<&SessionKey>) {
    let path = config.data_dir.join(PRINT);
    let print = print(config, key);
    match std::fs::read_to_string(&path) {
        Ok(before) if before == print => return,
        // The first start with this folder: nothing was kept before.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write_print(&path, &print),
        // Whatever it was, it was not this.
        Ok(_) | Err(_) => {}
    }
    let ended = end_all(shop, "sessions are told apart otherwise than at the last start");
    tokio::spawn(async move {
        if ended.await.unwrap_or(false) {
            write_print(&path, &print);
        }
    });
}

/// Tells one way of telling sessions apart from another, and nothing of the key.
fn print(config: &Config, key: Option<&SessionKey>) -> String {
    let hashed = key.map(|key| key.hash("which key this is").to_string());
    let (header, names) = (&config.sessions.header, config.sessions.cookies.names());
    crypto::hex(&crypto::digest_128(format!("{hashed:?} {header:?} {names:?}").as_bytes()))
}

fn write_print(path: &Path, print: &str) {
    if let Err(error) = std::fs::write(path, print) {
        tracing::warn!(path = %path.display(), %error, "at the next start what is kept for sessions will be ended");
    }
}

fn kept(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if is_secret(text.trim()) => return Ok(text.trim().into()),
        // Half of one, or somebody's edit: what was stored under it is found no more, and that is all.
        Ok(_) => tracing::warn!(path = %path.display(), "this is no session key; a new one is made"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = crypto::hex(&crypto::random::<SECRET_BYTES>()?);
    let draft = path.with_extension("new");
    // A draft that a kill has left may be open to others.
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    std::fs::rename(draft, path)?;
    Ok(secret)
}

fn is_secret(text: &str) -> bool {
    text.len() == 2 * SECRET_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_kept_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let first = kept(&path).unwrap();
        assert!(is_secret(&first));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(kept(&path).unwrap(), first);
        std::fs::write(path.with_extension("new"), "left by a kill").unwrap();
        std::fs::write(&path, "half").unwrap();
        assert_ne!(kept(&path).unwrap(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(kept(Path::new("/nowhere/at/all")).is_err());
    }
}
