//! A store to put in, and responses as a shop's product pages are.

use crate::Problem;
use crate::redis_server::RedisServer;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::key::{Key, Scheme, Target};
use vitrine::ledger::{Epoch, Stamp};
use vitrine::store::redis::{RedisStore, Settings};
use vitrine::stored::{
    Coded, FieldBlock, Lifetime, LifetimeFrom, Parts, RuleFingerprint, StoredBody, StoredResponse, VaryKey,
};
use vitrine::tags::{Tag, Tags};

/// A store that waits longer than a proxy's: on a machine that others load, one late answer is not what is measured.
pub(crate) fn store(server: &RedisServer) -> Result<RedisStore, Problem> {
    let patient = Duration::from_secs(5);
    let settings = Settings::parse(&server.url(), None)?;
    let settings = Settings { read_timeout: patient, write_timeout: patient, ..settings };
    Ok(RedisStore::open(settings, [64 << 30; 3], Clock::system()))
}

/// The key of a product's page.
pub(crate) fn key(product: u64) -> Key {
    let path = format!("/products/some-product-with-a-name-{product}").into();
    Key::new(&Target { scheme: Scheme::Https, host: "shop.example".into(), path, query: None }, &[], None)
}

/// A product's page of so many bytes.
pub(crate) fn response(product: u64, body_bytes: usize) -> Result<Arc<StoredResponse>, Problem> {
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("date", "Tue, 24 Nov 2026 12:00:00 GMT"),
        ("last-modified", "Tue, 24 Nov 2026 11:58:03 GMT"),
        ("cache-control", "public, max-age=300, stale-while-revalidate=60"),
        ("content-language", "en"),
        ("x-frame-options", "SAMEORIGIN"),
    ] {
        fields.append(name, HeaderValue::from_static(value));
    }
    let tags = [Tag::new("route:product-detail")?, Tag::new("products")?, Tag::new(&format!("product:{product}"))?];
    Ok(Arc::new(StoredResponse::of(Parts {
        cache: CacheName::Products,
        key: key(product),
        vary: VaryKey::default(),
        generation: product,
        status: StatusCode::OK,
        fields: FieldBlock::copy_of(&fields)?,
        body: StoredBody::whole(Bytes::from(vec![b'x'; body_bytes])),
        form_cookie: None,
        coded: Coded::No,
        etag: HeaderValue::from_static("\"v-00000000000000000000000000000000\""),
        lifetime: Lifetime {
            received: Clock::system().now(),
            initial_age: Duration::ZERO,
            fresh: Duration::from_mins(30),
            stale_while_revalidate: Duration::from_mins(1),
            stale_if_error: Duration::from_hours(24),
            keep: Duration::from_hours(168),
            from: LifetimeFrom::Origin,
            validate_always: false,
        },
        stamp: Stamp::of(Epoch(1), 0),
        tags: Tags::collect(tags)?,
        route: "product-detail".into(),
        rule: RuleFingerprint(1),
        origin_time: Duration::from_millis(80),
    })))
}
