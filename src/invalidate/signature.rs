//! Standard Webhooks 1.0: who sent a delivery, and when. Judged over the raw bytes, before anything is parsed (row C5).

use super::Secret;
use crate::clock::Timestamp;
use crate::crypto::{equal_in_constant_time, hmac_sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use std::time::Duration;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// How far a delivery's time may be from ours, either way.
const WINDOW: Duration = Duration::from_mins(5);
/// Bytes of an id.
const ID_BYTES_MAX: usize = 128;
/// Signatures in one field that are looked at.
const SIGNATURES_MAX: usize = 8;

/// What a delivery says of itself, before its body has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) id: String,
    timestamp: u64,
    signatures: Vec<Vec<u8>>,
}

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsigned {
    #[error("webhook-id, webhook-timestamp and webhook-signature must each stand there once")]
    Missing,
    #[error("webhook-id must have 1 to 128 visible characters")]
    Id,
    #[error("webhook-timestamp must be seconds since 1970")]
    Timestamp,
    #[error("webhook-timestamp is more than five minutes from now")]
    Expired,
    #[error("webhook-signature does not hold")]
    Wrong,
}

impl Claim {
    /// Reads the three fields, and refuses what is too old or too new before its body is read.
    pub(super) fn read(fields: &HeaderMap, wall: Timestamp) -> Result<Claim, Unsigned> {
        let id = once(fields, &ID)?;
        if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unsigned::Id);
        }
        let timestamp: u64 = once(fields, &TIMESTAMP)?.parse().map_err(|_| Unsigned::Timestamp)?;
        if wall.as_secs().abs_diff(timestamp) > WINDOW.as_secs() {
            return Err(Unsigned::Expired);
        }
        let signatures = once(fields, &SIGNATURE)?
            .split(' ')
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .take(SIGNATURES_MAX)
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .collect();
        Ok(Claim { id: id.into(), timestamp, signatures })
    }

    /// Whether one of the signatures was made over this body with one of the secrets.
    pub(super) fn verify(&self, secrets: &[Secret], body: &[u8]) -> Result<(), Unsigned> {
        let timestamp = self.timestamp.to_string();
        let signed: [&[u8]; 5] = [self.id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let holds = secrets.iter().any(|secret| {
            let expected = hmac_sha256(&secret.0, &signed);
            self.signatures.iter().any(|signature| equal_in_constant_time(signature, &expected))
        });
        if holds { Ok(()) } else { Err(Unsigned::Wrong) }
    }
}

fn once<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Unsigned> {
    let mut lines = fields.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().map_err(|_| Unsigned::Missing),
        _ => Err(Unsigned::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: Timestamp = Timestamp(1_614_265_330_000);

    fn fields(id: &str, time: &str, signature: &str) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in [(ID, id), (TIMESTAMP, time), (SIGNATURE, signature)] {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    /// Made with Python's hmac over `msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}`.
    const GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn secret() -> Secret {
        Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap().into())
    }

    fn claim(signature: &str) -> Claim {
        Claim::read(&fields("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", signature), NOW).unwrap()
    }

    #[test]
    fn a_signature_made_elsewhere_holds_and_only_over_what_was_signed() {
        let keys = [Secret((*b"another secret of 32 bytes......").into()), secret()];
        assert_eq!(claim(GOOD).verify(&keys, BODY), Ok(()));
        assert_eq!(claim(&format!("v1a,xx v1,AAAA {GOOD}")).verify(&keys, BODY), Ok(()));
        assert_eq!(claim(GOOD).verify(&keys[..1], BODY), Err(Unsigned::Wrong));
        assert_eq!(claim(GOOD).verify(&keys, b"{}"), Err(Unsigned::Wrong));
        assert_eq!(claim(&GOOD.replace("v1,", "v1a,")).verify(&keys, BODY), Err(Unsigned::Wrong));
        assert_eq!(claim("").verify(&keys, BODY), Err(Unsigned::Wrong));
        assert_eq!(claim(GOOD).verify(&[], BODY), Err(Unsigned::Wrong));
    }

    #[test]
    fn what_a_delivery_says_of_itself_must_be_there_once_and_be_of_now() {
        let read = |id: &str, time: &str| Claim::read(&fields(id, time, GOOD), NOW).err();
        let at = |offset: i64| (1_614_265_330_i64 + offset).to_string();
        assert_eq!(read("a", &at(300)), None);
        assert_eq!(read("a", &at(-300)), None);
        assert_eq!(read("a", &at(301)), Some(Unsigned::Expired));
        assert_eq!(read("a", &at(-301)), Some(Unsigned::Expired));
        assert_eq!(read("a", "soon"), Some(Unsigned::Timestamp));
        assert_eq!(read("", &at(0)), Some(Unsigned::Id));
        assert_eq!(read(&"a".repeat(129), &at(0)), Some(Unsigned::Id));
        assert_eq!(Claim::read(&HeaderMap::new(), NOW).err(), Some(Unsigned::Missing));
        let mut twice = fields("a", &at(0), GOOD);
        twice.append(ID, HeaderValue::from_static("b"));
        assert_eq!(Claim::read(&twice, NOW).err(), Some(Unsigned::Missing));
    }
}
