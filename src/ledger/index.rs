//! Matching: for each scope the newest hard and the newest soft record, found by hash where the scope allows it.
//!
//! Pure: no clock, no lock, no store. Its size is bounded; past a bound the oldest scopes are folded into the *floor*, and
//! what bears a stamp from before the floor is gone, whatever it is. So forgetting makes the index stricter and never loses a
//! purge.

use super::glob::Glob;
use super::{Gone, Mode, Position, Record, Scope, Standing, Subject, UrlId};
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::tags::Tag;
use std::collections::btree_map::OccupiedEntry;
use std::collections::{BTreeMap, HashMap};

/// How much an index remembers; past it, the oldest is folded into the floor.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Positions from floor to head. A journal keeps as many records, some 100 bytes each, and reads them when it opens.
    pub records: u64,
    /// Distinct scopes, some 200 bytes each.
    pub scopes: usize,
    /// Prefixes and patterns. Each that is newer than a stored response's stamp is tried on it, once for each new record.
    pub shapes: usize,
}

impl Default for Bounds {
    /// At most some 100 MB on disk, 40 MB of memory and 50 microseconds for a hit that has to be looked at again.
    fn default() -> Bounds {
        Bounds { records: 1_000_000, scopes: 200_000, shapes: 2_000 }
    }
}

/// Tells where a stored response stands.
#[derive(Debug)]
pub struct Index {
    bounds: Bounds,
    /// What bears an older stamp is gone.
    floor: Position,
    head: Position,
    /// Every slot that is in use, under its newest position.
    order: BTreeMap<Position, Key>,
    all: Slot,
    caches: [Slot; CacheName::ALL.len()],
    // What is hashed comes from outside: the standard hasher is keyed at random, so that nobody can make keys collide.
    tags: HashMap<Tag, Slot>,
    urls: HashMap<UrlId, Slot>,
    /// Under their newest position, so that the newer ones are found without a look at the older.
    shapes: BTreeMap<Position, Shape>,
    shape_positions: HashMap<Scope, Position>,
    /// The latest end of a settle time whose scope was folded; it counts for everything.
    folded_settle_until: Timestamp,
}

/// What the records of one scope come to.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hard: Position,
    soft: Position,
    settle_until: Timestamp,
}

#[derive(Debug)]
enum Key {
    All,
    Cache(CacheName),
    Tag(Tag),
    Url(UrlId),
    Shape,
}

#[derive(Debug)]
struct Shape {
    scope: Scope,
    /// Compiled, for a pattern.
    glob: Option<Glob>,
    slot: Slot,
}

impl Index {
    /// An index that knows nothing from before `floor`.
    pub fn new(floor: Position, bounds: Bounds) -> Index {
        Index {
            bounds,
            floor,
            head: floor,
            order: BTreeMap::new(),
            all: Slot::default(),
            caches: Default::default(),
            tags: HashMap::new(),
            urls: HashMap::new(),
            shapes: BTreeMap::new(),
            shape_positions: HashMap::new(),
            folded_settle_until: Timestamp::default(),
        }
    }

    /// What bears an older stamp is gone.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// The newest position; what bears a later stamp is gone too, because nothing is known of where that came from.
    pub fn head(&self) -> Position {
        self.head
    }

    /// Distinct scopes that are remembered.
    pub fn scopes(&self) -> usize {
        self.order.len()
    }

    /// Moves the head to where nothing is to be matched: positions that stored responses bear but no kept record does.
    pub fn skip_to(&mut self, head: Position) {
        self.head = self.head.max(head);
    }

    /// Takes a record in. Positions only grow; one that does not is ignored, as the floor or a newer record covers it.
    /// `settle_until` is on the scale that [`Index::settling`] is asked with.
    pub fn apply(&mut self, record: &Record, settle_until: Timestamp) {
        if record.position <= self.head {
            return;
        }
        self.head = record.position;
        let key = self.take(record, settle_until);
        self.order.insert(record.position, key);
        self.keep_within_bounds();
    }

    /// Where a response stands that bears this position.
    pub fn standing(&self, subject: &Subject<'_>, position: Position) -> Standing {
        if position < self.floor {
            return Standing::Gone(Gone::Unknown);
        }
        if position > self.head {
            return Standing::Gone(Gone::Ahead);
        }
        if position == self.head {
            return Standing::Valid;
        }
        let shapes = self.shapes.range(position + 1..).map(|(_, shape)| shape);
        let shapes = shapes.filter(|shape| shape.matches(subject)).map(|shape| &shape.slot);
        let mut standing = Standing::Valid;
        for slot in self.hashed(subject).chain(shapes) {
            if slot.hard > position {
                return Standing::Gone(Gone::Invalidated);
            }
            if slot.soft > position {
                standing = Standing::Soft;
            }
        }
        standing
    }

    /// Whether a fetch or validation that began then may have been answered with what a purge was about, because the asker
    /// gave it time to settle. It is asked apart from [`Index::standing`]: such a fetch may well bear the purge's position.
    pub fn settling(&self, subject: &Subject<'_>, fetch_began: Timestamp) -> bool {
        let open = |slot: &Slot| slot.settle_until > fetch_began;
        self.folded_settle_until > fetch_began
            || self.hashed(subject).any(open)
            || self.shapes.values().any(|shape| open(&shape.slot) && shape.matches(subject))
    }

