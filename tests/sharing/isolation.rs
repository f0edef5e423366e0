//! What the others believe of a proxy that is cut off.

use crate::members::{DEADLINE, Member, eventually};
use crate::parts::redis::Server;
use crate::parts::wire::{Mode, Wire};
use std::time::Duration;
use vitrine::ledger::{OnIsolation, Reached, Trust};

/// The first proxy is alone and says so; then a second comes, and what the first is told of it never arrives.
#[tokio::test]
async fn nothing_is_confirmed_past_one_that_never_heard_that_it_is_not_alone() {
    let server = Server::start(&[]);
    let wire = Wire::to(server.port());
    let a = Member::by_port(wire.port(), "a");
    eventually("a to serve when it is cut off", || {
        a.log.figures().proxies.iter().any(|one| one.on_isolation == OnIsolation::Serve)
    })
    .await;
    wire.set(Mode::HeldAt("serve"));
    eventually("a's next renewal", || wire.is_holding()).await;
    let b = Member::joined(&server, "b").await;
    // The renewal that waits on the wire is carried out, and its answer is lost.
    wire.set(Mode::Deaf);
    eventually("a's lease to run out", || !a.ledger.is_current(a.clock.now())).await;
    assert_eq!(a.trust(), Trust::Whole, "it goes on serving: it knows of nobody else");
    let receipt = b.purge("lamp", DEADLINE / 4).await;
    assert!(!receipt.confirmation.confirmed, "{receipt:?}");
    assert_eq!(receipt.confirmation.proxies[0].reached, Reached::Serving, "{receipt:?}");
    wire.set(Mode::Whole);
    let receipt = b.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
}

#[tokio::test]
async fn one_of_several_that_is_cut_off_is_waited_for_and_then_asks_the_origin() {
    let server = Server::start(&[]);
    let wire = Wire::to(server.port());
    let (a, b) = (Member::by_port(wire.port(), "a"), Member::joined(&server, "b").await);
    a.is_current().await;
    eventually("both to know that they are two", || {
        [&a, &b].iter().all(|own| {
            own.log.figures().proxies.iter().filter(|one| one.on_isolation == OnIsolation::Revalidate).count() == 2
        })
    })
    .await;
    for mode in [Mode::Held, Mode::Deaf, Mode::Cut] {
        wire.set(mode);
        let stamp = a.ledger.stamp();
        let receipt = b.purge("lamp", Duration::ZERO).await;
        assert!(!receipt.confirmation.confirmed, "{mode:?}: {receipt:?}");
        let receipt = b.purge("lamp", DEADLINE).await;
        assert!(receipt.confirmation.confirmed, "{mode:?}: {receipt:?}");
        assert_eq!(a.trust(), Trust::Revalidate, "{mode:?}");
        wire.set(Mode::Whole);
        a.is_current().await;
        assert_ne!(a.standing("lamp", stamp), vitrine::ledger::Standing::Valid, "{mode:?}");
    }
}
