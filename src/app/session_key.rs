//! What session ids are hashed with: as the configuration says, or made at the first start and kept in `data_dir`, where one proxy
//! is alone. Several proxies have to be told the same one.

use super::shop::StartError;
use crate::config::Config;
use crate::crypto;
use crate::key::SessionKey;
use crate::store::Backend;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file in `data_dir`.
const FILE: &str = "session.key";
const SECRET_BYTES: usize = 32;

/// The key; none where it has to be set and is not.
pub(super) fn session_key(config: &Config) -> Result<Option<SessionKey>, StartError> {
    if let Some(secret) = &config.sessions.secret {
        return Ok(Some(SessionKey::new(secret.0.as_bytes())));
    }
    if matches!(config.store.backend, Backend::Redis { .. }) {
        return Ok(None);
    }
    let path = config.data_dir.join(FILE);
    let secret = kept(&path).map_err(|error| StartError::Data { path, error })?;
    Ok(Some(SessionKey::new(secret.as_bytes())))
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
