//! The promise, under concurrency: a read that starts after a purge was acknowledged sees what was written before it, or
//! newer. The history is checked in one pass: each read knows the newest version that was acknowledged when it started.

use crate::stage::{Client, ROUTES, Stage, request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const PAGES: usize = 4;
const READERS: usize = 8;
/// At least so many, however fast either side is.
const PURGES: u64 = 500;
const READS: u64 = 1_000;

/// What is known of one page.
#[derive(Default)]
struct Page {
    /// What the origin says now.
    written: Arc<AtomicU64>,
    /// The newest version whose purge was acknowledged.
    acknowledged: AtomicU64,
}

async fn holds(lines: &str) {
    let stage = Arc::new(Stage::with(&format!("{lines}\n{ROUTES}")).await);
    let pages: Arc<[Page; PAGES]> = Arc::default();
    for (number, page) in pages.iter().enumerate() {
        stage.origin.lives(&format!("/products/{number}"), page.written.clone());
    }
    let (done, read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut readers = Vec::new();
    for reader in 0..READERS {
        let (stage, pages, done, read) = (stage.clone(), pages.clone(), done.clone(), read.clone());
        readers.push(tokio::spawn(async move {
            let mut client = stage.client().await;
            let (mut reads, mut hits) = (0_u64, 0_u64);
            while !done.load(Ordering::SeqCst) {
                let number = (reader + usize::try_from(reads).unwrap()) % PAGES;
                let known = pages[number].acknowledged.load(Ordering::SeqCst);
                client.send(request("GET", &format!("/products/{number}"), &[])).await;
                let got = client.response("GET").await;
                let version: u64 = got.text().parse().expect("a version");
                assert!(version >= known, "page {number} is {version}, {known} was acknowledged: {got:?}");
                reads += 1;
                read.fetch_add(1, Ordering::SeqCst);
                hits += u64::from(got.all("cache-status").contains("hit"));
            }
            (reads, hits)
        }));
    }
    write(&stage, &pages, &read).await;
    done.store(true, Ordering::SeqCst);
    let (mut reads, mut hits) = (0, 0);
    for reader in readers {
        let (own_reads, own_hits) = reader.await.expect("a reader saw what was gone");
        reads += own_reads;
        hits += own_hits;
    }
    // A run in which nothing was cached shows nothing.
    assert!(hits > reads / 10, "{hits} hits of {reads} reads");
}

/// Writes, purges, and notes what was acknowledged: by URL and by tag in turn.
async fn write(stage: &Stage, pages: &[Page; PAGES], read: &AtomicU64) {
    let mut client: Client = stage.client().await;
    let mut version = 0;
    // Readers that saw what was gone read no more.
    while version < PURGES || (read.load(Ordering::SeqCst) < READS && version < 100 * PURGES) {
        version += 1;
        let number = usize::try_from(version).unwrap() % PAGES;
        pages[number].written.store(version, Ordering::SeqCst);
        let purge = if version % 2 == 0 {
            request("PURGE", &format!("/products/{number}"), &[])
        } else {
            request("PURGE", "/", &[&format!("Surrogate-Key: product:{number}")])
        };
        client.send(purge).await;
        assert_eq!(client.response("PURGE").await.status, 200);
        pages[number].acknowledged.store(version, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_sees_what_was_purged_before_it_in_memory() {
    holds("store: { backend: memory }").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_sees_what_was_purged_before_it_with_the_store_behind() {
    holds("store: { backend: sqlite, memory: 1MiB }").await;
}
