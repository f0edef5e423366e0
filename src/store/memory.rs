//! The hot tier: stored responses in memory, by weight, in front of whatever store there is.
//!
//! One `quick_cache` (S3-FIFO: a crawl of everything does not drive out what is asked for again and again) for each named
//! cache, so that none can take another's room. It knows no time and no ledger; it never waits for anything but a short
//! lock, and a look-up on the hit path allocates nothing.

use super::{CacheFigures, Queued, VARIANTS_MAX};
use crate::cache_name::CacheName;
use crate::key::{Key, KeyRef};
use crate::stored::StoredResponse;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Equivalent, Lifecycle, OptionsBuilder, Weighter};
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The largest response that is kept in memory, where the budget is large. Larger ones are served from the store.
const OBJECT_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// How many of the largest responses a shard must have room for. `quick_cache` splits its budget evenly over its shards and
/// refuses in silence what is heavier than one's share; with less room than this a few large ones empty a shard.
const OBJECTS_IN_SHARD: u64 = 8;
/// More shards than this gain nothing: a look-up holds its shard's lock, shared, for less than 100 ns.
const SHARDS_MAX: u64 = 64;
/// For the room for ghosts, the keys that S3-FIFO remembers after their eviction; an order of magnitude is good enough.
const TYPICAL_BYTES: u64 = 16 * 1024;
/// Bytes of one entry's slot beside the responses: handles and links, the index, with what these over-allocate.
const SLOT_BYTES: u64 = 80;

/// The variants under one key, newest first.
#[derive(Clone, Debug)]
pub struct Variants(List);

/// Nearly every page has one variant, which needs no list of its own.
#[derive(Clone, Debug)]
enum List {
    One(Arc<StoredResponse>),
    Several(Arc<[Arc<StoredResponse>]>),
}

impl Variants {
    /// These responses, newest first.
    pub fn of(list: Vec<Arc<StoredResponse>>) -> Variants {
        Variants(match <[_; 1]>::try_from(list) {
            Ok([one]) => List::One(one),
            Err(list) => List::Several(list.into()),
        })
    }
}

impl Deref for Variants {
    type Target = [Arc<StoredResponse>];

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            List::One(one) => std::slice::from_ref(one),
            List::Several(list) => list,
        }
    }
}

/// The key of an entry: that of its newest variant, which holds it. A copy of its own would be there for each page.
#[derive(Clone, Debug)]
struct EntryKey(Arc<StoredResponse>);

impl Hash for EntryKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl PartialEq for EntryKey {
    fn eq(&self, other: &EntryKey) -> bool {
        self.0.key() == other.0.key()
    }
}

impl Eq for EntryKey {}

impl Equivalent<EntryKey> for KeyRef<'_> {
    fn equivalent(&self, own: &EntryKey) -> bool {
        own.0.key() == *self
    }
}

fn weight(response: &StoredResponse) -> u64 {
    response.weight() as u64 + SLOT_BYTES
}

/// Stored responses in memory.
#[derive(Debug)]
pub struct MemoryTier {
    compartments: [Compartment; 3],
}

impl MemoryTier {
    /// A tier of `budget_bytes_total`, split in proportion to the caches' own sizes and never more than these.
    pub fn new(budget_bytes_total: u64, caches_max: [u64; 3]) -> MemoryTier {
        let sum: u128 = caches_max.iter().map(|max| u128::from(*max)).sum::<u128>().max(1);
        let compartments = caches_max.map(|max| {
            let share = u128::from(budget_bytes_total) * u128::from(max) / sum;
            Compartment::new(u64::try_from(share).unwrap_or(u64::MAX).min(max))
        });
        MemoryTier { compartments }
    }

    /// The variants under a key.
    pub fn get(&self, cache: CacheName, key: &Key) -> Option<Variants> {
        self.compartments[cache.index()].cache.get(&key.view())
    }

    /// Keeps a new response, in place of one with the same Vary key, which goes even where this one is too large.
    pub fn insert(&self, response: Arc<StoredResponse>) -> Queued {
        self.compartments[response.cache.index()].insert(response, Clash::Replace)
    }

    /// Puts a response with more to it in the place of itself, that is of its own generation, where it is here. False where another
    /// one is here in its place, which stays.
    pub fn replace(&self, response: Arc<StoredResponse>) -> bool {
        self.compartments[response.cache.index()].replace(response)
    }

    /// Keeps a response that was read from the store, unless one with the same Vary key is here already: between reading and
    /// now a newer one may have come.
    pub fn promote(&self, response: Arc<StoredResponse>) -> Queued {
        self.compartments[response.cache.index()].insert(response, Clash::Retain)
    }

