//! Erasing what was stored before a moment. By the server's clock, which gives the variants their order: what comes while
//! the walk goes on is newer, and stays.

use super::census;
use super::names::Kind;
use super::script::DROP;
use super::shared::{Shared, lock};
use super::trouble::Failure;
use super::walk::{self, Master};
use crate::cache_name::CacheName;
use crate::store::StoreError;
use redis::from_redis_value;

/// Settles from when on what is stored stays.
pub(super) async fn begin(shared: &Shared) -> Result<Vec<Master>, StoreError> {
    let mut masters = walk::masters(shared).await?;
    for master in &mut masters {
        master.begin().await?;
    }
    Ok(masters)
}

/// Erases what these caches held when it began.
pub(super) async fn clear(shared: &Shared, masters: Vec<Master>, caches: &[CacheName]) -> Result<(), StoreError> {
    let _one_walk = shared.walking.lock().await;
    let pattern = match caches {
        [cache] => shared.names.pattern(Some(*cache)),
        _ => shared.names.pattern(None),
    };
    for mut master in masters {
        while let Some(names) = master.next(&pattern).await? {
            let is_page =
                |name: &String| matches!(shared.names.kind(name), Some(Kind::Page(cache)) if caches.contains(&cache));
            let pages: Vec<String> = names.into_iter().filter(is_page).collect();
            let began = master.began;
            let_go(shared, &mut master, &pages, began).await?;
        }
    }
    {
        let mut tally = lock(&shared.tally);
        for cache in caches {
            tally.forget(*cache);
        }
    }
    // Erased is what was asked for; how much there is now is told a little later where it cannot be counted.
    if let Err(failure) = census::count(shared).await {
        tracing::debug!(%failure, "what is left after a clearing was not counted");
    }
    Ok(())
}

/// Lets the variants of these pages go up to an order; answers with the fields that went of each.
pub(super) async fn let_go(
    shared: &Shared,
    master: &mut Master,
    pages: &[String],
    up_to: u64,
) -> Result<Vec<Vec<String>>, Failure> {
    let up_to = up_to.to_string();
    let arguments: [&[u8]; 2] = [b"order", up_to.as_bytes()];
    let calls: Vec<_> = pages.iter().map(|page| DROP.by_name(page, &arguments)).collect();
    let mut gone = Vec::with_capacity(pages.len());
    for (page, answer) in pages.iter().zip(master.ask_all(&calls).await?) {
        let dropped: Vec<String> = match answer.extract_error() {
            Ok(dropped) => from_redis_value(dropped).map_err(|error| Failure::Redis(error.into()))?,
            // Somebody else's value under a name of ours: whoever reads it lets it go.
            Err(error) if Failure::Redis(error.clone()).is_wrong_type() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        shared.unlink_bodies(page, &dropped).await;
        gone.push(dropped);
    }
    Ok(gone)
}
