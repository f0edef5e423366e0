//! The proxies that share a ledger, as one of them sees them.
//!
//! Whether another proxy's lease runs is told by no clock but this proxy's own steady one: an entry whose renewals have not
//! changed for a whole lease, since this proxy *first saw* that count, has run out. That is later than it did, never earlier.

use crate::clock::Timestamp;
use crate::ledger::{Epoch, OnIsolation, Position, ProxyStanding, Reached};
use std::collections::HashMap;
use std::time::Duration;

/// How long a lease runs from the moment before it was asked for.
pub(super) const LEASE: Duration = Duration::from_secs(3);
/// What a holder gives up at the end of its lease, for clocks that do not go at the same pace.
pub(super) const MARGIN: Duration = Duration::from_millis(200);

/// A proxy's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) epoch: Epoch,
    incarnation: String,
    renewals: u64,
    pub(super) applied: Position,
    pub(super) on_isolation: OnIsolation,
    lease: Duration,
    pub(super) name: String,
}

impl Proxy {
    /// Reads an entry; none where it is none of ours.
    pub(super) fn parse(text: &str) -> Option<Proxy> {
        let mut words = text.splitn(8, ' ');
        let mut next = || words.next();
        let epoch = Epoch(u64::from_str_radix(next()?, 16).ok()?);
        let (incarnation, renewals, applied) = (next()?.into(), next()?.parse().ok()?, next()?.parse().ok()?);
        let _seen = next()?;
        let on_isolation = OnIsolation::parse(next()?)?;
        let lease = Duration::from_millis(next()?.parse().ok()?);
        Some(Proxy { epoch, incarnation, renewals, applied, on_isolation, lease, name: next()?.into() })
    }
}

/// What has been seen of the others.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    seen: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    proxy: Proxy,
    entry: String,
    since: Timestamp,
}

/// A proxy, for `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyFigures {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The newest record it has applied; none where it follows another epoch.
    pub applied: Option<Position>,
    /// Whether its lease may still run.
    pub is_live: bool,
    /// What it does when its lease has run out.
    pub on_isolation: OnIsolation,
}

impl Proxies {
    /// Takes in all entries as they are now; what is not among them has left.
    pub(super) fn see(&mut self, entries: Vec<(String, String)>, now: Timestamp) {
        let mut before = std::mem::take(&mut self.seen);
        for (id, entry) in entries {
            let Some(proxy) = Proxy::parse(&entry) else { continue };
            let since = before.remove(&id).filter(|before| before.is_same_lease(&proxy)).map_or(now, |seen| seen.since);
            self.seen.insert(id, Seen { proxy, entry, since });
        }
    }

    /// Where each stands with a position of an epoch.
    pub(super) fn standings(&self, epoch: Epoch, position: Position, now: Timestamp) -> Vec<ProxyStanding> {
        let mut standings: Vec<ProxyStanding> = self
            .seen
            .iter()
            .map(|(id, seen)| ProxyStanding {
                id: id.as_str().into(),
                name: seen.proxy.name.as_str().into(),
                reached: seen.reached(epoch, position, now),
            })
            .collect();
        standings.sort_by(|one, other| one.id.cmp(&other.id));
        standings
    }

    /// The entries of those whose lease ran out so long ago that they are forgotten: they ask the origin about everything,
    /// and have to join again. One that serves nevertheless is not forgotten.
    pub(super) fn lapsed(&self, now: Timestamp) -> Vec<(String, String)> {
        let lapsed = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.lease_left(now).is_zero() && seen.proxy.on_isolation != OnIsolation::Serve);
        lapsed.map(|(id, seen)| (id.clone(), seen.entry.clone())).collect()
    }

    /// For `status`.
    pub(super) fn figures(&self, epoch: Epoch, now: Timestamp) -> Vec<ProxyFigures> {
        let mut figures: Vec<ProxyFigures> = self
            .seen
            .iter()
            .map(|(id, seen)| ProxyFigures {
                id: id.clone(),
                name: seen.proxy.name.clone(),
                applied: (seen.proxy.epoch == epoch).then_some(seen.proxy.applied),
                is_live: !seen.lease_left(now).is_zero(),
                on_isolation: seen.proxy.on_isolation,
            })
            .collect();
        figures.sort_by(|one, other| one.id.cmp(&other.id));
        figures
    }
}

