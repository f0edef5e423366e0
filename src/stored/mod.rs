//! A stored response: what was fetched, and everything that later decisions need to know of it.
//!
//! It is written once, from its [`Parts`], and never changed; validation makes a new one. Policy has decided its [`Lifetime`] when it was
//! stored, from the rule whose fingerprint it bears, so that reuse parses nothing again.

mod body;
pub mod codec;
mod coded;
mod fields;
mod lifetime;
mod packed;
mod vary;

pub use body::{Piece, StoredBody, TOKEN_BYTES};
pub use coded::{Coded, CodedForm};
pub use fields::{FieldBlock, FieldView};
pub use lifetime::{Lifetime, LifetimeFrom};
pub use packed::Packed;
pub use vary::VaryKey;

use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::csrf::CookieForm;
use crate::key::{Key, KeyRef, Resource};
use crate::ledger::{Stamp, Subject};
use crate::tags::Tags;
use bytes::Bytes;
use coded::CodedState;
use http::{HeaderValue, StatusCode};
use lifetime::PackedLifetime;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The fingerprint of the rule a response was fetched under; under another one it is a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleFingerprint(pub u64);

/// What a stored response is made of.
#[derive(Clone, Debug)]
pub struct Parts {
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
    /// The cookie that its form tokens belong to; a page with tokens always has one.
    pub form_cookie: Option<CookieForm>,
    /// Its content in codings that were made here.
    pub coded: Coded,
    /// The origin's entity tag, or ours: made from the body where the origin sent none.
    pub etag: HeaderValue,
    /// Its freshness and what staleness allows.
    pub lifetime: Lifetime,
    /// The ledger position when its fetch, or last validation, began.
    pub stamp: Stamp,
    /// What purges can name it by.
    pub tags: Tags,
    /// The rule's name.
    pub route: Arc<str>,
    /// The rule it was fetched under.
    pub rule: RuleFingerprint,
    /// How long the origin took to answer, for the figure of time saved.
    pub origin_time: Duration,
}

/// One stored response: [`Parts`], packed, because there are many of them. Its texts stand in one allocation, which what is
/// sent of them shares; durations are whole milliseconds, the origin's time microseconds.
#[derive(Debug)]
pub struct StoredResponse {
    /// Which cache it is in.
    pub cache: CacheName,
    /// The request fields its Vary names, as they were sent to the origin.
    pub vary: VaryKey,
    /// Tells this response from every other one.
    pub generation: u64,
    /// Its status.
    pub status: StatusCode,
    /// Its content.
    pub body: StoredBody,
    /// The ledger position when its fetch, or last validation, began.
    pub stamp: Stamp,
    /// What purges can name it by.
    pub tags: Tags,
    /// The rule it was fetched under.
    pub rule: RuleFingerprint,
    /// The version of the ledger at which it was last found valid; this process's own, never stored.
    pub checked: Checked,
    /// The key up to `key_end`, the route up to `route_end`, the entity tag up to `etag_end`, then the fields.
    text: Bytes,
    key_end: u32,
    route_end: u32,
    etag_end: u32,
    lifetime: PackedLifetime,
    lifetime_from: LifetimeFrom,
    validate_always: bool,
    coded: CodedState,
    origin_time_us: u32,
    rare: Option<Box<Rare>>,
}

/// What few responses have, and the others need no room for.
#[derive(Debug)]
struct Rare {
    form_cookie: Option<CookieForm>,
    forms: Box<[CodedForm]>,
}

impl Rare {
    fn of(form_cookie: Option<CookieForm>, forms: Box<[CodedForm]>) -> Option<Box<Rare>> {
        (form_cookie.is_some() || !forms.is_empty()).then(|| Box::new(Rare { form_cookie, forms }))
    }

    /// Bytes it takes in memory, with what the allocator adds to it, to the cookie and to the list of forms.
    fn weight(&self) -> usize {
        size_of::<Rare>()
            + 16
            + self.form_cookie.as_ref().map_or(0, |form| 16 + form.as_str().len())
            + if self.forms.is_empty() { 0 } else { 16 }
            + self.forms.iter().map(CodedForm::weight).sum::<usize>()
    }
}

