//! Readings of the ledger that lose a purge, one test each, where one proxy can fall for them.

use crate::ledger_script::*;
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::ledger::{Bounds, Epoch, Gone, LedgerError, Mode, Scope, Settings, Stamp, Standing};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_fetch_that_began_before_a_purge_and_ended_after_it_is_gone() {
    let ledger = ledger(&Scripted::ending(End::Kept));
    let shoe = page("/shoe", "product:1");
    let stamp = ledger.stamp();
    ledger.append(hard("tag product:1")).await.unwrap();
    assert_eq!(ledger.standing(&shoe.subject(), stamp), GONE);
    assert_eq!(ledger.standing(&shoe.subject(), ledger.stamp()), VALID);
}

#[tokio::test]
async fn a_validation_in_flight_during_a_purge_gives_a_stamp_from_before_it() {
    let ledger = ledger(&Scripted::ending(End::Kept));
    let shoe = page("/shoe", "");
    ledger.append(soft("url /shoe")).await.unwrap();
    let (stored, validation_began) = (at(0), ledger.stamp());
    assert_eq!(ledger.standing(&shoe.subject(), stored), SOFT);
    ledger.append(hard("url /shoe")).await.unwrap();
    assert_eq!(ledger.standing(&shoe.subject(), validation_began), GONE);
}

#[tokio::test]
async fn what_is_gone_stays_gone_after_a_soft_purge() {
    let ledger = ledger(&Scripted::ending(End::Kept));
    ledger.append(hard("url /shoe")).await.unwrap();
    ledger.append(soft("url /shoe")).await.unwrap();
    let shoe = page("/shoe", "");
    assert_eq!(ledger.standing(&shoe.subject(), at(0)), GONE);
    assert_eq!(ledger.standing(&shoe.subject(), at(1)), SOFT);
    assert_eq!(ledger.standing(&shoe.subject(), at(2)), VALID);
}

#[tokio::test]
async fn a_purge_takes_what_its_scope_says_and_nothing_else() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("all", &["/", "/a?x"], &[]),
        ("cache default", &["/"], &[]),
        ("cache products", &[], &["/"]),
        // Without a query: every query. With one, an empty one too: exactly that.
        ("url /a", &["/a", "/a?", "/a?x=1"], &["/", "/a/", "/b"]),
        ("url /a?x=1", &["/a?x=1"], &["/a", "/a?", "/a?x=1&y", "/a?x"]),
        ("url /a?", &["/a?"], &["/a", "/a?x"]),
        ("url shop.example/a", &["/a", "/a?x"], &["/b"]),
        ("url other.example/a", &[], &["/a"]),
        ("prefix /a", &["/a", "/ab", "/a/b?x"], &["/", "/b/a"]),
        ("prefix other.example/", &[], &["/a"]),
        ("pattern /a/*", &["/a/b", "/a/b?x=/"], &["/a", "/a/b/c"]),
        ("pattern shop.example/a**", &["/a", "/ab/c"], &["/b"]),
        ("pattern other.example/**", &[], &["/a"]),
    ];
    for (scope, taken, left) in table {
        let ledger = ledger(&Scripted::ending(End::Kept));
        ledger.append(hard(scope)).await.unwrap();
        for (urls, expected) in [(taken, GONE), (left, VALID)] {
            for url in *urls {
                assert_eq!(ledger.standing(&page(url, "").subject(), at(0)), expected, "{scope} and {url}");
            }
        }
    }
}

#[tokio::test]
async fn tags_are_compared_whole_and_byte_by_byte() {
    let ledger = ledger(&Scripted::ending(End::Kept));
    ledger.append(hard("tag product:1")).await.unwrap();
    for (tags, expected) in [("a product:1 z", GONE), ("product:10", VALID), ("Product:1", VALID), ("", VALID)] {
        assert_eq!(ledger.standing(&page("/", tags).subject(), at(0)), expected, "{tags}");
    }
}

#[tokio::test]
async fn positions_of_another_epoch_or_from_after_the_head_are_not_trusted() {
    let ledger = ledger(&Scripted::ending(End::Kept));
    ledger.append(hard("tag a")).await.unwrap();
    let home = page("/", "");
    assert_eq!(ledger.standing(&home.subject(), Stamp::of(Epoch(8), 1)), UNKNOWN);
    assert_eq!(ledger.standing(&home.subject(), at(2)), Standing::Gone(Gone::Ahead));
    assert_eq!(ledger.standing(&home.subject(), at(1)), VALID);
}

