//! A webhook's sender is answered before it gives up, whatever disks and other proxies do, and with a 2xx only for what is
//! durable.

use crate::ledger_script::{EPOCH, End, START, Scripted, open};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use vitrine::body::Body;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::crypto::{hex, hmac_sha256};
use vitrine::invalidate::{EventRule, Invalidator, Scheme, Settings, Template, WebhookSettings};
use vitrine::key::Key;
use vitrine::ledger::{
    Adopted, Confirmation, Epoch, Inbox, Later, Ledger, LogError, OnIsolation, Opened, Placed, Position, Record, Scope,
    SharedLog, Volatile,
};
use vitrine::observe::Observer;
use vitrine::store::{Answer, Nothing, Queued, Store, StoreError, StoreFigures};
use vitrine::stored::StoredResponse;

const SECRET: &str = "a secret of some length";
const BODY: &str = r#"{"id":7}"#;

/// A shared log in which one other proxy never lets go.
#[derive(Default)]
struct Log {
    ledger: OnceLock<Ledger>,
    /// It takes records in, but does not say so.
    is_hung: bool,
    /// The other proxy has let go after all.
    has_let_go: Arc<AtomicBool>,
    /// How often records were placed.
    placed: Arc<AtomicU64>,
}

impl SharedLog for Log {
    fn place(&self, mut records: Vec<Record>, _: Option<Box<str>>) -> Later<'_, Result<Placed, LogError>> {
        Box::pin(async move {
            if self.is_hung {
                std::future::pending::<()>().await;
            }
            self.placed.fetch_add(1, Ordering::Relaxed);
            for record in &mut records {
                record.position = 1;
            }
            self.ledger.get().unwrap().receive(records);
            Ok(Placed { epoch: EPOCH, first: 1, last: 1, time: START, repeat: false })
        })
    }

    fn confirm(&self, _: Epoch, _: Position, wait: Duration) -> Later<'_, Confirmation> {
        Box::pin(async move {
            if self.has_let_go.load(Ordering::Relaxed) {
                return Confirmation { confirmed: true, ..Confirmation::default() };
            }
            tokio::time::sleep(wait).await;
            Confirmation { obstacle: Some("a proxy has not let go".into()), ..Confirmation::default() }
        })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn trim(&self, _: Position) {}
}

fn shared(is_hung: bool) -> Ledger {
    follows(Log { is_hung, ..Log::default() })
}

fn follows(log: Log) -> Ledger {
    let log = Arc::new(log);
    let opened = Opened { epoch: EPOCH, floor: 0, head: 0, records: Vec::new(), deliveries: Vec::new() };
    let (clock, _) = Clock::held(START);
    let journal = Arc::new(Scripted::held());
    let settings = vitrine::ledger::Settings::default();
    let ledger = Ledger::shared(&opened, journal, log.clone(), OnIsolation::default(), settings, clock).unwrap();
    ledger.adopt(Adopted { epoch: EPOCH, floor: 0, records: Vec::new() });
    log.ledger.set(ledger.clone()).unwrap();
    ledger
}

fn rule(event: &str, tag: &str) -> EventRule {
    EventRule {
        event: event.into(),
        tags: [Template::parse(tag).unwrap()].into(),
        urls: [].into(),
        soft: false,
        settle: Duration::ZERO,
    }
}

fn settings(wait: Duration) -> Settings {
    let webhook = |name: &str| {
        let scheme = Scheme::named(name).unwrap();
        let secret = scheme.secret(SECRET).unwrap();
        WebhookSettings { path: format!("/{name}").into(), scheme, secrets: [secret].into() }
    };
    Settings {
        wait,
        webhooks: [webhook("shopify"), webhook("github")].into(),
        events: [rule("products/update", "product:{id}")].into(),
        ..Settings::default()
    }
}

fn invalidator(ledger: Ledger, wait: Duration) -> Invalidator {
    let observer = Arc::new(Observer::new("1.2.3").unwrap());
    let inbox = Inbox::open(Vec::new(), Arc::new(Volatile));
    Invalidator::new(settings(wait), ledger, inbox, Arc::new(Nothing), observer, Clock::held(START).0)
}

