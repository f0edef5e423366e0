//! Where a careless reading loses a purge.

use crate::members::{DEADLINE, Member, eventually};
use crate::parts::redis::Server;
use std::time::Duration;
use vitrine::ledger::{Gone, Standing};

const GONE: Standing = Standing::Gone(Gone::Invalidated);
const UNKNOWN: Standing = Standing::Gone(Gone::Unknown);
const STATE: &str = "ecommerce:{ledger}:state";
const LOG: &str = "ecommerce:{ledger}:log";

/// Does something to a server with two proxies, after which nothing stored before may count.
async fn begins_a_new_epoch(server: &mut Server, harm: impl FnOnce(&mut Server)) {
    let (a, b) = (Member::joined(server, "a").await, Member::joined(server, "b").await);
    a.purge("lamp", DEADLINE).await;
    let (before, epoch) = (a.ledger.stamp(), a.ledger.known().0);
    assert_eq!(a.standing("sofa", before), Standing::Valid);
    harm(server);
    eventually("both to follow another epoch", || {
        [&a, &b].iter().all(|own| own.ledger.known().0 != epoch && own.ledger.is_current(own.clock.now()))
    })
    .await;
    // What was placed a moment before is placed again, and takes its time to come to both.
    eventually("both to know the same", || a.ledger.known() == b.ledger.known()).await;
    for member in [&a, &b] {
        assert_eq!(member.standing("sofa", before), UNKNOWN);
        assert_eq!(member.standing("sofa", member.ledger.stamp()), Standing::Valid);
    }
    // Positions go on, so that people can follow them.
    let receipt = b.purge("lamp", Duration::ZERO).await;
    assert!(receipt.first > 1, "{receipt:?}");
    assert!(!receipt.confirmation.confirmed, "a new epoch confirms nothing until one lease has passed: {receipt:?}");
    assert!(receipt.confirmation.obstacle.is_some());
    let receipt = a.purge("lamp", DEADLINE).await;
    assert!(receipt.confirmation.confirmed, "{receipt:?}");
}

#[tokio::test]
async fn a_flush_begins_a_new_epoch_although_no_connection_is_lost() {
    begins_a_new_epoch(&mut Server::start(&[]), |server| server.run(&["FLUSHALL"])).await;
}

#[tokio::test]
async fn an_evicted_log_or_state_begins_a_new_epoch() {
    begins_a_new_epoch(&mut Server::start(&[]), |server| server.run(&["DEL", LOG])).await;
    begins_a_new_epoch(&mut Server::start(&[]), |server| server.run(&["DEL", STATE])).await;
}

#[tokio::test]
async fn a_log_that_lost_its_end_begins_a_new_epoch() {
    begins_a_new_epoch(&mut Server::start(&[]), |server| {
        server.run::<()>(&[
            "EVAL",
            "redis.call('XDEL', KEYS[2], '1-0'); redis.call('XSETID', KEYS[2], '0-1');
            redis.call('DEL', KEYS[2]); redis.call('XGROUP', 'CREATE', KEYS[2], 'g', '0', 'MKSTREAM');
            redis.call('HSET', KEYS[1], 'head', '0')",
            "2",
            STATE,
            LOG,
        ]);
    })
    .await;
}

#[tokio::test]
async fn a_log_that_lost_its_end_and_went_on_begins_a_new_epoch() {
    begins_a_new_epoch(&mut Server::start(&[]), |server| {
        // As after a failover: the same position, another record.
        server.run::<()>(&["EVAL", "redis.call('HSET', KEYS[1], 'nonce', 'other')", "1", STATE]);
    })
    .await;
}

#[tokio::test]
async fn a_restart_begins_a_new_epoch() {
    begins_a_new_epoch(&mut Server::start(&[]), Server::restart).await;
    // What an append-only file kept may lack its end, if that is synced once a second.
    begins_a_new_epoch(&mut Server::start(&["--appendonly", "yes"]), Server::restart).await;
}

