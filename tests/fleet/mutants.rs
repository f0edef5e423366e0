//! The proof can fail: vitrine with a mistake in it, each of which loses purges, is caught.

use crate::epoch;
use crate::faults::{Fault, One};
use crate::parts::workshop::{Mutant, Workshop};
use crate::play::{Length, play};
use std::time::Duration;

const STAMP_AT_THE_END: Mutant = Mutant {
    name: "the stamp is taken at the end of the fetch",
    file: "src/proxy/filling.rs",
    right: "        stamp: fill.stamp,\n",
    wrong: "        stamp: proxy.ledger.stamp(),\n",
};

const CONFIRMED_AT_ONCE: Mutant = Mutant {
    name: "a purge is confirmed without waiting for the others",
    file: "src/ledger/sharing.rs",
    right: "receipt.confirmation = sharing.log.confirm(receipt.epoch, receipt.last, left).await;",
    wrong: "let _ = left; receipt.confirmation.confirmed = true;",
};

const MISSED_WHILE_AWAY: Mutant = Mutant {
    name: "what was recorded while a proxy was away is not read, as with pub/sub",
    file: "src/store/redis/log/session.rs",
    right: "let mut place = Place { position: self.known.position, nonce: self.known.nonce.clone() };",
    wrong: "let mut place = Place { position: joined.head, nonce: None };",
};

const EPOCH_IGNORED: Mutant = Mutant {
    name: "the epoch of what was stored is ignored",
    file: "src/ledger/service.rs",
    right: "if stamp.epoch != state.epoch {",
    wrong: "if stamp.epoch != state.epoch && state.index.head() == 0 {",
};

/// Walks that a mutant may survive; the first that catches it is the last.
const WALKS_MAX: u64 = 5;

#[test]
fn each_mutant_is_caught() {
    let workshop = Workshop::open();
    for mutant in [STAMP_AT_THE_END, CONFIRMED_AT_ONCE, MISSED_WHILE_AWAY] {
        let program = workshop.build(&mutant);
        let faults = [Fault::WireCut, Fault::WireHeld, Fault::WireCut];
        // Which of a purge and a fetch comes first is the machine's to say: a walk may miss it.
        let mut asked = 0;
        let is_caught = (0..WALKS_MAX).any(|walk| {
            let length = Length { purges: 300, rounds: 1, at_most: Duration::from_secs(40), seed: 7 + walk };
            let report = play(&program, &One::start(), &faults, length);
            asked += report.confirmed;
            !report.verdict.violations.is_empty()
        });
        assert!(is_caught, "{}: {asked} purges, none lost", mutant.name);
    }
    assert!(epoch::serves_what_an_old_epoch_stored(&workshop.build(&EPOCH_IGNORED)), "{}", EPOCH_IGNORED.name);
}
