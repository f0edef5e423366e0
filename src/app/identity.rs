//! Who this proxy is among those that share a ledger: an id that its folder keeps, so that after a restart it takes its own
//! place and nobody waits for its former self.

use super::shop::StartError;
use crate::config::Config;
use crate::crypto;
use crate::store::redis::log::Membership;
use std::io;
use std::path::Path;

/// The file in `data_dir`.
const FILE: &str = "proxy-id";
/// Where the system tells its name.
const HOSTNAME: &str = "/etc/hostname";

/// The membership as the configuration has it, with this folder's id and a name.
pub(super) fn complete(membership: &Membership, config: &Config) -> Result<Membership, StartError> {
    let path = config.data_dir.join(FILE);
    let id = id(&path).map_err(|error| StartError::Data { path, error })?;
    let name = if membership.name.is_empty() { name_of_host(&id) } else { membership.name.clone() };
    Ok(Membership { id, name, ..membership.clone() })
}

fn id(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if is_id(text.trim()) => return Ok(text.trim().into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let id = crypto::hex(&crypto::random::<8>()?);
    // Renamed into place: a kill in between leaves no half of one.
    let draft = path.with_extension("new");
    std::fs::write(&draft, format!("{id}\n"))?;
    std::fs::rename(draft, path)?;
    Ok(id)
}

fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The machine's name, and a part of the id: two proxies on one machine have two names.
fn name_of_host(id: &str) -> String {
    let host = std::fs::read_to_string(HOSTNAME).unwrap_or_default();
    let host = host.trim();
    format!("{}-{}", if host.is_empty() { "proxy" } else { host }, &id[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let first = id(&path).unwrap();
        assert!(is_id(&first));
        assert_eq!(id(&path).unwrap(), first);
        std::fs::write(&path, "half").unwrap();
        let other = id(&path).unwrap();
        assert!(is_id(&other) && other != first);
        assert!(id(Path::new("/nowhere/at/all")).is_err());
    }
}