impl StoredResponse {
    /// A stored response of these parts.
    pub fn of(parts: Parts) -> StoredResponse {
        let (key, route, etag) = (parts.key.as_bytes(), parts.route.as_bytes(), parts.etag.as_bytes());
        // They are parts of heads and of the configuration, whose size limits are far below 4 GiB.
        let end = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (coded, forms) = parts.coded.split();
        StoredResponse {
            text: [key, route, etag, parts.fields.as_bytes()].concat().into(),
            key_end: end(key.len()),
            route_end: end(key.len() + route.len()),
            etag_end: end(key.len() + route.len() + etag.len()),
            lifetime: PackedLifetime::of(&parts.lifetime),
            lifetime_from: parts.lifetime.from,
            validate_always: parts.lifetime.validate_always,
            // More than an hour is told as an hour and some.
            origin_time_us: u32::try_from(parts.origin_time.as_micros()).unwrap_or(u32::MAX),
            cache: parts.cache,
            vary: parts.vary,
            generation: parts.generation,
            status: parts.status,
            body: parts.body,
            coded,
            rare: Rare::of(parts.form_cookie, forms),
            stamp: parts.stamp,
            tags: parts.tags,
            rule: parts.rule,
            checked: Checked::default(),
        }
    }

    /// What it is made of.
    pub fn to_parts(&self) -> Parts {
        Parts {
            cache: self.cache,
            key: self.key().to_key(),
            vary: self.vary.clone(),
            generation: self.generation,
            status: self.status,
            fields: self.fields(),
            body: self.body.clone(),
            form_cookie: self.form_cookie().cloned(),
            coded: Coded::of(self.coded, self.forms()),
            etag: self.etag(),
            lifetime: self.lifetime(),
            stamp: self.stamp,
            tags: self.tags.clone(),
            route: self.route().into(),
            rule: self.rule,
            origin_time: self.origin_time(),
        }
    }

    /// Its full primary key.
    pub fn key(&self) -> KeyRef<'_> {
        KeyRef::among(&self.text[..self.key_end as usize])
    }

    /// The rule's name.
    pub fn route(&self) -> &str {
        // It was text when it was put in.
        std::str::from_utf8(&self.text[self.key_end as usize..self.route_end as usize]).unwrap_or_default()
    }

    /// Its entity tag: the origin's, or ours.
    pub fn etag(&self) -> HeaderValue {
        // It was one when it was put in.
        HeaderValue::from_maybe_shared(self.text.slice(self.route_end as usize..self.etag_end as usize))
            .unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// Its end-to-end fields.
    pub fn fields(&self) -> FieldBlock {
        FieldBlock::among(self.text.slice(self.etag_end as usize..))
    }

    /// Its end-to-end fields, where they stand.
    pub fn field_view(&self) -> FieldView<'_> {
        FieldView::among(&self.text[self.etag_end as usize..])
    }

    /// Its entity tag as bytes.
    pub fn etag_bytes(&self) -> &[u8] {
        &self.text[self.route_end as usize..self.etag_end as usize]
    }

    /// The cookie that its form tokens belong to: then it is sent to nobody as it is stored.
    pub fn form_cookie(&self) -> Option<&CookieForm> {
        self.rare.as_ref()?.form_cookie.as_ref()
    }

    /// Its content in codings that were made here, in the order in which they are preferred.
    pub fn forms(&self) -> &[CodedForm] {
        self.rare.as_ref().map_or(&[], |rare| &rare.forms)
    }

    /// Whether its content is sent in several forms, or will be soon: what those who keep answers have to be told.
    pub fn is_negotiated(&self) -> bool {
        self.coded != CodedState::No
    }

    /// Whether coded forms of it are still to be made.
    pub fn awaits_forms(&self) -> bool {
        self.coded == CodedState::Awaited
    }

    /// Its freshness and what staleness allows.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime.unpacked(self.lifetime_from, self.validate_always)
    }

    /// It, as received at another moment: of one that another process received, what that is on our steady scale.
    #[must_use]
    pub fn received_at(mut self, received: Timestamp) -> StoredResponse {
        self.lifetime.received = received;
        self
    }

    /// How long the origin took to answer.
    pub fn origin_time(&self) -> Duration {
        Duration::from_micros(self.origin_time_us.into())
    }

    /// What the ledger must know of it.
    pub fn subject(&self) -> Subject<'_> {
        let Resource { host, path, query } = self.key().resource();
        Subject { cache: self.cache, host, path, query, tags: &self.tags }
    }

    /// Bytes that this response takes in memory, with what the allocator adds.
    pub fn weight(&self) -> usize {
        // What holds it (16); what the allocator adds to it, its text, tags and Vary key; the count of who shares its text.
        const HOLDING_BYTES: usize = 16 + 4 * 12 + 32;
        size_of::<StoredResponse>()
            + HOLDING_BYTES
            + self.text.len()
            + self.vary.weight()
            + self.body.weight()
            + self.tags.as_str().len()
            + self.rare.as_ref().map_or(0, |rare| rare.weight())
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