async fn deliver(invalidator: &Invalidator, name: &str) -> (Duration, Response<Body>) {
    let mac = hmac_sha256(SECRET.as_bytes(), &[BODY.as_bytes()]);
    let request = match name {
        "shopify" => Request::post("/shopify")
            .header("x-shopify-hmac-sha256", STANDARD.encode(mac))
            .header("x-shopify-webhook-id", "1")
            .header("x-shopify-topic", "products/update"),
        _ => Request::post("/github")
            .header("x-hub-signature-256", format!("sha256={}", hex(&mac)))
            .header("x-github-delivery", "1")
            .header("x-github-event", "products/update"),
    };
    let (head, ()) = request.body(()).unwrap().into_parts();
    let begun = Instant::now();
    let response = invalidator.webhook(&head, Body::whole(BODY)).await;
    (begun.elapsed(), response)
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

#[tokio::test]
async fn a_delivery_that_could_not_be_made_durable_is_kept_and_can_be_carried_out_again() {
    let journal = Scripted::held();
    let ledger = open(&journal, 0, vitrine::ledger::Settings::default()).0;
    let invalidator = invalidator(ledger.clone(), Duration::from_secs(5));
    let failed = async { tokio::join!(deliver(&invalidator, "shopify"), journal.end(0, End::Failed)).0.1 };
    assert_eq!(failed.await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let kept = invalidator.inbox().get(1).unwrap();
    assert_eq!((&*kept.verdict, kept.body.as_deref()), ("failed", Some(BODY.as_bytes())));
    assert!(kept.answer.contains("the disk is full"), "{}", kept.answer);
    let again = async { tokio::join!(invalidator.order(br#"{"delivery":1}"#), journal.end(1, End::Kept)).0 };
    assert_eq!(again.await.unwrap()["purged"][0]["scope"], "tag product:7");
    assert_eq!(invalidator.inbox().get(1).unwrap().replayed, Some(START));
    assert_eq!(journal.reopened(0).records.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_proxies_are_waited_for_as_long_as_the_sender_waits_and_no_longer() {
    for (name, configured, expected) in
        [("shopify", 60_000, 3_000), ("shopify", 1_000, 1_000), ("github", 60_000, 8_500), ("github", 5_000, 5_000)]
    {
        let invalidator = invalidator(shared(false), Duration::from_millis(configured));
        let (took, response) = deliver(&invalidator, name).await;
        assert_eq!((took, response.status()), (Duration::from_millis(expected), StatusCode::OK), "{name}");
        assert!(text(response).await.contains(r#""confirmed":false"#), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_to_be_durable_in_time_has_to_be_sent_again() {
    for (name, expected) in [("shopify", 3_500), ("github", 9_000)] {
        let hung_disk = open(&Scripted::held(), 0, vitrine::ledger::Settings::default()).0;
        for ledger in [hung_disk, shared(true)] {
            let invalidator = invalidator(ledger, Duration::from_secs(5));
            for _ in 0..2 {
                let (took, response) = deliver(&invalidator, name).await;
                assert_eq!(took, Duration::from_millis(expected), "{name}");
                assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{name}");
                assert!(text(response).await.contains("in force, but not known to be durable"), "{name}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_of_what_was_not_confirmed_is_answered_with_how_it_stands_now() {
    let log = Log::default();
    let (has_let_go, placed) = (log.has_let_go.clone(), log.placed.clone());
    let ledger = follows(log);
    let invalidator = invalidator(ledger.clone(), Duration::from_secs(1));
    for _ in 0..2 {
        let told = text(deliver(&invalidator, "github").await.1).await;
        assert!(told.contains(r#""confirmed":false"#) && told.contains("a proxy has not let go"), "{told}");
    }
    // Broken off while it was looked at, it is as it was.
    assert!(timeout(Duration::from_millis(1), deliver(&invalidator, "github")).await.is_err());
    has_let_go.store(true, Ordering::Relaxed);
    // What was asked for then is told, not what the rule would say now.
    let other = rule("products/update", "other:{id}");
    invalidator.set_settings(Settings { events: [other].into(), ..settings(Duration::from_secs(1)) });
    for _ in 0..2 {
        let (took, response) = deliver(&invalidator, "github").await;
        let told = text(response).await;
        assert!(told.contains(r#""confirmed":true"#) && !told.contains("obstacle"), "{told}");
        assert!(told.contains(r#""scope":"tag product:7""#) && told.contains(r#""seq":1"#), "{told}");
        assert_eq!(took, Duration::ZERO);
    }
    assert_eq!((placed.load(Ordering::Relaxed), ledger.known().1), (1, 1));
}

/// A store whose disk answers nothing.
struct Hung;

impl Store for Hung {
    fn get<'a>(&'a self, cache: CacheName, key: &'a Key) -> Answer<'a, Vec<Arc<StoredResponse>>> {
        Nothing.get(cache, key)
    }

    fn put(&self, response: Arc<StoredResponse>) -> Queued {
        Nothing.put(response)
    }

    fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        Nothing.remove(cache, key, generation);
    }

    fn clear(&self, cache: Option<CacheName>) -> Answer<'_, ()> {
        Nothing.clear(cache)
    }

    fn count<'a>(&'a self, _: &'a Scope) -> Answer<'a, Option<u64>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Err(StoreError::Timeout(100))
        })
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }

    fn flush(&self) -> Answer<'_, ()> {
        Nothing.flush()
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_does_not_wait_until_each_of_its_tags_could_not_be_counted() {
    let ledger = open(&Scripted::ending(End::Kept), 0, vitrine::ledger::Settings::default()).0;
    let observer = Arc::new(Observer::new("1.2.3").unwrap());
    let inbox = Inbox::open(Vec::new(), Arc::new(Volatile));
    let own = settings(Duration::ZERO);
    let invalidator = Invalidator::new(own, ledger, inbox, Arc::new(Hung), observer, Clock::held(START).0);
    let tags: Vec<String> = (0..400).map(|n| format!("product:{n}")).collect();
    let begun = Instant::now();
    let told = invalidator.order(json!({ "tags": tags }).to_string().as_bytes()).await.unwrap();
    assert_eq!((&told["confirmed"], told["purged"].as_array().map(Vec::len)), (&json!(true), Some(400)));
    assert_eq!(begun.elapsed(), Duration::from_millis(500));
}
