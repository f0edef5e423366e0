//! What the pure parts of a hit cost, each alone, with criterion: `cargo bench --bench pure`, or with a part of a name behind it.
//!
//! They are a yardstick for changes of one part; what a request costs is measured over the wire (bench/README.md).

// A bench may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use criterion::Criterion;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::headers::{AcceptedCodings, http_date};
use vitrine::key::{Key, Scheme, Target};
use vitrine::ledger::{
    Bounds, Epoch, Index, Invalidation, Mode, Record, Scope, Source, Stamp, Standing, Subject, Trust,
};
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::policy::directives::CacheControl;
use vitrine::policy::{Reuse, Wishes, reuse, vary};
use vitrine::respond::cache_status;
use vitrine::route::Router;
use vitrine::store::MemoryTier;
use vitrine::stored::{
    Coded, FieldBlock, Lifetime, LifetimeFrom, Parts, RuleFingerprint, StoredBody, StoredResponse, VaryKey,
};
use vitrine::tags::{Tag, Tags};

/// Noon of 24 November 2026.
const NOON: Timestamp = Timestamp(1_795_521_600_000);
const RULE: RuleFingerprint = RuleFingerprint(7);
/// Where responses stand that are older than the purges of the ledger's bench, but newer than its floor.
const POSITION: u64 = 5;
const PAGES: u64 = 10_000;
const DATE: &str = "Tue, 24 Nov 2026 12:00:00 GMT";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    parsing(&mut criterion);
    routing(&mut criterion);
    keys(&mut criterion);
    choosing(&mut criterion);
    standing(&mut criterion);
    memory(&mut criterion);
    criterion.final_summary();
}

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn target(path: &str) -> Target {
    Target { scheme: Scheme::Https, host: "shop.example".into(), path: path.into(), query: None }
}

/// A product's page; with a language in its Vary key where one is named.
fn page(path: &str, language: Option<&'static str>) -> StoredResponse {
    let body = StoredBody::whole(Bytes::from_static(&[b'x'; 1024]));
    let lines = [("content-type", "text/html; charset=utf-8"), ("date", DATE), ("etag", "\"1\"")];
    let vary = |language: &'static str| {
        VaryKey::of(&[header::ACCEPT_LANGUAGE], |_| Some(Bytes::from_static(language.as_bytes())))
    };
    StoredResponse::of(Parts {
        cache: CacheName::Products,
        key: Key::new(&target(path), &[], None),
        vary: language.map(vary).unwrap_or_default(),
        generation: 11,
        status: StatusCode::OK,
        fields: FieldBlock::copy_of(&fields(&lines)).unwrap(),
        body,
        form_cookie: None,
        coded: Coded::No,
        etag: HeaderValue::from_static("\"1\""),
        lifetime: Lifetime {
            received: NOON,
            initial_age: Duration::ZERO,
            fresh: Duration::from_mins(5),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            keep: Duration::from_hours(1),
            from: LifetimeFrom::Rule,
            validate_always: false,
        },
        stamp: Stamp::of(Epoch(1), POSITION),
        tags: tags(&["product:wine-glass", "route:product-detail"]),
        route: "product-detail".into(),
        rule: RULE,
        origin_time: Duration::from_millis(40),
    })
}

fn tags(texts: &[&str]) -> Tags {
    Tags::collect(texts.iter().map(|text| Tag::new(text).unwrap())).unwrap()
}

fn parsing(criterion: &mut Criterion) {
    let control = fields(&[("cache-control", "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400")]);
    criterion.bench_function("parse Cache-Control of a response", |bencher| {
        bencher.iter(|| CacheControl::of(black_box(&control), &[]));
    });
    let reload = fields(&[("cache-control", "max-age=0")]);
    criterion.bench_function("parse Cache-Control of a request", |bencher| {
        bencher.iter(|| Wishes::of(black_box(&reload)));
    });
    assert!(http_date(DATE, NOON).is_some());
    criterion.bench_function("parse a date", |bencher| bencher.iter(|| http_date(black_box(DATE), NOON)));
    let codings = fields(&[("accept-encoding", "gzip, deflate, br, zstd")]);
    criterion.bench_function("parse Accept-Encoding", |bencher| {
        bencher.iter(|| AcceptedCodings::of(black_box(&codings)));
    });
}

/// The routes as they are shipped.
fn router() -> Router {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy.yaml");
    vitrine::config::load(&file, &|_| None).expect("the shipped configuration is right").config.router
}

