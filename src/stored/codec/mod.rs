//! The byte form of a stored response, in two parts: `meta` (everything but the content) and `body`, so that a store can keep
//! the large part apart from what it looks through.
//!
//! Both are covered by one checksum, and the full key is among what it covers: a store's own damage, a row under a foreign
//! digest and a torn write all end as [`Undecodable`], which is a miss. Reading never panics, and never allocates more than
//! a small multiple of the bytes it was given, whatever lengths these claim. The checksum tells damage, not malice; names
//! and values of fields are therefore looked at again, as if they had come from a socket.

mod read;
mod write;

use super::{FieldBlock, Lifetime, LifetimeFrom, Parts, Piece, RuleFingerprint, StoredBody, StoredResponse, VaryKey};
use crate::cache_name::CacheName;
use crate::clock::Timestamp;
use crate::crypto;
use crate::key::Key;
use crate::ledger::{Epoch, Stamp};
use crate::tags::Tags;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use read::Reader;
use write::Writer;

/// What `meta` begins with, so that foreign bytes are told from old ones.
const MAGIC: [u8; 4] = *b"VTSR";
/// Changes with each change of the form; another version is a miss, on both sides of a rolling upgrade.
const FORM_VERSION: u16 = 1;
/// Magic, version, checksum.
const PREAMBLE_BYTES: usize = 4 + 2 + 16;
/// The kind byte of [`Piece::Shared`].
const PIECE_SHARED: u8 = 0;

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
    out.block(response.key().as_bytes());
    out.u64(response.generation);
    out.u16(response.status.as_u16());
    write_lifetime(&mut out, &response.lifetime());
    out.u64(response.stamp.epoch.0);
    out.u64(response.stamp.position);
    out.u64(response.rule.0);
    out.duration(response.origin_time());
    out.block(response.route().as_bytes());
    out.block(response.etag().as_bytes());
    out.block(response.tags.as_str().as_bytes());
    write_vary(&mut out, &response.vary);
    out.block(response.fields().as_bytes());
    let body = write_body(&mut out, &response.body);
    let mut meta = out.into_bytes();
    seal(&mut meta, &body);
    Encoded { meta, body }
}

