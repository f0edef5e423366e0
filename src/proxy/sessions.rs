//! What is kept for each session: how much, and whether there is anything to let go of when a session changes.
//!
//! The ledger makes a session's pages unusable; this only keeps it from filling up with records of sessions that have none, as
//! most visitors with a basket do, and gives room back at once. It knows every page that memory holds for a session, and every
//! fill for one that is under way. What it does not know can at most be in the store, which counts by tag.

use crate::clock::Timestamp;
use crate::key::{Key, SessionHash};
use crate::stored::{StoredResponse, VaryKey};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sessions that are known at most. Past it, nothing is kept for another one: to forget a session would be to lose a purge.
const SESSIONS_MAX: usize = 200_000;

/// The sessions of which something is kept, or being fetched.
#[derive(Debug)]
pub(super) struct Sessions {
    shelves: Mutex<HashMap<SessionHash, Shelf>>,
    bytes_max: u64,
}

/// What is kept for one session, oldest first.
#[derive(Debug, Default)]
struct Shelf {
    fills: usize,
    pages: VecDeque<Page>,
    bytes: u64,
}

#[derive(Debug)]
struct Page {
    at: Place,
    vary: VaryKey,
    bytes: u64,
    keep_until: Timestamp,
}

/// Where a stored response is, for whoever lets go of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub key: Key,
    pub generation: u64,
}

/// There is no room for a page: it is too large for one session, or there are too many sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// What a session had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// Whether anything was kept, or is being fetched.
    pub is_known: bool,
    /// What was kept.
    pub pages: Vec<Place>,
}

/// A fill for a session that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Filling {
    sessions: Arc<Sessions>,
    hashes: Box<[SessionHash]>,
}

impl Sessions {
    /// Keeps at most so many bytes for each session.
    pub(super) fn new(bytes_max: u64) -> Sessions {
        Sessions { shelves: Mutex::default(), bytes_max }
    }

    /// Notes a fill, before its stamp is taken: a change that comes later finds it.
    pub(super) fn filling(self: &Arc<Sessions>, hashes: &[SessionHash]) -> Filling {
        let mut shelves = self.shelves();
        for hash in hashes {
            shelves.entry(*hash).or_default().fills += 1;
        }
        Filling { sessions: self.clone(), hashes: hashes.into() }
    }

    /// Notes what is being kept, and tells what has to go for it: the session's oldest.
    pub(super) fn keep(&self, stored: &StoredResponse, now: Timestamp) -> Result<Vec<Place>, NoRoom> {
        let bytes = stored.weight() as u64;
        let hashes: Vec<SessionHash> = stored.tags.iter().filter_map(SessionHash::of_tag).collect();
        let mut shelves = self.shelves();
        let has_pages = |hash| shelves.get(hash).is_some_and(|shelf| !shelf.pages.is_empty());
        // Looked at for all before anything is changed for one.
        if bytes > self.bytes_max || (shelves.len() >= SESSIONS_MAX && !hashes.iter().all(has_pages)) {
            return Err(NoRoom);
        }
        let mut gone = Vec::new();
        for hash in hashes {
            let shelf = shelves.entry(hash).or_default();
            shelf.outlives(now);
            shelf.let_go(|page| page.is_before(stored));
            while shelf.bytes + bytes > self.bytes_max {
                let Some(oldest) = shelf.pages.pop_front() else { break };
                shelf.bytes -= oldest.bytes;
                gone.push(oldest.at);
            }
            let at = Place { key: stored.key().to_key(), generation: stored.generation };
            let keep_until = stored.lifetime().keep_until();
            shelf.pages.push_back(Page { at, vary: stored.vary.clone(), bytes, keep_until });
            shelf.bytes += bytes;
        }
        Ok(gone)
    }

    /// Forgets what is kept no longer.
    pub(super) fn tidy(&self, now: Timestamp) {
        self.shelves().retain(|_, shelf| shelf.outlives(now));
    }

    /// Takes everything off a session's shelf.
    pub(super) fn end(&self, hash: SessionHash) -> Ended {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(&hash) else { return Ended::default() };
        let pages: Vec<Place> = shelf.pages.drain(..).map(|page| page.at).collect();
        shelf.bytes = 0;
        let is_known = shelf.fills > 0 || !pages.is_empty();
        if shelf.fills == 0 {
            shelves.remove(&hash);
        }
        Ended { is_known, pages }
    }

