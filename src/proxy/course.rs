//! What is done with a request that may be answered from the cache, once it is known what is stored. Pure.

use super::Ask;
use super::lookup::Found;
use crate::outcome::{Kind, Reason};
use crate::policy::{Reuse, Wishes};
use crate::stored::StoredResponse;
use http::{Method, header};
use std::sync::Arc;

/// Exactly one of these is done.
#[derive(Debug)]
pub(super) enum Course {
    /// Serve what is stored.
    Hit(Arc<StoredResponse>),
    /// Serve what is stored although it is stale, for that reason.
    Stale(Arc<StoredResponse>, Reason),
    /// Ask the origin whether what is stored still holds.
    Validate(Arc<StoredResponse>, Reason),
    /// Ask the origin with HEAD, and take its answer into what is stored.
    Head(Arc<StoredResponse>, Reason),
    /// Fetch; what is stored may answer if the origin fails.
    Miss(Option<Arc<StoredResponse>>, Reason),
    /// Send the request on as it is.
    Pass(Reason),
    /// Answer that nothing stored will do.
    Refuse,
}

/// Chooses. What is known not to be storable is not fetched for all, and neither is what would fill the cache with
/// something else than the whole page.
pub(super) fn choose(ask: &Ask, wishes: &Wishes, found: Found, known_unstorable: impl FnOnce() -> bool) -> Course {
    match (found.reuse, found.stored) {
        (Reuse::Serve, Some(stored)) => Course::Hit(stored),
        (Reuse::ServeStale(reason), Some(stored)) => Course::Stale(stored, reason),
        _ if wishes.only_if_cached => Course::Refuse,
        (Reuse::Pass(reason), _) => Course::Pass(reason),
        (Reuse::Validate(reason) | Reuse::Fetch(reason), Some(stored)) if ask.method == Method::HEAD => {
            Course::Head(stored, reason)
        }
        (Reuse::Validate(reason), Some(stored)) => Course::Validate(stored, reason),
        _ if ask.method == Method::HEAD => Course::Pass(Reason::Head),
        _ if ask.fields.contains_key(header::RANGE) => Course::Pass(Reason::Range),
        (Reuse::Fetch(_), _) if known_unstorable() => Course::Pass(Reason::KnownUnstorable),
        (Reuse::Fetch(reason), stored) => Course::Miss(stored, reason),
        // Nothing to reuse is nothing stored.
        (_, None) => Course::Miss(None, Reason::NotStored),
    }
}

impl Course {
    /// The outcome that a request will most likely have, and why.
    pub(super) fn verdict(&self) -> (Kind, Reason) {
        match self {
            Course::Hit(_) => (Kind::Hit, Reason::Fresh),
            Course::Stale(_, reason) => (Kind::Stale, *reason),
            Course::Head(_, reason) => (Kind::Miss, *reason),
            Course::Refuse => (Kind::Error, Reason::OnlyIfCached),
            Course::Validate(_, reason) => (Kind::Revalidated, *reason),
            Course::Miss(_, reason) => (Kind::Miss, *reason),
            Course::Pass(reason) => (Kind::Bypass, *reason),
        }
    }
}
