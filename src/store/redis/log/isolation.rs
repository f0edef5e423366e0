//! What this proxy does when its lease has run out, where the number of proxies decides it.
//!
//! The others must never believe a proxy to be more careful than it is: past one that goes on serving they confirm nothing. So
//! it is careful first and says so afterwards, and says that it will serve before it does. Whatever is lost on the way, an
//! answer or the connection, then errs on the safe side.

use crate::ledger::OnIsolation;

/// What is in force here, and what the others are told.
#[derive(Debug)]
pub(super) struct Isolation {
    by_number: bool,
    in_force: OnIsolation,
    told: OnIsolation,
}

impl Isolation {
    /// As configured; none is `serve` for the only proxy and `revalidate` for one of several.
    pub(super) fn new(configured: Option<OnIsolation>) -> Isolation {
        let in_force = configured.unwrap_or_default();
        Isolation { by_number: configured.is_none(), in_force, told: in_force }
    }

    pub(super) fn in_force(&self) -> OnIsolation {
        self.in_force
    }

    /// What to tell the others next.
    pub(super) fn told(&self) -> OnIsolation {
        self.told
    }

    /// The others have been told, and this proxy has learnt whether there are any. Where too few replicas have that, it is
    /// not told to those who follow another master, and whoever is seen to be alone may only be cut off from them.
    pub(super) fn heard(&mut self, is_alone: bool, is_replicated: bool) {
        if is_alone && !is_replicated {
            return;
        }
        self.in_force = self.told;
        if self.by_number {
            self.told = if is_alone { OnIsolation::Serve } else { OnIsolation::Revalidate };
            if !is_alone {
                self.in_force = OnIsolation::Revalidate;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OnIsolation::{Pass, Revalidate, Serve};

    fn now(isolation: &Isolation) -> (OnIsolation, OnIsolation) {
        (isolation.told(), isolation.in_force())
    }

    #[test]
    fn it_says_that_it_will_serve_before_it_does_and_is_careful_before_it_says_so() {
        let mut isolation = Isolation::new(None);
        assert_eq!(now(&isolation), (Revalidate, Revalidate));
        isolation.heard(true, true);
        assert_eq!(now(&isolation), (Serve, Revalidate));
        isolation.heard(true, true);
        assert_eq!(now(&isolation), (Serve, Serve));
        isolation.heard(false, true);
        assert_eq!(now(&isolation), (Revalidate, Revalidate));
        isolation.heard(true, true);
        isolation.heard(false, true);
        assert_eq!(now(&isolation), (Revalidate, Revalidate));
    }

    #[test]
    fn what_no_replica_has_makes_it_no_less_careful() {
        let mut isolation = Isolation::new(None);
        isolation.heard(true, false);
        isolation.heard(true, false);
        assert_eq!(now(&isolation), (Revalidate, Revalidate));
        isolation.heard(true, true);
        isolation.heard(true, false);
        assert_eq!(now(&isolation), (Serve, Revalidate), "it was not told that it will serve");
        isolation.heard(true, true);
        isolation.heard(true, false);
        assert_eq!(now(&isolation), (Serve, Serve), "it was told before");
        isolation.heard(false, false);
        assert_eq!(now(&isolation), (Revalidate, Revalidate));
    }

    #[test]
    fn what_is_configured_stands() {
        for configured in [Serve, Revalidate, Pass] {
            let mut isolation = Isolation::new(Some(configured));
            isolation.heard(true, true);
            isolation.heard(false, true);
            assert_eq!(now(&isolation), (configured, configured));
        }
    }
}