    /// How many sessions something is kept for, or was until a short time ago.
    pub(super) fn len(&self) -> usize {
        self.shelves().len()
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<SessionHash, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Forgets what is kept no longer; tells whether there is anything left.
    fn outlives(&mut self, now: Timestamp) -> bool {
        self.let_go(|page| page.keep_until <= now);
        self.fills > 0 || !self.pages.is_empty()
    }

    fn let_go(&mut self, goes: impl Fn(&Page) -> bool) {
        let bytes = &mut self.bytes;
        self.pages.retain(|page| {
            let goes = goes(page);
            *bytes -= if goes { page.bytes } else { 0 };
            !goes
        });
    }
}

impl Page {
    /// Whether a stored response takes its place, or is it.
    fn is_before(&self, stored: &StoredResponse) -> bool {
        self.vary == stored.vary && stored.key() == self.at.key
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let mut shelves = self.sessions.shelves();
        for hash in &self.hashes {
            let Some(shelf) = shelves.get_mut(hash) else { continue };
            shelf.fills = shelf.fills.saturating_sub(1);
            if shelf.fills == 0 && shelf.pages.is_empty() {
                shelves.remove(hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_name::CacheName;
    use crate::key::{IdFrom, Scheme, SessionKey, Target};
    use crate::ledger::{Epoch, Stamp};
    use crate::stored::{Coded, FieldBlock, Lifetime, LifetimeFrom, Parts, RuleFingerprint, StoredBody};
    use crate::tags::Tags;
    use http::{HeaderValue, StatusCode};
    use std::time::Duration;

    const BYTES: usize = 4_096;

    fn hash(id: &str) -> SessionHash {
        SessionKey::new(b"key").hash(id)
    }

    fn page(id: &str, path: &str, generation: u64) -> StoredResponse {
        let target = Target { scheme: Scheme::Http, host: "a".into(), path: path.into(), query: None };
        let session = SessionKey::new(b"key").session(&[(IdFrom::Header, id)], &[]);
        StoredResponse::of(Parts {
            cache: CacheName::Sessions,
            key: Key::of_session(&target, &[], None, &session),
            vary: VaryKey::default(),
            generation,
            status: StatusCode::OK,
            fields: FieldBlock::default(),
            body: StoredBody::whole(vec![b'x'; BYTES].into()),
            form_cookie: None,
            coded: Coded::No,
            etag: HeaderValue::from_static("\"1\""),
            lifetime: Lifetime {
                received: Timestamp(0),
                initial_age: Duration::ZERO,
                fresh: Duration::from_mins(1),
                stale_while_revalidate: Duration::ZERO,
                stale_if_error: Duration::ZERO,
                keep: Duration::from_mins(1),
                from: LifetimeFrom::Rule,
                validate_always: false,
            },
            stamp: Stamp::of(Epoch(1), 0),
            tags: Tags::collect([hash(id).tag()]).unwrap(),
            route: "own".into(),
            rule: RuleFingerprint(1),
            origin_time: Duration::ZERO,
        })
    }

    fn generations(places: &[Place]) -> Vec<u64> {
        places.iter().map(|place| place.generation).collect()
    }

    #[test]
    fn a_sessions_oldest_page_gives_way_and_a_successor_takes_its_own_place() {
        let bytes = page("a", "/1", 1).weight() as u64;
        let sessions = Sessions::new(bytes * 2 + bytes / 2);
        let keep = |id, path, generation, ms| {
            sessions.keep(&page(id, path, generation), Timestamp(ms)).map(|gone| generations(&gone))
        };
        assert_eq!(keep("a", "/1", 1, 0), Ok(vec![]));
        assert_eq!(keep("a", "/2", 2, 0), Ok(vec![]));
        assert_eq!(keep("a", "/1", 3, 0), Ok(vec![]), "in place of the first");
        assert_eq!(keep("b", "/1", 4, 0), Ok(vec![]), "another's share");
        assert_eq!(keep("a", "/3", 5, 0), Ok(vec![2]));
        assert_eq!(keep("a", "/4", 6, 60_000), Ok(vec![]), "what is kept no longer is in nobody's way");
        assert_eq!(generations(&sessions.end(hash("a")).pages), [6]);
        assert_eq!(sessions.len(), 1);
        assert_eq!(Sessions::new(bytes - 1).keep(&page("a", "/1", 1), Timestamp(0)), Err(NoRoom));
    }

    #[test]
    fn what_is_being_fetched_makes_a_session_known_until_it_ends() {
        let sessions = Arc::new(Sessions::new(1 << 20));
        assert_eq!(sessions.end(hash("a")), Ended::default());
        let (one, two) = (sessions.filling(&[hash("a")]), sessions.filling(&[hash("a"), hash("b")]));
        drop(one);
        assert_eq!(sessions.end(hash("a")), Ended { is_known: true, pages: Vec::new() });
        assert!(sessions.end(hash("b")).is_known);
        assert!(sessions.keep(&page("a", "/", 1), Timestamp(0)).is_ok());
        drop(two);
        assert_eq!(sessions.len(), 1, "a page is kept for one of them");
        let ended = sessions.end(hash("a"));
        assert!(ended.is_known && generations(&ended.pages) == [1]);
        assert_eq!(sessions.end(hash("a")), Ended::default());
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn there_are_only_so_many_sessions_and_room_comes_back_in_time() {
        let sessions = Arc::new(Sessions::new(1 << 20));
        for number in 0..SESSIONS_MAX - 1 {
            sessions.shelves().insert(hash_of(number), shelf());
        }
        // As it is on a request: a page is kept while its fill is noted.
        let last = sessions.filling(&[hash("last")]);
        assert_eq!(sessions.keep(&page("last", "/", 1), Timestamp(0)), Err(NoRoom));
        drop(last);
        assert!(sessions.keep(&page("last", "/", 1), Timestamp(0)).is_ok());
        assert_eq!(sessions.keep(&page("more", "/", 2), Timestamp(0)), Err(NoRoom));
        assert!(sessions.keep(&page("last", "/2", 3), Timestamp(0)).is_ok(), "one that is known goes on");
        sessions.tidy(Timestamp(59_999));
        assert_eq!(sessions.len(), SESSIONS_MAX);
        sessions.tidy(Timestamp(60_000));
        assert_eq!(sessions.len(), 0);
    }

    fn hash_of(number: usize) -> SessionHash {
        SessionHash::of_tag(&format!("session:hash-{number:032x}")).unwrap()
    }

    fn shelf() -> Shelf {
        let kept = page("a", "/", 1);
        let at = Place { key: kept.key().to_key(), generation: 1 };
        let keep_until = kept.lifetime().keep_until();
        Shelf { fills: 0, pages: [Page { at, vary: VaryKey::default(), bytes: 1, keep_until }].into(), bytes: 1 }
    }
}
