//! A stored response: what was fetched, and everything that later decisions need to know of it.
//!
//! It is written once and never changed; validation makes a new one. Policy has decided its [`Lifetime`] when it was
//! stored, from the rule whose fingerprint it bears, so that reuse parses nothing again.

mod body;
pub mod codec;
mod fields;
mod lifetime;
mod vary;

pub use body::{Piece, StoredBody};
pub use fields::FieldBlock;
pub use lifetime::{Lifetime, LifetimeFrom};
pub use vary::VaryKey;

use crate::cache_name::CacheName;
use crate::key::Key;
use crate::ledger::{Stamp, Subject};
use crate::tags::Tags;
use http::{HeaderValue, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The fingerprint of the rule a response was fetched under; under another one it is a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleFingerprint(pub u64);

/// A copy of a value in an allocation of its own: one that came with a message is a slice of the buffer it was read into, and
/// would keep all of that.
pub fn own_value(value: &HeaderValue) -> HeaderValue {
    // What is a value already is one when it is copied.
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone())
}

/// One stored response.
#[derive(Debug)]
pub struct StoredResponse {
    /// Which cache it is in.
    pub cache: CacheName,
    /// Its full primary key.
    pub key: Key,
    /// The request fields its Vary names, as they were sent to the origin.
    pub vary: VaryKey,
    /// Tells this response from every other one, also from its successor under the same key: a random number.
    pub generation: u64,
    /// Its status.
    pub status: StatusCode,
    /// Its end-to-end fields as they came, repeated ones and their order included; without those the rule drops and
    /// without tag fields.
    pub fields: FieldBlock,
    /// Its content.
    pub body: StoredBody,
    /// The origin's entity tag, or ours: made from the body where the origin sent none.
    pub etag: HeaderValue,
    /// Its freshness and what staleness allows.
    pub lifetime: Lifetime,
    /// The ledger position when its fetch, or last validation, began.
    pub stamp: Stamp,
    /// What purges can name it by.
    pub tags: Tags,
    /// The rule's name, for logs and figures.
    pub route: Arc<str>,
    /// The rule it was fetched under.
    pub rule: RuleFingerprint,
    /// How long the origin took to answer, for the figure of time saved.
    pub origin_time: std::time::Duration,
    /// The version of the ledger at which it was last found valid; this process's own, never stored.
    pub checked: Checked,
}

impl StoredResponse {
    /// What the ledger must know of it.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            cache: self.cache,
            host: self.key.host(),
            path: self.key.path(),
            query: self.key.query(),
            tags: &self.tags,
        }
    }

    /// Bytes that this response takes in memory, with what holds it.
    pub fn weight(&self) -> usize {
        const HOLDING_BYTES: usize = 160;
        size_of::<StoredResponse>()
            + HOLDING_BYTES
            + self.key.as_bytes().len()
            + self.vary.weight()
            + self.fields.as_bytes().len()
            + self.body.weight()
            + self.etag.len()
            + self.tags.as_str().len()
    }
}

/// A mark that a shared stored response can bear: see [`StoredResponse::checked`].
#[derive(Debug, Default)]
pub struct Checked(AtomicU64);

impl Checked {
    /// Whether it was found valid at this version of the ledger or a later one.
    pub fn covers(&self, version: u64) -> bool {
        self.0.load(Ordering::Acquire) >= version
    }

    /// Remembers that it was found valid at `version`, which was read before it was looked at.
    pub fn mark(&self, version: u64) {
        self.0.fetch_max(version, Ordering::AcqRel);
    }
}