    /// Lets go of exactly this generation; a successor stays.
    pub fn remove(&self, cache: CacheName, key: &Key, generation: u64) {
        self.compartments[cache.index()].remove_where(&key.view(), |variant| variant.generation == generation);
    }

    /// Empties a cache, or all.
    pub fn clear(&self, cache: Option<CacheName>) {
        let cleared = |name: &CacheName| cache.is_none_or(|cache| cache == *name);
        for name in CacheName::ALL.into_iter().filter(cleared) {
            self.compartments[name.index()].clear();
        }
    }

    /// What is in memory, by cache.
    pub fn figures(&self) -> [CacheFigures; 3] {
        self.compartments.each_ref().map(Compartment::figures)
    }

    /// The largest response that this cache keeps in memory, by [`StoredResponse::weight`].
    pub fn object_bytes_max(&self, cache: CacheName) -> u64 {
        self.compartments[cache.index()].object_bytes_max
    }
}

/// What becomes of a response whose Vary key is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clash {
    Replace,
    Retain,
}

/// One named cache's part of the tier.
#[derive(Debug)]
struct Compartment {
    cache: Cache<EntryKey, Variants, ByWeight, DefaultHashBuilder, LetGo>,
    /// Held by whoever changes an entry, because a change is a look-up and an insertion: two variants that come at once must
    /// both stay. Look-ups do not take it. The counts are of responses, not of keys.
    counts: Mutex<Counts>,
    budget_bytes: u64,
    object_bytes_max: u64,
    entry_bytes_max: u64,
}

#[derive(Debug, Default)]
struct Counts {
    entries: u64,
    evictions: u64,
}

impl Compartment {
    fn new(budget_bytes: u64) -> Compartment {
        let object_bytes_max = OBJECT_BYTES_MAX.min(budget_bytes / OBJECTS_IN_SHARD);
        let shards = shards(budget_bytes, object_bytes_max);
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            .weight_capacity(budget_bytes)
            .estimated_items_capacity(usize::try_from(budget_bytes / TYPICAL_BYTES).unwrap_or(usize::MAX))
            .build();
        // The builder fails only where one of the two capacities was not given.
        let options = options.unwrap_or_else(|error| unreachable!("{error}"));
        Compartment {
            cache: Cache::with_options(options, ByWeight, DefaultHashBuilder::default(), LetGo),
            counts: Mutex::default(),
            budget_bytes,
            object_bytes_max,
            // Variants share an entry; one key with many large ones must not fill its shard.
            entry_bytes_max: budget_bytes / shards / 2,
        }
    }

    fn insert(&self, response: Arc<StoredResponse>, clash: Clash) -> Queued {
        if response.weight() as u64 > self.object_bytes_max {
            if clash == Clash::Replace {
                // It is in the store alone: what was here would stand before it.
                self.remove_where(&response.key(), |variant| variant.vary == response.vary);
            }
            return Queued::TooLarge;
        }
        // What is evicted is dropped when the locks are open again: declared first, it goes last.
        let mut gone = Evicted::default();
        let mut counts = self.change();
        let old = self.cache.peek(&response.key());
        let mut kept = old.as_deref().unwrap_or_default().to_vec();
        if clash == Clash::Retain && kept.iter().any(|variant| variant.vary == response.vary) {
            return Queued::Accepted;
        }
        kept.retain(|variant| variant.vary != response.vary);
        kept.insert(0, response);
        self.set(&mut counts, old.as_ref(), kept, &mut gone);
        Queued::Accepted
    }

    fn replace(&self, response: Arc<StoredResponse>) -> bool {
        let mut gone = Evicted::default();
        let mut counts = self.change();
        let Some(old) = self.cache.peek(&response.key()) else { return true };
        let mut kept = old.to_vec();
        let Some(own) = kept.iter_mut().find(|variant| variant.vary == response.vary) else { return true };
        if own.generation != response.generation {
            return false;
        }
        if response.weight() as u64 <= self.object_bytes_max {
            *own = response;
            self.set(&mut counts, Some(&old), kept, &mut gone);
        }
        true
    }

    /// Makes these the variants of an entry that had `old` ones, the newest first.
    fn set(&self, counts: &mut Counts, old: Option<&Variants>, mut kept: Vec<Arc<StoredResponse>>, gone: &mut Evicted) {
        let Some(newest) = kept.first() else { return };
        let key = EntryKey(newest.clone());
        let cut = self.cut_to_size(&mut kept);
        let entries = counts.entries + kept.len() as u64 - old.map_or(0, |old| old.len() as u64);
        self.cache.insert_with_lifecycle(key.clone(), Variants::of(kept), gone);
        let evicted = gone.variants(old.is_some().then_some(&key));
        counts.entries = entries.saturating_sub(evicted);
        counts.evictions += cut + evicted;
    }