    /// Forgets what is not newer than `floor`.
    pub fn raise_floor(&mut self, floor: Position) {
        while let Some((position, key)) = self.pop_until(floor) {
            let slot = self.forget(position, &key);
            self.folded_settle_until = self.folded_settle_until.max(slot.settle_until);
        }
        self.floor = self.floor.max(floor);
        self.skip_to(floor);
    }

    /// Forgets what is not newer than `upto`, settle times too, without holding it against what is older: another index
    /// speaks for it now.
    pub(super) fn retire(&mut self, upto: Position) {
        while let Some((position, key)) = self.pop_until(upto) {
            self.forget(position, &key);
        }
    }

    /// Begins anew at a floor, which may be before the old one: positions of another epoch. Settle times go on.
    pub(super) fn restart(&mut self, floor: Position) {
        self.raise_floor(self.head);
        (self.floor, self.head) = (floor, floor);
    }

    fn hashed<'a>(&'a self, subject: &'a Subject<'_>) -> impl Iterator<Item = &'a Slot> {
        let tags = subject.tags.iter().filter_map(|tag| self.tags.get(tag));
        // Numbers are made only where there is something to find.
        let ids = (!self.urls.is_empty()).then(|| subject.url_ids()).into_iter().flatten();
        let urls = ids.filter_map(|id| self.urls.get(&id));
        [&self.all, &self.caches[subject.cache.index()]].into_iter().chain(tags).chain(urls)
    }

    /// Writes a record into its scope's slot, and takes the slot's older place out of the order.
    fn take(&mut self, record: &Record, settle_until: Timestamp) -> Key {
        let asked = &record.invalidation;
        let (slot, key) = match &asked.scope {
            Scope::All => (&mut self.all, Key::All),
            Scope::Cache(cache) => (&mut self.caches[cache.index()], Key::Cache(*cache)),
            Scope::Tag(tag) => (self.tags.entry(tag.clone()).or_default(), Key::Tag(tag.clone())),
            Scope::Url { host, path, query } => {
                let id = UrlId::of(host.as_deref(), path, query.as_deref());
                (self.urls.entry(id).or_default(), Key::Url(id))
            }
            Scope::Prefix { .. } | Scope::Pattern { .. } => match self.shape(&asked.scope, record.position) {
                Some(slot) => (slot, Key::Shape),
                // A pattern that cannot be compiled, from a journal that took longer ones: everything is on the safe side.
                None => (&mut self.all, Key::All),
            },
        };
        let before = slot.newest();
        match asked.mode {
            Mode::Hard => slot.hard = record.position,
            Mode::Soft => slot.soft = record.position,
        }
        slot.settle_until = slot.settle_until.max(settle_until);
        self.order.remove(&before);
        key
    }

    /// The slot of a prefix or pattern, moved to `position`.
    fn shape(&mut self, scope: &Scope, position: Position) -> Option<&mut Slot> {
        let known = self.shape_positions.get(scope).and_then(|before| self.shapes.remove(before));
        let shape = known.or_else(|| Shape::new(scope))?;
        self.shape_positions.insert(scope.clone(), position);
        Some(&mut self.shapes.entry(position).or_insert(shape).slot)
    }

    fn pop_until(&mut self, upto: Position) -> Option<(Position, Key)> {
        self.order.first_entry().filter(|oldest| *oldest.key() <= upto).map(OccupiedEntry::remove_entry)
    }

    fn forget(&mut self, position: Position, key: &Key) -> Slot {
        match key {
            Key::All => std::mem::take(&mut self.all),
            Key::Cache(cache) => std::mem::take(&mut self.caches[cache.index()]),
            Key::Tag(tag) => self.tags.remove(tag).unwrap_or_default(),
            Key::Url(id) => self.urls.remove(id).unwrap_or_default(),
            Key::Shape => self.shapes.remove(&position).map_or(Slot::default(), |shape| {
                self.shape_positions.remove(&shape.scope);
                shape.slot
            }),
        }
    }

    fn keep_within_bounds(&mut self) {
        let oldest = |over: bool, oldest: Option<&Position>| oldest.filter(|_| over).copied().unwrap_or_default();
        let folded = self
            .head
            .saturating_sub(self.bounds.records)
            .max(oldest(self.order.len() > self.bounds.scopes, self.order.keys().next()))
            .max(oldest(self.shapes.len() > self.bounds.shapes, self.shapes.keys().next()));
        if folded > self.floor {
            self.raise_floor(folded);
        }
    }
}

impl Slot {
    fn newest(&self) -> Position {
        self.hard.max(self.soft)
    }
}

impl Shape {
    fn new(scope: &Scope) -> Option<Shape> {
        let glob = match scope {
            Scope::Pattern { glob, .. } => Some(Glob::new(glob)?),
            _ => None,
        };
        Some(Shape { scope: scope.clone(), glob, slot: Slot::default() })
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        let (Scope::Prefix { host, path: text } | Scope::Pattern { host, glob: text }) = &self.scope else {
            return false;
        };
        host.as_deref().is_none_or(|host| host == subject.host)
            && self.glob.as_ref().map_or_else(|| subject.path.starts_with(&**text), |glob| glob.matches(subject.path))
    }
}
