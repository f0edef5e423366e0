//! What the ledger's tests share: a journal that does as it is told, and short words for records and stored responses.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use vitrine::cache_name::CacheName;
use vitrine::clock::{Clock, HeldClock, Timestamp};
use vitrine::ledger::{
    Batch, Delivery, Epoch, Gone, Invalidation, Journal, JournalError, Ledger, Mode, Opened, Position, Record, Scope,
    Settings, Source, Stamp, Standing, Subject,
};
use vitrine::tags::{Tag, Tags};

pub(crate) const EPOCH: Epoch = Epoch(7);
pub(crate) const START: Timestamp = Timestamp(1_000_000_000);
pub(crate) const VALID: Standing = Standing::Valid;
pub(crate) const SOFT: Standing = Standing::Soft;
pub(crate) const GONE: Standing = Standing::Gone(Gone::Invalidated);
pub(crate) const UNKNOWN: Standing = Standing::Gone(Gone::Unknown);

/// How a commit ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Kept,
    Failed,
    Panics,
}

/// A journal whose commits end when, and as, the test says.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Script>);

struct Script {
    /// How commits end that are not held.
    at_once: Mutex<Option<End>>,
    held: Mutex<Vec<Option<oneshot::Sender<End>>>>,
    calls: watch::Sender<usize>,
    kept: Arc<Mutex<Kept>>,
}

/// What a restart finds.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub(crate) floor: Position,
    pub(crate) records: Vec<Record>,
    pub(crate) deliveries: Vec<Delivery>,
}

impl Scripted {
    /// Each commit waits for [`Scripted::end`].
    pub(crate) fn held() -> Scripted {
        Scripted(Arc::new(Script {
            at_once: Mutex::new(None),
            held: Mutex::default(),
            calls: watch::Sender::new(0),
            kept: Arc::default(),
        }))
    }

    /// Each commit ends at once.
    pub(crate) fn ending(end: End) -> Scripted {
        let journal = Scripted::held();
        *journal.0.at_once.lock().unwrap() = Some(end);
        journal
    }

    /// Commits that were called for.
    pub(crate) fn calls(&self) -> usize {
        *self.0.calls.borrow()
    }

    /// Waits until commit number `n`, from 0, was called for.
    pub(crate) async fn called(&self, n: usize) {
        self.0.calls.subscribe().wait_for(|calls| *calls > n).await.unwrap();
    }

    /// Ends commit number `n`, from 0, when it has been called for.
    pub(crate) async fn end(&self, n: usize, end: End) {
        self.called(n).await;
        let held = self.0.held.lock().unwrap()[n].take().expect("ends once");
        held.send(end).unwrap();
    }

    /// What a restart finds; `stored` is the newest stamp of any stored response.
    pub(crate) fn reopened(&self, stored: Position) -> Opened {
        let kept = self.0.kept.lock().unwrap().clone();
        let newest = kept.records.last().map_or(kept.floor, |record| record.position);
        Opened {
            epoch: EPOCH,
            floor: kept.floor,
            head: newest.max(stored),
            records: kept.records,
            deliveries: kept.deliveries,
        }
    }
}

impl Journal for Scripted {
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>> {
        let (sender, told) = oneshot::channel();
        let at_once = *self.0.at_once.lock().unwrap();
        self.0.held.lock().unwrap().push(Some(sender));
        self.0.calls.send_modify(|calls| *calls += 1);
        let kept = self.0.kept.clone();
        Box::pin(async move {
            let end = match at_once {
                Some(end) => end,
                None => told.await.unwrap_or(End::Failed),
            };
            match end {
                End::Kept => {
                    let mut kept = kept.lock().unwrap();
                    kept.records.extend(batch.records);
                    kept.records.sort_by_key(|record| record.position);
                    kept.deliveries.extend(batch.delivery);
                    Ok(())
                }
                End::Failed => Err(JournalError("the disk is full".into())),
                End::Panics => panic!("the test says so"),
            }
        })
    }

    fn trim(&self, floor: Position, deliveries_before: Timestamp) {
        let mut kept = self.0.kept.lock().unwrap();
        kept.floor = kept.floor.max(floor);
        kept.records.retain(|record| record.position > floor);
        kept.deliveries.retain(|delivery| delivery.time >= deliveries_before);
    }
}

/// A ledger over a journal, as a start finds it.
pub(crate) fn open(journal: &Scripted, stored: Position, settings: Settings) -> (Ledger, HeldClock) {
    let (clock, hand) = Clock::held(START);
    (Ledger::open(journal.reopened(stored), Arc::new(journal.clone()), settings, clock), hand)
}

/// A ledger over a journal with nothing set.
pub(crate) fn ledger(journal: &Scripted) -> Ledger {
    open(journal, 0, Settings::default()).0
}

pub(crate) fn asked(scope: Scope, mode: Mode) -> Invalidation {
    Invalidation { scope, mode, settle: Duration::ZERO, source: Source::Admin, reason: "a test".into() }
}

pub(crate) fn hard(text: &str) -> Vec<Invalidation> {
    vec![asked(text.parse().unwrap(), Mode::Hard)]
}

pub(crate) fn soft(text: &str) -> Vec<Invalidation> {
    vec![asked(text.parse().unwrap(), Mode::Soft)]
}

/// A hard purge with a settle time.
pub(crate) fn settling(text: &str, settle: Duration) -> Vec<Invalidation> {
    vec![Invalidation { settle, ..asked(text.parse().unwrap(), Mode::Hard) }]
}

/// What the ledger must know of a stored response, with what it borrows from.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) cache: CacheName,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) tags: Tags,
}

impl Page {
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            cache: self.cache,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            tags: &self.tags,
        }
    }
}

/// A page of `shop.example` in the default cache: its path with or without a query, and its tags between blanks.
pub(crate) fn page(url: &str, tags: &str) -> Page {
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query.to_string())));
    let tags = tags.split_whitespace().map(|tag| Tag::new(tag).unwrap());
    Page {
        cache: CacheName::Default,
        host: "shop.example".into(),
        path: path.into(),
        query,
        tags: Tags::collect(tags).unwrap(),
    }
}

pub(crate) fn at(position: Position) -> Stamp {
    Stamp::of(EPOCH, position)
}
