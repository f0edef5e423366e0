//! One change of a page, as it is made. Each is one command, but for a large body, which is written before the field that
//! names it and let go after that.
//!
//! What fails is dropped and counted, never tried again: the response is in memory, and the next fetch brings another.

use super::frame;
use super::names::Names;
use super::queue::Change;
use super::script::{DROP, PUT};
use super::shared::Shared;
use super::trouble::Failure;
use crate::clock::millis;
use crate::store::VARIANTS_MAX;
use crate::stored::{StoredResponse, codec};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A longer body stands under a key of its own.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Nothing is kept for longer: the numbers of a script end somewhere.
const KEEP_MAX: Duration = Duration::from_hours(24 * 366);

impl Change {
    /// The page that it changes.
    pub(super) fn page(&self, names: &Names) -> String {
        match self {
            Change::Put(response) => names.page(response.cache, &response.key().to_key()),
            Change::Remove { cache, key, .. } => names.page(*cache, key),
            Change::Drop { page, .. } | Change::Unlink { page } => page.clone(),
        }
    }

    /// Makes it, or counts that it could not be made.
    pub(super) async fn make(self, shared: &Shared, page: &str) {
        let is_put = matches!(self, Change::Put(_));
        // What waited while the server went away is not worth an attempt each.
        if shared.writes.is_open() || shared.writing.trouble().is_some() {
            shared.dropped.fetch_add(u64::from(is_put), Ordering::Relaxed);
            return;
        }
        let made = match self {
            Change::Put(response) => put(shared, page, &response).await,
            Change::Remove { generation, .. } => {
                drop_fields(shared, page, "generation", Names::number(generation).as_bytes()).await.map(drop)
            }
            Change::Drop { field, damaged, .. } => drop_fields(shared, page, "field", &field).await.map(|dropped| {
                let damaged = if damaged { dropped } else { 0 };
                shared.corrupt.fetch_add(damaged, Ordering::Relaxed);
            }),
            Change::Unlink { .. } => unlink(shared, page).await,
        };
        if let Err(failure) = made {
            shared.errors.fetch_add(1, Ordering::Relaxed);
            shared.dropped.fetch_add(u64::from(is_put), Ordering::Relaxed);
            tracing::debug!(page, %failure, "a change was not written");
        }
    }
}

async fn put(shared: &Shared, page: &str, response: &StoredResponse) -> Result<(), Failure> {
    let (settings, clock) = (&shared.settings, &shared.clock);
    let lifetime = response.lifetime();
    let keep = lifetime.keep_until().since(clock.now()).min(KEEP_MAX);
    if keep.is_zero() {
        return Ok(());
    }
    let keep_ms = millis(keep).to_string();
    let encoded = codec::encode(response);
    let is_apart = encoded.body.len() > BODY_BYTES_MAX;
    let mut apart = String::new();
    if is_apart {
        let mut set = redis::cmd("SET");
        set.arg(Names::body(page, response.generation)).arg(&encoded.body[..]).arg("PX").arg(&keep_ms);
        // What is longer may take longer: nothing waits for it but this response.
        let limit = settings.write_timeout * u32::try_from(encoded.body.len() / BODY_BYTES_MAX + 1).unwrap_or(1);
        shared.ask(&shared.bulk, &shared.writes, limit, &set).await?;
        apart = format!("+{}", encoded.body.len());
    }
    let value = frame::write(frame::to_wall(clock, lifetime.received), &encoded, is_apart);
    let (vary, generation) = (Names::vary(&response.vary), Names::number(response.generation));
    let variants_max = VARIANTS_MAX.to_string();
    let arguments: [&[u8]; 6] =
        [vary.as_bytes(), generation.as_bytes(), apart.as_bytes(), keep_ms.as_bytes(), variants_max.as_bytes(), &value];
    let dropped = shared.run(&PUT, page, &arguments, settings.write_timeout).await?;
    shared.unlink_bodies(page, &dropped).await;
    Ok(())
}

/// Answers with how many went.
async fn drop_fields(shared: &Shared, page: &str, what: &str, which: &[u8]) -> Result<u64, Failure> {
    let dropped = shared.run(&DROP, page, &[what.as_bytes(), which], shared.settings.write_timeout).await?;
    shared.unlink_bodies(page, &dropped).await;
    Ok(dropped.len() as u64)
}

async fn unlink(shared: &Shared, page: &str) -> Result<(), Failure> {
    let mut unlink = redis::cmd("UNLINK");
    unlink.arg(page);
    shared.ask(&shared.writing, &shared.writes, shared.settings.write_timeout, &unlink).await?;
    shared.corrupt.fetch_add(1, Ordering::Relaxed);
    Ok(())
}
