//! Stripe: one field with the time and one or several signatures over time and body. The id is in the body, and so signed.

use super::claim::{Claim, SIGNATURES_MAX, Unsigned, of_now, once};
use crate::clock::Timestamp;
use crate::crypto::unhex;
use http::{HeaderMap, HeaderName};

const FIELD: HeaderName = HeaderName::from_static("stripe-signature");

/// Reads `t=…,v1=…,v1=…`. Signatures of another version say nothing here: with `v0` among them, who does not know the secret
/// could choose the weakest.
pub(super) fn claim(fields: &HeaderMap, wall: Timestamp) -> Result<Claim, Unsigned> {
    let parts = || once(fields, &FIELD).map(|text| text.split(',').filter_map(|part| part.trim().split_once('=')));
    let mut times = parts()?.filter(|(name, _)| *name == "t").map(|(_, value)| value);
    let (Some(time), None) = (times.next(), times.next()) else { return Err(Unsigned::Timestamp(FIELD)) };
    of_now(time, wall, &FIELD)?;
    let signatures =
        parts()?.filter(|(name, _)| *name == "v1").take(SIGNATURES_MAX).filter_map(|(_, value)| unhex(value)).collect();
    Ok(Claim { id: None, event: None, field: FIELD, before: format!("{time}.").into(), signatures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidate::Scheme;
    use http::HeaderValue;

    const NOW: Timestamp = Timestamp(1_614_265_330_000);
    /// Made with Python's hmac, the key being all of the text `whsec_test_secret_of_a_shop`, over `1614265330.{"id":"evt_1"}`.
    const GOOD: &str = "0104ef7fb5f50e64c492d7dedc2866d0b87d08c312fd619e2fc9d2ab9efe023e";
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn read(field: &str) -> Result<Claim, Unsigned> {
        claim(&[(FIELD, HeaderValue::from_str(field).unwrap())].into_iter().collect(), NOW)
    }

    fn holds(field: &str) -> bool {
        let secret = Scheme::Stripe.secret("whsec_test_secret_of_a_shop").unwrap();
        read(field).unwrap().verify(&[secret], BODY).is_ok()
    }

    #[test]
    fn a_signature_made_elsewhere_holds_among_others_and_not_in_another_version() {
        assert!(holds(&format!("t=1614265330,v1={GOOD}")));
        assert!(holds(&format!("t=1614265330, v1={}, v1={GOOD}, v0=00", "0".repeat(64))));
        assert!(!holds(&format!("t=1614265330,v0={GOOD}")));
        assert!(!holds(&format!("t=1614265331,v1={GOOD}")), "the time is signed");
        assert!(!holds(&format!("t=1614265330,v1={}", &GOOD[..62])), "cut short");
        assert!(!holds("t=1614265330"));
        assert!(!holds("t=1614265330,v1=,v1=zz"));
    }

    #[test]
    fn the_time_must_be_there_once_and_be_of_now() {
        let at = |offset: i64| read(&format!("t={},v1=00", 1_614_265_330_i64 + offset)).err();
        assert_eq!((at(300), at(-300)), (None, None));
        assert_eq!((at(301), at(-301)), (Some(Unsigned::Expired(FIELD)), Some(Unsigned::Expired(FIELD))));
        for field in ["", "v1=00", "t=,v1=00", "t=soon,v1=00", "t=1614265330,t=1614265330,v1=00"] {
            assert_eq!(read(field), Err(Unsigned::Timestamp(FIELD)), "{field}");
        }
        assert_eq!(claim(&HeaderMap::new(), NOW), Err(Unsigned::Missing(FIELD)));
    }
}