/// The parts of the response in these bytes. `body` becomes the stored content without a copy, so it should be an allocation of its own
/// size; `meta` is copied from.
///
/// # Errors
/// [`Undecodable`]: a miss, and a row to delete.
pub fn decode(meta: &[u8], body: &Bytes) -> Result<Parts, Undecodable> {
    let mut from = Reader::new(unseal(meta, body)?);
    let parts = Parts {
        cache: read_cache(&mut from)?,
        key: Key::from_bytes(from.block("key")?).ok_or(Undecodable::Malformed("key"))?,
        generation: from.u64("generation")?,
        status: StatusCode::from_u16(from.u16("status")?).map_err(|_| Undecodable::Malformed("status"))?,
        lifetime: read_lifetime(&mut from)?,
        stamp: Stamp::of(Epoch(from.u64("epoch")?), from.u64("position")?),
        rule: RuleFingerprint(from.u64("rule")?),
        origin_time: from.duration("origin time")?,
        route: from.text("route")?.into(),
        etag: HeaderValue::from_bytes(from.block("entity tag")?).map_err(|_| Undecodable::Malformed("entity tag"))?,
        tags: Tags::parse(from.text("tags")?).map_err(|_| Undecodable::Malformed("tags"))?,
        vary: read_vary(&mut from)?,
        fields: FieldBlock::from_bytes(Bytes::copy_from_slice(from.block("fields")?))
            .ok_or(Undecodable::Malformed("fields"))?,
        body: read_body(&mut from, body)?,
    };
    from.end().then_some(parts).ok_or(Undecodable::Malformed("end"))
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
    // The length keeps bytes from moving between the two parts unseen.
    crypto::checksum_128(&[&(content.len() as u64).to_le_bytes(), content, body]).to_le_bytes()
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

fn write_lifetime(out: &mut Writer, lifetime: &Lifetime) {
    out.u64(lifetime.received.0);
    out.duration(lifetime.initial_age);
    out.duration(lifetime.fresh);
    out.duration(lifetime.stale_while_revalidate);
    out.duration(lifetime.stale_if_error);
    out.duration(lifetime.keep);
    out.byte(lifetime_from_byte(lifetime.from));
    out.byte(u8::from(lifetime.validate_always));
}

fn read_lifetime(from: &mut Reader<'_>) -> Result<Lifetime, Undecodable> {
    Ok(Lifetime {
        received: Timestamp(from.u64("time")?),
        initial_age: from.duration("initial age")?,
        fresh: from.duration("freshness lifetime")?,
        stale_while_revalidate: from.duration("stale-while-revalidate")?,
        stale_if_error: from.duration("stale-if-error")?,
        keep: from.duration("time to keep")?,
        from: read_lifetime_from(from)?,
        validate_always: match from.byte("no-cache mark")? {
            0 => false,
            1 => true,
            _ => return Err(Undecodable::Malformed("no-cache mark")),
        },
    })
}

fn lifetime_from_byte(from: LifetimeFrom) -> u8 {
    match from {
        LifetimeFrom::Origin => 0,
        LifetimeFrom::Rule => 1,
        LifetimeFrom::RuleNegative => 2,
    }
}

fn read_lifetime_from(from: &mut Reader<'_>) -> Result<LifetimeFrom, Undecodable> {
    match from.byte("giver of the lifetime")? {
        0 => Ok(LifetimeFrom::Origin),
        1 => Ok(LifetimeFrom::Rule),
        2 => Ok(LifetimeFrom::RuleNegative),
        _ => Err(Undecodable::Malformed("giver of the lifetime")),
    }
}

fn write_vary(out: &mut Writer, vary: &VaryKey) {
    out.count(vary.pairs().count());
    for (name, value) in vary.pairs() {
        out.block(name.as_str().as_bytes());
        out.byte(u8::from(value.is_some()));
        out.block(value.unwrap_or_default());
    }
}

fn read_vary(from: &mut Reader<'_>) -> Result<VaryKey, Undecodable> {
    const PAIR_BYTES_MIN: usize = 8 + 1 + 1 + 8;
    let malformed = Undecodable::Malformed("Vary key");
    let count = from.count(PAIR_BYTES_MIN, "Vary key")?;
    let mut pairs: Vec<(HeaderName, Option<Bytes>)> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = HeaderName::from_bytes(from.block("Vary key")?).map_err(|_| malformed.clone())?;
        let present = from.byte("Vary key")?;
        let value = from.block("Vary key")?;
        // Sorted and each once: a key in another order would equal none, and be kept beside its own successor.
        let in_order = pairs.last().is_none_or(|(last, _)| last.as_str() < name.as_str());
        match present {
            0 if in_order && value.is_empty() => pairs.push((name, None)),
            1 if in_order => pairs.push((name, Some(Bytes::copy_from_slice(value)))),
            _ => return Err(malformed),
        }
    }
    VaryKey::from_pairs(&pairs).ok_or(malformed)
}

/// The pieces' kinds and lengths; their bytes are the answer.
fn write_body(out: &mut Writer, body: &StoredBody) -> Bytes {
    out.count(body.pieces().len());
    for Piece::Shared(bytes) in body.pieces() {
        out.byte(PIECE_SHARED);
        out.count(bytes.len());
    }
    match body.pieces() {
        [Piece::Shared(whole)] => whole.clone(),
        pieces => {
            let mut joined = Vec::with_capacity(body.len());
            for Piece::Shared(bytes) in pieces {
                joined.extend_from_slice(bytes);
            }
            joined.into()
        }
    }
}

fn read_body(from: &mut Reader<'_>, body: &Bytes) -> Result<StoredBody, Undecodable> {
    const PIECE_BYTES: usize = 1 + 8;
    let malformed = || Undecodable::Malformed("body");
    let count = from.count(PIECE_BYTES, "body")?;
    let mut pieces = Vec::with_capacity(count);
    let mut start = 0_usize;
    for _ in 0..count {
        let kind = from.byte("body")?;
        if kind != PIECE_SHARED {
            return Err(Undecodable::PieceKind(kind));
        }
        let length = usize::try_from(from.u64("body")?).map_err(|_| malformed())?;
        let end = start.checked_add(length).filter(|end| *end <= body.len()).ok_or_else(malformed)?;
        pieces.push(Piece::Shared(body.slice(start..end)));
        start = end;
    }
    if start == body.len() { Ok(StoredBody::of_pieces(pieces)) } else { Err(malformed()) }
}
