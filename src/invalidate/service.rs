//! The running part: takes requests in, asks the pure modules what they mean, and has the ledger record it.

use super::Settings;
use super::answer::{dry, joined, recorded};
use super::events::tag;
use super::order;
use super::payload::Room;
use crate::clock::{Clock, Stopwatch};
use crate::key::{Target, UrlText};
use crate::ledger::{APPEND_MAX, Inbox, Invalidation, Ledger, LedgerError, Mode, Receipt, Scope, Source};
use crate::observe::{Observer, PurgeResult};
use crate::policy::invalidation;
use crate::store::Store;
use crate::tags::Tag;
use arc_swap::ArcSwap;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// For how long what was perhaps changed is fetched but not kept: the shop may commit after we have stopped listening.
const UNANSWERED_SETTLE: Duration = Duration::from_secs(30);
/// How long a visitor's answer waits for other proxies to let go of what their request changed: these take a millisecond, and
/// one that is gone is not worth a wait.
const VISITOR_WAIT: Duration = Duration::from_millis(250);
/// The same where a session changed: as long as another proxy may trust its own copies without hearing of it.
const SESSION_WAIT: Duration = Duration::from_millis(3_500);
/// Invalidations that are counted one by one before they are recorded; more would keep their asker waiting.
const COUNTED_MAX: usize = 500;
/// How long that may take of all together: what is asked for is in force only afterwards.
const COUNT_WAIT: Duration = Duration::from_millis(500);

/// The sessions that a visitor's request changed.
#[derive(Clone, Debug, Default)]
pub struct ChangedSessions {
    /// Their tags.
    pub tags: Vec<Tag>,
    /// Whether the shop has said what came of it; if not, it may be at work still.
    pub is_answered: bool,
}

impl ChangedSessions {
    /// Who has left is to be gone at every proxy before they are told so.
    fn wait(&self) -> Duration {
        if self.tags.is_empty() { VISITOR_WAIT } else { SESSION_WAIT }
    }

    fn invalidations(&self, reason: &str) -> impl Iterator<Item = Invalidation> {
        let settle = if self.is_answered { Duration::ZERO } else { UNANSWERED_SETTLE };
        self.tags.iter().map(move |tag| Invalidation {
            scope: Scope::Tag(tag.clone()),
            mode: Mode::Hard,
            settle,
            source: Source::Session,
            reason: reason.into(),
        })
    }
}

/// Turns what is asked into records.
pub struct Invalidator {
    pub(super) settings: ArcSwap<Settings>,
    pub(super) ledger: Ledger,
    store: Arc<dyn Store>,
    pub(super) observer: Arc<Observer>,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    pub(super) room: Room,
}

/// Why an order is not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderRefused {
    /// The asker's mistake.
    #[error("{0}")]
    Bad(String),
    /// It holds until a restart, but is not durable.
    #[error("{0}")]
    NotDurable(String),
}

impl Invalidator {
    /// An invalidator that records in this ledger, counts in this store, and keeps webhooks in this inbox.
    pub fn new(
        settings: Settings,
        ledger: Ledger,
        inbox: Inbox,
        store: Arc<dyn Store>,
        observer: Arc<Observer>,
        clock: Clock,
    ) -> Invalidator {
        Invalidator {
            settings: ArcSwap::from_pointee(settings),
            ledger,
            store,
            observer,
            clock,
            inbox,
            room: Room::new(),
        }
    }

    /// Webhooks as they came.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Puts other settings in force.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Whether a path is a webhook's, on or off.
    pub fn is_webhook(&self, path: &str) -> bool {
        self.settings.load().webhooks.iter().any(|webhook| *webhook.path == *path)
    }

    /// Carries out an order of the admin API and gives its answer.
    ///
    /// # Errors
    /// See [`OrderRefused`].
    pub async fn order(&self, json: &[u8]) -> Result<Value, OrderRefused> {
        let settings = self.settings.load_full();
        let order = order::read(json, &settings, |number| self.inbox.get(number)).map_err(OrderRefused::Bad)?;
        let mut answer = if order.dry_run {
            let matched = self.count(&order.invalidations).await;
            dry(&order.invalidations, &matched)
        } else {
            let wait = order.wait.unwrap_or(settings.wait);
            let recorded = self.record(order.invalidations, wait).await.map_err(|error| {
                let make = if error.in_force() { OrderRefused::NotDurable } else { OrderRefused::Bad };
                make(error.to_string())
            })?;
            if let Some(number) = order.delivery {
                self.inbox.replayed(number, self.clock.wall());
            }
            recorded
        };
        if !order.skipped.is_empty() {
            answer["skipped"] = json!(order.skipped);
        }
        Ok(answer)
    }

