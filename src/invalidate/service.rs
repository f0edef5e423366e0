//! The running part: takes requests in, asks the pure modules what they mean, and has the ledger record it.

use super::answer::{dry, joined, json_response, recorded, refused, status_of};
use super::events::tag;
use super::order;
use super::signature::Claim;
use super::{Settings, WebhookSettings, events};
use crate::body::Body;
use crate::clock::{Clock, Stopwatch};
use crate::key::{Target, UrlText};
use crate::ledger::{APPEND_MAX, Invalidation, Ledger, LedgerError, Mode, Receipt, Scope, Source};
use crate::observe::{DeliveryResult, Observer, PurgeResult};
use crate::policy::invalidation;
use crate::store::Store;
use crate::tags::Tag;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a webhook's body; read before anything is computed over it (row C5).
const WEBHOOK_BYTES_MAX: usize = 64 * 1024;
/// For how long what was perhaps changed is fetched but not kept: the shop may commit after we have stopped listening.
const UNANSWERED_SETTLE: Duration = Duration::from_secs(30);
/// How long a visitor's answer waits for other proxies to let go of what their request changed: these take a millisecond, and
/// one that is gone is not worth a wait.
const VISITOR_WAIT: Duration = Duration::from_millis(250);
/// The same where a session changed: as long as another proxy may trust its own copies without hearing of it.
const SESSION_WAIT: Duration = Duration::from_millis(3_500);
/// Invalidations that are counted one by one before they are recorded; more would keep their asker waiting.
const COUNTED_MAX: usize = 500;
/// For a webhook's whole body.
const WEBHOOK_BODY_TIMEOUT: Duration = Duration::from_secs(10);

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
    ledger: Ledger,
    store: Arc<dyn Store>,
    pub(super) observer: Arc<Observer>,
    clock: Clock,
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
    /// An invalidator that records in this ledger and counts in this store.
    pub fn new(
        settings: Settings,
        ledger: Ledger,
        store: Arc<dyn Store>,
        observer: Arc<Observer>,
        clock: Clock,
    ) -> Invalidator {
        Invalidator { settings: ArcSwap::from_pointee(settings), ledger, store, observer, clock }
    }

    /// Puts other settings in force.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Whether a path is a webhook's, on or off.
    pub fn is_webhook(&self, path: &str) -> bool {
        self.settings.load().webhooks.iter().any(|webhook| *webhook.path == *path)
    }

    /// Answers a webhook.
    pub async fn webhook(&self, head: &Parts, body: Body) -> Response<Body> {
        let settings = self.settings.load_full();
        let webhook = settings.webhooks.iter().find(|webhook| *webhook.path == *head.uri.path());
        let Some(webhook) = webhook.filter(|webhook| !webhook.secrets.is_empty()) else {
            return refused(StatusCode::NOT_FOUND, "off", "there is no webhook here");
        };
        if head.method != Method::POST {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "method", "a webhook is a POST");
        }
        let (result, response) = self.deliver(&settings, webhook, &head.headers, body).await;
        self.observer.delivered(result);
        if !matches!(result, DeliveryResult::Accepted | DeliveryResult::Repeated) {
            tracing::warn!(path = %webhook.path, result = result.as_str(), "a webhook was not carried out");
        }
        response
    }

    async fn deliver(
        &self,
        settings: &Settings,
        webhook: &WebhookSettings,
        fields: &HeaderMap,
        body: Body,
    ) -> (DeliveryResult, Response<Body>) {
        let unsigned = |error: &dyn std::fmt::Display| {
            (DeliveryResult::Unsigned, refused(StatusCode::UNAUTHORIZED, "signature", &error.to_string()))
        };
        let claim = match Claim::read(fields, self.clock.wall()) {
            Ok(claim) => claim,
            Err(error) => return unsigned(&error),
        };
        let body = match read_body(body).await {
            Ok(body) => body,
            Err((status, message)) => return (DeliveryResult::Malformed, refused(status, "body", message)),
        };
        if let Err(error) = claim.verify(&webhook.secrets, &body) {
            return unsigned(&error);
        }
        self.take(settings, webhook, &claim.id, &body).await
    }

    /// Carries out a delivery whose signature holds.
    async fn take(
        &self,
        settings: &Settings,
        webhook: &WebhookSettings,
        id: &str,
        body: &[u8],
    ) -> (DeliveryResult, Response<Body>) {
        let malformed = |status, message: &str| (DeliveryResult::Malformed, refused(status, "payload", message));
        let Ok(payload) = serde_json::from_slice::<Value>(body) else {
            return malformed(StatusCode::BAD_REQUEST, "the payload is not JSON");
        };
        let Some(event) = payload.get("type").and_then(Value::as_str) else {
            return malformed(StatusCode::BAD_REQUEST, "the payload has no \"type\" that is a text");
        };
        let rule = settings.events.iter().find(|rule| *rule.event == *event);
        let reason = format!("{event} {id}");
        let data = payload.get("data").unwrap_or(&Value::Null);
        let asked = rule
            .map(|rule| events::expand(rule, data, &settings.query, settings.sessions.as_ref(), &reason))
            .transpose();
        let asked = match asked {
            Ok(asked) => asked.unwrap_or_default(),
            Err(too_many) => return malformed(StatusCode::UNPROCESSABLE_ENTITY, &too_many.to_string()),
        };
        if let Some(first) = asked.skipped.first() {
            tracing::warn!(
                event,
                id,
                skipped = asked.skipped.len(),
                first,
                "a part of an event's rule came to nothing"
            );
        }
        let matched = self.count(&asked.invalidations).await;
        let answer = |receipt: &Receipt| -> Box<str> {
            let mut answer = recorded(receipt, &asked.invalidations, &matched);
            answer["event"] = json!(event);
            answer["matched_rule"] = json!(rule.is_some());
            if !asked.skipped.is_empty() {
                answer["skipped"] = json!(asked.skipped);
            }
            answer.to_string().into()
        };
        // Ids of two webhooks are two ids.
        let since = self.clock.stopwatch();
        let delivery_id = format!("{} {id}", webhook.path);
        match self.ledger.deliver(&delivery_id, asked.invalidations.clone(), settings.wait, answer).await {
            Ok(delivered) => {
                let result = match (delivered.repeat, rule) {
                    (true, _) => DeliveryResult::Repeated,
                    (false, Some(_)) => DeliveryResult::Accepted,
                    (false, None) => DeliveryResult::Unknown,
                };
                let answer: Value = serde_json::from_str(&delivered.answer).unwrap_or_default();
                if !delivered.repeat {
                    let confirmed = answer["confirmed"] == true;
                    let result = if confirmed { PurgeResult::Confirmed } else { PurgeResult::Unconfirmed };
                    self.tell(&asked.invalidations, result, &since);
                }
                (result, json_response(status_of(&answer), &delivered.answer))
            }
            Err(error) => {
                self.tell(&asked.invalidations, PurgeResult::Failed, &since);
                (DeliveryResult::Failed, refused(status(&error), "not-recorded", &error.to_string()))
            }
        }
    }

    /// Carries out an order of the admin API and gives its answer.
    ///
    /// # Errors
    /// See [`OrderRefused`].
    pub async fn order(&self, json: &[u8]) -> Result<Value, OrderRefused> {
        let settings = self.settings.load_full();
        let order = order::read(json, &settings).map_err(OrderRefused::Bad)?;
        let mut answer = if order.dry_run {
            let matched = self.count(&order.invalidations).await;
            dry(&order.invalidations, &matched)
        } else {
            let wait = order.wait.unwrap_or(settings.wait);
            self.record(order.invalidations, wait).await.map_err(|error| {
                let make = if error.in_force() { OrderRefused::NotDurable } else { OrderRefused::Bad };
                make(error.to_string())
            })?
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
        let urls = invalidation::targets(method, target, answer).into_iter().filter(|url| may_be_stored(url));
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
    async fn count(&self, asked: &[Invalidation]) -> Vec<Option<u64>> {
        if asked.len() > COUNTED_MAX {
            return vec![None; asked.len()];
        }
        let mut matched = Vec::with_capacity(asked.len());
        for own in asked {
            // A store that cannot count now is no reason not to purge.
            matched.push(self.store.count(&own.scope).await.unwrap_or_default());
        }
        matched
    }

    fn tell(&self, asked: &[Invalidation], result: PurgeResult, since: &Stopwatch) {
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

async fn read_body(body: Body) -> Result<Bytes, (StatusCode, &'static str)> {
    match timeout(WEBHOOK_BODY_TIMEOUT, Limited::new(body, WEBHOOK_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "the payload has more than 64 KiB"))
        }
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the payload broke off")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the payload did not come in time")),
    }
}
