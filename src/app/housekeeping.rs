//! What is done behind the requests: warming memory after a start, and the ledger's sweep.

use super::shop::Shop;
use crate::cache_name::CacheName;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Between two sweeps of the ledger, of the inbox, and of what is known of sessions.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Keeps house until it is told to stop.
pub(super) async fn keep(shop: Arc<Shop>, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        warm_memory(&shop).await;
        let mut sweeps = interval(SWEEP_EVERY);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            sweeps.tick().await;
            shop.ledger.sweep();
            shop.invalidator.inbox().sweep(shop.clock.wall());
            shop.proxy.tidy_sessions();
        }
    })
    .await;
}

/// Brings what was asked for last from the store into memory, as far as that has room.
async fn warm_memory(shop: &Shop) {
    let Some(sqlite) = &shop.sqlite else { return };
    let budgets = shop.proxy.memory_figures().map(|cache| cache.bytes_max);
    for (cache, budget) in CacheName::ALL.into_iter().zip(budgets) {
        let warmed = sqlite.newest(cache, budget, |stored| shop.proxy.promote(stored)).await;
        if let Err(error) = warmed {
            tracing::warn!(%cache, %error, "memory could not be warmed from the store");
        }
    }
}
