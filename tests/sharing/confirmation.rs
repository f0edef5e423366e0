//! Who is waited for.

use crate::members::{DEADLINE, Member, eventually, invalidation};
use crate::parts::redis::Server;
use std::time::{Duration, Instant};
use vitrine::ledger::{Gone, OnIsolation, Reached, Standing, Trust};

/// Before a lease could have run out.
const SOON: Duration = Duration::from_secs(2);
const GONE: Standing = Standing::Gone(Gone::Invalidated);

fn states(receipt: &vitrine::ledger::Receipt) -> Vec<(&str, &str)> {
    receipt.confirmation.proxies.iter().map(|proxy| (&*proxy.id, proxy.reached.as_str())).collect()
}

#[tokio::test]
async fn a_purge_is_confirmed_once_every_proxy_has_applied_it() {
    let server = Server::start(&[]);
    let members =
        [Member::joined(&server, "a").await, Member::joined(&server, "b").await, Member::joined(&server, "c").await];
    let stamps = members.each_ref().map(|member| member.ledger.stamp());
    for round in 1..=20 {
        let receipt = members[round % 3].purge("lamp", DEADLINE).await;
        assert_eq!((receipt.first, receipt.last, receipt.recorded), (round as u64, round as u64, true));
        assert!(receipt.confirmation.confirmed, "{receipt:?}");
        assert_eq!(states(&receipt), [("a", "applied"), ("b", "applied"), ("c", "applied")]);
        // Not eventually: now.
        for (member, stamp) in members.iter().zip(stamps) {
            assert_eq!(member.standing("lamp", stamp), GONE);
            assert_eq!(member.standing("lamp", member.ledger.stamp()), Standing::Valid);
            assert_eq!(member.standing("other", stamp), Standing::Valid);
        }
    }
    let [a, b, c] = &members;
    assert_eq!(a.ledger.recent(0, 99), b.ledger.recent(0, 99));
    assert_eq!(c.ledger.recent(0, 99).len(), 20);
}

