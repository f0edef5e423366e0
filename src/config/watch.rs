//! Watches the file: told when its content has changed, however that came about.
//!
//! The folder is watched, not the file: editors and Kubernetes put another file in its place, after which a watch on the
//! old one is silent for ever. Names in events are not looked at (a swapped `..data` link names none of ours), and reading
//! the file ourselves is not an event. Where nothing is told at all (network file systems, single files mounted into a
//! container), a slow look every few seconds finds the change.

use super::content_hash;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// After an event: for the rest of what belongs together to happen.
const SETTLE: Duration = Duration::from_millis(250);
/// Between two looks where nothing was told.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Tells of changes.
#[derive(Debug)]
pub struct Changes {
    path: PathBuf,
    hash: String,
    events: mpsc::Receiver<()>,
    /// Kept for what it does.
    _watcher: RecommendedWatcher,
}

/// Watches a file whose content was last read with this hash.
///
/// # Errors
/// The system watches nothing more.
pub fn watch(path: &Path, hash: String) -> Result<Changes, notify::Error> {
    // One place is enough: it only says that there is something to look at.
    let (sender, events) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_))) {
            // Full means told already.
            let _ = sender.try_send(());
        }
    })?;
    for folder in folders(path) {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(Changes { path: path.into(), hash, events, _watcher: watcher })
}

/// The folders of the file and of what it links to.
fn folders(path: &Path) -> HashSet<PathBuf> {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let target = std::fs::canonicalize(path).ok();
    target.iter().map(|target| folder(target)).chain([folder(path)]).collect()
}

impl Changes {
    /// Waits until the content differs from what was last told of, or is to be told of `again` by its hash. None when nothing
    /// will be told any more.
    pub async fn changed(&mut self, again: impl Fn(&str) -> bool) -> Option<()> {
        loop {
            if let Ok(told) = timeout(LOOK_EVERY, self.events.recv()).await {
                told?;
                sleep(SETTLE).await;
                while self.events.try_recv().is_ok() {}
            }
            // A file that is gone for a moment is one that is being replaced.
            let Ok(bytes) = std::fs::read(&self.path) else { continue };
            let hash = content_hash(&bytes);
            if hash != self.hash || again(&hash) {
                self.hash = hash;
                return Some(());
            }
        }
    }
}