#[tokio::test]
async fn a_restart_that_lost_nothing_goes_on() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let a = Member::joined(&server, "a").await;
    let before = a.ledger.stamp();
    a.purge("lamp", DEADLINE).await;
    server.restart();
    eventually("the end of the lease", || !a.log.figures().is_connected).await;
    let b = Member::joined(&server, "b").await;
    a.is_current().await;
    assert_eq!(b.ledger.known(), a.ledger.known());
    assert_eq!((b.standing("lamp", before), b.standing("sofa", before)), (GONE, Standing::Valid));
    // An operator who no longer wants it so ends that.
    server.run::<()>(&["CONFIG", "SET", "appendfsync", "everysec"]);
    let c = Member::joined(&server, "c").await;
    let epoch = c.ledger.known().0;
    server.restart();
    eventually("a new epoch", || a.ledger.known().0 != epoch && b.ledger.known().0 != epoch).await;
}

#[tokio::test]
async fn a_cut_connection_loses_nothing() {
    let server = Server::start(&[]);
    let (a, b) = (Member::joined(&server, "a").await, Member::joined(&server, "b").await);
    let (stamp, epoch) = (a.ledger.stamp(), a.ledger.known().0);
    for round in 0..20 {
        server.run::<u64>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let receipt = if round % 2 == 0 { &a } else { &b }.purge(&format!("t{round}"), DEADLINE).await;
        if receipt.recorded {
            assert!(receipt.confirmation.confirmed, "{receipt:?}");
        }
    }
    eventually("all purges everywhere", || {
        (0..20).all(|round| [&a, &b].iter().all(|own| own.standing(&format!("t{round}"), stamp) == GONE))
    })
    .await;
    assert_eq!((a.ledger.known().0, b.ledger.known().0), (epoch, epoch));
}

#[tokio::test]
async fn who_joins_late_reads_all_that_is_kept_before_it_serves() {
    let server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    let stamp = a.ledger.stamp();
    for round in 0..2_500 {
        let tags = [format!("t{round}")];
        a.ledger.append(tags.iter().map(|tag| crate::members::invalidation(tag)).collect()).await.unwrap();
    }
    let late = Member::joined(&server, "late").await;
    assert_eq!(late.ledger.known(), a.ledger.known());
    assert!((0..2_500).all(|round| late.standing(&format!("t{round}"), stamp) == GONE));
    assert_eq!(late.standing("other", stamp), Standing::Valid);
}

#[tokio::test]
async fn records_that_are_too_old_go_and_what_is_older_counts_no_more() {
    let server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    let old = a.ledger.stamp();
    for round in 0..10 {
        a.purge(&format!("t{round}"), Duration::ZERO).await;
    }
    let middle = a.ledger.stamp();
    vitrine::ledger::SharedLog::trim(&a.log, 5);
    a.purge("last", Duration::ZERO).await;
    assert_eq!(server.run::<u64>(&["XLEN", LOG]), 6);
    let late = Member::joined(&server, "late").await;
    assert_eq!(late.ledger.known(), a.ledger.known());
    assert_eq!((late.standing("other", old), late.standing("other", middle)), (UNKNOWN, Standing::Valid));
    assert_eq!(late.standing("last", middle), GONE);
}

#[tokio::test]
async fn a_foreign_record_in_the_log_is_never_skipped() {
    let server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    let (stamp, epoch) = (a.ledger.stamp(), a.ledger.known().0);
    server.run::<String>(&["XADD", LOG, "1-0", "who", "knows"]);
    eventually("a new epoch", || a.ledger.known().0 != epoch && a.ledger.is_current(a.clock.now())).await;
    assert_eq!(a.standing("lamp", stamp), UNKNOWN);
}

/// The new log takes nothing in at first.
#[tokio::test]
async fn what_was_placed_before_a_new_epoch_is_placed_again_until_that_succeeds() {
    let server = Server::start(&[]);
    let a = Member::joined(&server, "a").await;
    a.purge("lamp", Duration::ZERO).await;
    let epoch = a.ledger.known().0;
    server.run::<()>(&["ACL", "SETUSER", "default", "-xadd"]);
    server.run::<u64>(&["DEL", LOG]);
    eventually("a refusal", || !server.run::<Vec<redis::Value>>(&["ACL", "LOG"]).is_empty()).await;
    assert_ne!(a.ledger.known().0, epoch);
    server.run::<()>(&["ACL", "SETUSER", "default", "+xadd"]);
    eventually("the record to be in the new log", || server.run::<u64>(&["XLEN", LOG]) == 1).await;
}