#[tokio::test]
async fn a_proxy_that_died_is_waited_for_until_its_lease_has_run_out() {
    let server = Server::start(&[]);
    let (a, mut b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    assert!(a.purge("lamp", DEADLINE).await.confirmation.confirmed);
    b.die().await;
    let receipt = a.purge("lamp", Duration::ZERO).await;
    assert!(!receipt.confirmation.confirmed);
    let [of_a, of_b] = &receipt.confirmation.proxies[..] else { panic!("{receipt:?}") };
    assert_eq!((of_a.reached, &*of_b.name), (Reached::Applied, "shop-b"));
    assert!(matches!(of_b.reached, Reached::Waiting(left) if left > Duration::ZERO), "{of_b:?}");
    let receipt = a.purge("lamp", DEADLINE).await;
    // Either its lease was seen to run out, or it has been forgotten by now.
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    assert!(matches!(states(&receipt)[..], [("a", "applied")] | [("a", "applied"), ("b", "lapsed")]), "{receipt:?}");
    assert_eq!(b.trust(), Trust::Revalidate, "and so it does not serve what was purged");
}

#[tokio::test]
async fn past_a_dead_proxy_that_serves_nothing_is_confirmed() {
    let server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    let mut b = Member::start(&server, "b", Some(OnIsolation::Serve));
    b.is_current().await;
    b.die().await;
    eventually("b's lease to run out", || !b.ledger.is_current(b.clock.now())).await;
    let start = Instant::now();
    loop {
        let receipt = a.purge("lamp", Duration::ZERO).await;
        assert!(!receipt.confirmation.confirmed, "{receipt:?}");
        if states(&receipt) == [("a", "applied"), ("b", "isolated-serving")] {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "{receipt:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(b.trust(), Trust::Whole);
    // Its successor, known by the same id, takes its place.
    let b = Member::joined(&server, "b").await;
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    drop(b);
}

#[tokio::test]
async fn a_proxy_that_left_is_not_waited_for() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    assert!(a.purge("lamp", DEADLINE).await.confirmation.confirmed);
    let (ledger, clock) = (b.ledger.clone(), b.clock.clone());
    b.leave().await;
    assert_eq!(ledger.trust(clock.now()), Trust::Revalidate);
    let receipt = a.purge("lamp", Duration::ZERO).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    assert_eq!(states(&receipt), [("a", "applied")]);
}

#[tokio::test]
async fn one_proxy_goes_on_alone_and_several_ask_the_origin() {
    let mut server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    let b = Member::joined(&server, "b").await;
    eventually("a to see b", || a.log.figures().proxies.len() == 2).await;
    b.leave().await;
    eventually("a to be alone", || {
        let proxies = a.log.figures().proxies;
        proxies.len() == 1 && proxies[0].on_isolation == OnIsolation::Serve
    })
    .await;
    server.kill();
    eventually("a's lease to run out", || !a.ledger.is_current(a.clock.now())).await;
    assert_eq!(a.trust(), Trust::Whole);

    server.restart();
    let b = Member::joined(&server, "b").await;
    a.is_current().await;
    eventually("both to see each other", || {
        [&a, &b].iter().all(|own| {
            own.log.figures().proxies.iter().filter(|one| one.on_isolation == OnIsolation::Revalidate).count() == 2
        })
    })
    .await;
    assert_eq!((a.trust(), b.trust()), (Trust::Whole, Trust::Whole));
    server.kill();
    eventually("both leases to run out", || (a.trust(), b.trust()) == (Trust::Revalidate, Trust::Revalidate)).await;
}

#[tokio::test]
async fn a_webhook_is_taken_once_by_all_proxies_together() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let answer =
        |receipt: &vitrine::ledger::Receipt, _: Option<&str>| format!("{}-{}", receipt.first, receipt.last).into();
    let first = a.ledger.deliver("shop/1", vec![invalidation("lamp")], DEADLINE, answer).await.unwrap();
    let again = b.ledger.deliver("shop/1", vec![invalidation("lamp")], DEADLINE, answer).await.unwrap();
    let other =
        b.ledger.deliver("shop/2", vec![invalidation("lamp"), invalidation("sofa")], DEADLINE, answer).await.unwrap();
    assert_eq!((&*first.answer, first.repeat), ("1-1", false));
    assert_eq!((&*again.answer, again.repeat), ("1-1", true));
    assert_eq!((&*other.answer, other.repeat), ("2-3", false));
    let nothing = a.ledger.deliver("shop/3", Vec::new(), DEADLINE, answer).await.unwrap();
    assert_eq!((&*nothing.answer, nothing.repeat), ("4-3", false));
}

#[tokio::test]
async fn webhooks_are_remembered_by_a_full_server_and_forgotten_when_they_are_old() {
    let server = Server::start(&["--maxmemory", "4mb", "--maxmemory-policy", "volatile-lru"]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let answer = |_: &vitrine::ledger::Receipt, _: Option<&str>| "taken".into();
    let (ids, order) = ("ecommerce:{ledger}:deliveries", "ecommerce:{ledger}:delivered");
    server.run::<u64>(&["HSET", ids, "old", "e 1 1 1000"]);
    server.run::<u64>(&["RPUSH", order, "old"]);
    a.ledger.deliver("shop/1", vec![invalidation("lamp")], DEADLINE, answer).await.unwrap();
    assert_eq!(server.run::<u64>(&["HLEN", ids]), 1, "the old one is gone");
    assert_eq!(server.run::<u64>(&["LLEN", order]), 1);
    let filler = "x".repeat(100_000);
    for n in 0..100 {
        server.run::<String>(&["SET", &format!("page{n}"), &filler, "PX", "100000"]);
    }
    let stats: String = server.run(&["INFO", "stats"]);
    assert!(!stats.contains("evicted_keys:0"), "the server was full");
    let again = b.ledger.deliver("shop/1", vec![invalidation("lamp")], DEADLINE, answer).await.unwrap();
    assert!(again.repeat);
}

#[tokio::test]
async fn purges_are_confirmed_by_a_server_that_is_full_and_lets_nothing_go() {
    let server = Server::start(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let filler = "x".repeat(100_000);
    let mut stored = 0;
    while server.ask::<String>(&["SET", &format!("page{stored}"), &filler]).is_ok() {
        stored += 1;
    }
    let stamp = b.ledger.stamp();
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.recorded && receipt.confirmation.confirmed, "{receipt:?}");
    assert_eq!(b.standing("lamp", stamp), GONE);
    let late = Member::joined(&server, "late").await;
    assert_eq!(late.ledger.known(), a.ledger.known(), "and a proxy can join it");
}

#[tokio::test]
async fn many_purges_at_once_from_all_sides_are_all_confirmed_in_one_order() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let purges = (0..200).map(|n| {
        let (ledger, tag) = (if n % 2 == 0 { &a } else { &b }.ledger.clone(), format!("t{}", n % 7));
        tokio::spawn(async move {
            let receipt = ledger.append(vec![invalidation(&tag), invalidation("all")]).await.unwrap();
            ledger.confirm(receipt, DEADLINE).await
        })
    });
    let purges: Vec<_> = purges.collect();
    let mut places = Vec::new();
    for purge in purges {
        let receipt = purge.await.unwrap();
        assert!(receipt.confirmation.confirmed && receipt.last == receipt.first + 1, "{receipt:?}");
        places.push(receipt.first);
    }
    places.sort_unstable();
    assert_eq!(places, (0..200).map(|n| 2 * n + 1).collect::<Vec<_>>());
    assert_eq!(a.ledger.recent(0, 999), b.ledger.recent(0, 999));
    assert_eq!(a.ledger.figures().waiting, 0);
}

/// While it waited, so would every visitor with a basket whose request it takes.
#[tokio::test]
async fn a_proxy_that_joins_others_confirms_at_once() {
    let server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    assert!(a.purge("lamp", DEADLINE).await.confirmation.confirmed);
    // It is said with the renewal that follows.
    let is_said = || server.run::<bool>(&["HEXISTS", "ecommerce:{ledger}:state", "settled"]);
    eventually("it to be said", is_said).await;
    let b = Member::joined(&server, "b").await;
    let receipt = b.purge("lamp", SOON).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
    // A new epoch is new to everybody.
    server.run::<()>(&["FLUSHALL"]);
    let known = b.ledger.known().0;
    eventually("another epoch", || b.ledger.known().0 != known && b.ledger.is_current(b.clock.now())).await;
    let receipt = b.purge("lamp", Duration::ZERO).await;
    assert!(receipt.recorded && !receipt.confirmation.confirmed, "{receipt:?}");
    assert!(receipt.confirmation.obstacle.is_some());
}
