//! Multiplies the one stored response in an embedded store, for `vitrine-bench growth`: what was fetched once under
//! `/path/0` is stored under `/path/1` and so on as well, each tagged with the groups of 10, 100, ... that its number is in.
//!
//! `cargo run --release --example store_copies -- cache.db 1000000`, while no proxy uses the file.

use std::error::Error;
use std::sync::Arc;
use vitrine::cache_name::CacheName;
use vitrine::clock::Clock;
use vitrine::key::{Key, Scheme, Target};
use vitrine::store::sqlite::{Settings, SqliteStore};
use vitrine::store::{Queued, Store};
use vitrine::stored::{Parts, StoredResponse};
use vitrine::tags::{Tag, Tags};

/// Sizes of the groups that a page is in: `in-10-7` are the pages 70 to 79.
const GROUPS: [u64; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: store_copies FILE COUNT".into());
    };
    let (store, _) = SqliteStore::open(Settings::new(file, [1 << 40; 3]), Clock::system())?;
    let mut found = None;
    store.newest(CacheName::Default, u64::MAX, |response| found = Some(response)).await?;
    let original = found.ok_or("nothing is stored")?;
    for number in 0..count.parse()? {
        let copy = Arc::new(copy(&original, number)?);
        while store.put(copy.clone()) != Queued::Accepted {
            store.flush().await?;
        }
    }
    store.flush().await?;
    println!("{} are stored", store.figures().caches[CacheName::Default.index()].entries);
    store.close();
    Ok(())
}

fn copy(original: &StoredResponse, number: u64) -> Result<StoredResponse, Box<dyn Error>> {
    let key = original.key();
    let folder = key.path().trim_end_matches(|last: char| last.is_ascii_digit());
    let path = format!("{folder}{number}").into();
    let target = Target { scheme: Scheme::Http, host: key.host().into(), path, query: None };
    let own = original.tags.iter().map(Tag::new);
    let groups = GROUPS.iter().map(|size| Tag::new(&format!("in-{size}-{}", number / size)));
    let tags = Tags::collect(own.chain(groups).collect::<Result<Vec<_>, _>>()?)?;
    let parts = original.to_parts();
    Ok(StoredResponse::of(Parts { key: Key::new(&target, &[], None), generation: number, tags, ..parts }))
}
