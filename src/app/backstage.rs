//! What the admin API sees and does, by the functions that serving itself uses.

use super::reload::Reloader;
use super::shop::Shop;
use crate::admin::{
    Backstage, Cleared, Explanation, GuardShown, KeyShown, PlaceShown, Question, Records, Refusal, Reloaded, Situation,
    StoredShown, Verdict,
};
use crate::cache_name::CacheName;
use crate::clock::{Timestamp, millis};
use crate::invalidate::OrderRefused;
use crate::ledger::{Arrival, Gone, Invalidation, Mode, Position, Scope, Source, Standing};
use crate::observe::{Figures, LedgerFigures, rfc3339};
use crate::policy::likeness::{At, Place};
use crate::proxy::{Examined, Explained, Proof};
use crate::store::Backend;
use crate::store::redis::log::RedisLog;
use crate::stored::LifetimeFrom;
use bytes::Bytes;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// The parts, as the admin API sees them.
pub(super) struct Stage {
    shop: Arc<Shop>,
    reloader: Arc<Reloader>,
}

impl Stage {
    pub(super) fn new(shop: &Arc<Shop>, reloader: &Arc<Reloader>) -> Stage {
        Stage { shop: shop.clone(), reloader: reloader.clone() }
    }

    fn ledger_figures(&self) -> LedgerFigures {
        let figures = self.shop.ledger.figures();
        LedgerFigures {
            epoch: figures.epoch,
            floor: figures.floor,
            position: figures.head,
            waiting: figures.waiting,
            sharing: self.shop.log.as_ref().map(RedisLog::figures),
        }
    }
}

impl Backstage for Stage {
    fn situation(&self) -> Situation {
        let backend = match self.reloader.settings().store.backend {
            Backend::Sqlite { .. } => "sqlite",
            Backend::Redis { .. } => "redis",
            Backend::Memory => "memory",
        };
        Situation {
            phase: self.shop.phase(),
            started: self.shop.started,
            now: self.shop.clock.wall(),
            backend,
            config: self.reloader.config_state(),
            // The embedded store keeps both; the shared ledger tells its own.
            ledger_trouble: self.shop.sqlite.as_ref().and_then(|_| self.shop.proxy.store_figures().trouble),
        }
    }

    fn figures(&self) -> Figures {
        Figures {
            memory: self.shop.proxy.memory_figures(),
            sessions: self.shop.proxy.sessions(),
            store: self.shop.has_store().then(|| self.shop.proxy.store_figures()),
            redis: self.shop.redis.as_ref().and_then(|redis| redis.redis()),
            ledger: self.ledger_figures(),
            guards: self.shop.proxy.guards(),
            origins: self.shop.proxy.origin_figures(),
        }
    }

    async fn explain(&self, question: Question) -> Result<Explanation, Refusal> {
        let Question { url, cookie, accept_language } = &question;
        let explained = self.shop.proxy.explain(url, cookie.as_deref(), accept_language.as_deref()).await;
        explained.map(show).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
    }

    async fn purge(&self, order: Bytes) -> Result<serde_json::Value, Refusal> {
        self.shop.invalidator.order(&order).await.map_err(|refused| match refused {
            OrderRefused::Bad(message) => Refusal::new(StatusCode::BAD_REQUEST, message),
            OrderRefused::NotDurable(message) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message),
        })
    }

    async fn clear(&self, cache: Option<CacheName>) -> Result<Cleared, Refusal> {
        let asked = Invalidation {
            scope: cache.map_or(Scope::All, Scope::Cache),
            mode: Mode::Hard,
            settle: Duration::ZERO,
            source: Source::Admin,
            reason: "clear".into(),
        };
        let unavailable = |message: String| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message);
        let wait = self.reloader.settings().invalidation.wait;
        let receipt = self.shop.invalidator.invalidate(&[asked], wait).await;
        let receipt = receipt.map_err(|error| unavailable(error.to_string()))?;
        // What was there is unusable already; what was fetched since may go with it.
        if let Err(error) = self.shop.proxy.clear(cache).await {
            tracing::warn!(%error, "cleared, but the store gives the room back later");
        }
        let caches = cache.map_or_else(|| CacheName::ALL.to_vec(), |cache| vec![cache]);
        Ok(Cleared {
            caches: caches.iter().map(ToString::to_string).collect(),
            position: receipt.last,
            confirmed: receipt.confirmation.confirmed,
        })
    }

    async fn reload(&self) -> Result<Reloaded, Refusal> {
        self.reloader.reload().map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
    }

    fn records(&self, after: Position, limit: usize) -> Records {
        Records { records: self.shop.ledger.recent(after, limit), ledger: self.ledger_figures() }
    }

    fn arrivals(&self, limit: usize) -> Vec<Arc<Arrival>> {
        self.shop.invalidator.inbox().newest(limit)
    }

    fn arrival(&self, number: u64) -> Option<Arc<Arrival>> {
        self.shop.invalidator.inbox().get(number)
    }

    async fn recorded_after(&self, after: Position) {
        // The ledger outlives whoever waits.
        let _ = self.shop.ledger.follow().wait_for(|head| *head > after).await;
    }
}

