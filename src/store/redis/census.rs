//! What is stored, counted: nobody knows what is in a shared Redis without looking. Once a minute one proxy walks over all
//! keys, slowly, and leaves the result for the others. Where a cache is larger than it may be, those pages go that were not
//! asked for longest.
//!
//! The walk looks at no page in a way that makes it look used: `HLEN` would, so the number of variants stands in the last two
//! digits of the expiry, which the scripts keep right. A server that rearranges its keys meanwhile may name one twice: the
//! first of them are remembered. Past these a page may count twice, which is rare, and little among so many.

use super::clearing;
use super::names::{Kind, Names};
use super::shared::{Shared, lock};
use super::trouble::Failure;
use super::walk::{self, Master};
use crate::cache_name::CacheName;
use crate::crypto;
use redis::{Cmd, Value, from_redis_value};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// For how long a census stands for all proxies. A little less than the time between two, so that each time one is taken.
const LOCK_MS: u64 = 50_000;
/// For how long a result is known that nobody renews.
const RESULT_MS: u64 = 600_000;
/// A cache that is over its size is brought down to this part of it.
const FILLED_PERCENT: u64 = 95;
/// Pages of one cache that are remembered to be let go, at most; with more to let go the next census goes on.
const CANDIDATES_MAX: usize = 8_192;
/// Names that are remembered during one walk, at most: 8 bytes each.
const SEEN_MAX: usize = 262_144;
/// Pages that are let go at once.
const EVICTED_AT_ONCE: usize = 100;
/// For the lock and the result.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// What a result begins with.
const FORM: &str = "1";
/// Above every order: all variants of a page.
const ALL: u64 = 1 << 53;

/// What is stored, by [`CacheName::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Variants.
    pub(super) entries: [u64; 3],
    /// Their bytes in the server's memory.
    pub(super) bytes: [u64; 3],
}

impl Tally {
    /// Nothing is in a cache.
    pub(super) fn forget(&mut self, cache: CacheName) {
        self.entries[cache.index()] = 0;
        self.bytes[cache.index()] = 0;
    }

    fn to_text(self) -> String {
        let pairs = self.entries.iter().zip(self.bytes);
        pairs.fold(FORM.to_string(), |text, (entries, bytes)| format!("{text} {entries} {bytes}"))
    }

    fn parse(text: &str) -> Option<Tally> {
        let mut words = text.split(' ');
        let is_ours = words.next() == Some(FORM);
        let mut tally = Tally::default();
        for at in 0..3 {
            tally.entries[at] = words.next()?.parse().ok()?;
            tally.bytes[at] = words.next()?.parse().ok()?;
        }
        (is_ours && words.next().is_none()).then_some(tally)
    }
}

/// Takes the census; or learns its result, where another proxy has taken it within the last minute.
pub(super) async fn take(shared: &Shared) -> Result<Tally, Failure> {
    let _one_walk = shared.walking.lock().await;
    if claim(shared).await? {
        return count(shared).await;
    }
    let mut get = redis::cmd("GET");
    get.arg(shared.names.census());
    let text: Option<String> = read(shared.ask(&shared.bulk, &shared.reads, ASK_TIMEOUT, &get).await?)?;
    let mut known = lock(&shared.tally);
    // Until the other has done, what was known before stands.
    *known = text.as_deref().and_then(Tally::parse).unwrap_or(*known);
    Ok(*known)
}

/// Counts, lets go of what is too much, and tells all. For whoever holds the right to walk.
pub(super) async fn count(shared: &Shared) -> Result<Tally, Failure> {
    let mut masters = walk::masters(shared).await?;
    for master in &mut masters {
        master.begin().await?;
    }
    let mut census = Census {
        shared,
        tally: Tally::default(),
        candidates: Default::default(),
        apart: HashMap::new(),
        seen: HashSet::new(),
        by_use: false,
    };
    census.walk(&mut masters).await?;
    for cache in CacheName::ALL {
        census.evict(&mut masters, cache).await?;
    }
    let tally = census.tally;
    *lock(&shared.tally) = tally;
    let mut set = redis::cmd("SET");
    set.arg(shared.names.census()).arg(tally.to_text()).arg("PX").arg(RESULT_MS);
    shared.ask(&shared.bulk, &shared.writes, ASK_TIMEOUT, &set).await?;
    Ok(tally)
}

