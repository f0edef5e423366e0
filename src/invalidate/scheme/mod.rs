//! The ways in which senders sign webhooks, one file for each family. Pure: fields, bytes and the moment go in.
//!
//! A delivery is believed in two steps. [`Scheme::claim`] reads what its fields say, before the body has come, and refuses
//! what is too old or too new; [`Claim::verify`] holds the raw bytes against it, before anything is parsed (row C5). Only
//! then [`Scheme::understand`] looks at what it says.

mod body_hmac;
mod claim;
mod place;
mod secret;
mod standard;
mod stripe;

pub use body_hmac::{BodyHmac, Encoding, EventAt};
pub use place::Place;
pub use secret::{BadSecret, Secret};

pub(super) use claim::{Claim, Unsigned};

use crate::clock::Timestamp;
use crate::crypto::{digest_128, hex};
use http::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// How long a sender may wait for its answer where it gives up after ten seconds or more, as all but Shopify do.
const PATIENCE: Duration = Duration::from_secs(9);
/// Shopify gives up after five seconds, of which connecting may take one.
const SHOPIFY_PATIENCE: Duration = Duration::from_millis(3_500);
/// Bytes of a body that our own shop sends.
const SMALL_BODY: usize = 64 * 1024;
/// The same where the sender decides: a product with all its variants, a push with all its commits.
const LARGE_BODY: usize = 1024 * 1024;

/// How a webhook is signed, and where it says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks 1.0, also with the field names of Svix.
    Standard,
    /// Stripe.
    Stripe,
    /// A signature over the body alone: GitHub, Shopify, `WooCommerce` and what is configured.
    Body(BodyHmac),
}

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    /// The sender's id for it; none where the scheme has none.
    pub(super) id: Option<Box<str>>,
    pub(super) event: Box<str>,
    pub(super) data: &'a Value,
}

/// What a payload should say, and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSaid {
    #[error("the payload has no \"{0}\" that is a text")]
    Event(Place),
    #[error("the payload has no \"{0}\" of 1 to 128 visible characters")]
    Id(Place),
    #[error("its event's name came in a field that is not known any more")]
    EventField,
}

impl Scheme {
    /// Every name that `scheme` in the configuration may have.
    pub const NAMES: [&str; 7] =
        ["standard-webhooks", "github", "shopify", "woocommerce", "stripe", "hmac-hex", "hmac-base64"];

    /// The scheme of that name, with the sender's own fields, or those that are usual.
    pub fn named(name: &str) -> Option<Scheme> {
        match name {
            "standard-webhooks" => Some(Scheme::Standard),
            "stripe" => Some(Scheme::Stripe),
            _ => BodyHmac::named(name).map(Scheme::Body),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Scheme::Standard => "standard-webhooks",
            Scheme::Stripe => "stripe",
            Scheme::Body(own) => own.name(),
        }
    }

    /// The key that a configured secret stands for: only Standard Webhooks wants it decoded.
    ///
    /// # Errors
    /// It is none, or too weak.
    pub fn secret(&self, text: &str) -> Result<Secret, BadSecret> {
        match self {
            Scheme::Standard => Secret::decoded(text),
            Scheme::Stripe | Scheme::Body(_) => Secret::as_written(text),
        }
    }

    /// Within what an answer has to be with the sender.
    pub(super) fn patience(&self) -> Duration {
        if self.name() == "shopify" { SHOPIFY_PATIENCE } else { PATIENCE }
    }

    /// Bytes of a body, at most.
    pub(super) fn body_bytes_max(&self) -> usize {
        if *self == Scheme::Standard { SMALL_BODY } else { LARGE_BODY }
    }

    /// What a delivery's fields say of it.
    pub(super) fn claim(&self, fields: &HeaderMap, wall: Timestamp) -> Result<Claim, Unsigned> {
        match self {
            Scheme::Standard => standard::claim(fields, wall),
            Scheme::Stripe => stripe::claim(fields, wall),
            Scheme::Body(own) => own.claim(fields),
        }
    }

    /// Whether it is the unsigned form that tries out whether somebody listens. It must be answered with 200, and says
    /// nothing.
    pub(super) fn is_ping(&self, fields: &HeaderMap, body: &[u8]) -> bool {
        matches!(self, Scheme::Body(own) if own.may_ping(fields) && body_hmac::is_ping(body))
    }

    /// Whether it may be such a form, as long as its body has not been looked at.
    pub(super) fn may_ping(&self, fields: &HeaderMap) -> bool {
        matches!(self, Scheme::Body(own) if own.may_ping(fields))
    }

    /// What a delivery says, from its fields and its payload.
    pub(super) fn understand<'a>(
        &self,
        id: Option<&str>,
        event: Option<&str>,
        payload: &'a Value,
    ) -> Result<Said<'a>, NotSaid> {
        let own = |text: &str| Box::from(text);
        match self {
            Scheme::Standard => {
                let event = event_at(payload, &Place::of("type"))?;
                Ok(Said { id: id.map(own), event, data: Place::of("data").value_or_null(payload) })
            }
            Scheme::Stripe => {
                let id = Place::of("id");
                let found = id.text(payload).filter(|id| claim::is_id(id));
                let found = found.map(own).ok_or(NotSaid::Id(id))?;
                let event = event_at(payload, &Place::of("type"))?;
                Ok(Said { id: Some(found), event, data: Place::of("data").value_or_null(payload) })
            }
            Scheme::Body(scheme) => {
                let event = match scheme.event() {
                    EventAt::Field(_) => event.map(own).ok_or(NotSaid::EventField)?,
                    EventAt::Body(place) => event_at(payload, place)?,
                };
                Ok(Said { id: id.map(own), event, data: scheme.data().value_or_null(payload) })
            }
        }
    }

    /// What a delivery is known by, so that it is taken once; none where the sender gives it no id.
    ///
    /// An id that is not signed could be put on something else, whose answer a later delivery of that id would then get: there,
    /// what it says is a part of it.
    pub(super) fn identity(&self, path: &str, said: &Said<'_>, body: &[u8]) -> Option<String> {
        let id = said.id.as_deref()?;
        match self {
            Scheme::Standard | Scheme::Stripe => Some(format!("{path} {id}")),
            Scheme::Body(_) => {
                let whole = [said.event.as_bytes(), b"\0", body].concat();
                Some(format!("{path} {id} {}", hex(&digest_128(&whole))))
            }
        }
    }
}

