//! A backstage that says what a test wrote down, and a desk to ask the admin API at.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use vitrine::admin::{
    Admin, Backstage, Cleared, ConfigState, Explanation, Phase, Question, Records, Refusal, Reloaded, Settings,
    Situation, Verdict,
};
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::fetch::OriginFigures;
use vitrine::ledger::{Arrival, Epoch, Invalidation, Mode, Position, Record, Scope, Source};
use vitrine::observe::{Figures, LedgerFigures, Observer};
use vitrine::store::redis::RedisFigures;
use vitrine::store::redis::log::LogFigures;
use vitrine::store::{CacheFigures, StoreFigures};

/// Says what the test wrote down, and remembers what it was asked.
pub(crate) struct Script {
    pub(crate) phase: Phase,
    pub(crate) store_trouble: Option<String>,
    pub(crate) ledger_trouble: Option<String>,
    pub(crate) sharing: Option<LogFigures>,
    pub(crate) redis: Option<RedisFigures>,
    pub(crate) refused: Vec<String>,
    pub(crate) origins: Vec<OriginFigures>,
    pub(crate) position: AtomicU64,
    pub(crate) recorded: Notify,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            phase: Phase::Serving,
            store_trouble: None,
            ledger_trouble: None,
            sharing: None,
            redis: None,
            refused: Vec::new(),
            origins: Vec::new(),
            position: AtomicU64::new(2),
            recorded: Notify::new(),
            asked: Mutex::default(),
        }
    }
}

impl Script {
    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }
}

pub(crate) struct Stage(Arc<Script>);

impl Backstage for Stage {
    fn situation(&self) -> Situation {
        Situation {
            phase: self.0.phase,
            started: Timestamp(1_000),
            now: Timestamp(62_500),
            backend: "sqlite",
            config: ConfigState {
                path: "/etc/vitrine/proxy.yaml".into(),
                hash: "abc".into(),
                loaded: Timestamp(2_000),
                refused: self.0.refused.clone(),
            },
            ledger_trouble: self.0.ledger_trouble.clone(),
        }
    }

    fn figures(&self) -> Figures {
        let caches = [1, 2, 3].map(|n| CacheFigures { entries: n, bytes: n * 10, bytes_max: 100, evictions: 0 });
        let store = StoreFigures { caches, trouble: self.0.store_trouble.clone(), ..StoreFigures::default() };
        let position = self.0.position.load(Ordering::SeqCst);
        let ledger =
            LedgerFigures { epoch: Epoch(0xfe), floor: 1, position, waiting: 0, sharing: self.0.sharing.clone() };
        let (redis, guards) = (self.0.redis.clone(), Vec::new());
        Figures {
            memory: caches,
            sessions: 0,
            store: Some(store),
            redis,
            ledger,
            guards,
            origins: self.0.origins.clone(),
        }
    }

    async fn explain(&self, question: Question) -> Result<Explanation, Refusal> {
        let verdict =
            Verdict { outcome: "miss".into(), reason: "not-stored".into(), because: "nothing is stored".into() };
        Ok(Explanation {
            url: question.url,
            route: "home".into(),
            origin: "default".into(),
            cache: "default".into(),
            audience: "anonymous".into(),
            key: None,
            tags: vec!["route:home".into()],
            stored: Vec::new(),
            guard: None,
            verdict,
        })
    }

    async fn purge(&self, order: Bytes) -> Result<Value, Refusal> {
        self.0.note(String::from_utf8_lossy(&order));
        let is_pending = order.windows(7).any(|part| part == b"pending");
        Ok(json!({ "position": 3, "confirmed": !is_pending, "status": if is_pending { "pending" } else { "ok" } }))
    }

    async fn clear(&self, cache: Option<CacheName>) -> Result<Cleared, Refusal> {
        self.0.note(format!("clear {cache:?}"));
        let caches = cache.map_or(CacheName::ALL.to_vec(), |cache| vec![cache]);
        Ok(Cleared { caches: caches.iter().map(ToString::to_string).collect(), position: 3, confirmed: true })
    }

    async fn reload(&self) -> Result<Reloaded, Refusal> {
        Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "proxy.yaml:3:5: unknown key"))
    }

    fn records(&self, after: Position, limit: usize) -> Records {
        let head = self.0.position.load(Ordering::SeqCst);
        let record = |position| Record {
            position,
            time: Timestamp(0),
            invalidation: Invalidation {
                scope: Scope::All,
                mode: Mode::Soft,
                settle: Duration::from_secs(2),
                source: Source::Admin,
                reason: "a test".into(),
            },
        };
        let records = (after + 1..=head).take(limit).map(record).collect();
        Records { records, ledger: self.figures().ledger }
    }

    fn arrivals(&self, limit: usize) -> Vec<Arc<Arrival>> {
        self.arrival(7).into_iter().take(limit).collect()
    }

    fn arrival(&self, number: u64) -> Option<Arc<Arrival>> {
        let arrival = Arrival {
            number,
            time: Timestamp(1_000),
            path: "/webhooks/shop".into(),
            scheme: "shopify".into(),
            id: Some("a".into()),
            event: None,
            verdict: "malformed".into(),
            answer: r#"{"status":"error"}"#.into(),
            is_signed: true,
            body: Some(Bytes::from_static(b"{}")),
            repeats: 2,
            replayed: Some(Timestamp(2_000)),
        };
        (number == 7).then(|| Arc::new(arrival))
    }

    async fn recorded_after(&self, after: Position) {
        self.0.note("waits");
        while self.0.position.load(Ordering::SeqCst) <= after {
            self.0.recorded.notified().await;
        }
    }
}

pub(crate) struct Desk {
    pub(crate) admin: Admin<Stage>,
    pub(crate) script: Arc<Script>,
}

pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) fields: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub(crate) fn desk(script: Script) -> Desk {
    let settings = Settings { address: "127.0.0.1:8081".parse().unwrap(), token: "s3cret".into() };
    let observer = Arc::new(Observer::new("1.2.3").unwrap());
    observer.routes([("home".into(), CacheName::Default)]);
    let script = Arc::new(script);
    Desk { admin: Admin::new(settings, "1.2.3", observer, Stage(script.clone())), script }
}

impl Desk {
    pub(crate) async fn ask(&self, method: &str, target: &str, body: impl Into<Bytes>) -> Answered {
        self.send(Request::builder().method(method).uri(target).header("authorization", "Bearer s3cret"), body).await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answered {
        let request = request.header("content-type", "application/json").body(()).unwrap();
        let peer = IpAddr::from([192, 0, 2, 1]);
        let response = self.admin.answer(peer, &request.into_parts().0, Full::new(body.into())).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(head.headers["cache-control"], "no-store");
        assert_eq!(head.headers["x-content-type-options"], "nosniff");
        Answered {
            status: head.status.as_u16(),
            fields: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}
