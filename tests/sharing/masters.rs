//! Two servers that both say they are the master, or one that was something else in between.

use crate::members::{DEADLINE, Member, by_url, eventually};
use crate::parts::redis::Server;
use crate::parts::wire::Wire;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use vitrine::ledger::{Standing, Trust};

/// As long as a lease is, and what its holder and the others are apart.
const LEASE: Duration = Duration::from_secs(3);

fn makes_replica(server: &Server, of: &Server) {
    server.run::<()>(&["REPLICAOF", "127.0.0.1", &of.port().to_string()]);
    server.until("its master", |own| own.info("replication", "master_link_status") == "up");
}

fn makes_master(server: &Server) {
    server.run::<()>(&["REPLICAOF", "NO", "ONE"]);
}

fn server() -> Server {
    Server::start(&["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"])
}

/// A server became a replica of one that lacks its last record, and is the same process when it is the master again.
#[tokio::test]
async fn a_master_that_was_a_replica_meanwhile_begins_a_new_epoch() {
    let (server, other) = (server(), server());
    makes_replica(&other, &server);
    let a = Member::joined(&server, "a").await;
    let before = a.ledger.stamp();
    makes_master(&other);
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    a.leave().await;
    makes_replica(&server, &other);
    makes_master(&server);
    let b = Member::joined(&server, "b").await;
    assert_ne!(b.standing("lamp", before), Standing::Valid, "it was purged, and that was confirmed");
}

/// Replicas can be made to take writes. What they take is lost when they hear from their master.
#[tokio::test]
async fn a_replica_that_takes_writes_gives_no_lease() {
    let (server, other) = (server(), server());
    let a = Member::joined(&server, "a").await;
    server.run::<()>(&["CONFIG", "SET", "replica-read-only", "no"]);
    makes_replica(&server, &other);
    eventually("the session to end", || !a.log.figures().is_connected).await;
    eventually("the lease to run out", || !a.ledger.is_current(a.clock.now())).await;
    let b = Member::start(&server, "b", None);
    eventually("b to be refused", || b.log.figures().trouble.is_some()).await;
    assert!(!b.ledger.is_current(b.clock.now()), "{:?}", b.log.figures());
    makes_master(&server);
    a.is_current().await;
    b.is_current().await;
}

/// A proxy is led to the next master, and then by some mistake to the former one, which knows nothing of its successor.
#[tokio::test]
async fn an_epoch_that_was_left_is_never_followed_again() {
    let (old, new) = (server(), server());
    let wire = Wire::to(old.port());
    let a = Member::by_port(wire.port(), "a");
    a.is_current().await;
    let (first, before) = (a.ledger.known().0, a.ledger.stamp());
    for server in [&new, &old] {
        wire.lead_to(server.port());
        wire.cut_open_ones();
        let known = a.ledger.known().0;
        eventually("another epoch", || a.ledger.known().0 != known && a.ledger.is_current(a.clock.now())).await;
        assert_ne!(a.standing("lamp", before), Standing::Valid, "its successor may have known of a purge");
    }
    assert_ne!(a.ledger.known().0, first);
}

/// A proxy whose renewals no replica has may be the only one on a master that was cut off.
#[tokio::test]
async fn one_that_sees_nobody_on_a_master_without_replicas_is_not_alone() {
    let server = server();
    let a = Member::with(by_url(&server.url()), "a", 1);
    eventually("a to see itself alone", || a.log.figures().proxies.len() == 1).await;
    let start = Instant::now();
    while start.elapsed() < LEASE {
        assert_eq!(a.trust(), Trust::Revalidate);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let receipt = a.purge("lamp", Duration::ZERO).await;
    assert!(receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
}

/// Until a replica follows it, a new master is not known to be the only one: the former may give leases until then.
#[tokio::test]
async fn nothing_is_confirmed_for_one_lease_from_when_enough_replicas_have_it() {
    let (server, other) = (server(), server());
    let a = Member::with(by_url(&server.url()), "a", 1);
    eventually("a to follow the log", || a.log.figures().is_connected).await;
    let start = Instant::now();
    eventually("more than a lease", || start.elapsed() > LEASE + Duration::from_millis(500)).await;
    makes_replica(&other, &server);
    let start = Instant::now();
    a.is_current().await;
    // Its first replica gives the master another name, and so a new epoch: what is asked meanwhile waits in the outbox.
    let receipt = loop {
        let receipt = a.purge("lamp", DEADLINE).await;
        if receipt.recorded {
            break receipt;
        }
        assert!(start.elapsed() < DEADLINE, "{receipt:?}");
    };
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    assert!(start.elapsed() > LEASE, "{:?}", start.elapsed());
}

/// Each of them waits for replicas that do not answer, on the connection that all share.
#[tokio::test]
async fn many_purges_without_replicas_are_recorded_all_the_same() {
    let server = server();
    let a = Arc::new(Member::with(by_url(&server.url()), "a", 1));
    eventually("a to follow the log", || a.log.figures().is_connected).await;
    let start = Instant::now();
    let mut purging = JoinSet::new();
    for _ in 0..20 {
        let a = a.clone();
        purging.spawn(async move {
            while start.elapsed() < LEASE + Duration::from_millis(1_500) {
                let receipt = a.purge("lamp", Duration::from_millis(500)).await;
                assert!(receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
            }
        });
    }
    while let Some(purged) = purging.join_next().await {
        purged.unwrap();
    }
}

/// The way leads elsewhere now, but the connection to a master that nobody else follows stays open.
#[tokio::test]
async fn a_master_whose_replicas_never_come_is_left_for_another() {
    let (old, new, replica) = (server(), server(), server());
    makes_replica(&replica, &new);
    let wire = Wire::to(old.port());
    let a = Member::with(by_url(&format!("redis://127.0.0.1:{}/0", wire.port())), "a", 1);
    eventually("a to follow the old one", || a.log.figures().is_connected).await;
    wire.lead_to(new.port());
    a.is_current().await;
}
