//! How long the embedded store takes to start with many stored responses, and whether the first read is right.
//!
//! `cargo run --release --example store_start -- 1000000` fills a file in a temporary folder (some minutes), opens it again
//! three times and says what each step took.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::key::{Key, Scheme, Target};
use vitrine::ledger::Stamp;
use vitrine::store::sqlite::{Settings, SqliteStore};
use vitrine::store::{Queued, Store};
use vitrine::stored::{
    Coded, FieldBlock, Lifetime, LifetimeFrom, Parts, RuleFingerprint, StoredBody, StoredResponse, VaryKey,
};
use vitrine::tags::{Tag, Tags};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rows: u64 = std::env::args().nth(1).as_deref().unwrap_or("100000").parse()?;
    let folder = tempfile::tempdir()?;
    let mut settings = Settings::new(folder.path().join("cache.db"), [64 << 30; 3]);
    settings.read_timeout = Duration::from_secs(5);
    let began = Instant::now();
    fill(settings.clone(), rows).await?;
    println!("filled with {rows} in {:.1?}", began.elapsed());
    for _ in 0..3 {
        let began = Instant::now();
        let (store, _) = SqliteStore::open(settings.clone(), Clock::system())?;
        let opened = began.elapsed();
        let (sought, reading) = (key(rows / 2), Instant::now());
        let found = store.get(CacheName::Products, &sought).await?;
        let read = reading.elapsed();
        assert!(found.len() == 1 && found[0].key() == sought);
        assert_eq!(store.figures().caches[1].entries, rows);
        println!("ready in {opened:.1?}, first read {read:.1?}");
    }
    Ok(())
}

async fn fill(settings: Settings, rows: u64) -> Result<(), Box<dyn Error>> {
    let (store, opened) = SqliteStore::open(settings, Clock::system())?;
    let stamp = Stamp::of(opened.epoch, 0);
    for n in 0..rows {
        let response = Arc::new(response(n, stamp)?);
        while store.put(response.clone()) != Queued::Accepted {
            store.flush().await?;
        }
    }
    store.flush().await?;
    store.close();
    Ok(())
}

fn key(n: u64) -> Key {
    let path = format!("/products/some-product-{n}").into();
    Key::new(&Target { scheme: Scheme::Https, host: "shop.example".into(), path, query: None }, &[], None)
}

fn response(n: u64, stamp: Stamp) -> Result<StoredResponse, Box<dyn Error>> {
    let mut fields = HeaderMap::new();
    fields.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(StoredResponse::of(Parts {
        cache: CacheName::Products,
        key: key(n),
        vary: VaryKey::default(),
        generation: n,
        status: StatusCode::OK,
        fields: FieldBlock::copy_of(&fields)?,
        body: StoredBody::whole(Bytes::from(format!("{n:0>1000}"))),
        form_cookie: None,
        coded: Coded::No,
        etag: HeaderValue::from_static("\"1\""),
        lifetime: Lifetime {
            received: Clock::system().now(),
            initial_age: Duration::ZERO,
            fresh: Duration::from_mins(30),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            keep: Duration::from_hours(168),
            from: LifetimeFrom::Rule,
            validate_always: false,
        },
        stamp,
        tags: Tags::collect([Tag::new("products")?, Tag::new(&format!("product:{n}"))?])?,
        route: "product-detail".into(),
        rule: RuleFingerprint(1),
        origin_time: Duration::from_millis(80),
    }))
}
