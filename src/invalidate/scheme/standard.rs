//! Standard Webhooks 1.0: id, time and body are signed, and several signatures may stand in one field. Svix, which it comes
//! from, has its own names for the three fields.

use super::claim::{Claim, SIGNATURES_MAX, Unsigned, of_now, once, word};
use crate::clock::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};

/// Names of id, time and signature.
const FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("webhook-timestamp"),
    HeaderName::from_static("webhook-signature"),
];
const FIELDS_OF_SVIX: [HeaderName; 3] = [
    HeaderName::from_static("svix-id"),
    HeaderName::from_static("svix-timestamp"),
    HeaderName::from_static("svix-signature"),
];

/// Reads the three fields: those of the standard, and Svix' only where none of these is there.
pub(super) fn claim(fields: &HeaderMap, wall: Timestamp) -> Result<Claim, Unsigned> {
    let is_there = |names: &[HeaderName; 3]| names.iter().any(|name| fields.contains_key(name));
    let names = if !is_there(&FIELDS) && is_there(&FIELDS_OF_SVIX) { FIELDS_OF_SVIX } else { FIELDS };
    let [id_name, time_name, field] = names;
    let (id, time) = (word(fields, &id_name)?, once(fields, &time_name)?);
    of_now(time, wall, &time_name)?;
    let signatures = once(fields, &field)?
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .collect();
    let before = format!("{id}.{time}.").into();
    Ok(Claim { id: Some(id), event: None, field, before, signatures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidate::{Scheme, Secret};
    use http::HeaderValue;

    const NOW: Timestamp = Timestamp(1_614_265_330_000);
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: &str = "1614265330";
    /// Made with Python's hmac over `msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}`.
    const GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn fields(names: &[HeaderName; 3], values: [&str; 3]) -> HeaderMap {
        let pairs = names.iter().zip(values);
        pairs.map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn secret() -> Secret {
        Scheme::Standard.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn claimed(signature: &str) -> Claim {
        claim(&fields(&FIELDS, [ID, TIME, signature]), NOW).unwrap()
    }

    #[test]
    fn a_signature_made_elsewhere_holds_and_only_over_what_was_signed() {
        let wrong = Err(Unsigned::Wrong(FIELDS[2].clone()));
        let other = Scheme::Standard.secret("whsec_YW5vdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMuLi4uLi4=").unwrap();
        let keys = [other, secret()];
        assert_eq!(claimed(GOOD).verify(&keys, BODY), Ok(()));
        assert_eq!(claimed(&format!("v1a,xx v1,AAAA {GOOD}")).verify(&keys, BODY), Ok(()));
        assert_eq!(claimed(GOOD).verify(&keys[..1], BODY), wrong);
        assert_eq!(claimed(GOOD).verify(&keys, b"{}"), wrong);
        assert_eq!(claimed(&GOOD.replace("v1,", "v1a,")).verify(&keys, BODY), wrong);
        assert_eq!(claimed("").verify(&keys, BODY), wrong);
        assert_eq!(claimed(GOOD).verify(&[], BODY), wrong);
        let ninth = format!("{}{GOOD}", "v1,AAAA ".repeat(8));
        assert_eq!(claimed(&ninth).verify(&keys, BODY), wrong, "more signatures than are looked at");
    }

    #[test]
    fn svix_names_are_read_where_those_of_the_standard_are_not_there() {
        let svix = fields(&FIELDS_OF_SVIX, [ID, TIME, GOOD]);
        assert_eq!(claim(&svix, NOW).unwrap().verify(&[secret()], BODY), Ok(()));
        let mut mixed = svix.clone();
        mixed.remove(&FIELDS_OF_SVIX[2]);
        mixed.insert(FIELDS[2].clone(), HeaderValue::from_static(GOOD));
        assert_eq!(claim(&mixed, NOW), Err(Unsigned::Missing(FIELDS[0].clone())));
    }

    #[test]
    fn what_a_delivery_says_of_itself_must_be_there_once_and_be_of_now() {
        let read = |id: &str, time: &str| claim(&fields(&FIELDS, [id, time, GOOD]), NOW).err();
        let at = |offset: i64| (1_614_265_330_i64 + offset).to_string();
        assert_eq!(read("a", &at(300)), None);
        assert_eq!(read("a", &at(-300)), None);
        assert_eq!(read("a", &at(301)), Some(Unsigned::Expired(FIELDS[1].clone())));
        assert_eq!(read("a", &at(-301)), Some(Unsigned::Expired(FIELDS[1].clone())));
        for time in ["soon", "", "-1", "+1614265330", "99999999999999999999"] {
            assert_eq!(read("a", time), Some(Unsigned::Timestamp(FIELDS[1].clone())), "{time}");
        }
        assert_eq!(read("", &at(0)), Some(Unsigned::Word(FIELDS[0].clone())));
        assert_eq!(read(&"a".repeat(129), &at(0)), Some(Unsigned::Word(FIELDS[0].clone())));
        assert_eq!(claim(&HeaderMap::new(), NOW).err(), Some(Unsigned::Missing(FIELDS[0].clone())));
        let mut twice = fields(&FIELDS, ["a", &at(0), GOOD]);
        twice.append(FIELDS[0].clone(), HeaderValue::from_static("b"));
        assert_eq!(claim(&twice, NOW).err(), Some(Unsigned::Missing(FIELDS[0].clone())));
    }
}