/// Whether this proxy is the one that counts now. The lock is not given back: it stands for the minute.
async fn claim(shared: &Shared) -> Result<bool, Failure> {
    let lock = shared.names.census_lock();
    let mut set = redis::cmd("SET");
    set.arg(&lock).arg(&shared.name).arg("NX").arg("PX").arg(LOCK_MS);
    if shared.ask(&shared.bulk, &shared.writes, ASK_TIMEOUT, &set).await? == Value::Okay {
        return Ok(true);
    }
    let mut get = redis::cmd("GET");
    get.arg(lock);
    let holder: Option<String> = read(shared.ask(&shared.bulk, &shared.reads, ASK_TIMEOUT, &get).await?)?;
    Ok(holder.as_ref() == Some(&shared.name))
}

fn read<T: redis::FromRedisValue>(value: Value) -> Result<T, Failure> {
    from_redis_value(value).map_err(|error| Failure::Redis(error.into()))
}

struct Census<'a> {
    shared: &'a Shared,
    tally: Tally,
    /// Of each cache the pages that were not asked for longest, the next to be forgotten on top.
    candidates: [BinaryHeap<Reverse<Candidate>>; 3],
    /// What the bodies take that are kept apart, by their page. They are large, so they are few.
    apart: HashMap<String, u64>,
    /// Digests of the names that were looked at.
    seen: HashSet<u64>,
    /// The server counts how often a page is used, not when it was last.
    by_use: bool,
}

/// A page that could go.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// The higher, the sooner it goes.
    idle: u64,
    master: usize,
    bytes: u64,
    page: String,
}

