//! A ledger that begins anew and counts from the start: positions of the old one mean nothing in it.

use crate::parts::proxy::Proxy;
use crate::parts::redis::Server;
use crate::parts::wire::{Mode, Wire};
use crate::proxy;
use crate::shop::Shop;
use crate::visitor::Visitor;
use std::path::Path;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);
/// Purged again and again, so that the ledger grows.
const OTHER_PAGE: u32 = 1;
const PAGE: u32 = 0;

/// Tells whether a proxy that was cut off while the ledger began anew serves a page that was purged in the new one. Its page
/// bears a position that the new ledger has not come to when the purge is recorded, and has when the page is asked for.
pub(crate) fn serves_what_an_old_epoch_stored(program: &Path) -> bool {
    let redis = Server::start(&[]);
    let shop = Shop::open(2);
    let start = |number| {
        let wire = Wire::to(redis.port());
        let url = format!("redis://127.0.0.1:{}/0", wire.port());
        proxy::start(program, number, &url, Some(wire), shop.address)
    };
    let (first, second) = (start(0), start(1));
    for _ in 0..10 {
        purge(&first, OTHER_PAGE, &["shop-0", "shop-1"]);
    }
    assert_eq!(version(&second), Some(1));

    wire(&second).set(Mode::Cut);
    first.kill();
    redis.run::<String>(&["FLUSHALL"]);
    first.launch();
    let edited = shop.edit(PAGE);
    purge(&first, PAGE, &["shop-0"]);
    for _ in 0..15 {
        purge(&first, OTHER_PAGE, &["shop-0"]);
    }
    wire(&second).set(Mode::Whole);
    purge(&first, OTHER_PAGE, &["shop-0", "shop-1"]);
    version(&second) != Some(edited)
}

fn wire(proxy: &Proxy) -> &Wire {
    proxy.wire.as_ref().expect("it has one")
}

fn version(proxy: &Proxy) -> Option<u64> {
    Visitor::of(proxy.public).read(PAGE)?.body.split(' ').next()?.parse().ok()
}

/// Purges until exactly these proxies confirm it.
fn purge(at: &Proxy, page: u32, all: &[&str]) {
    let start = Instant::now();
    loop {
        let answer = Visitor::of(at.public).purge(page, false, 10).map(|answer| answer.body).unwrap_or_default();
        let named = answer.matches("\"name\":").count();
        let is_by_all = all.iter().all(|name| answer.contains(&format!("\"name\":\"{name}\",\"state\":\"applied\"")));
        if answer.contains("\"confirmed\":true") && named == all.len() && is_by_all {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "not confirmed by {all:?}: {answer}\n{}", at.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
