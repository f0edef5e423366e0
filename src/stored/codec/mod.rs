//! The byte form of a stored response, in two parts: `meta` (everything but the content) and `body`, so that a store can keep
//! the large part apart from what it looks through.
//!
//! Both are covered by one checksum, and the full key is among what it covers: a store's own damage, a row under a foreign
//! digest and a torn write all end as [`Undecodable`], which is a miss. Reading never panics, and never allocates more than
//! a small multiple of the bytes it was given, whatever lengths these claim. The checksum tells damage, not malice; names
//! and values of fields are therefore looked at again, as if they had come from a socket. What is read stands in as few
//! allocations as what was written: a store is read for each hit that memory does not have.

mod bodies;
mod read;
mod write;

use super::coded::CodedState;
use super::fields::is_field_value;
use super::lifetime::PackedLifetime;
use super::{Checked, FieldBlock, LifetimeFrom, Piece, Rare, RuleFingerprint, StoredBody, StoredResponse, VaryKey};
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::crypto;
use crate::csrf::CookieForm;
use crate::key::KeyRef;
use crate::ledger::{Epoch, Stamp};
use crate::tags::Tags;
use bodies::{read_bodies, write_bodies};
use bytes::Bytes;
use http::StatusCode;
use read::Reader;
use write::Writer;

/// What `meta` begins with, so that foreign bytes are told from old ones.
const MAGIC: [u8; 4] = *b"VTSR";
/// Changes with each change of the form; another version is a miss, on both sides of a rolling upgrade.
const FORM_VERSION: u16 = 4;
/// Magic, version, checksum.
const PREAMBLE_BYTES: usize = 4 + 2 + 16;

/// A stored response as bytes.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Everything but the content.
    pub meta: Vec<u8>,
    /// The pieces' bytes, one after the other.
    pub body: Bytes,
}

/// Why bytes are no stored response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// They do not begin as ours do.
    #[error("not a stored response")]
    Foreign,
    /// Written by another version.
    #[error("a stored response of form {0}, which this version does not read")]
    Version(u16),
    /// The checksum does not agree.
    #[error("the stored bytes are damaged")]
    Damaged,
    /// A kind of piece this version does not know.
    #[error("a piece of the unknown kind {0}")]
    PieceKind(u8),
    /// The checksum agrees, but what is named is not what may stand there.
    #[error("the stored {0} is malformed")]
    Malformed(&'static str),
}

/// The byte form of a response.
pub fn encode(response: &StoredResponse) -> Encoded {
    let mut out = Writer::after(PREAMBLE_BYTES);
    out.byte(cache_byte(response.cache));
    out.u64(response.generation);
    out.u16(response.status.as_u16());
    write_lifetime(&mut out, response);
    out.u64(response.stamp.epoch.0);
    out.u64(response.stamp.position);
    out.u64(response.rule.0);
    out.u32(response.origin_time_us);
    write_text(&mut out, response);
    out.block(response.tags.as_str().as_bytes());
    out.block(response.vary.as_bytes());
    out.block(response.form_cookie().map_or(&[], |form| form.as_str().as_bytes()));
    let body = write_bodies(&mut out, response);
    let mut meta = out.into_bytes();
    seal(&mut meta, &body);
    Encoded { meta, body }
}

/// The response in these bytes. `body` becomes the stored content without a copy, so it should be an allocation of its own size;
/// `meta` is copied from.
///
/// # Errors
/// [`Undecodable`]: a miss, and a row to delete.
pub fn decode(meta: &[u8], body: &Bytes) -> Result<StoredResponse, Undecodable> {
    let mut from = Reader::new(unseal(meta, body)?);
    let cache = read_cache(&mut from)?;
    let generation = from.u64("generation")?;
    let status = StatusCode::from_u16(from.u16("status")?).map_err(|_| Undecodable::Malformed("status"))?;
    let (lifetime, lifetime_from, validate_always) = read_lifetime(&mut from)?;
    let stamp = Stamp::of(Epoch(from.u64("epoch")?), from.u64("position")?);
    let rule = RuleFingerprint(from.u64("rule")?);
    let origin_time_us = from.u32("origin time")?;
    let (text, [key_end, route_end, etag_end]) = read_text(&mut from)?;
    let response = StoredResponse {
        cache,
        vary: VaryKey::default(),
        generation,
        status,
        body: StoredBody::default(),
        stamp,
        tags: Tags::parse(from.text("tags")?).map_err(|_| Undecodable::Malformed("tags"))?,
        rule,
        checked: Checked::default(),
        text,
        key_end,
        route_end,
        etag_end,
        lifetime,
        lifetime_from,
        validate_always,
        coded: CodedState::No,
        origin_time_us,
        rare: None,
    };
    let vary = VaryKey::from_bytes(from.block("Vary key")?).ok_or(Undecodable::Malformed("Vary key"))?;
    let form_cookie = read_form_cookie(&mut from)?;
    let (body, coded, forms) = read_bodies(&mut from, body)?;
    if form_cookie.is_none() && body.pieces().contains(&Piece::Token) {
        return Err(Undecodable::Malformed("form cookie"));
    }
    from.end()
        .then_some(StoredResponse { vary, body, coded, rare: Rare::of(form_cookie, forms), ..response })
        .ok_or(Undecodable::Malformed("end"))
}

