//! Appends: in force, then durable, then acknowledged, whatever commits and askers do. And webhook ids.

use crate::ledger_script::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use vitrine::clock::Clock;
use vitrine::ledger::{
    Delivered, Invalidation, Journal, Ledger, LedgerError, Opened, Receipt, Record, Settings, Volatile,
};
use vitrine::stored::Checked;

fn append(ledger: &Ledger, asked: Vec<Invalidation>) -> JoinHandle<Result<Receipt, LedgerError>> {
    let ledger = ledger.clone();
    tokio::spawn(async move { ledger.append(asked).await })
}

fn deliver(ledger: &Ledger, id: &'static str) -> JoinHandle<Result<Delivered, LedgerError>> {
    let ledger = ledger.clone();
    let answer = |receipt: &Receipt, _: Option<&str>| format!("{} to {}", receipt.first, receipt.last).into();
    tokio::spawn(async move { ledger.deliver(id, hard("tag a"), Duration::ZERO, answer).await })
}

/// Lets every task that can go on do so.
async fn settle_tasks() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_purge_is_in_force_before_it_is_durable_and_stamps_are_durable_positions() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let shoe = page("/shoe", "a");
    let version = ledger.version();
    let purge = append(&ledger, hard("tag a"));
    journal.called(0).await;
    assert!(ledger.version() > version);
    assert_eq!(ledger.standing(&shoe.subject(), at(0)), GONE);
    let meanwhile = ledger.stamp();
    assert_eq!(meanwhile, at(0), "not a position that a power cut could take back");
    assert!(!purge.is_finished(), "not acknowledged");
    journal.end(0, End::Kept).await;
    let receipt = purge.await.unwrap().unwrap();
    assert_eq!((receipt.first, receipt.last, receipt.epoch, receipt.time), (1, 1, EPOCH, START));
    assert!(receipt.recorded && receipt.confirmation.confirmed);
    assert_eq!(ledger.stamp(), at(1));
    assert_eq!(ledger.standing(&shoe.subject(), meanwhile), GONE);
}

#[tokio::test]
async fn the_durable_head_waits_for_the_oldest_commit() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let mut purges = Vec::new();
    for n in 0..3 {
        purges.push(append(&ledger, vec![hard("tag a").remove(0); 2]));
        journal.called(n).await;
    }
    journal.end(2, End::Kept).await;
    assert_eq!(purges.pop().unwrap().await.unwrap().unwrap().first, 5);
    assert_eq!(ledger.stamp(), at(0));
    journal.end(0, End::Kept).await;
    purges.remove(0).await.unwrap().unwrap();
    assert_eq!(ledger.stamp(), at(2));
    journal.end(1, End::Kept).await;
    purges.remove(0).await.unwrap().unwrap();
    assert_eq!(ledger.stamp(), at(6));
    assert_eq!(ledger.figures().commits, 0);
}

#[tokio::test]
async fn an_asker_that_leaves_stops_neither_the_commit_nor_the_head() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let purge = append(&ledger, hard("tag a"));
    journal.called(0).await;
    purge.abort();
    assert!(purge.await.unwrap_err().is_cancelled());
    let second = append(&ledger, hard("tag b"));
    journal.end(1, End::Kept).await;
    second.await.unwrap().unwrap();
    assert_eq!(ledger.stamp(), at(0));
    journal.end(0, End::Kept).await;
    settle_tasks().await;
    assert_eq!(ledger.stamp(), at(2));
    assert_eq!(journal.reopened(0).records.len(), 2);
}

