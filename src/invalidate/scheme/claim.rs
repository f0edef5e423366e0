//! What a delivery says of itself in its fields, and whether its signature holds.

use super::Secret;
use crate::clock::Timestamp;
use crate::crypto::{equal_in_constant_time, hmac_sha256};
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// How far a delivery's time may be from ours, either way.
const WINDOW: Duration = Duration::from_mins(5);
/// Bytes of an id or of an event's name in a field.
const WORD_BYTES_MAX: usize = 128;
/// Signatures in one field that are looked at.
pub(super) const SIGNATURES_MAX: usize = 8;

/// What a delivery says of itself, before its body has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::invalidate) struct Claim {
    /// The sender's id for it, where a field has it.
    pub(in crate::invalidate) id: Option<Box<str>>,
    /// Its event, where a field has it.
    pub(in crate::invalidate) event: Option<Box<str>>,
    /// The field that the signatures are from.
    pub(super) field: HeaderName,
    /// What is signed before the body.
    pub(super) before: Box<str>,
    pub(super) signatures: Vec<Vec<u8>>,
}

/// Why a delivery is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::invalidate) enum Unsigned {
    #[error("{0} must stand there once")]
    Missing(HeaderName),
    #[error("{0} must have 1 to 128 visible characters")]
    Word(HeaderName),
    #[error("{0} must say a time in seconds since 1970, once")]
    Timestamp(HeaderName),
    #[error("{0} says a time that is more than five minutes from now")]
    Expired(HeaderName),
    #[error("{0} does not hold")]
    Wrong(HeaderName),
}

impl Claim {
    /// Whether one of the signatures was made over this body with one of the secrets. Several of either are for the time in
    /// which one secret follows another.
    pub(in crate::invalidate) fn verify(&self, secrets: &[Secret], body: &[u8]) -> Result<(), Unsigned> {
        let holds = secrets.iter().any(|secret| {
            let expected = hmac_sha256(secret.key(), &[self.before.as_bytes(), body]);
            self.signatures.iter().any(|signature| equal_in_constant_time(signature, &expected))
        });
        if holds { Ok(()) } else { Err(Unsigned::Wrong(self.field.clone())) }
    }
}

/// A field that stands there once.
pub(super) fn once<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Unsigned> {
    let mut lines = fields.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().map_err(|_| Unsigned::Missing(name.clone())),
        _ => Err(Unsigned::Missing(name.clone())),
    }
}

/// The same where it is an id or an event's name.
pub(super) fn word(fields: &HeaderMap, name: &HeaderName) -> Result<Box<str>, Unsigned> {
    let word = once(fields, name)?;
    if is_id(word) { Ok(word.into()) } else { Err(Unsigned::Word(name.clone())) }
}

/// Whether a text can be an id.
pub(super) fn is_id(text: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Refuses a time that is none, or not of now. Digits alone: what is signed is the text, and each time has one.
pub(super) fn of_now(text: &str, wall: Timestamp, name: &HeaderName) -> Result<(), Unsigned> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let time: u64 = text.parse().ok().filter(|_| digits).ok_or_else(|| Unsigned::Timestamp(name.clone()))?;
    if wall.as_secs().abs_diff(time) > WINDOW.as_secs() { Err(Unsigned::Expired(name.clone())) } else { Ok(()) }
}
