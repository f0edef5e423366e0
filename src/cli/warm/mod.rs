//! `vitrine warm`: asks for pages before visitors do.
//!
//! Everything, sitemaps included, is asked of the proxy's public address, with the Host of each URL: no other address is
//! ever connected to, whatever a sitemap says. What is asked, for how long and at which rate is bounded.

mod page;
mod progress;
mod sitemap;
mod sources;
#[cfg(test)]
mod tests;

use super::address::Addresses;
use super::{Failure, Warm};
use crate::fetch::simple::{Limits, Link, SimpleError};
use page::{Base, Page, Warmed};
use progress::Progress;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    exchange_timeout: Duration::from_mins(1),
    body_bytes_max: 256 * 1024 * 1024,
};

pub(super) async fn run(warm: &Warm, config: &Path, json: bool) -> Result<(), Failure> {
    let base = match &warm.base {
        Some(base) => Base::from_uri(base).await?,
        None => Base::of(&Addresses::read(config)?),
    };
    let sources = sources::read(warm, &base).await?;
    let mut progress = Progress::begin(sources.pages.len());
    for unreadable in &sources.unreadable {
        progress.failed(unreadable);
    }
    let round = Arc::new(Round {
        base,
        left: Mutex::new(sources.pages.into()),
        pace: warm.rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.get()),
        next_start: Mutex::new(Instant::now()),
        progress: Mutex::new(progress),
    });
    let mut workers = JoinSet::new();
    for _ in 0..warm.concurrency {
        workers.spawn(round.clone().work());
    }
    workers.join_all().await;
    lock(&round.progress).end(json)
}

/// One round over all pages, shared by its workers.
struct Round {
    base: Base,
    left: Mutex<VecDeque<Page>>,
    pace: Duration,
    next_start: Mutex<Instant>,
    progress: Mutex<Progress>,
}

/// No lock is held across a wait, and what they hold is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Round {
    /// Asks for pages until none is left, on one connection as long as it lasts.
    async fn work(self: Arc<Round>) {
        let mut link = None;
        while let Some(page) = self.next_page() {
            tokio::time::sleep_until(self.next_turn()).await;
            let warmed = self.ask(&mut link, &page).await;
            let mut progress = lock(&self.progress);
            match warmed {
                Ok(warmed) => progress.warmed(warmed),
                Err(words) => progress.failed(&format!("{page}: {words}")),
            }
        }
    }

    fn next_page(&self) -> Option<Page> {
        lock(&self.left).pop_front()
    }

    /// When the next request may start; each takes its place in one line.
    fn next_turn(&self) -> Instant {
        let mut next = lock(&self.next_start);
        let turn = (*next).max(Instant::now());
        *next = turn + self.pace;
        turn
    }

    async fn ask(&self, kept: &mut Option<Link>, page: &Page) -> Result<Warmed, String> {
        let request = page.request(&self.base).map_err(|error| error.to_string())?;
        let mut link = match kept.take().filter(Link::is_open) {
            Some(link) => link,
            None => Link::open(self.base.address(), LIMITS).await.map_err(|error| self.broken(&error))?,
        };
        let head = link.ask_for_head(request).await.map_err(|error| self.broken(&error))?;
        *kept = Some(link);
        page::judge(&head)
    }

    fn broken(&self, error: &SimpleError) -> String {
        format!("{error} (proxy at {})", self.base.address())
    }
}