/// Magic, version and checksum into the room left for them.
fn seal(meta: &mut [u8], body: &[u8]) {
    let sum = checksum(&meta[PREAMBLE_BYTES..], body);
    meta[..4].copy_from_slice(&MAGIC);
    meta[4..6].copy_from_slice(&FORM_VERSION.to_le_bytes());
    meta[6..PREAMBLE_BYTES].copy_from_slice(&sum);
}

/// What follows the preamble, if all of it is as it was written.
fn unseal<'a>(meta: &'a [u8], body: &[u8]) -> Result<&'a [u8], Undecodable> {
    let (magic, rest) = meta.split_first_chunk::<4>().ok_or(Undecodable::Foreign)?;
    if *magic != MAGIC {
        return Err(Undecodable::Foreign);
    }
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(Undecodable::Damaged)?;
    if *version != FORM_VERSION.to_le_bytes() {
        return Err(Undecodable::Version(u16::from_le_bytes(*version)));
    }
    let (sum, content) = rest.split_first_chunk::<16>().ok_or(Undecodable::Damaged)?;
    if *sum == checksum(content, body) { Ok(content) } else { Err(Undecodable::Damaged) }
}

fn checksum(content: &[u8], body: &[u8]) -> [u8; 16] {
    // The sum of the one goes into that of the other: each byte is looked at once, and none moves between them unseen.
    crypto::checksum_128_after(crypto::checksum(content), body).to_le_bytes()
}

/// Numbers of their own, so that no change of order in the enum changes what is on disk.
fn cache_byte(cache: CacheName) -> u8 {
    match cache {
        CacheName::Default => 0,
        CacheName::Products => 1,
        CacheName::Sessions => 2,
    }
}

fn read_cache(from: &mut Reader<'_>) -> Result<CacheName, Undecodable> {
    let byte = from.byte("cache")?;
    CacheName::ALL.into_iter().find(|cache| cache_byte(*cache) == byte).ok_or(Undecodable::Malformed("cache"))
}

fn write_lifetime(out: &mut Writer, response: &StoredResponse) {
    out.u64(response.lifetime.received.0);
    for milliseconds in response.lifetime.durations_ms() {
        out.u64(milliseconds);
    }
    out.byte(lifetime_from_byte(response.lifetime_from));
    out.byte(u8::from(response.validate_always));
}

fn read_lifetime(from: &mut Reader<'_>) -> Result<(PackedLifetime, LifetimeFrom, bool), Undecodable> {
    let received = Timestamp(from.u64("time")?);
    let mut durations_ms = [0; 5];
    for milliseconds in &mut durations_ms {
        *milliseconds = from.u64("lifetime")?;
    }
    let giver = read_lifetime_from(from)?;
    let validate_always = match from.byte("no-cache mark")? {
        0 => false,
        1 => true,
        _ => return Err(Undecodable::Malformed("no-cache mark")),
    };
    Ok((PackedLifetime::of_ms(received, durations_ms), giver, validate_always))
}

fn lifetime_from_byte(from: LifetimeFrom) -> u8 {
    match from {
        LifetimeFrom::Origin => 0,
        LifetimeFrom::Rule => 1,
        LifetimeFrom::RuleNegative => 2,
        LifetimeFrom::Heuristic => 3,
    }
}

fn read_lifetime_from(from: &mut Reader<'_>) -> Result<LifetimeFrom, Undecodable> {
    match from.byte("giver of the lifetime")? {
        0 => Ok(LifetimeFrom::Origin),
        1 => Ok(LifetimeFrom::Rule),
        2 => Ok(LifetimeFrom::RuleNegative),
        3 => Ok(LifetimeFrom::Heuristic),
        _ => Err(Undecodable::Malformed("giver of the lifetime")),
    }
}

/// Key, route, entity tag and fields, in the one allocation that they stand in.
fn write_text(out: &mut Writer, response: &StoredResponse) {
    for end in [response.key_end, response.route_end, response.etag_end] {
        out.u32(end);
    }
    out.block(&response.text);
}

/// The text, and where its first three parts end.
fn read_text(from: &mut Reader<'_>) -> Result<(Bytes, [u32; 3]), Undecodable> {
    let ends = [from.u32("text")?, from.u32("text")?, from.u32("text")?];
    let text = from.block("text")?;
    let part = |start: u32, end: Option<u32>, what| {
        let end = end.map_or(text.len(), |end| end as usize);
        text.get(start as usize..end).ok_or(Undecodable::Malformed(what))
    };
    let [key_end, route_end, etag_end] = ends;
    let key = part(0, Some(key_end), "key")?;
    let route = part(key_end, Some(route_end), "route")?;
    let etag = part(route_end, Some(etag_end), "entity tag")?;
    let fields = part(etag_end, None, "fields")?;
    let table = [
        (KeyRef::is_one(key), "key"),
        (std::str::from_utf8(route).is_ok(), "route"),
        (is_field_value(etag), "entity tag"),
        (FieldBlock::is_one(fields), "fields"),
    ];
    match table.into_iter().find(|(sound, _)| !sound) {
        Some((_, what)) => Err(Undecodable::Malformed(what)),
        None => Ok((Bytes::copy_from_slice(text), ends)),
    }
}

/// The cookie that the tokens belong to; an empty text is none.
fn read_form_cookie(from: &mut Reader<'_>) -> Result<Option<CookieForm>, Undecodable> {
    match from.text("form cookie")? {
        "" => Ok(None),
        text => CookieForm::parse(text).map(Some).ok_or(Undecodable::Malformed("form cookie")),
    }
}