#[tokio::test]
async fn a_replaced_journal_leaves_nothing_from_before_it() {
    let journal = Scripted::held();
    let ledger = ledger(&journal);
    let home = page("/", "");
    let in_flight = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.append(settling("all", 5 * SECOND)).await }
    });
    journal.called(0).await;
    let (before, version) = (ledger.stamp(), ledger.version());
    ledger.new_epoch(Epoch(8));
    assert!(ledger.version() > version);
    assert_eq!(ledger.standing(&home.subject(), before), UNKNOWN);
    // The record that may have gone to the old journal is one that stamps of the new epoch are from after.
    let after = ledger.stamp();
    assert_eq!(after, Stamp::of(Epoch(8), 1));
    assert_eq!(ledger.standing(&home.subject(), after), VALID);
    assert_eq!(ledger.standing(&home.subject(), Stamp { position: 0, ..after }), UNKNOWN);
    assert!(ledger.settling(&home.subject(), START.plus(4 * SECOND)));
    journal.end(0, End::Kept).await;
    assert_eq!(in_flight.await.unwrap().unwrap().epoch, EPOCH);
    assert_eq!(ledger.stamp(), after);
}

#[tokio::test]
async fn a_restart_knows_every_acknowledged_purge() {
    let journal = Scripted::ending(End::Kept);
    let before = ledger(&journal);
    let version = before.version();
    for asked in [hard("tag product:1"), soft("prefix /soft/"), hard("pattern /hard/**")] {
        before.append(asked).await.unwrap();
    }
    assert!(before.version() > version);
    let after = ledger(&journal);
    assert_eq!(after.stamp(), before.stamp());
    assert_eq!(after.standing(&page("/shoe", "product:1").subject(), at(0)), GONE);
    assert_eq!(after.standing(&page("/soft/1", "").subject(), at(1)), SOFT);
    assert_eq!(after.standing(&page("/hard/1", "").subject(), at(2)), GONE);
    assert_eq!(after.standing(&page("/hard/1", "product:1").subject(), at(3)), VALID);
    assert_eq!(after.append(hard("all")).await.unwrap().first, 4);
}

/// A response was stored with the position of a record that was lost: that position must not be given away again, or the
/// response would pass for newer than the next purge.
#[tokio::test]
async fn a_position_that_was_not_kept_is_not_used_twice() {
    let journal = Scripted::ending(End::Failed);
    let before = ledger(&journal);
    let lost = before.append(hard("tag a")).await;
    assert!(lost.is_err_and(|error| error.in_force()));
    let stored = before.stamp();
    assert_eq!(stored, at(1));
    let after = open(&Scripted::ending(End::Kept), stored.position, Settings::default()).0;
    let home = page("/", "a");
    assert_eq!(after.standing(&home.subject(), stored), VALID);
    assert_eq!(after.append(hard("tag a")).await.unwrap().first, 2);
    assert_eq!(after.standing(&home.subject(), stored), GONE);
}

#[tokio::test]
async fn records_go_when_nothing_from_before_them_is_kept_and_the_floor_says_so() {
    let journal = Scripted::ending(End::Kept);
    let (ledger, hand) = open(&journal, 0, Settings { max_keep: DAY, ..Settings::default() });
    let home = page("/", "");
    ledger.append(hard("tag a")).await.unwrap();
    hand.advance(DAY / 2);
    ledger.append(hard("tag b")).await.unwrap();
    ledger.sweep();
    assert_eq!(ledger.standing(&home.subject(), at(0)), VALID);
    let version = ledger.version();
    hand.advance(DAY / 2 + SECOND);
    ledger.sweep();
    hand.advance(DAY / 2);
    ledger.sweep();
    assert_eq!(ledger.figures().floor, 2);
    assert_eq!(ledger.figures().scopes, 0);
    assert!(ledger.version() > version, "a hit has to look again");
    for (position, expected) in [(0, UNKNOWN), (1, UNKNOWN), (2, VALID)] {
        assert_eq!(ledger.standing(&home.subject(), at(position)), expected, "{position}");
    }
    // A restart keeps to the floor, though no record is left to say so.
    let after = open(&journal, 2, Settings::default()).0;
    assert_eq!(after.standing(&home.subject(), at(1)), UNKNOWN);
    assert_eq!(after.stamp(), at(2));
}

#[tokio::test]
async fn a_jump_of_the_walls_clock_makes_the_ledger_stricter_and_loses_nothing() {
    let journal = Scripted::ending(End::Kept);
    let (ledger, hand) = open(&journal, 0, Settings::default());
    let home = page("/", "a");
    hand.set_wall(Timestamp(1_000));
    ledger.append(hard("tag a")).await.unwrap();
    ledger.sweep();
    assert_eq!(ledger.standing(&home.subject(), at(0)), GONE);
    hand.set_wall(START.plus(4_000 * DAY));
    ledger.sweep();
    assert_eq!(ledger.standing(&home.subject(), at(0)), UNKNOWN);
    assert_eq!(ledger.standing(&home.subject(), at(1)), VALID);
    assert_eq!(ledger.stamp(), at(1));
}