    /// The oldest variants give way, to number and to weight; the newest always stays. Tells how many went.
    fn cut_to_size(&self, variants: &mut Vec<Arc<StoredResponse>>) -> u64 {
        let mut sum = 0;
        let fits = variants.iter().take(VARIANTS_MAX).take_while(|variant| {
            sum += weight(variant);
            sum <= self.entry_bytes_max
        });
        let fits = fits.count().max(1);
        variants.drain(fits..).count() as u64
    }

    fn remove_where(&self, key: &KeyRef<'_>, goes: impl Fn(&StoredResponse) -> bool) {
        let mut counts = self.change();
        let Some(old) = self.cache.peek(key) else { return };
        let mut kept = old.to_vec();
        kept.retain(|variant| !goes(variant));
        if kept.len() == old.len() {
            return;
        }
        counts.entries = counts.entries.saturating_sub((old.len() - kept.len()) as u64);
        match kept.first() {
            None => drop(self.cache.remove(key)),
            // Softly: that a variant went is no sign that the others are asked for. It fails only where the entry is gone.
            Some(newest) => drop(self.cache.replace(EntryKey(newest.clone()), Variants::of(kept), true)),
        }
    }

    fn clear(&self) {
        let mut counts = self.change();
        self.cache.clear();
        counts.entries = 0;
    }

    fn figures(&self) -> CacheFigures {
        let counts = self.change();
        CacheFigures {
            entries: counts.entries,
            bytes: self.cache.weight(),
            bytes_max: self.budget_bytes,
            evictions: counts.evictions,
        }
    }

    fn change(&self) -> MutexGuard<'_, Counts> {
        // After a panic in between the counts may be off by a few; the entries themselves are whole.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many shards as leave each its room for large responses.
fn shards(budget_bytes: u64, object_bytes_max: u64) -> u64 {
    let fit = budget_bytes / (object_bytes_max * OBJECTS_IN_SHARD).max(1);
    // Rounded down to a power of two: `quick_cache` would round up, and the shares would be too small.
    1 << fit.clamp(1, SHARDS_MAX).ilog2()
}

#[derive(Clone, Debug)]
struct ByWeight;

impl Weighter<EntryKey, Variants> for ByWeight {
    fn weight(&self, _: &EntryKey, variants: &Variants) -> u64 {
        variants.iter().map(|response| weight(response)).sum()
    }
}

/// Collects what is evicted, so that it is counted, and freed outside the shard's lock.
#[derive(Clone, Debug)]
struct LetGo;

#[derive(Debug, Default)]
struct Evicted(Vec<(EntryKey, Variants)>);

impl Evicted {
    /// How many responses were evicted, the first under `replaced` apart: that is an entry's former value, whose variants
    /// live on in its new one. A second under that key is the new value itself.
    fn variants(&self, replaced: Option<&EntryKey>) -> u64 {
        let former = replaced.and_then(|key| self.0.iter().position(|(own, _)| own == key));
        let others = self.0.iter().enumerate().filter(|(at, _)| Some(*at) != former);
        others.map(|(_, (_, variants))| variants.len() as u64).sum()
    }
}

impl Lifecycle<EntryKey, Variants> for LetGo {
    type RequestState = Evicted;

    fn on_evict(&self, evicted: &mut Evicted, key: EntryKey, variants: Variants) {
        evicted.0.push((key, variants));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_has_room_for_eight_of_the_largest_objects() {
        for budget in [0, 1, 4096, 20 << 20, 157 << 20, 10 << 30] {
            let compartment = Compartment::new(budget);
            assert!(compartment.cache.shard_capacity() >= OBJECTS_IN_SHARD * compartment.object_bytes_max, "{budget}");
            assert!(compartment.cache.capacity() <= budget, "{budget}");
        }
    }

    #[test]
    fn the_budget_is_split_in_proportion_and_no_cache_gets_more_than_its_size() {
        let maxima = |total, sizes| MemoryTier::new(total, sizes).figures().map(|figures| figures.bytes_max);
        assert_eq!(maxima(100, [10, 20, 70]), [10, 20, 70]);
        assert_eq!(maxima(50, [10, 20, 70]), [5, 10, 35]);
        assert_eq!(maxima(u64::MAX, [10, 20, 70]), [10, 20, 70]);
        assert_eq!(maxima(100, [0, 0, 0]), [0, 0, 0]);
    }
}
