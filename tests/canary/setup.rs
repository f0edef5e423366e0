//! The proxies, as an operator would set them up for the demo shop; but some lifetimes are short, so that pages become stale and
//! are fetched anew while they are asked for.

use crate::parts::proxy::Proxy;
use crate::parts::redis::{Server, free_port};
use crate::shop::{Shop, WEBHOOK_SECRET};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// What pages are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// One proxy with the embedded store.
    InSqlite,
    /// Two proxies that share a Redis.
    InRedis,
}

/// A shop with proxies in front of it.
pub(crate) struct Setup {
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) shop: Shop,
    /// Ended when it is dropped, after the proxies.
    _redis: Option<Server>,
}

impl Setup {
    pub(crate) fn start(program: &Path, kept: Kept) -> Setup {
        let redis = (kept == Kept::InRedis).then(|| Server::start(&[]));
        let count = if redis.is_some() { 2 } else { 1 };
        let addresses: Vec<SocketAddr> = (0..count).map(|_| SocketAddr::from(([127, 0, 0, 1], free_port()))).collect();
        let shop = Shop::open(addresses[0]);
        let start = |(number, public): (u8, &SocketAddr)| {
            let store = store(redis.as_ref(), number);
            Proxy::start(program, number, *public, None, |data| config(*public, &shop, data, &store))
        };
        let proxies = (0..).zip(&addresses).map(start).collect();
        Setup { proxies, shop, _redis: redis }
    }
}

fn store(redis: Option<&Server>, number: u8) -> String {
    match redis {
        Some(redis) => format!(
            "session_key: \"one-secret-for-all-proxies-of-the-shop\"\n\
             store: {{ backend: redis, memory: 16MiB, redis: {{ url: \"{}\", name: shop-{number} }} }}\n",
            redis.url()
        ),
        None => "store: { backend: sqlite, memory: 16MiB }\n".into(),
    }
}

fn config(public: SocketAddr, shop: &Shop, data: &Path, store: &str) -> String {
    let mut text = format!(
        "listen: [{{ address: \"{public}\" }}]\nadmin: {{ address: \"127.0.0.1:0\" }}\nlog: {{ access: off }}\n\
         origin: {{ url: \"http://{}\", response_timeout: 10s }}\ndata_dir: \"{}\"\n{store}",
        shop.address,
        data.display()
    );
    text += "cookies: { session: [sessionid], personal: [messages, basket], key: [currency], drop: [recently_viewed] }\n\
             query: { ignore: [utm_*] }\nroutes:\n";
    let own = format!("/products/{}", shop.products[0].slug);
    for (name, pattern, rest) in [
        ("home", "/", "ttl: 1s, stale_while_revalidate: 1m, tags: [products]"),
        ("list", "/products", "ttl: 2s, stale_while_revalidate: 1m, tags: [products, categories]"),
        // A page that sets a cookie, and is kept for each session.
        ("own-product", &own, "ttl: 8h, audience: session"),
        ("product", "/products/{product}", "ttl: 30m, cache: products, tags: [\"product:{product}\"]"),
        ("categories", "/categories/{*path}", "ttl: 1h, stale_while_revalidate: 1m, tags: [categories]"),
        ("search", "/search", "ttl: 1s, stale_while_revalidate: 10s"),
        ("orders", "/account/orders", "ttl: 1s, audience: session"),
        ("account", "/account/{*path}", "ttl: 8h, audience: session"),
        ("checkout", "/checkout/{*path}", "pass: true"),
        ("basket", "/basket", "pass: true"),
        ("basket-change", "/basket/{*path}", "pass: true"),
        ("edit", "/edit/{*path}", "pass: true"),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "  - {{ name: {name}, match: \"{pattern}\", {rest} }}");
    }
    let _ = writeln!(
        text,
        "invalidation:\n  webhooks: [{{ path: /webhooks/shop, scheme: standard-webhooks, secret: \"{WEBHOOK_SECRET}\" }}]\n  \
         events: {{ product.updated: {{ tags: [products, \"product:{{slug}}\"] }} }}"
    );
    text
}
