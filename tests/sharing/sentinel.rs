//! A real set with sentinels, and what becomes of purges when its master is replaced.

use crate::members::{DEADLINE, Member, by_url, eventually};
use crate::parts::sentinels::{Passwords, Set};
use crate::stream::Stream;
use std::time::{Duration, Instant};
use vitrine::ledger::{Gone, Standing, Trust};
use vitrine::store::redis::{Secret, Servers, Settings};

const UNKNOWN: Standing = Standing::Gone(Gone::Unknown);
const PASSWORDS: Passwords = Passwords { servers: "of-the-servers", sentinels: "of-the-sentinels" };
/// As long as a lease is.
const LEASE: Duration = Duration::from_secs(3);

fn member(url: &str, id: &str) -> Member {
    Member::with(by_url(url), id, 1)
}

fn with_passwords(url: &str) -> Settings {
    let mut settings = Settings::parse(url, Secret::new(PASSWORDS.servers)).unwrap();
    let Servers::Sentinel { password, .. } = &mut settings.servers else { panic!("{settings:?}") };
    *password = Secret::new(PASSWORDS.sentinels);
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_confirmed_purge_holds_while_the_master_is_killed_and_replaced() {
    let mut set = Set::start(None);
    let stream = Stream::of(["a", "b", "c"].map(|id| member(&set.url(), id))).await;
    let a = &stream.members[0];
    let (before, epoch) = (a.ledger.stamp(), a.ledger.known().0);
    assert_eq!(a.standing("sofa", before), Standing::Valid);
    let old = set.master();
    set.kill(old);
    let killed = Instant::now();
    set.replaces(old).await;
    stream.has_left(epoch).await;
    assert!(killed.elapsed() < DEADLINE, "{:?}", killed.elapsed());
    stream.goes_on("by the new master").await;
    for member in stream.members.iter() {
        assert_eq!(member.standing("sofa", before), UNKNOWN);
        assert_eq!(member.standing("sofa", member.ledger.stamp()), Standing::Valid);
    }
    stream.ends().await;
}

/// The sentinels do not get to tell the old master that it is one no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_master_that_comes_back_confirms_nothing_and_gives_no_lease() {
    let set = Set::start(None);
    let (a, b) = (member(&set.url(), "a"), member(&set.url(), "b"));
    a.is_current().await;
    b.is_current().await;
    let epoch = a.ledger.known().0;
    let old = set.master();
    let stale = member(&set.server(old).url(), "stale");
    stale.is_current().await;
    let before = stale.ledger.stamp();
    set.server(old).pause();
    set.replaces(old).await;
    eventually("both to follow the new master", || {
        [&a, &b].iter().all(|own| own.ledger.known().0 != epoch && own.ledger.is_current(own.clock.now()))
    })
    .await;
    for sentinel in set.sentinels() {
        sentinel.pause();
    }
    set.server(old).resume();
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    eventually("the old master to take somebody in", || stale.log.figures().is_connected).await;
    let start = Instant::now();
    let mut is_tried = false;
    // Long enough for it to believe that all the others are gone.
    while start.elapsed() < LEASE + Duration::from_secs(2) {
        let trust = stale.trust();
        assert!(trust != Trust::Whole || stale.standing("lamp", before) != Standing::Valid, "the old price is served");
        assert_eq!(trust, Trust::Revalidate);
        let receipt = stale.purge("sofa", Duration::from_millis(50)).await;
        assert!(!receipt.confirmation.confirmed, "{receipt:?}");
        is_tried |= receipt.recorded;
    }
    assert!(is_tried, "the old master took records in, and nothing was confirmed all the same");
}

/// Both replicas are there and say nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_cut_off_from_its_replicas_confirms_nothing() {
    let set = Set::start(None);
    let (a, b) = (member(&set.url(), "a"), member(&set.url(), "b"));
    a.is_current().await;
    b.is_current().await;
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    let master = set.master();
    set.others(master).for_each(crate::parts::redis::Server::pause);
    let receipt = a.purge("lamp", Duration::from_millis(500)).await;
    assert!(receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
    assert_eq!(receipt.confirmation.obstacle.as_deref(), Some("too few replicas have it"));
    eventually("both leases to run out", || (a.trust(), b.trust()) == (Trust::Revalidate, Trust::Revalidate)).await;
    set.others(master).for_each(crate::parts::redis::Server::resume);
    let start = Instant::now();
    a.is_current().await;
    b.is_current().await;
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    // They may have followed another master meanwhile, whose proxies have leases.
    assert!(start.elapsed() > LEASE, "{:?}", start.elapsed());
}

/// With passwords, and with a sentinel that was cut off from the others and names a server that is a master too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_word_of_a_sentinel_counts() {
    let mut set = Set::start(Some(PASSWORDS));
    let first = Member::with(with_passwords(&set.url()), "first", 1);
    first.is_current().await;
    let (old, epoch) = (set.master(), first.ledger.known().0);
    set.kill(old);
    set.replaces(old).await;
    eventually("the new master's epoch", || first.ledger.known().0 != epoch).await;
    let other = crate::parts::redis::Server::start(&["--requirepass", PASSWORDS.servers]);
    let stray = set.stray(&other);
    let url = set.url_with(&stray);
    for n in 0..6 {
        let member = Member::with(with_passwords(&url), &format!("m{n}"), 0);
        member.is_current().await;
        assert_eq!(member.ledger.known().0, first.ledger.known().0, "the stray one was believed");
        member.leave().await;
    }
}
