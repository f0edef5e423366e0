//! All that the admin API can see and do, as one narrow trait; the composition root implements it with the functions that
//! serving itself uses.

use super::{Explanation, Question, Records};
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::ledger::{Arrival, Position};
use crate::observe::Figures;
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

/// What the admin API is a window on.
pub trait Backstage: Send + Sync + 'static {
    /// How the process and its configuration stand.
    fn situation(&self) -> Situation;

    /// What stores and ledger say of themselves.
    fn figures(&self) -> Figures;

    /// What would become of a request, by the functions that would decide it.
    fn explain(&self, question: Question) -> impl Future<Output = Result<Explanation, Refusal>> + Send;

    /// Takes in a purge order, a JSON object, and gives the answer to it.
    fn purge(&self, order: Bytes) -> impl Future<Output = Result<serde_json::Value, Refusal>> + Send;

    /// Invalidates a cache, or all, and gives their room back.
    fn clear(&self, cache: Option<CacheName>) -> impl Future<Output = Result<Cleared, Refusal>> + Send;

    /// Reads the configuration again.
    fn reload(&self) -> impl Future<Output = Result<Reloaded, Refusal>> + Send;

    /// At most `limit` records after a position, the oldest first.
    fn records(&self, after: Position, limit: usize) -> Records;

    /// At most `limit` webhooks that came, the newest first.
    fn arrivals(&self, limit: usize) -> Vec<Arc<Arrival>>;

    /// The one of that number.
    fn arrival(&self, number: u64) -> Option<Arc<Arrival>>;

    /// Ends when there is a record after that position; cancelled at any time.
    fn recorded_after(&self, after: Position) -> impl Future<Output = ()> + Send;
}

/// How the process and its configuration stand.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Whether requests are taken.
    pub phase: Phase,
    /// When the process started, by the wall's clock.
    pub started: Timestamp,
    /// Now, by the wall's clock.
    pub now: Timestamp,
    /// The word for what is behind memory: `sqlite`, `redis`, `memory`.
    pub backend: &'static str,
    /// The configuration.
    pub config: ConfigState,
    /// Why purges cannot be recorded now, in words for an operator; none when they can.
    pub ledger_trouble: Option<String>,
}

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet taking requests.
    Starting,
    /// Taking requests.
    Serving,
    /// Finishing the last requests.
    Draining,
}

/// The configuration in effect, and what became of the last file.
#[derive(Clone, Debug)]
pub struct ConfigState {
    /// The file.
    pub path: PathBuf,
    /// Tells one content of the file from another.
    pub hash: String,
    /// When it took effect.
    pub loaded: Timestamp,
    /// The mistakes for which a newer file was refused; empty where none was.
    pub refused: Vec<String>,
}

/// A cache was cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// The caches.
    pub caches: Vec<String>,
    /// The ledger's record that made their content unusable.
    pub position: Position,
    /// Whether every proxy knows it.
    pub confirmed: bool,
}

/// The configuration was loaded again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether anything differs from what was in effect before.
    pub changed: bool,
    /// What needs a restart to take effect, in words.
    pub needs_restart: Vec<String>,
}

/// Why something that was asked for is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 4xx where the asker can mend it, 5xx where vitrine or its surroundings must.
    pub status: StatusCode,
    /// The thing, the place and the remedy.
    pub detail: String,
}

impl Refusal {
    /// A refusal with that status and these words.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal { status, detail: detail.into() }
    }
}