impl Seen {
    fn is_same_lease(&self, proxy: &Proxy) -> bool {
        (&self.proxy.incarnation, self.proxy.renewals) == (&proxy.incarnation, proxy.renewals)
    }

    fn lease_left(&self, now: Timestamp) -> Duration {
        (self.proxy.lease + MARGIN).saturating_sub(now.since(self.since))
    }

    fn reached(&self, epoch: Epoch, position: Position, now: Timestamp) -> Reached {
        if self.proxy.epoch == epoch && self.proxy.applied >= position {
            return Reached::Applied;
        }
        match self.lease_left(now) {
            Duration::ZERO if self.proxy.on_isolation == OnIsolation::Serve => Reached::Serving,
            Duration::ZERO => Reached::Lapsed,
            left => Reached::Waiting(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(0xe);

    fn entry(renewals: u64, applied: Position, mode: &str) -> Vec<(String, String)> {
        vec![("a".into(), format!("e i {renewals} {applied} 0 {mode} 3000 shop one"))]
    }

    fn reached(proxies: &Proxies, ms: u64) -> Reached {
        proxies.standings(EPOCH, 5, Timestamp(ms))[0].reached
    }

    #[test]
    fn a_lease_runs_out_a_whole_lease_after_its_last_renewal_was_first_seen() {
        let mut proxies = Proxies::default();
        proxies.see(entry(1, 4, "revalidate"), Timestamp(1_000));
        assert_eq!(reached(&proxies, 1_000), Reached::Waiting(LEASE + MARGIN));
        proxies.see(entry(1, 4, "revalidate"), Timestamp(4_000));
        assert_eq!(reached(&proxies, 4_199), Reached::Waiting(Duration::from_millis(1)));
        assert_eq!(reached(&proxies, 4_200), Reached::Lapsed);
        assert_eq!(proxies.lapsed(Timestamp(4_200)).len(), 1);
        proxies.see(entry(2, 4, "revalidate"), Timestamp(4_200));
        assert_eq!(reached(&proxies, 4_200), Reached::Waiting(LEASE + MARGIN));
        proxies.see(entry(2, 5, "revalidate"), Timestamp(4_300));
        assert_eq!(reached(&proxies, 9_000), Reached::Applied);
    }

    #[test]
    fn one_that_serves_in_isolation_is_never_past_and_never_forgotten() {
        let mut proxies = Proxies::default();
        proxies.see(entry(1, 4, "serve"), Timestamp(0));
        assert_eq!(reached(&proxies, 1 << 40), Reached::Serving);
        assert_eq!(proxies.lapsed(Timestamp(1 << 40)), []);
    }

    #[test]
    fn a_position_of_another_epoch_counts_for_nothing() {
        let mut proxies = Proxies::default();
        proxies.see(vec![("a".into(), "f i 1 9 0 revalidate 3000 shop".into())], Timestamp(0));
        assert_eq!(reached(&proxies, 0), Reached::Waiting(LEASE + MARGIN));
        assert_eq!(proxies.figures(EPOCH, Timestamp(0))[0].applied, None);
        proxies.see(Vec::new(), Timestamp(0));
        assert_eq!(proxies.standings(EPOCH, 5, Timestamp(0)), [], "one that has left is waited for no more");
        proxies.see(vec![("b".into(), "of somebody else".into())], Timestamp(0));
        assert_eq!(proxies.figures(EPOCH, Timestamp(0)), []);
    }
}
