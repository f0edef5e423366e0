//! Purges that never stop, and what must hold of each at the moment it is confirmed: no proxy that trusts what it has
//! stored finds anything good that was stored before.

use crate::members::{DEADLINE, Member, eventually};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use vitrine::ledger::{Epoch, Standing, Trust};

/// Between two purges of one proxy: a shop that is busy.
const PACE: Duration = Duration::from_millis(5);
/// For one to be confirmed.
const WAIT: Duration = Duration::from_millis(500);

/// Proxies, of which the first two purge all the time.
pub(crate) struct Stream {
    pub(crate) members: Arc<[Member; 3]>,
    confirmed: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    purging: Vec<JoinHandle<()>>,
}

impl Stream {
    /// Begins once all have a lease and one purge was confirmed.
    pub(crate) async fn of(members: [Member; 3]) -> Stream {
        for member in &members {
            member.is_current().await;
        }
        let receipt = members[0].purge("first", DEADLINE).await;
        assert!(receipt.confirmation.confirmed, "{receipt:?}");
        assert_eq!(receipt.confirmation.proxies.len(), 3, "{receipt:?}");
        let (members, confirmed, stop) = (Arc::new(members), Arc::default(), Arc::default());
        let mut stream = Stream { members, confirmed, stop, purging: Vec::new() };
        for number in 0..2 {
            stream.purging.push(tokio::spawn(stream.purge_through(number)));
        }
        stream.goes_on("the first").await;
        stream
    }

    /// Waits until purges are confirmed again.
    pub(crate) async fn goes_on(&self, what: &str) {
        let before = self.confirmed.load(Ordering::SeqCst);
        eventually(&format!("more confirmed purges: {what}"), || self.confirmed.load(Ordering::SeqCst) > before + 20)
            .await;
    }

    /// Waits until all follow another epoch than this one and have a lease there, and know the same.
    pub(crate) async fn has_left(&self, epoch: Epoch) {
        eventually("all to follow another epoch", || {
            self.members.iter().all(|own| own.ledger.known().0 != epoch && own.ledger.is_current(own.clock.now()))
        })
        .await;
        let epochs = self.members.each_ref().map(|own| own.ledger.known().0);
        assert_eq!((epochs[0], epochs[0]), (epochs[1], epochs[2]), "they follow one log");
    }

    /// Ends it; a purge that did not hold is the test's failure.
    pub(crate) async fn ends(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for purging in self.purging.drain(..) {
            purging.await.unwrap();
        }
    }

    fn purge_through(&self, number: usize) -> impl Future<Output = ()> + Send + use<> {
        let (members, confirmed, stop) = (self.members.clone(), self.confirmed.clone(), self.stop.clone());
        async move {
            let mut round = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                let tag = format!("by{number}-{round}");
                let stamps = members.each_ref().map(|own| own.ledger.stamp());
                let receipt = members[number].purge(&tag, WAIT).await;
                if receipt.confirmation.confirmed {
                    for (member, stamp) in members.iter().zip(stamps) {
                        // In this order, as whoever serves asks.
                        let trust = member.trust();
                        let standing = member.standing(&tag, stamp);
                        assert!(trust != Trust::Whole || standing != Standing::Valid, "{tag} is served: {receipt:?}");
                    }
                    confirmed.fetch_add(1, Ordering::SeqCst);
                }
                round += 1;
                tokio::time::sleep(PACE).await;
            }
        }
    }
}
