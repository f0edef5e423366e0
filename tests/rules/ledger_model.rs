//! The ledger against a model that keeps every record and every stored response for ever and scans.
//!
//! Where nothing was folded both agree. Folding may only make the ledger stricter, and only where a bound or the age of a
//! record gives the reason.

use crate::ledger_script::{GONE, Page, SOFT, START, UNKNOWN, VALID};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::{Clock, Timestamp};
use vitrine::ledger::{
    Bounds, Invalidation, Ledger, Mode, Position, Scope, Settings, Source, Stamp, Standing, Volatile,
};
use vitrine::tags::{Tag, Tags};

const HOSTS: [&str; 2] = ["a.example", "b.example"];
const PATHS: [&str; 5] = ["/", "/a", "/ab", "/a/b", "/b/"];
const QUERIES: [&str; 3] = ["", "p=1", "p=2"];
const TAGS: [&str; 3] = ["product:1", "product:10", "categories"];
const PREFIXES: [&str; 4] = ["/", "/a", "/a/", "/b/c"];
/// Each with the paths that it takes.
const PATTERNS: [(&str, &[&str]); 6] = [
    ("/*", &["/", "/a", "/ab"]),
    ("/a/*", &["/a/b"]),
    ("/**", &PATHS),
    ("/a**", &["/a", "/ab", "/a/b"]),
    ("/?", &["/a"]),
    ("/**/b", &["/a/b"]),
];

#[derive(Clone, Debug)]
enum Step {
    Purge(Invalidation),
    Fetch(Page),
    Wait(Duration),
    Sweep,
}

fn scope() -> impl Strategy<Value = Scope> {
    let host = || proptest::option::of(select(&HOSTS[..]).prop_map(Box::from));
    let url = (host(), select(&PATHS[..]), proptest::option::of(select(&QUERIES[..])));
    prop_oneof![
        1 => Just(Scope::All),
        1 => select(&CacheName::ALL[..]).prop_map(Scope::Cache),
        4 => select(&TAGS[..]).prop_map(|tag| Scope::Tag(Tag::new(tag).unwrap())),
        4 => url.prop_map(|(host, path, query)| Scope::Url { host, path: path.into(), query: query.map(Into::into) }),
        3 => (host(), select(&PREFIXES[..])).prop_map(|(host, path)| Scope::Prefix { host, path: path.into() }),
        3 => (host(), select(&PATTERNS[..])).prop_map(|(host, (glob, _))| Scope::Pattern { host, glob: glob.into() }),
    ]
}

fn invalidation() -> impl Strategy<Value = Invalidation> {
    let mode = select(vec![Mode::Hard, Mode::Soft]);
    let settle = select(vec![0, 0, 0, 2, 90]).prop_map(Duration::from_secs);
    (scope(), mode, settle).prop_map(|(scope, mode, settle)| Invalidation {
        scope,
        mode,
        settle,
        source: Source::Admin,
        reason: "".into(),
    })
}

