//! What a kept webhook asks for, read again by the settings of now: a rule that was missing may have been written since. Pure.

use super::Settings;
use super::events::{self, Asked};
use crate::ledger::Arrival;
use serde_json::Value;

/// What an arrival asks for.
///
/// # Errors
/// Why it cannot be carried out, in words for the person who wants it.
pub(super) fn asked(arrival: &Arrival, settings: &Settings) -> Result<Asked, String> {
    let Arrival { number, path, scheme, .. } = arrival;
    if !arrival.is_signed {
        return Err(format!("delivery {number} was not signed as it should be; it is never carried out"));
    }
    let body = arrival.body.as_ref();
    let body = body.ok_or_else(|| format!("the body of delivery {number} was too large to be kept"))?;
    let webhook = settings.webhooks.iter().find(|own| *own.path == **path && own.scheme.name() == &**scheme);
    let webhook =
        webhook.ok_or_else(|| format!("no webhook {path} with the scheme {scheme} is configured any more"))?;
    let payload: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body of delivery {number} is not JSON: {error}"))?;
    let said = webhook.scheme.understand(arrival.id.as_deref(), arrival.event.as_deref(), &payload);
    let said = said.map_err(|not_said| format!("delivery {number}: {not_said}"))?;
    let rule = settings.events.iter().find(|rule| *rule.event == *said.event);
    let rule = rule.ok_or_else(|| format!("no rule under invalidation.events speaks of {:?}", said.event))?;
    let reason = format!("{} {}, delivery {number} again", said.event, said.id.as_deref().unwrap_or_default());
    events::expand(rule, said.data, &settings.query, settings.sessions.as_ref(), &reason)
        .map_err(|too_many| too_many.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidate::{EventRule, Scheme, Template, WebhookSettings};
    use std::time::Duration;

    fn settings() -> Settings {
        let rule = EventRule {
            event: "products/update".into(),
            tags: [Template::parse("product:{id}").unwrap()].into(),
            urls: [].into(),
            soft: false,
            settle: Duration::ZERO,
        };
        let scheme = Scheme::named("shopify").unwrap();
        let webhook = WebhookSettings { path: "/w".into(), scheme, secrets: [].into() };
        Settings { webhooks: [webhook].into(), events: [rule].into(), ..Settings::default() }
    }

    fn arrival() -> Arrival {
        Arrival {
            number: 7,
            path: "/w".into(),
            scheme: "shopify".into(),
            id: Some("a".into()),
            event: Some("products/update".into()),
            is_signed: true,
            body: Some(r#"{"id":12}"#.into()),
            ..Arrival::default()
        }
    }

    #[test]
    fn a_delivery_asks_for_what_the_rules_of_now_say() {
        let asked = asked(&arrival(), &settings()).unwrap();
        let own = &asked.invalidations[0];
        assert_eq!(
            (own.scope.to_string().as_str(), &*own.reason),
            ("tag product:12", "products/update a, delivery 7 again")
        );
    }

    #[test]
    fn what_cannot_be_carried_out_says_why() {
        let refused = |arrival: Arrival| asked(&arrival, &settings()).unwrap_err();
        for (changed, expected) in [
            (Arrival { is_signed: false, body: None, ..arrival() }, "was not signed as it should be"),
            (Arrival { body: None, ..arrival() }, "was too large to be kept"),
            (Arrival { path: "/gone".into(), ..arrival() }, "no webhook /gone with the scheme shopify"),
            (Arrival { scheme: "github".into(), ..arrival() }, "no webhook /w with the scheme github"),
            (Arrival { body: Some("{".into()), ..arrival() }, "is not JSON"),
            (Arrival { event: None, ..arrival() }, "its event's name came in a field"),
            (Arrival { event: Some("products/create".into()), ..arrival() }, r#"speaks of "products/create""#),
        ] {
            let told = refused(changed);
            assert!(told.contains(expected), "{told}");
        }
    }
}
