//! The Redis configuration that ships, with its users file made as its head says: proxies can do with it all they need, and it
//! gives no reason for a warning.

use crate::parts::proxy::Proxy;
use crate::parts::redis::Server;
use crate::proxy;
use crate::shop::Shop;
use crate::visitor::Visitor;
use std::path::Path;
use std::time::{Duration, Instant};

const PASSWORD: &str = "5899941c3da8eb036a10659db52e4a85";

/// The server that `deploy/redis.conf` describes, on a port and in a folder of this test.
fn server() -> Server {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/redis.conf");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let users =
        shipped.split("printf '").nth(1).and_then(|rest| rest.split('\'').next()).expect("it says how users are made");
    let users = users.replace("\\n", "\n").replace("%s", PASSWORD);
    Server::configured(|folder, port| {
        let secrets = folder.join("users.conf");
        std::fs::write(&secrets, &users).unwrap();
        let own = |line: &str| match line.split(' ').next() {
            Some("include") => format!("include {}", secrets.display()),
            Some("dir") => format!("dir {}", folder.display()),
            Some("port") => format!("port {port}"),
            Some("logfile") => format!("logfile {}/redis.log", folder.display()),
            _ => line.to_string(),
        };
        shipped.lines().map(own).collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn two_proxies_share_the_redis_that_ships() {
    let redis = server();
    let shop = Shop::open(2);
    let url = format!("redis://vitrine:{PASSWORD}@127.0.0.1:{}/0", redis.port());
    let program = Path::new(env!("CARGO_BIN_EXE_vitrine"));
    let proxies = [0, 1].map(|number| proxy::start(program, number, &url, None, shop.address));
    let mut visitors = proxies.each_ref().map(|proxy| Visitor::of(proxy.public));
    let both = "\"confirmed\":true,\"proxies\":[";
    eventually("both to confirm", || {
        let answer = visitors[0].purge(1, true, 10).unwrap().body;
        answer.contains(both) && answer.matches("\"state\":\"applied\"").count() == 2
    });
    // What one fetched is a hit on the other, once it is written.
    let mut page = 0;
    eventually("a page to be shared", || {
        page ^= 1;
        assert_eq!(visitors[0].read(page).unwrap().status, 200);
        visitors[1].read(page).unwrap().cache_status.contains("; hit")
    });
    let edited = shop.edit(page);
    assert!(visitors[1].purge(page, false, 10).unwrap().body.contains("\"confirmed\":true"));
    for visitor in &mut visitors {
        assert!(visitor.read(page).unwrap().body.starts_with(&format!("{edited} ")));
    }
    let told: Vec<String> = proxies.iter().map(Proxy::log).collect();
    for word in ["NOPERM", "permission", "maxmemory", "appendfsync", "not accept", PASSWORD] {
        assert!(!told.iter().any(|log| log.contains(word)), "{word} in {told:?}");
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
