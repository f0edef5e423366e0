//! The proxies of a fleet: what they are configured to.

use crate::parts::proxy::Proxy;
use crate::parts::redis::free_port;
use crate::parts::wire::Wire;
use std::net::SocketAddr;
use std::path::Path;

/// Writes the configuration and starts it. `wire`, where there is one, is what `redis` leads to.
pub(crate) fn start(program: &Path, number: u8, redis: &str, wire: Option<Wire>, shop: SocketAddr) -> Proxy {
    // Its own again after it was killed.
    let public = SocketAddr::from(([127, 0, 0, 1], free_port()));
    Proxy::start(program, number, public, wire, |data| {
        format!(
            "listen: [{{ address: \"{public}\" }}]\nadmin: {{ address: \"127.0.0.1:0\" }}\nlog: {{ access: off }}\n\
             origin: {{ url: \"http://{shop}\", response_timeout: 5s }}\ndata_dir: \"{data}\"\n\
             store: {{ backend: redis, memory: 16MiB, redis: {{ url: \"{redis}\", name: shop-{number} }} }}\n\
             routes: [{{ name: page, match: \"/p/{{id}}\", ttl: 30m, tags: [\"p:{{id}}\"] }}]\n\
             invalidation: {{ wait: 10s }}\n",
            data = data.display()
        )
    })
}
