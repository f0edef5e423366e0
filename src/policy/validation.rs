//! Validation (RFC 9111 4.3): what the origin is asked, and what its 304 makes of the stored response.

use super::vary::normalised;
use super::{Exchange, Framing, Terms, storing};
use crate::headers::{end_to_end, is_hop_by_hop};
use crate::ledger::Stamp;
use crate::outcome::Reason;
use crate::stored::{FieldBlock, Parts, StoredResponse, VaryKey};
use crate::tags::{Tag, Tags};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The conditions to send (4.3.1): the origin's own validators, never the entity tag that we made.
pub fn conditions(stored: &StoredResponse) -> Vec<(HeaderName, HeaderValue)> {
    let fields = stored.fields();
    let etag = fields.get(&header::ETAG).map(|etag| (header::IF_NONE_MATCH, etag));
    let modified = fields.get(&header::LAST_MODIFIED).map(|date| (header::IF_MODIFIED_SINCE, date));
    etag.into_iter().chain(modified).collect()
}

/// What the origin has told of a stored response without sending it again.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// The exchange.
    pub exchange: &'a Exchange<'a>,
    /// The terms under which it was asked.
    pub terms: &'a Terms<'a>,
    /// The tags that it gave.
    pub tags: Vec<Tag>,
    /// The ledger position when it was asked.
    pub stamp: Stamp,
    /// The generation of what is made of it.
    pub generation: u64,
}

/// What a 304 makes of the stored response (4.3.4): its fields replace the stored ones, its directives begin a new lifetime.
///
/// # Errors
/// The 304 speaks of another response, or what it makes must not be stored.
pub fn freshen(stored: &StoredResponse, told: Told<'_>) -> Result<StoredResponse, Reason> {
    if !speaks_of(told.exchange.response, stored) {
        return Err(Reason::Stale);
    }
    updated(stored, told)
}

/// The same for a variant that was not asked about, where the 304 says that it holds as well: both bear the same strong entity
/// tag (4.3.4).
///
/// # Errors
/// The 304 says nothing of it; or it names more in Vary, whose values are not known for this variant.
pub fn freshen_alike(stored: &StoredResponse, told: Told<'_>) -> Result<StoredResponse, Reason> {
    let strong = told.exchange.response.get(header::ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
    if strong.is_none() || stored.fields().get(&header::ETAG).as_ref() != strong {
        return Err(Reason::VaryMismatch);
    }
    let known = updated(stored, told)?;
    if known.vary == stored.vary { Ok(known) } else { Err(Reason::VaryMismatch) }
}

/// The stored response with the fields of an answer that speaks of it (3.2).
///
/// # Errors
/// What comes of it must not be stored.
pub(super) fn updated(stored: &StoredResponse, told: Told<'_>) -> Result<StoredResponse, Reason> {
    let Told { exchange, terms, tags, stamp, generation } = told;
    let fields = merged(&stored.fields().to_map(), exchange.response);
    let whole = Exchange {
        status: stored.status,
        response: &fields,
        framing: Framing::Length(stored.body.len() as u64),
        ..*exchange
    };
    let plan = storing::decide(&whole, terms)?;
    let tags = Tags::collect(stored.tags.to_vec().into_iter().chain(tags)).map_err(|_| Reason::BadTags)?;
    let mut kept = fields;
    super::age::add_date(&mut kept, exchange.received_wall);
    super::groups::strip_tag_fields(&mut kept);
    // What a 304 sets may be dropped here: otherwise nothing would come of it. It is no part of what is stored (row L6); what is
    // set for everybody by choice stays as it was.
    kept.remove(header::SET_COOKIE);
    for (name, value) in stored.fields().iter().filter(|(name, _)| name == header::SET_COOKIE) {
        if terms.choices.set_cookie {
            kept.append(name, value);
        }
    }
    for name in &plan.omit {
        kept.remove(name);
    }
    Ok(StoredResponse::of(Parts {
        vary: widened(&stored.vary, plan.vary, exchange.request),
        generation,
        etag: kept.get(header::ETAG).cloned().unwrap_or_else(|| stored.etag()),
        fields: FieldBlock::copy_of(&kept).map_err(|_| Reason::TooLarge)?,
        lifetime: plan.lifetime,
        stamp,
        tags,
        ..stored.to_parts()
    }))
}

/// 4.3.4: the 304's validators are those of the stored response. Weak comparison does: the tag answers the one we sent, and
/// servers that encode as they send make weak in the 200 what is strong in the 304.
fn speaks_of(told: &HeaderMap, stored: &StoredResponse) -> bool {
    if let Some(etag) = told.get(header::ETAG) {
        return opaque(etag) == opaque(&stored.etag());
    }
    match (told.get(header::LAST_MODIFIED), stored.fields().get(&header::LAST_MODIFIED)) {
        (Some(told), Some(own)) => *told == own,
        _ => true,
    }
}

fn opaque(tag: &HeaderValue) -> &[u8] {
    tag.as_bytes().strip_prefix(b"W/").unwrap_or(tag.as_bytes())
}

/// RFC 9111 3.2: what the 304 says replaces what is stored, but for what describes this body or a connection.
fn merged(stored: &HeaderMap, told: &HeaderMap) -> HeaderMap {
    let mut merged = stored.clone();
    // Age and Date of the old exchange say nothing of the new one.
    merged.remove(header::AGE);
    merged.remove(header::DATE);
    let stays_weak = stored.get(header::ETAG).is_some_and(|etag| etag.as_bytes().starts_with(b"W/"));
    let told = end_to_end(told);
    for name in told.keys().filter(|name| may_update(name) && !(stays_weak && *name == header::ETAG)) {
        merged.remove(name);
        for value in told.get_all(name) {
            merged.append(name, value.clone());
        }
    }
    merged
}

/// What describes the stored bytes themselves stays with them (RFC 9111 3.2): they would be read wrongly otherwise.
fn may_update(name: &HeaderName) -> bool {
    !is_hop_by_hop(name) && ![header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_RANGE].contains(name)
}

/// The Vary key with what the 304 nominates besides: it is never wider for what was stored than it was.
fn widened(own: &VaryKey, told: Vec<HeaderName>, request: &HeaderMap) -> VaryKey {
    let kept = |name: &HeaderName| {
        own.pairs().find(|(own, _)| own == name).map(|(_, value)| value.map(Bytes::copy_from_slice))
    };
    let names: Vec<HeaderName> = own.pairs().map(|(name, _)| name).chain(told).collect();
    VaryKey::of(&names, |name| kept(name).unwrap_or_else(|| normalised(request, name)))
}
