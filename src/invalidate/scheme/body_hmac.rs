//! A signature over the body alone: GitHub, Shopify, `WooCommerce`, and senders whose fields are configured. They say no time
//! that is signed, so a delivery is known by its id.

use super::Place;
use super::claim::{Claim, Unsigned, once, word};
use crate::crypto::unhex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In hexadecimal digits.
    Hex,
    /// In base64.
    Base64,
}

/// Where the event's name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventAt {
    /// In a field, which is not signed.
    Field(HeaderName),
    /// In the body.
    Body(Place),
}

/// Where such a sender says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyHmac {
    name: &'static str,
    encoding: Encoding,
    signature: HeaderName,
    id: Option<HeaderName>,
    event: EventAt,
    data: Place,
}

impl BodyHmac {
    pub(super) fn named(name: &str) -> Option<BodyHmac> {
        let field = HeaderName::from_static;
        let [signature, id, event] = match name {
            "github" => ["x-hub-signature-256", "x-github-delivery", "x-github-event"],
            "shopify" => ["x-shopify-hmac-sha256", "x-shopify-webhook-id", "x-shopify-topic"],
            "woocommerce" => ["x-wc-webhook-signature", "x-wc-webhook-delivery-id", "x-wc-webhook-topic"],
            "hmac-hex" | "hmac-base64" => ["x-webhook-signature", "x-webhook-id", ""],
            _ => return None,
        };
        let event = if event.is_empty() { EventAt::Body(Place::of("type")) } else { EventAt::Field(field(event)) };
        let own = |name, encoding| BodyHmac {
            name,
            encoding,
            signature: field(signature),
            id: Some(field(id)),
            event: event.clone(),
            data: Place::default(),
        };
        match name {
            "github" => Some(own("github", Encoding::Hex)),
            "shopify" => Some(own("shopify", Encoding::Base64)),
            "woocommerce" => Some(own("woocommerce", Encoding::Base64)),
            "hmac-hex" => Some(own("hmac-hex", Encoding::Hex)),
            _ => Some(own("hmac-base64", Encoding::Base64)),
        }
    }

    /// Whether its fields and places are for the configuration to say.
    pub fn is_configurable(&self) -> bool {
        matches!(self.name, "hmac-hex" | "hmac-base64")
    }

    /// The same with the signature in that field.
    #[must_use]
    pub fn signature_in(self, signature: HeaderName) -> BodyHmac {
        BodyHmac { signature, ..self }
    }

    /// The same with the id in that field, or without ids: then each delivery is taken.
    #[must_use]
    pub fn id_in(self, id: Option<HeaderName>) -> BodyHmac {
        BodyHmac { id, ..self }
    }

    /// The same with the event's name there.
    #[must_use]
    pub fn event_in(self, event: EventAt) -> BodyHmac {
        BodyHmac { event, ..self }
    }