impl Census<'_> {
    async fn walk(&mut self, masters: &mut [Master]) -> Result<(), Failure> {
        let pattern = self.shared.names.pattern(None);
        for (number, master) in masters.iter_mut().enumerate() {
            loop {
                let took = self.shared.clock.stopwatch();
                let Some(names) = master.next(&pattern).await? else { break };
                self.slice(number, master, names).await?;
                // The server has at least half of its time for others.
                sleep(took.elapsed()).await;
            }
        }
        Ok(())
    }

    async fn slice(&mut self, number: usize, master: &mut Master, names: Vec<String>) -> Result<(), Failure> {
        let names = names.into_iter().filter_map(|name| Some((self.shared.names.kind(&name)?, name)));
        let names: Vec<(Kind, String)> = names.filter(|(_, name)| is_new(&mut self.seen, name)).collect();
        let mut answers = self.ask(master, &names).await?;
        if !self.by_use && answers.iter().any(|answer| matches!(answer, Value::ServerError(_))) {
            self.by_use = true;
            answers = self.ask(master, &names).await?;
        }
        let mut answers = answers.iter().map(number_of);
        for (kind, name) in names {
            let mut next = || answers.next().flatten();
            match (kind, next()) {
                (Kind::Body(cache), Some(bytes)) => {
                    self.tally.bytes[cache.index()] += bytes;
                    *self.apart.entry(Names::page_of_body(&name).into()).or_default() += bytes;
                }
                (Kind::Body(_), None) => {}
                (Kind::Page(cache), bytes) => {
                    let (expiry, idle) = (next(), next());
                    if let Some(bytes) = bytes {
                        self.tally.bytes[cache.index()] += bytes;
                        // At least the one without which it would not be there.
                        self.tally.entries[cache.index()] += expiry.map_or(1, |expiry| (expiry % 100).max(1));
                        let idle = idle.unwrap_or_default();
                        self.remember(cache, Candidate { idle, master: number, bytes, page: name });
                    }
                }
            }
        }
        Ok(())
    }

    async fn ask(&self, master: &mut Master, names: &[(Kind, String)]) -> Result<Vec<Value>, Failure> {
        let questions: Vec<Cmd> = names.iter().flat_map(|(kind, name)| self.questions(*kind, name)).collect();
        master.ask_all(&questions).await
    }

    /// None of these makes what it asks about look used.
    fn questions(&self, kind: Kind, name: &str) -> Vec<Cmd> {
        let ask = |words: [&str; 2]| {
            let mut ask = redis::cmd(words[0]);
            ask.arg(words[1]).arg(name);
            ask
        };
        let mut bytes = ask(["MEMORY", "USAGE"]);
        bytes.arg("SAMPLES").arg(0);
        match kind {
            Kind::Body(_) => vec![bytes],
            Kind::Page(_) => {
                let mut expiry = redis::cmd("PEXPIRETIME");
                expiry.arg(name);
                vec![bytes, expiry, ask(["OBJECT", if self.by_use { "FREQ" } else { "IDLETIME" }])]
            }
        }
    }

    fn remember(&mut self, cache: CacheName, mut page: Candidate) {
        if self.by_use {
            page.idle = u64::MAX - page.idle;
        }
        let candidates = &mut self.candidates[cache.index()];
        candidates.push(Reverse(page));
        if candidates.len() > CANDIDATES_MAX {
            candidates.pop();
        }
    }

    /// Brings a cache that is over its size down.
    async fn evict(&mut self, masters: &mut [Master], cache: CacheName) -> Result<(), Failure> {
        let at = cache.index();
        let max = self.shared.caches_max[at];
        if self.tally.bytes[at] <= max {
            return Ok(());
        }
        let target = max / 100 * FILLED_PERCENT;
        let mut candidates = std::mem::take(&mut self.candidates[at]).into_sorted_vec().into_iter().peekable();
        while self.tally.bytes[at] > target && candidates.peek().is_some() {
            let mut excess = self.tally.bytes[at] - target;
            let mut slice: Vec<Candidate> = Vec::new();
            while excess > 0 && slice.len() < EVICTED_AT_ONCE {
                let Some(Reverse(mut page)) = candidates.next() else { break };
                page.bytes += self.apart.get(&page.page).copied().unwrap_or_default();
                excess = excess.saturating_sub(page.bytes);
                slice.push(page);
            }
            self.evict_slice(masters, cache, slice).await?;
        }
        Ok(())
    }

    async fn evict_slice(
        &mut self,
        masters: &mut [Master],
        cache: CacheName,
        slice: Vec<Candidate>,
    ) -> Result<(), Failure> {
        let at = cache.index();
        for (number, master) in masters.iter_mut().enumerate() {
            let own = || slice.iter().filter(|page| page.master == number);
            let pages: Vec<String> = own().map(|page| page.page.clone()).collect();
            let dropped = clearing::let_go(self.shared, master, &pages, ALL).await?;
            for (page, fields) in own().zip(dropped) {
                let count = fields.len() as u64;
                self.shared.evictions[at].fetch_add(count, Ordering::Relaxed);
                self.tally.entries[at] = self.tally.entries[at].saturating_sub(count);
                self.tally.bytes[at] = self.tally.bytes[at].saturating_sub(page.bytes);
            }
        }
        Ok(())
    }
}

/// Whether a name was not looked at before, as far as that is remembered.
fn is_new(seen: &mut HashSet<u64>, name: &str) -> bool {
    let digest = crypto::checksum(name.as_bytes());
    if seen.len() < SEEN_MAX { seen.insert(digest) } else { !seen.contains(&digest) }
}

/// A number that is no error; nothing is no number either.
fn number_of(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_counts_once() {
        let mut seen = HashSet::new();
        let counted = ["a", "b", "a", "c", "b"].map(|name| is_new(&mut seen, name));
        assert_eq!(counted, [true, true, false, true, false]);
        let mut full = (0..SEEN_MAX as u64).collect();
        assert!(is_new(&mut full, "a") && is_new(&mut full, "a"));
        assert_eq!(full.len(), SEEN_MAX);
    }

    #[test]
    fn a_result_is_read_as_it_was_told_and_others_are_not() {
        let tally = Tally { entries: [1, 2, 3], bytes: [40, u64::MAX, 0] };
        assert_eq!(Tally::parse(&tally.to_text()), Some(tally));
        for other in ["", "1", "2 1 2 3 4 5 6", "1 1 2 3 4 5", "1 1 2 3 4 5 6 7", "1 a b c d e f"] {
            assert_eq!(Tally::parse(other), None, "{other}");
        }
    }
}