fn routing(criterion: &mut Criterion) {
    let router = router();
    for (name, path, rule) in [
        ("route: the first rule", "/", "home"),
        ("route: a product", "/products/wine-glass", "product-detail"),
        ("route: the last rule", "/edit/products/7", "edit"),
    ] {
        let target = target(path);
        assert_eq!(&*router.route(&Method::GET, &target).rule.name, rule);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| router.route(black_box(&Method::GET), black_box(&target)).place);
        });
    }
}

fn keys(criterion: &mut Criterion) {
    let request =
        Request::builder().uri("/products/wine-glass?page=2").header("host", "shop.example").body(()).unwrap();
    criterion.bench_function("key: the target of a request", |bencher| {
        bencher.iter(|| Target::of(black_box(&request), Scheme::Https).unwrap());
    });
    let target = Target::of(&request, Scheme::Https).unwrap();
    criterion.bench_function("key: plain", |bencher| bencher.iter(|| Key::new(black_box(&target), &[], None)));
    let cookies = [("currency", "EUR")];
    criterion.bench_function("key: with a cookie and a language", |bencher| {
        bencher.iter(|| Key::new(black_box(&target), black_box(&cookies), Some("de")));
    });
    let key = Key::new(&target, &[], None);
    criterion.bench_function("key: digest", |bencher| bencher.iter(|| black_box(&key).digest()));
}

fn choosing(criterion: &mut Criterion) {
    let (stored, now) = (page("/", None), NOON.plus(Duration::from_secs(7)));
    let decide =
        |stored: &StoredResponse| reuse::decide(stored, Trust::Whole, Standing::Valid, RULE, &Wishes::NONE, now);
    assert_eq!(decide(&stored), Reuse::Serve);
    criterion.bench_function("decide reuse", |bencher| bencher.iter(|| decide(black_box(&stored))));

    let german = Some(Bytes::from_static(b"de"));
    for (name, variants) in [
        ("select of one variant", vec![Arc::new(page("/", None))]),
        (
            "select of 8 variants",
            ["en", "fr", "it", "es", "nl", "pl", "sv", "de"].map(|tag| Arc::new(page("/", Some(tag)))).into(),
        ),
    ] {
        assert!(vary::select(&variants, |_| german.clone()).is_ok());
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| vary::select(black_box(&variants), |_| german.clone()).map(|stored| stored.generation));
        });
    }

    let hit = Outcome { ttl_secs: Some(293), ..Outcome::new(Kind::Hit, Reason::Fresh) };
    assert_eq!(cache_status(&hit), "vitrine; hit; ttl=293");
    criterion.bench_function("write Cache-Status", |bencher| bencher.iter(|| cache_status(black_box(&hit))));
}

/// A ledger that has seen so many purges since the response was stored, none of which is about it.
fn index(purges: u64, scope: impl Fn(u64) -> Scope) -> Index {
    let mut index = Index::new(POSITION, Bounds::default());
    for number in 1..=purges {
        let invalidation = Invalidation {
            scope: scope(number),
            mode: Mode::Hard,
            settle: Duration::ZERO,
            source: Source::Purge,
            reason: "".into(),
        };
        index.apply(&Record { position: POSITION + number, time: NOON, invalidation }, Timestamp::default());
    }
    index
}

fn standing(criterion: &mut Criterion) {
    let tags = tags(&["product:wine-glass", "route:product-detail"]);
    let subject = Subject {
        cache: CacheName::Products,
        host: "shop.example",
        path: "/products/wine-glass",
        query: None,
        tags: &tags,
    };
    let by_tag = |number: u64| Scope::Tag(Tag::new(&format!("product:{number}")).unwrap());
    let by_prefix = |number: u64| Scope::prefix(&format!("/categories/{number}/")).unwrap();
    for (name, index) in [
        ("standing: nothing was purged", index(0, by_tag)),
        ("standing: 100,000 tags were purged", index(100_000, by_tag)),
        ("standing: 100 prefixes were purged", index(100, by_prefix)),
    ] {
        assert_eq!(index.standing(&subject, POSITION), Standing::Valid);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| index.standing(black_box(&subject), black_box(POSITION)));
        });
    }
}

fn memory(criterion: &mut Criterion) {
    let tier = MemoryTier::new(1 << 30, [1 << 30; 3]);
    let keys: Vec<Key> = (0..PAGES)
        .map(|number| {
            let page = page(&format!("/products/{number}"), None);
            let key = page.to_parts().key;
            tier.insert(Arc::new(page));
            key
        })
        .collect();
    let mut turn = keys.iter().cycle();
    let mut next = || turn.next().and_then(|key| tier.get(CacheName::Products, black_box(key)));
    assert!(next().is_some());
    criterion.bench_function("look up one of 10,000 pages in memory", |bencher| bencher.iter(&mut next));
}
