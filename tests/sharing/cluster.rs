//! A real cluster, and what becomes of purges when the ledger's slot has another owner.

use crate::members::{DEADLINE, Member, by_url, eventually};
use crate::parts::cluster::Cluster;
use crate::stream::Stream;
use std::time::Duration;
use vitrine::ledger::{Gone, Standing, Trust};

const UNKNOWN: Standing = Standing::Gone(Gone::Unknown);
const STATE: &str = "ecommerce:{ledger}:state";

fn member(cluster: &Cluster, id: &str, replicas: usize) -> Member {
    Member::with(by_url(&cluster.url()), id, replicas)
}

/// Its replica takes over, and has none of its own until the old owner is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_confirmed_purge_holds_while_the_slots_owner_is_killed_and_replaced() {
    let mut cluster = Cluster::start();
    let stream = Stream::of(["a", "b", "c"].map(|id| member(&cluster, id, 1))).await;
    let a = &stream.members[0];
    let (before, epoch) = (a.ledger.stamp(), a.ledger.known().0);
    let old = cluster.owner(STATE).expect("the slot has an owner");
    cluster.kill(old);
    let new = cluster.replaces(old, STATE).await;
    assert_eq!(new, Cluster::partner(old));
    eventually("all to follow the new owner", || stream.members.iter().all(|own| own.ledger.known().0 != epoch)).await;
    eventually("no lease without a replica", || stream.members.iter().all(|own| own.trust() == Trust::Revalidate))
        .await;
    cluster.restart(old);
    stream.has_left(epoch).await;
    stream.goes_on("with the old owner as the replica").await;
    for member in stream.members.iter() {
        assert_eq!(member.standing("sofa", before), UNKNOWN);
    }
    stream.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_down_means_isolation_until_it_is_back() {
    let mut cluster = Cluster::start();
    let (a, b) = (member(&cluster, "a", 0), member(&cluster, "b", 0));
    a.is_current().await;
    b.is_current().await;
    assert!(a.purge("lamp", DEADLINE).await.confirmation.confirmed);
    let (before, epoch) = (b.ledger.stamp(), b.ledger.known().0);
    let owner = cluster.owner(STATE).expect("the slot has an owner");
    cluster.kill(Cluster::partner(owner));
    cluster.kill(owner);
    eventually("both leases to run out", || (a.trust(), b.trust()) == (Trust::Revalidate, Trust::Revalidate)).await;
    let receipt = a.purge("sofa", Duration::from_millis(100)).await;
    assert!(!receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
    assert_eq!(a.ledger.figures().waiting, 1);
    cluster.restart(owner);
    eventually("both to be back", || {
        [&a, &b].iter().all(|own| own.ledger.known().0 != epoch && own.ledger.is_current(own.clock.now()))
    })
    .await;
    eventually("the outbox to be empty", || a.ledger.figures().waiting == 0).await;
    assert_eq!(b.standing("desk", before), UNKNOWN);
    let receipt = b.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxies_follow_the_slot_wherever_it_goes() {
    let cluster = Cluster::start();
    let stream = Stream::of(["a", "b", "c"].map(|id| member(&cluster, id, 0))).await;
    let epoch = || stream.members[0].ledger.known().0;

    let (owner, before) = (cluster.owner(STATE).expect("the slot has an owner"), epoch());
    cluster.node(Cluster::partner(owner)).run::<()>(&["CLUSTER", "FAILOVER"]);
    let owner = cluster.replaces(owner, STATE).await;
    stream.has_left(before).await;
    stream.goes_on("after a failover that was asked for").await;

    let before = epoch();
    let to = (0..3).find(|node| ![owner, Cluster::partner(owner)].contains(node)).expect("there are other masters");
    cluster.move_slot(cluster.slot(STATE), owner, to);
    stream.has_left(before).await;
    assert_eq!(cluster.owner(STATE), Some(to));
    stream.goes_on("after the slot has moved").await;
    stream.ends().await;
}
