//! A webhook's secret. The same text is two keys: Standard Webhooks decodes what follows `whsec_`, Stripe, which writes its
//! secrets alike, and all others take the text as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a secret, at least (Standard Webhooks 1.0).
const DECODED_BYTES_MIN: usize = 24;
/// Characters of a secret that people or senders choose, at least.
const WRITTEN_BYTES_MIN: usize = 16;

/// A key for HMAC; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

/// Why a text is no secret; it does not show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Not base64 after its mark, or too short.
    #[error(
        "is not a secret, or a weak one; write whsec_ and the base64 of at least 24 random bytes, made for example with: \
         echo whsec_$(openssl rand -base64 32)"
    )]
    Encoded,
    /// Too short, or with what was copied along.
    #[error(
        "is not a secret, or a weak one; write it as the sender shows it, at least 16 characters without blanks around \
         them"
    )]
    Written,
}

impl Secret {
    pub(super) fn decoded(text: &str) -> Result<Secret, BadSecret> {
        let key = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        let key = key.filter(|key| key.len() >= DECODED_BYTES_MIN).ok_or(BadSecret::Encoded)?;
        Ok(Secret(key.into()))
    }

    pub(super) fn as_written(text: &str) -> Result<Secret, BadSecret> {
        if text.len() < WRITTEN_BYTES_MIN || text.trim() != text {
            return Err(BadSecret::Written);
        }
        Ok(Secret(text.as_bytes().into()))
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidate::Scheme;

    #[test]
    fn the_same_text_is_decoded_for_one_sender_and_taken_as_it_is_for_the_others() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let key = |name: &str| Scheme::named(name).unwrap().secret(text).unwrap();
        assert_eq!(key("standard-webhooks").key().len(), 24);
        for name in Scheme::NAMES.iter().filter(|name| **name != "standard-webhooks") {
            assert_eq!(key(name).key(), text.as_bytes(), "{name}");
        }
    }

    #[test]
    fn what_is_weak_or_was_copied_badly_is_refused_and_never_shown() {
        for text in ["", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all, but long"] {
            assert_eq!(Secret::decoded(text), Err(BadSecret::Encoded), "{text}");
        }
        for text in ["", "fifteen letters", " with a blank before it", "with a line's end behind it\n"] {
            assert_eq!(Secret::as_written(text), Err(BadSecret::Written), "{text}");
        }
        assert_eq!(format!("{:?}", Secret::as_written("sixteen letters.").unwrap()), "Secret(…)");
    }
}