#[tokio::test]
async fn a_purge_that_is_not_durable_is_in_force_and_stops_nothing() {
    for (end, expected) in [(End::Failed, "the disk is full"), (End::Panics, "was broken off")] {
        let journal = Scripted::held();
        let ledger = ledger(&journal);
        let shoe = page("/shoe", "a");
        let purge = append(&ledger, hard("tag a"));
        journal.end(0, end).await;
        let error = purge.await.unwrap().unwrap_err();
        assert!(error.in_force() && error.to_string().contains(expected), "{error}");
        assert_eq!(ledger.standing(&shoe.subject(), at(0)), GONE);
        assert_eq!(ledger.stamp(), at(1), "what is fetched now can be stored");
        assert_eq!(ledger.standing(&shoe.subject(), at(1)), VALID);
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_waits_for_a_hung_disk_only_so_long() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let error = ledger.append(hard("tag a")).await.unwrap_err();
    assert_eq!(error, LedgerError::Slow(Settings::default().commit_wait));
    assert_eq!(ledger.stamp(), at(0));
    journal.end(0, End::Kept).await;
    settle_tasks().await;
    assert_eq!(ledger.stamp(), at(1), "it came in the end");
}

#[tokio::test]
async fn past_the_bound_of_commits_in_flight_purges_are_in_force_and_say_so() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let waiting: Vec<_> = (0..4_096).map(|_| append(&ledger, hard("tag a"))).collect();
    journal.called(4_095).await;
    assert_eq!(ledger.append(hard("tag b")).await, Err(LedgerError::Busy));
    assert_eq!(ledger.deliver("d", hard("tag b"), Duration::ZERO, |_, _| "".into()).await, Err(LedgerError::Busy));
    assert_eq!(ledger.standing(&page("/", "b").subject(), at(0)), GONE);
    assert_eq!(journal.calls(), 4_096);
    for n in 0..4_096 {
        journal.end(n, End::Kept).await;
    }
    for purge in waiting {
        purge.await.unwrap().unwrap();
    }
    assert_eq!(ledger.stamp(), at(4_098));
    let again = deliver(&ledger, "d");
    journal.end(4_096, End::Kept).await;
    assert!(!again.await.unwrap().unwrap().repeat);
}

#[tokio::test]
async fn of_two_deliveries_with_one_id_one_purges_and_both_get_its_answer() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let first = deliver(&ledger, "shop/1");
    journal.called(0).await;
    let second = deliver(&ledger, "shop/1");
    settle_tasks().await;
    assert_eq!(ledger.delivery("shop/1"), None);
    assert!(!second.is_finished());
    journal.end(0, End::Kept).await;
    let answer: Box<str> = "1 to 1".into();
    assert_eq!(first.await.unwrap().unwrap(), Delivered { answer: answer.clone(), repeat: false });
    assert_eq!(second.await.unwrap().unwrap(), Delivered { answer: answer.clone(), repeat: true });
    assert_eq!(deliver(&ledger, "shop/1").await.unwrap().unwrap(), Delivered { answer: answer.clone(), repeat: true });
    assert_eq!((ledger.delivery("shop/1"), journal.calls()), (Some(answer), 1));
}

#[tokio::test]
async fn a_delivery_is_remembered_with_its_records_and_so_after_a_restart() {
    let journal = Scripted::ending(End::Kept);
    deliver(&ledger(&journal), "shop/1").await.unwrap().unwrap();
    let after = ledger(&journal);
    assert!(deliver(&after, "shop/1").await.unwrap().unwrap().repeat);
    assert_eq!((journal.calls(), after.stamp()), (1, at(1)));
    let nothing = after
        .deliver("shop/2", Vec::new(), Duration::ZERO, |receipt, _| format!("{}", receipt.last).into())
        .await
        .unwrap();
    assert_eq!((&*nothing.answer, nothing.repeat, journal.calls()), ("1", false, 2));
    assert_eq!(journal.reopened(0).deliveries.len(), 2);
}

#[tokio::test]
async fn a_delivery_that_failed_is_taken_when_it_comes_again() {
    for end in [End::Failed, End::Panics] {
        let journal = Scripted::held();
        let ledger = ledger(&journal);
        let first = deliver(&ledger, "shop/1");
        journal.called(0).await;
        let second = deliver(&ledger, "shop/1");
        settle_tasks().await;
        journal.end(0, end).await;
        assert!(first.await.unwrap().unwrap_err().in_force());
        assert!(second.await.unwrap().unwrap_err().in_force());
        let third = deliver(&ledger, "shop/1");
        journal.end(1, End::Kept).await;
        assert_eq!(third.await.unwrap().unwrap(), Delivered { answer: "2 to 2".into(), repeat: false });
    }
}