#[tokio::test]
async fn past_a_bound_the_oldest_purges_become_the_floor() {
    let bounds = Bounds { scopes: 2, ..Bounds::default() };
    let ledger = open(&Scripted::ending(End::Kept), 0, Settings { bounds, ..Settings::default() }).0;
    for tag in ["a", "b", "c"] {
        ledger.append(hard(&format!("tag {tag}"))).await.unwrap();
    }
    let table =
        [("a", 0, UNKNOWN), ("z", 0, UNKNOWN), ("a", 1, VALID), ("b", 1, GONE), ("c", 2, GONE), ("a", 2, VALID)];
    for (tag, position, expected) in table {
        assert_eq!(ledger.standing(&page("/", tag).subject(), at(position)), expected, "{tag} at {position}");
    }
}

#[tokio::test]
async fn many_records_of_one_scope_take_the_room_of_one() {
    let bounds = Bounds { scopes: 3, shapes: 1, ..Bounds::default() };
    let ledger = open(&Scripted::ending(End::Kept), 0, Settings { bounds, ..Settings::default() }).0;
    for _ in 0..100 {
        for scope in ["tag session:1", "url /basket", "prefix /media/"] {
            ledger.append(hard(scope)).await.unwrap();
        }
    }
    assert_eq!((ledger.figures().scopes, ledger.figures().floor), (3, 0));
    assert_eq!(ledger.standing(&page("/", "session:1").subject(), at(297)), GONE);
    assert_eq!(ledger.standing(&page("/", "session:1").subject(), at(298)), VALID);
    assert_eq!(ledger.standing(&page("/media/a", "").subject(), at(299)), GONE);
}

#[tokio::test]
async fn what_is_fetched_while_a_purge_settles_is_not_kept() {
    let journal = Scripted::ending(End::Kept);
    let (ledger, hand) = open(&journal, 0, Settings::default());
    let (shoe, hat) = (page("/shoe", "product:1"), page("/hat", "product:2"));
    ledger.append(settling("tag product:1", 2 * SECOND)).await.unwrap();
    // A second purge of the tag without a settle time does not cut the first one's short.
    ledger.append(hard("tag product:1")).await.unwrap();
    hand.set_wall(START.plus(DAY));
    let within = START.plus(Duration::from_millis(1_999));
    assert!(ledger.settling(&shoe.subject(), within), "whatever its stamp and the wall's clock say");
    assert_eq!(ledger.standing(&shoe.subject(), ledger.stamp()), VALID);
    assert!(!ledger.settling(&hat.subject(), within));
    assert!(!ledger.settling(&shoe.subject(), START.plus(2 * SECOND)));
    // A fetch that began within it may end long after.
    hand.advance(DAY);
    ledger.sweep();
    assert!(ledger.settling(&shoe.subject(), within));
}

#[tokio::test]
async fn a_settle_time_lasts_over_a_restart_and_over_folding() {
    let journal = Scripted::ending(End::Kept);
    let bounds = Bounds { scopes: 1, ..Bounds::default() };
    let (before, _) = open(&journal, 0, Settings::default());
    before.append(settling("pattern /shoe**", 5 * SECOND)).await.unwrap();
    let (after, _) = open(&journal, 0, Settings { bounds, ..Settings::default() });
    let (shoe, hat) = (page("/shoes/red", ""), page("/hat", ""));
    let within = START.plus(4 * SECOND);
    assert!(after.settling(&shoe.subject(), within));
    assert!(!after.settling(&hat.subject(), within));
    after.append(hard("tag a")).await.unwrap();
    assert!(after.settling(&shoe.subject(), within), "folded");
    assert!(after.settling(&hat.subject(), within), "stricter");
    assert!(!after.settling(&shoe.subject(), START.plus(5 * SECOND)));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_whole() {
    let journal = Scripted::ending(End::Kept);
    let ledger = ledger(&journal);
    let version = ledger.version();
    let shape = |path: &str| asked(Scope::Prefix { host: None, path: path.into() }, Mode::Hard);
    let table = [
        vec![hard("all").remove(0), shape("")],
        vec![shape(&"x".repeat(1_025))],
        settling("all", Duration::from_secs(3_601)),
        vec![asked(Scope::All, Mode::Hard); 1_001],
    ];
    for asked in table {
        let refused: LedgerError = ledger.append(asked).await.unwrap_err();
        assert!(!refused.in_force(), "{refused}");
    }
    assert_eq!((ledger.version(), journal.calls(), ledger.stamp()), (version, 0, at(0)));
}

/// A journal may hold what a later version refuses: it is read as everything, never as nothing.
#[tokio::test]
async fn a_pattern_that_cannot_be_compiled_is_everything() {
    let journal = Scripted::ending(End::Kept);
    let long = asked(Scope::Pattern { host: None, glob: "/x".repeat(1_000).into() }, Mode::Soft);
    let record = vitrine::ledger::Record { position: 1, time: START, invalidation: long };
    let batch = vitrine::ledger::Batch { records: vec![record], delivery: None };
    vitrine::ledger::Journal::commit(&journal, batch).await.unwrap();
    assert_eq!(ledger(&journal).standing(&page("/", "").subject(), at(0)), SOFT);
}
