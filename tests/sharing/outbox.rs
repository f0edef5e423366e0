//! Purges while Redis is away.

use crate::members::{DEADLINE, Member, eventually, invalidation};
use crate::parts::redis::Server;
use std::time::Duration;
use vitrine::ledger::{Gone, Receipt, Standing};

const GONE: Standing = Standing::Gone(Gone::Invalidated);

#[tokio::test]
async fn a_purge_while_redis_is_away_is_in_force_here_and_everywhere_when_it_is_back() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let (of_a, of_b) = (a.ledger.stamp(), b.ledger.stamp());
    server.pause();
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(!receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
    assert!(receipt.confirmation.obstacle.is_some());
    assert_eq!(a.standing("lamp", of_a), GONE);
    assert_eq!(a.standing("sofa", of_a), Standing::Valid);
    // What is fetched after it is good here, although the ledger has not moved.
    let after = a.ledger.stamp();
    assert_eq!(after.position, of_a.position);
    assert_eq!(a.standing("lamp", after), Standing::Valid);
    a.purge("lamp", Duration::ZERO).await;
    assert_eq!(a.standing("lamp", after), GONE);
    assert_eq!(a.ledger.figures().waiting, 2);
    server.resume();
    eventually("b to know", || b.standing("lamp", of_b) == GONE).await;
    eventually("the outbox to be empty", || a.ledger.figures().waiting == 0).await;
    a.is_current().await;
    assert_eq!(a.standing("lamp", of_a), GONE);
    assert_eq!(a.standing("lamp", a.ledger.stamp()), Standing::Valid);
}

#[tokio::test]
async fn the_outbox_survives_a_restart_of_the_proxy() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let b = Member::joined(&server, "b").await;
    let mut a = Member::with_folder(&server, "a", folder.path());
    a.is_current().await;
    server.kill();
    for tag in ["lamp", "sofa"] {
        assert!(!a.purge(tag, Duration::ZERO).await.recorded);
    }
    a.die().await;
    drop(a);
    let mut a = Member::with_folder(&server, "a", folder.path());
    assert_eq!(a.ledger.figures().waiting, 2);
    let before = vitrine::ledger::Stamp { unshared: 0, ..a.ledger.stamp() };
    assert_eq!(
        (a.standing("lamp", before), a.standing("sofa", before)),
        (GONE, GONE),
        "in force before anything is served"
    );
    assert_eq!(a.standing("desk", before), Standing::Valid);
    server.restart();
    eventually("b to have both records", || b.ledger.recent(0, 9).len() == 2).await;
    eventually("the outbox to be empty", || a.ledger.figures().waiting == 0).await;
    a.die().await;
    drop(a);
    let a = Member::with_folder(&server, "a", folder.path());
    assert_eq!(a.ledger.figures().waiting, 0, "what was placed is not placed again");
}

#[tokio::test]
async fn a_purge_without_redis_from_the_start_is_delivered_when_it_comes() {
    let mut server = Server::start(&[]);
    server.kill();
    let a = Member::start(&server, "a", None);
    let stamp = a.ledger.stamp();
    let receipt = a.ledger.append(vec![invalidation("lamp")]).await.unwrap();
    assert!(!receipt.recorded);
    assert_eq!(a.standing("lamp", stamp), GONE);
    server.restart();
    eventually("it to be placed", || a.ledger.recent(0, 9).len() == 1).await;
}

/// As while a proxy starts: what a visitor changed is to be gone everywhere before they are told so.
#[tokio::test]
async fn a_purge_that_waits_in_the_outbox_is_confirmed_when_redis_is_back_in_time() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let of_b = b.ledger.stamp();
    server.pause();
    let waits = a.ledger.append(vec![invalidation("lamp")]).await.unwrap();
    assert!(!waits.recorded);
    let at_once = a.ledger.confirm(waits.clone(), Duration::ZERO).await;
    assert!(!at_once.recorded && !at_once.confirmation.confirmed, "{at_once:?}");
    let confirmed = tokio::spawn({
        let ledger = a.ledger.clone();
        async move { ledger.confirm(waits, DEADLINE).await }
    });
    server.resume();
    let receipt = confirmed.await.unwrap();
    assert!(receipt.recorded && receipt.confirmation.confirmed, "{receipt:?}");
    assert_eq!((receipt.first, receipt.last), (a.ledger.known().1, a.ledger.known().1));
    assert_eq!(b.standing("lamp", of_b), GONE);
}

#[tokio::test]
async fn nobody_waits_for_redis_when_no_lease_can_run_any_more() {
    let mut server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    server.kill();
    eventually("a to notice", || !a.log.figures().is_connected).await;
    let receipt = a.purge("lamp", Duration::MAX).await;
    assert!(!receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
}

#[tokio::test]
async fn a_webhook_that_waits_in_the_outbox_is_placed_once_and_its_repeat_is_told_when_it_is_confirmed() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let of_b = b.ledger.stamp();
    let answer = |receipt: &Receipt, earlier: Option<&str>| {
        format!("{} {} {}", receipt.recorded, receipt.confirmation.confirmed, earlier.unwrap_or("first")).into()
    };
    let deliver = async |wait| a.ledger.deliver("shop/1", vec![invalidation("lamp")], wait, answer).await.unwrap();
    server.pause();
    let first = deliver(Duration::ZERO).await;
    assert_eq!((&*first.answer, first.repeat), ("false false first", false));
    let again = deliver(Duration::ZERO).await;
    assert_eq!((&*again.answer, again.repeat), ("false false false false first", true));
    assert_eq!(a.ledger.figures().waiting, 1, "a repeat waits beside the first and not behind it");
    server.resume();
    eventually("the outbox to be empty", || a.ledger.figures().waiting == 0).await;
    let (head, again) = (a.ledger.known().1, deliver(DEADLINE).await);
    assert_eq!((&*again.answer, again.repeat), ("true true false false false false first", true));
    assert_eq!(deliver(DEADLINE).await, again);
    assert_eq!((b.standing("lamp", of_b), a.ledger.known().1), (GONE, head));
}