    /// Lets go what a request with an unsafe method changed (RFC 9111 4.4), before its answer is delivered. `answer` is what
    /// came back; none where nothing did. `may_be_stored` tells whether anything could be stored for a URL: what cannot is
    /// not worth a record.
    pub async fn unsafe_method(
        &self,
        method: &Method,
        target: &Target,
        answer: Option<(StatusCode, &HeaderMap)>,
        may_be_stored: impl Fn(&UrlText) -> bool,
        sessions: ChangedSessions,
    ) {
        let settings = self.settings.load_full();
        let query = &settings.query;
        let urls = invalidation::targets(method, target, answer, settings.redirects)
            .into_iter()
            .filter(|url| may_be_stored(url));
        let urls = urls.map(|url| {
            let scope = Scope::Url { host: url.host, path: url.path, query: query.keep(url.query.as_deref()) };
            (scope, Source::UnsafeMethod)
        });
        let refused = answer.is_some_and(|(status, _)| status.is_client_error() || status.is_server_error());
        let groups = answer.filter(|_| !refused).map(|(_, fields)| invalidation::groups(fields)).unwrap_or_default();
        let groups = groups.iter().filter_map(|group| tag(group.as_str(), settings.sessions.as_ref()).ok());
        let groups = groups.map(|scope| (scope, Source::CacheGroup));
        let reason = format!("{method} {}", target.path);
        let (wait, sessions) = (sessions.wait(), sessions.invalidations(&reason));
        let asked: Vec<Invalidation> = urls
            .chain(groups)
            .map(|(scope, source)| Invalidation {
                scope,
                mode: Mode::Hard,
                settle: if answer.is_none() { UNANSWERED_SETTLE } else { Duration::ZERO },
                source,
                reason: reason.as_str().into(),
            })
            .chain(sessions)
            .collect();
        self.for_visitor(&asked, wait).await;
    }

    /// Lets go of the pages of sessions that a request with a safe method began or ended, before its answer is delivered.
    pub async fn sessions_changed(&self, reason: &str, sessions: ChangedSessions) {
        let asked: Vec<Invalidation> = sessions.invalidations(reason).collect();
        self.for_visitor(&asked, sessions.wait()).await;
    }

    /// Records what a visitor's own request changed.
    async fn for_visitor(&self, asked: &[Invalidation], wait: Duration) {
        for some in asked.chunks(APPEND_MAX) {
            if let Err(error) = self.invalidate(some, wait).await {
                // It is in force; the visitor's answer does not wait for a disk that is gone.
                tracing::error!(%error, "what a visitor's request changed would come back after a restart");
            }
        }
    }

    /// Records and answers; more than the ledger takes at once, in parts that share the wait.
    ///
    /// # Errors
    /// A part is not durable, or was refused; those before it hold.
    pub(super) async fn record(&self, asked: Vec<Invalidation>, wait: Duration) -> Result<Value, LedgerError> {
        let (matched, since) = (self.count(&asked).await, self.clock.stopwatch());
        let mut answer = None;
        for (asked, matched) in asked.chunks(APPEND_MAX).zip(matched.chunks(APPEND_MAX)) {
            let receipt = self.invalidate(asked, wait.saturating_sub(since.elapsed())).await?;
            let part = recorded(&receipt, asked, matched);
            answer = Some(match answer {
                None => part,
                Some(whole) => joined(whole, part),
            });
        }
        Ok(answer.unwrap_or_default())
    }

    /// Records what is asked, waits for the other proxies at most for `wait`, counts and logs it.
    ///
    /// # Errors
    /// It is not durable, or is refused.
    pub async fn invalidate(&self, asked: &[Invalidation], wait: Duration) -> Result<Receipt, LedgerError> {
        let since = self.clock.stopwatch();
        let appended = match self.ledger.append(asked.to_vec()).await {
            Ok(receipt) => Ok(self.ledger.confirm(receipt, wait).await),
            Err(error) => Err(error),
        };
        let result = match &appended {
            Ok(receipt) if receipt.confirmation.confirmed => PurgeResult::Confirmed,
            Ok(_) => PurgeResult::Unconfirmed,
            Err(error) if error.in_force() => PurgeResult::Failed,
            Err(_) => PurgeResult::Refused,
        };
        self.tell(asked, result, &since);
        appended
    }

    /// How many stored responses each matches, where an index tells it.
    pub(super) async fn count(&self, asked: &[Invalidation]) -> Vec<Option<u64>> {
        if asked.len() > COUNTED_MAX {
            return vec![None; asked.len()];
        }
        let (mut matched, until) = (Vec::with_capacity(asked.len()), Instant::now() + COUNT_WAIT);
        for own in asked {
            // A store that cannot count now is no reason not to purge, nor one to purge late.
            let Ok(counted) = timeout_at(until, self.store.count(&own.scope)).await else { break };
            matched.push(counted.unwrap_or_default());
        }
        matched.resize(asked.len(), None);
        matched
    }

    pub(super) fn tell(&self, asked: &[Invalidation], result: PurgeResult, since: &Stopwatch) {
        if result == PurgeResult::Confirmed && !asked.is_empty() {
            self.observer.confirmed(since.elapsed());
        }
        for own in asked {
            self.observer.purged(own.source, own.mode, result);
            tracing::info!(scope = %own.scope, mode = own.mode.as_str(), source = own.source.as_str(),
                reason = %own.reason, result = result.as_str(), "invalidated");
        }
    }
}

/// The status of what was not recorded: its asker's fault, or the disk's.
pub(super) fn status(error: &LedgerError) -> StatusCode {
    if error.in_force() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST }
}
