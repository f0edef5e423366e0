//! Responses, built: from what is stored, from what streams in, or from nothing but an error. Pure; never touches a store,
//! and decides nothing but what the client's own conditions and ranges ask for.

mod conditional;
mod error;
mod range;
mod ready;
mod status;
mod stored;
mod streaming;

pub use error::error;
pub use ready::{Whole, ready};
pub use status::{cache_status, put_cache_status, x_cache};
pub use stored::{etag_of_body, stored, vary_on_coding};
pub use streaming::streaming;

use crate::cache_name::CacheName;
use crate::headers::{CACHE_STATUS, X_CACHE, list_items};
use crate::outcome::Outcome;
use crate::stored::{LifetimeFrom, StoredResponse};
use http::{HeaderMap, HeaderValue, header};

/// What vitrine calls itself in `Via`.
const OWN_VIA: HeaderValue = HeaderValue::from_static("1.1 vitrine");

/// Fields that every response gets here beside its own: `Via`, `Cache-Status`, `X-Cache`, the request's id, and `Cache-Control` or
/// `Date` where it has none.
pub const OWN_FIELDS: usize = 6;

/// What other caches obey before `Cache-Control`; and any `…-cache-control`, of which the configuration may name more.
const FIELDS_FOR_CACHES: [&str; 3] = ["edge-control", "surrogate-control", "x-accel-expires"];

/// Adds what every response tells: how it came about, and by whom. `Cache-Status` goes behind what caches upstream said
/// (RFC 9211 2).
fn sign(fields: &mut HeaderMap, outcome: &Outcome) {
    fields.append(header::VIA, OWN_VIA);
    fields.append(CACHE_STATUS, cache_status(outcome));
    fields.insert(X_CACHE, HeaderValue::from_static(x_cache(outcome)));
}

/// For whom a response is kept here, which decides what those further on are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// For all, for as long as this says.
    Shared(LifetimeFrom),
    /// For one visitor: a session's own page, or a shared one with what is their own in it.
    Visitor,
}

impl Keeper {
    /// For whom a stored response is.
    pub fn of(stored: &StoredResponse, from: LifetimeFrom) -> Keeper {
        let is_own = stored.cache == CacheName::Sessions || stored.form_cookie().is_some();
        if is_own { Keeper::Visitor } else { Keeper::Shared(from) }
    }

    /// The `Cache-Control` in place of what was stored; none where that counts for browsers too.
    fn told_to_browser(self) -> Option<&'static str> {
        match self {
            Keeper::Shared(LifetimeFrom::Origin | LifetimeFrom::Heuristic) => None,
            Keeper::Shared(LifetimeFrom::Rule | LifetimeFrom::RuleNegative) => Some("no-cache"),
            Keeper::Visitor => Some("private, no-cache"),
        }
    }
}

/// Where the rule gave the lifetime, it is ours alone: a browser is told to ask each time, so that a purge reaches it too. A
/// visitor's own page is nobody else's on the way to them, and the next one at that browser must ask again.
fn tell_browser(fields: &mut HeaderMap, keeper: Keeper) {
    let Some(told) = keeper.told_to_browser() else { return };
    if keeper == Keeper::Visitor {
        untell_caches(fields);
    }
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(told));
    fields.remove(header::EXPIRES);
    fields.remove(header::PRAGMA);
    if keeper == Keeper::Visitor {
        vary_on(fields, "Cookie");
    }
}

/// Takes away what speaks to caches on the way alone: they would take it for more than our `private` (RFC 9213 2.2).
fn untell_caches(fields: &mut HeaderMap) {
    let names: Vec<_> = fields.keys().filter(|name| is_for_caches(name.as_str())).cloned().collect();
    for name in names {
        fields.remove(name);
    }
}

/// Whether a response field, by its name in lower case, speaks to caches on the way.
pub fn is_for_caches(name: &str) -> bool {
    FIELDS_FOR_CACHES.contains(&name) || name.ends_with("-cache-control")
}

/// Names a request field in Vary, once.
fn vary_on(fields: &mut HeaderMap, name: &'static str) {
    if !list_items(fields, &header::VARY).any(|own| own.eq_ignore_ascii_case(name)) {
        fields.append(header::VARY, HeaderValue::from_static(name));
    }
}