fn show(explained: Explained) -> Explanation {
    let now = explained.now;
    let because = because(&explained);
    Explanation {
        url: explained.target.to_string(),
        route: explained.rule.name.to_string(),
        origin: explained.rule.origin.to_string(),
        cache: explained.rule.cache.to_string(),
        audience: explained.rule.audience.as_str().into(),
        key: explained.key.as_ref().map(|key| KeyShown {
            scheme: explained.target.scheme.as_str().into(),
            host: key.host().into(),
            path: key.path().into(),
            query: key.query().map(Into::into),
            cookies: explained.cookies.clone(),
            language: explained.language.clone(),
        }),
        tags: explained.tags,
        stored: explained.stored.iter().map(|examined| show_stored(examined, now)).collect(),
        guard: explained.guard.as_ref().map(show_guard),
        verdict: Verdict { outcome: explained.kind.as_str().into(), reason: explained.reason.as_str().into(), because },
    }
}

fn show_guard(proof: &Proof) -> GuardShown {
    let since = |since: &Timestamp| Some(rfc3339(*since).to_string());
    match proof {
        Proof::Unproven { failed } => {
            GuardShown { standing: "unproven".into(), failed: failed.clone(), ..GuardShown::default() }
        }
        Proof::Proven { since: time } => {
            GuardShown { standing: "proven".into(), since: since(time), ..GuardShown::default() }
        }
        Proof::Suspect { since: time, url, places } => GuardShown {
            standing: "suspect".into(),
            since: since(time),
            failed: None,
            url: Some(url.clone()),
            places: places.iter().map(show_place).collect(),
        },
    }
}

fn show_place(place: &Place) -> PlaceShown {
    let (line, column) = match place.at {
        At::Body { line, column } => (Some(line), Some(column)),
        At::Status | At::Field(_) => (None, None),
    };
    PlaceShown { place: place.at.to_string(), line, column, first: place.first.clone(), second: place.second.clone() }
}

fn show_stored(examined: &Examined, now: Timestamp) -> StoredShown {
    let (stored, lifetime) = (&examined.stored, examined.stored.lifetime());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    StoredShown {
        status: stored.status.as_u16(),
        body_bytes: stored.body.len() as u64,
        form_tokens: stored.form_cookie().map(|_| stored.body.tokens() as u64),
        coded: stored.forms().iter().map(|form| (form.coding().to_string(), form.len() as u64)).collect(),
        etag: text(stored.etag().as_bytes()),
        vary: stored.vary.pairs().map(|(name, value)| (name.to_string(), value.map(text))).collect(),
        selected: examined.selected,
        age_ms: millis(lifetime.age(now)),
        ttl_ms: lifetime.ttl_ms(now),
        lifetime_from: match lifetime.from {
            LifetimeFrom::Origin => "origin",
            LifetimeFrom::Heuristic => "heuristic",
            LifetimeFrom::Rule => "rule",
            LifetimeFrom::RuleNegative => "rule-negative",
        }
        .into(),
        stale_while_revalidate_ms: millis(lifetime.stale_while_revalidate),
        stale_if_error_ms: millis(lifetime.stale_if_error),
        stamp: stored.stamp.position,
        standing: match examined.standing {
            Standing::Valid => "valid",
            Standing::Soft => "soft-invalidated",
            Standing::Gone(Gone::Invalidated) => "invalidated",
            Standing::Gone(Gone::Unknown) => "ledger-unknown",
            Standing::Gone(Gone::Ahead) => "ledger-behind",
        }
        .into(),
        tags: stored.tags.iter().map(Into::into).collect(),
    }
}

fn because(explained: &Explained) -> String {
    let rule = &explained.rule.name;
    match explained.stored.iter().find(|examined| examined.selected) {
        Some(_) => format!("under the rule {rule}, what is stored was judged: {}", explained.reason),
        None if explained.key.is_some() => {
            format!("under the rule {rule}, nothing usable is stored: {}", explained.reason)
        }
        None => format!("under the rule {rule}, the cache is not asked: {}", explained.reason),
    }
}
