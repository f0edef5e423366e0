//! Collapsed forwarding: one fetch per key in flight, however many ask.
//!
//! The first to ask becomes the leader and starts the fetch; whoever asks while it is under way joins it. A request that
//! refuses what it joined (a purge came between) elects, with all others that refuse the same, one new fetch. The leader's
//! role is a guard: when it is dropped, at the fetch's end, by a panic or by cancellation, the next to ask leads.

use crate::key::Key;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// The fetches under way.
#[derive(Debug)]
pub struct Collapse<F>(Arc<Mutex<HashMap<Key, Arc<F>>>>);

/// What asking for a key's fetch gives.
#[derive(Debug)]
pub enum Joined<F> {
    /// Nobody is fetching it: start it.
    Leader(Lead<F>),
    /// Somebody is.
    Follower(Arc<F>),
}

/// The leader's role.
#[derive(Debug)]
pub struct Lead<F> {
    key: Key,
    fetch: Arc<F>,
    fetches: Arc<Mutex<HashMap<Key, Arc<F>>>>,
}

impl<F> Default for Collapse<F> {
    fn default() -> Collapse<F> {
        Collapse(Arc::default())
    }
}

impl<F> Collapse<F> {
    /// Joins the fetch of `key`, or becomes the leader of a new one. `refused` is the fetch that this request had joined
    /// and will not take: if it is still the one under way, a new one replaces it.
    pub fn join(&self, key: &Key, refused: Option<&Arc<F>>, new: impl FnOnce() -> F) -> Joined<F> {
        let mut fetches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fetches.entry(key.clone()) {
            Entry::Occupied(under_way) if !refused.is_some_and(|refused| Arc::ptr_eq(refused, under_way.get())) => {
                Joined::Follower(under_way.get().clone())
            }
            entry => {
                let fetch = Arc::new(new());
                entry.insert_entry(fetch.clone());
                Joined::Leader(Lead { key: key.clone(), fetch, fetches: self.0.clone() })
            }
        }
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<F> Lead<F> {
    /// The fetch that is led.
    pub fn fetch(&self) -> &Arc<F> {
        &self.fetch
    }

    /// Lets nobody join any more, before the role itself ends.
    pub fn close(&self) {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        // A fetch that was refused has been replaced: the successor stays.
        if fetches.get(&self.key).is_some_and(|under_way| Arc::ptr_eq(under_way, &self.fetch)) {
            fetches.remove(&self.key);
        }
    }
}

impl<F> Drop for Lead<F> {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Scheme, Target};

    fn key() -> Key {
        Key::new(&Target { scheme: Scheme::Http, host: "a".into(), path: "/".into(), query: None }, &[], None)
    }

    fn lead(collapse: &Collapse<u32>, refused: Option<&Arc<u32>>, number: u32) -> Lead<u32> {
        match collapse.join(&key(), refused, || number) {
            Joined::Leader(lead) => lead,
            Joined::Follower(under_way) => panic!("{under_way} is under way"),
        }
    }

    fn follow(collapse: &Collapse<u32>, refused: Option<&Arc<u32>>) -> Arc<u32> {
        match collapse.join(&key(), refused, || unreachable!()) {
            Joined::Follower(under_way) => under_way,
            Joined::Leader(_) => panic!("nothing is under way"),
        }
    }

    #[test]
    fn the_first_leads_and_the_others_follow_until_it_ends() {
        let collapse = Collapse::default();
        let first = lead(&collapse, None, 1);
        assert_eq!(*follow(&collapse, None), 1);
        drop(first);
        assert!(collapse.is_empty());
        lead(&collapse, None, 2);
    }

    #[test]
    fn those_who_refuse_a_fetch_elect_one_new_one_and_its_end_spares_the_successor() {
        let collapse = Collapse::default();
        let first = lead(&collapse, None, 1);
        let refused = first.fetch().clone();
        let second = lead(&collapse, Some(&refused), 2);
        assert_eq!(*follow(&collapse, Some(&refused)), 2);
        drop(first);
        assert_eq!(*follow(&collapse, None), 2);
        drop(second);
        assert!(collapse.is_empty());
    }

    #[test]
    fn a_leader_that_panics_leaves_the_role_to_the_next() {
        let collapse = Collapse::default();
        let lead_of_the_lost = lead(&collapse, None, 1);
        let lost = std::thread::spawn(move || {
            let _role = lead_of_the_lost;
            panic!("a mistake of ours");
        });
        assert!(lost.join().is_err());
        lead(&collapse, None, 2);
    }
}