#[tokio::test]
async fn a_sender_that_leaves_has_delivered_all_the_same() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let first = deliver(&ledger, "shop/1");
    journal.called(0).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let repeat = deliver(&ledger, "shop/1");
    settle_tasks().await;
    journal.end(0, End::Kept).await;
    assert!(repeat.await.unwrap().unwrap().repeat);
    assert_eq!(journal.calls(), 1);
}

#[tokio::test]
async fn the_audit_log_tells_what_was_asked_and_when_there_is_more() {
    let ledger = ledger(&Scripted::ending(End::Kept));
    let mut news = ledger.follow();
    let mut long = hard("tag product:1");
    long[0].reason = "\u{e9}".repeat(150).into();
    ledger.append(long).await.unwrap();
    assert_eq!(*news.wait_for(|head| *head > 0).await.unwrap(), 1);
    ledger.append(vec![soft("all").remove(0); 3]).await.unwrap();
    let records = ledger.recent(0, 2);
    assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(records[0].invalidation.reason.len(), 200);
    assert_eq!(records[0].invalidation.scope.to_string(), "tag product:1");
    assert_eq!(ledger.recent(3, 9).len(), 1);
    assert_eq!(ledger.recent(4, 9), []);
}

/// What serves a hit, over and over, next to purges: what was applied before a look began is never missed by it.
#[test]
fn no_look_calls_valid_what_was_purged_before_it_began() {
    const PURGES: u64 = 2_000;
    let journal: Arc<dyn Journal> = Arc::new(Volatile);
    let ledger = Ledger::open(Volatile::opened().unwrap(), journal, Settings::default(), Clock::system());
    let purged = Arc::new(AtomicU64::new(0));
    let hits = |ledger: Ledger, purged: Arc<AtomicU64>| {
        move || {
            let shoe = page("/shoe", "a");
            let (mut stored, mut checked) = (ledger.stamp(), Checked::default());
            while stored.position < PURGES {
                let before = purged.load(Ordering::SeqCst);
                let version = ledger.version();
                if !checked.covers(version) {
                    if ledger.standing(&shoe.subject(), stored) == VALID {
                        checked.mark(version);
                    } else {
                        (stored, checked) = (ledger.stamp(), Checked::default());
                        continue;
                    }
                }
                assert!(stored.position >= before, "served {} after {before} was purged", stored.position);
            }
        }
    };
    let hits: Vec<_> = (0..3).map(|_| std::thread::spawn(hits(ledger.clone(), purged.clone()))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for _ in 0..PURGES {
        let receipt = runtime.block_on(ledger.append(hard("tag a"))).unwrap();
        purged.store(receipt.last, Ordering::SeqCst);
    }
    for thread in hits {
        thread.join().unwrap();
    }
}

#[test]
fn a_response_that_was_never_looked_at_is_not_covered() {
    let ledger = ledger(&Scripted::held());
    assert!(!Checked::default().covers(ledger.version()));
}

#[test]
fn a_hundred_thousand_records_are_found_again() {
    let scopes = ["tag t", "url /p/", "prefix /x/", "pattern /y/**/"];
    let records: Vec<Record> = (1..=100_000_u64)
        .map(|position| Record {
            position,
            time: START,
            invalidation: hard(&format!("{}{position}", scopes[usize::try_from(position % 4).unwrap()])).remove(0),
        })
        .collect();
    let opened = Opened { epoch: EPOCH, floor: 0, head: 100_000, records, deliveries: Vec::new() };
    let ledger = Ledger::open(opened, Arc::new(Volatile), Settings::default(), Clock::held(START).0);
    let (floor, scopes) = (ledger.figures().floor, ledger.figures().scopes);
    // Prefixes and patterns are half of them, and the newest 2,000 of those are kept.
    assert_eq!((floor, scopes), (95_999, 4_001));
    assert_eq!(ledger.standing(&page("/", "t99996").subject(), at(99_995)), GONE);
    assert_eq!(ledger.standing(&page("/p/99997", "").subject(), at(99_996)), GONE);
    assert_eq!(ledger.standing(&page("/y/a/b/99999", "").subject(), at(99_998)), GONE);
    assert_eq!(ledger.standing(&page("/", "t99996").subject(), at(99_996)), VALID);
}