fn event_at(payload: &Value, place: &Place) -> Result<Box<str>, NotSaid> {
    place.text(payload).map(Box::from).ok_or_else(|| NotSaid::Event(place.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    proptest::proptest! {
        /// Whatever a stranger sends is refused in words, and never a panic.
        #[test]
        fn no_stranger_is_believed(
            lines in proptest::collection::vec(("[ -~\\x80-\\xff]{0,80}", proptest::bool::ANY), 10),
            body in "(webhook_id=[0-9]{0,3}|\\PC{0,60}|\\{\"(id|type|data)\":[\"0-9a-z{}\\[\\]]{0,9}\\})",
        ) {
            const NAMES: [&str; 10] = [
                "webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature", "x-hub-signature-256",
                "x-github-delivery", "x-github-event", "x-shopify-hmac-sha256", "x-webhook-signature", "x-webhook-id",
            ];
            let now = Timestamp(1_614_265_330_000);
            let line = |(name, (text, is_good)): (&&'static str, &(String, bool))| {
                let good = match *name {
                    "stripe-signature" => "t=1614265330,v1=00",
                    "webhook-timestamp" => "1614265330",
                    _ => "1",
                };
                let text = if *is_good { good } else { text };
                http::HeaderValue::from_bytes(text.as_bytes()).ok().map(|value| (http::HeaderName::from_static(name), value))
            };
            let fields: HeaderMap = NAMES.iter().zip(&lines).filter_map(line).collect();
            for name in Scheme::NAMES {
                let scheme = Scheme::named(name).unwrap();
                let secret = scheme.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
                if let Ok(claim) = scheme.claim(&fields, now) {
                    proptest::prop_assert!(claim.verify(&[secret], body.as_bytes()).is_err());
                }
                if let Ok(payload) = serde_json::from_str(&body) {
                    let _ = scheme.understand(None, None, &payload);
                }
                let _ = scheme.is_ping(&fields, body.as_bytes());
            }
        }
    }

    #[test]
    fn every_name_is_a_schemes_own() {
        for name in Scheme::NAMES {
            assert_eq!(Scheme::named(name).unwrap().name(), name);
        }
        assert_eq!(Scheme::named("saleor"), None);
    }

    #[test]
    fn each_sender_says_its_event_where_it_does_and_its_data_too() {
        let payload = json!({"id": "evt_1", "type": "t", "event": "e", "data": {"object": {"id": 7}}, "slug": "lamp"});
        let table = [
            ("standard-webhooks", "t", payload["data"].clone(), Some("of the field")),
            ("stripe", "t", payload["data"].clone(), Some("evt_1")),
            ("github", "in a field", payload.clone(), Some("of the field")),
            ("shopify", "in a field", payload.clone(), Some("of the field")),
            ("woocommerce", "in a field", payload.clone(), Some("of the field")),
            ("hmac-hex", "t", payload.clone(), Some("of the field")),
            ("hmac-base64", "t", payload.clone(), Some("of the field")),
        ];
        for (name, event, data, id) in table {
            let scheme = Scheme::named(name).unwrap();
            let said = scheme.understand(Some("of the field"), Some("in a field"), &payload).unwrap();
            assert_eq!((&*said.event, said.data, said.id.as_deref()), (event, &data, id), "{name}");
        }
    }

    #[test]
    fn what_a_payload_does_not_say_is_named() {
        let refused = |name: &str, payload: &Value| {
            let scheme = Scheme::named(name).unwrap();
            scheme.understand(Some("id"), None, payload).unwrap_err().to_string()
        };
        assert_eq!(refused("standard-webhooks", &json!({"type": 7})), r#"the payload has no "type" that is a text"#);
        assert_eq!(
            refused("stripe", &json!({"type": "t", "id": "two words"})),
            r#"the payload has no "id" of 1 to 128 visible characters"#
        );
        assert_eq!(refused("hmac-hex", &json!([])), r#"the payload has no "type" that is a text"#);
    }

    #[test]
    fn an_id_that_is_not_signed_stands_only_for_what_came_with_it() {
        let identity = |name: &str, event: &str, body: &[u8]| {
            let said = Said { id: Some("1".into()), event: event.into(), data: &Value::Null };
            Scheme::named(name).unwrap().identity("/w", &said, body)
        };
        assert_eq!(identity("standard-webhooks", "e", b"{}").as_deref(), Some("/w 1"));
        assert_eq!(identity("stripe", "e", b"{}").as_deref(), Some("/w 1"));
        for name in ["github", "shopify", "woocommerce", "hmac-hex", "hmac-base64"] {
            assert_eq!(identity(name, "e", b"{}"), identity(name, "e", b"{}"));
            assert_ne!(identity(name, "e", b"{}"), identity(name, "e", b"{ }"));
            assert_ne!(identity(name, "e", b"{}"), identity(name, "f", b"{}"));
        }
        let unnamed = Said { id: None, event: "e".into(), data: &Value::Null };
        assert_eq!(Scheme::named("hmac-hex").unwrap().identity("/w", &unnamed, b"{}"), None);
    }
}