    /// The same with the event's data there.
    #[must_use]
    pub fn data_in(self, data: Place) -> BodyHmac {
        BodyHmac { data, ..self }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn event(&self) -> &EventAt {
        &self.event
    }

    pub(super) fn data(&self) -> &Place {
        &self.data
    }

    pub(super) fn claim(&self, fields: &HeaderMap) -> Result<Claim, Unsigned> {
        let signature = once(fields, &self.signature)?;
        let id = self.id.as_ref().map(|name| word(fields, name)).transpose()?;
        let event = match &self.event {
            EventAt::Field(name) => Some(word(fields, name)?),
            EventAt::Body(_) => None,
        };
        // Many write the algorithm's name before it. That chooses nothing: there is only one.
        let written = signature.strip_prefix("sha256=").unwrap_or(signature);
        let read = match self.encoding {
            Encoding::Hex => unhex(written),
            Encoding::Base64 => STANDARD.decode(written).ok(),
        };
        let field = self.signature.clone();
        Ok(Claim { id, event, field, before: "".into(), signatures: read.into_iter().collect() })
    }

    /// When a webhook is saved, `WooCommerce` sends a form without a signature.
    pub(super) fn may_ping(&self, fields: &HeaderMap) -> bool {
        self.name == "woocommerce" && !fields.contains_key(&self.signature)
    }
}

/// Whether a body is that form: `webhook_id=7`, and nothing beside it.
pub(super) fn is_ping(body: &[u8]) -> bool {
    let number = body.strip_prefix(b"webhook_id=").unwrap_or_default();
    (1..=20).contains(&number.len()) && number.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidate::Scheme;
    use http::HeaderValue;

    const SECRET: &str = "It's a Secret to Everybody";
    /// GitHub's own example for that secret.
    const BODY: &[u8] = b"Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    /// The same bytes in base64.
    const BASE64: &str = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";

    type Line = (&'static str, &'static str);

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    fn holds(name: &str, lines: &[(&'static str, &str)]) -> bool {
        let scheme = Scheme::named(name).unwrap();
        let claim = scheme.claim(&fields(lines), crate::clock::Timestamp(0)).unwrap();
        claim.verify(&[scheme.secret(SECRET).unwrap()], BODY).is_ok()
    }

    /// Each sender's fields for signature, id and event; the latter two with a value.
    fn senders() -> Vec<(&'static str, &'static str, Vec<Line>)> {
        vec![
            ("github", "x-hub-signature-256", vec![("x-github-delivery", "1"), ("x-github-event", "release")]),
            (
                "shopify",
                "x-shopify-hmac-sha256",
                vec![("x-shopify-webhook-id", "1"), ("x-shopify-topic", "products/update")],
            ),
            (
                "woocommerce",
                "x-wc-webhook-signature",
                vec![("x-wc-webhook-delivery-id", "1"), ("x-wc-webhook-topic", "product.updated")],
            ),
            ("hmac-hex", "x-webhook-signature", vec![("x-webhook-id", "1")]),
            ("hmac-base64", "x-webhook-signature", vec![("x-webhook-id", "1")]),
        ]
    }

    #[test]
    fn a_signature_made_elsewhere_holds_for_every_sender_and_a_damaged_one_for_none() {
        for (name, field, rest) in senders() {
            let is_hex = ["github", "hmac-hex"].contains(&name);
            let (good, other) = if is_hex { (HEX, BASE64) } else { (BASE64, HEX) };
            let with = |signature: &str| holds(name, &[&rest[..], &[(field, signature)]].concat());
            assert!(with(good) && with(&format!("sha256={good}")), "{name}");
            let wrong = good.replacen('7', "8", 1).replacen('C', "D", 1);
            for bad in ["", other, &wrong, &good[..good.len() - 2], &format!("{good}00"), &format!("sha1={good}")] {
                assert!(!with(bad), "{name}: {bad}");
            }
        }
    }

    #[test]
    fn each_field_must_be_there_once() {
        for (name, field, rest) in senders() {
            let scheme = Scheme::named(name).unwrap();
            let read = |lines: &[(&'static str, &str)]| scheme.claim(&fields(lines), crate::clock::Timestamp(0)).err();
            let all = [&rest[..], &[(field, HEX)]].concat();
            assert_eq!(read(&all), None, "{name}");
            for left_out in 0..all.len() {
                let mut lines = all.clone();
                let (missing, _) = lines.remove(left_out);
                assert_eq!(read(&lines), Some(Unsigned::Missing(HeaderName::from_static(missing))), "{name}");
            }
            let mut twice = fields(&all);
            twice.append(HeaderName::from_static(field), HeaderValue::from_static(HEX));
            let refused = scheme.claim(&twice, crate::clock::Timestamp(0)).err();
            assert_eq!(refused, Some(Unsigned::Missing(HeaderName::from_static(field))), "{name}");
            let mut empty = all;
            empty[0].1 = "";
            assert_eq!(read(&empty), Some(Unsigned::Word(HeaderName::from_static(empty[0].0))), "{name}");
        }
    }

    #[test]
    fn a_ping_is_that_form_alone_and_only_one_senders() {
        let no_fields = HeaderMap::new();
        let woo = Scheme::named("woocommerce").unwrap();
        assert!(woo.is_ping(&no_fields, b"webhook_id=7"));
        assert!(!woo.is_ping(&fields(&[("x-wc-webhook-signature", "x")]), b"webhook_id=7"));
        for body in ["", "webhook_id=", "webhook_id=7&x=y", "webhook_id=-7", "webhook_id=777777777777777777777", "{}"] {
            assert!(!woo.is_ping(&no_fields, body.as_bytes()), "{body}");
        }
        for name in Scheme::NAMES.iter().filter(|name| **name != "woocommerce") {
            assert!(!Scheme::named(name).unwrap().is_ping(&no_fields, b"webhook_id=7"), "{name}");
        }
    }
}
