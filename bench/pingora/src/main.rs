//! A caching proxy as somebody who builds on pingora would write it: its memory cache with its LRU, its lock against herds and its
//! memory of what was uncacheable; one thread, pooled connections to the origin, no log.
//!
//! `vitrine-bench-pingora LISTEN ORIGIN`, two addresses. Paths below `/pass/` are not cached. It is measured, never shipped.

use async_trait::async_trait;
use pingora::cache::cache_control::CacheControl;
use pingora::cache::eviction::lru::Manager;
use pingora::cache::filters::resp_cacheable;
use pingora::cache::lock::{CacheKeyLockImpl, CacheLock};
use pingora::cache::predictor::Predictor;
use pingora::cache::{CacheKey, CacheMetaDefaults, MemCache, RespCacheable};
use pingora::http::ResponseHeader;
use pingora::prelude::{HttpPeer, Result, Server, Session};
use pingora::proxy::{ProxyHttp, http_proxy_service};
use pingora::server::configuration::ServerConf;
use std::sync::LazyLock;
use std::time::Duration;

const CACHE_BYTES_MAX: usize = 1 << 30;
const KEYS_EXPECTED: usize = 100_000;

static MEMORY: LazyLock<MemCache> = LazyLock::new(MemCache::new);
static EVICTION: LazyLock<Manager<16>> = LazyLock::new(|| Manager::with_capacity(CACHE_BYTES_MAX, KEYS_EXPECTED / 16));
static UNCACHEABLE: LazyLock<Predictor<32>> = LazyLock::new(|| Predictor::new(128, None));
static LOCK: LazyLock<Box<CacheKeyLockImpl>> = LazyLock::new(|| CacheLock::new_boxed(Duration::from_secs(10)));
/// Nothing is kept unless the origin says for how long.
static DEFAULTS: CacheMetaDefaults = CacheMetaDefaults::new(|_| None, 0, 0);

struct Proxy {
    origin: String,
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(&*self.origin, false, String::new())))
    }

    fn request_cache_filter(&self, session: &mut Session, (): &mut Self::CTX) -> Result<()> {
        if !session.req_header().uri.path().starts_with("/pass/") {
            session.cache.enable(&*MEMORY, Some(&*EVICTION), Some(&*UNCACHEABLE), Some(&**LOCK), None);
        }
        Ok(())
    }

    fn cache_key_callback(&self, session: &Session, (): &mut Self::CTX) -> Result<CacheKey> {
        let head = session.req_header();
        let host = head.headers.get(http::header::HOST).map_or(&b""[..], |host| host.as_bytes());
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Ok(CacheKey::new([host, target.as_bytes()].concat(), ""))
    }

    fn response_cache_filter(&self, _: &Session, head: &ResponseHeader, (): &mut Self::CTX) -> Result<RespCacheable> {
        let control = CacheControl::from_resp_headers(head);
        Ok(resp_cacheable(control.as_ref(), head.clone(), false, &DEFAULTS))
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(origin)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: vitrine-bench-pingora LISTEN ORIGIN");
        std::process::exit(2);
    };
    let conf = ServerConf {
        threads: 1,
        work_stealing: false,
        upstream_keepalive_pool_size: 512,
        // Nobody waits for its end.
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Proxy { origin });
    service.add_tcp(&listen);
    server.add_service(service);
    server.run_forever();
}