fn stored_page() -> impl Strategy<Value = Page> {
    let query = proptest::option::of(select(&QUERIES[..]).prop_map(String::from));
    let tags = subsequence(&TAGS[..], 0..=TAGS.len());
    (select(&CacheName::ALL[..]), select(&HOSTS[..]), select(&PATHS[..]), query, tags).prop_map(
        |(cache, host, path, query, tags)| Page {
            cache,
            host: host.into(),
            path: path.into(),
            query,
            tags: Tags::collect(tags.into_iter().map(|tag| Tag::new(tag).unwrap())).unwrap(),
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = select(vec![1, 2, 30, 90, 400]).prop_map(|secs| Step::Wait(Duration::from_secs(secs)));
    let step = prop_oneof![
        4 => invalidation().prop_map(Step::Purge),
        4 => stored_page().prop_map(Step::Fetch),
        2 => wait,
        1 => Just(Step::Sweep),
    ];
    proptest::collection::vec(step, 0..40)
}

fn settings() -> impl Strategy<Value = Settings> {
    let bounds = prop_oneof![
        Just(Bounds::default()),
        (2..20_u64, 2..8_usize, 1..4_usize).prop_map(|(records, scopes, shapes)| Bounds { records, scopes, shapes }),
    ];
    let max_keep = select(vec![Duration::from_mins(10), Duration::from_hours(1_000)]);
    (bounds, max_keep).prop_map(|(bounds, max_keep)| Settings { max_keep, bounds, ..Settings::default() })
}

/// Whether a scope takes a page, as the design's text says it.
fn takes(scope: &Scope, page: &Page) -> bool {
    let on = |host: &Option<Box<str>>| host.as_deref().is_none_or(|host| host == page.host);
    match scope {
        Scope::All => true,
        Scope::Cache(cache) => *cache == page.cache,
        Scope::Tag(tag) => page.tags.contains(tag.as_str()),
        Scope::Url { host, path, query } => {
            on(host) && **path == *page.path && (query.is_none() || query.as_deref() == page.query.as_deref())
        }
        Scope::Prefix { host, path } => on(host) && page.path.starts_with(&**path),
        Scope::Pattern { host, glob } => {
            let (_, paths) = PATTERNS.into_iter().find(|(pattern, _)| **pattern == **glob).unwrap();
            on(host) && paths.contains(&page.path.as_str())
        }
    }
}

/// Everything that ever happened.
struct Model {
    settings: Settings,
    records: Vec<(Position, Timestamp, Invalidation)>,
    stored: Vec<(Page, Stamp, Timestamp)>,
    /// The highest floor that there is a reason for.
    floor: Position,
}

impl Model {
    fn matching<'a>(&'a self, page: &'a Page) -> impl Iterator<Item = &'a (Position, Timestamp, Invalidation)> {
        self.records.iter().filter(|(_, _, asked)| takes(&asked.scope, page))
    }

    fn standing(&self, page: &Page, stamp: Stamp) -> Standing {
        let newer = || self.matching(page).filter(|(position, ..)| *position > stamp.position);
        if newer().any(|(_, _, asked)| asked.mode == Mode::Hard) {
            GONE
        } else if newer().next().is_some() {
            SOFT
        } else {
            VALID
        }
    }

    fn settling(&self, page: &Page, began: Timestamp) -> bool {
        self.matching(page).any(|(_, time, asked)| !asked.settle.is_zero() && began < time.plus(asked.settle))
    }

    fn raise_floor(&mut self, now: Timestamp) {
        let old = self.records.iter().filter(|(_, time, _)| now.since(*time) > self.settings.max_keep);
        self.floor = self.floor.max(old.map(|(position, ..)| *position).max().unwrap_or(0));
        let head = self.records.last().map_or(0, |(position, ..)| *position);
        self.floor = self.floor.max(head.saturating_sub(self.settings.bounds.records));
        let is_shape = |scope: &Scope| matches!(scope, Scope::Prefix { .. } | Scope::Pattern { .. });
        let Bounds { scopes, shapes, .. } = self.settings.bounds;
        self.fold(scopes, |_| true);
        self.fold(shapes, is_shape);
    }

    /// Folds the oldest of those scopes until no more than `max` are left.
    fn fold(&mut self, max: usize, counts: impl Fn(&Scope) -> bool) {
        let newest: HashMap<&Scope, Position> =
            self.records.iter().map(|(position, _, asked)| (&asked.scope, *position)).collect();
        let mut live: Vec<Position> = newest
            .into_iter()
            .filter(|(scope, position)| counts(scope) && *position > self.floor)
            .map(|(_, position)| position)
            .collect();
        live.sort_unstable();
        if let Some(over) = live.len().checked_sub(max + 1) {
            self.floor = live[over];
        }
    }

    fn compare(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        let floor = ledger.figures().floor;
        prop_assert!(floor <= self.floor, "folded to {} where {} would do", floor, self.floor);
        for (page, stamp, began) in &self.stored {
            let standing = ledger.standing(&page.subject(), *stamp);
            let expected = if stamp.position < floor { UNKNOWN } else { self.standing(page, *stamp) };
            prop_assert_eq!(standing, expected, "{:?} of {:?}, floor {}", page, stamp, floor);
            let settling = (ledger.settling(&page.subject(), *began), self.settling(page, *began));
            let stricter = settling.0 && floor > 0;
            prop_assert!(settling.0 == settling.1 || stricter, "settling {:?} {:?} {:?}", settling, page, began);
        }
        Ok(())
    }
}

fn play(settings: Settings, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (clock, hand) = Clock::held(START);
    let ledger = Ledger::open(Volatile::opened().unwrap(), Arc::new(Volatile), settings, clock.clone());
    let mut model = Model { settings, records: Vec::new(), stored: Vec::new(), floor: 0 };
    for step in steps {
        match step {
            Step::Purge(asked) => {
                let receipt = runtime.block_on(ledger.append(vec![asked.clone()])).unwrap();
                model.records.push((receipt.last, clock.now(), asked));
            }
            Step::Fetch(page) => model.stored.push((page, ledger.stamp(), clock.now())),
            Step::Wait(time) => hand.advance(time),
            Step::Sweep => ledger.sweep(),
        }
        model.raise_floor(clock.now());
        model.compare(&ledger)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_ledger_says_what_a_scan_of_everything_says(settings in settings(), steps in steps()) {
        play(settings, steps)?;
    }
}
