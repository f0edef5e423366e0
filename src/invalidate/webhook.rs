//! Webhooks, taken in: who sent one is seen first, over its raw bytes, then what it says, and only then the ledger is asked.

use super::answer::{json_response, recorded, refused, status_of};
use super::service::{Invalidator, status};
use super::signature::Claim;
use super::{Settings, WebhookSettings, events};
use crate::body::Body;
use crate::ledger::Receipt;
use crate::observe::{DeliveryResult, PurgeResult};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a webhook's body; read before anything is computed over it (row C5).
const WEBHOOK_BYTES_MAX: usize = 64 * 1024;
/// For a webhook's whole body.
const WEBHOOK_BODY_TIMEOUT: Duration = Duration::from_secs(10);

impl Invalidator {
    /// Answers a webhook.
    pub async fn webhook(&self, head: &Parts, body: Body) -> Response<Body> {
        let settings = self.settings.load_full();
        let webhook = settings.webhooks.iter().find(|webhook| *webhook.path == *head.uri.path());
        let Some(webhook) = webhook.filter(|webhook| !webhook.secrets.is_empty()) else {
            return refused(StatusCode::NOT_FOUND, "off", "there is no webhook here");
        };
        if head.method != Method::POST {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "method", "a webhook is a POST");
        }
        let (result, response) = self.deliver(&settings, webhook, &head.headers, body).await;
        self.observer.delivered(result);
        if !matches!(result, DeliveryResult::Accepted | DeliveryResult::Repeated) {
            tracing::warn!(path = %webhook.path, result = result.as_str(), "a webhook was not carried out");
        }
        response
    }

    async fn deliver(
        &self,
        settings: &Settings,
        webhook: &WebhookSettings,
        fields: &HeaderMap,
        body: Body,
    ) -> (DeliveryResult, Response<Body>) {
        let unsigned = |error: &dyn std::fmt::Display| {
            (DeliveryResult::Unsigned, refused(StatusCode::UNAUTHORIZED, "signature", &error.to_string()))
        };
        let claim = match Claim::read(fields, self.clock.wall()) {
            Ok(claim) => claim,
            Err(error) => return unsigned(&error),
        };
        let body = match read_body(body).await {
            Ok(body) => body,
            Err((status, message)) => return (DeliveryResult::Malformed, refused(status, "body", message)),
        };
        if let Err(error) = claim.verify(&webhook.secrets, &body) {
            return unsigned(&error);
        }
        self.take(settings, webhook, &claim.id, &body).await
    }

    /// Carries out a delivery whose signature holds.
    async fn take(
        &self,
        settings: &Settings,
        webhook: &WebhookSettings,
        id: &str,
        body: &[u8],
    ) -> (DeliveryResult, Response<Body>) {
        let malformed = |status, message: &str| (DeliveryResult::Malformed, refused(status, "payload", message));
        let Ok(payload) = serde_json::from_slice::<Value>(body) else {
            return malformed(StatusCode::BAD_REQUEST, "the payload is not JSON");
        };
        let Some(event) = payload.get("type").and_then(Value::as_str) else {
            return malformed(StatusCode::BAD_REQUEST, "the payload has no \"type\" that is a text");
        };
        let rule = settings.events.iter().find(|rule| *rule.event == *event);
        let reason = format!("{event} {id}");
        let data = payload.get("data").unwrap_or(&Value::Null);
        let asked = rule
            .map(|rule| events::expand(rule, data, &settings.query, settings.sessions.as_ref(), &reason))
            .transpose();
        let asked = match asked {
            Ok(asked) => asked.unwrap_or_default(),
            Err(too_many) => return malformed(StatusCode::UNPROCESSABLE_ENTITY, &too_many.to_string()),
        };
        if let Some(first) = asked.skipped.first() {
            tracing::warn!(
                event,
                id,
                skipped = asked.skipped.len(),
                first,
                "a part of an event's rule came to nothing"
            );
        }
        let matched = self.count(&asked.invalidations).await;
        let answer = |receipt: &Receipt| -> Box<str> {
            let mut answer = recorded(receipt, &asked.invalidations, &matched);
            answer["event"] = json!(event);
            answer["matched_rule"] = json!(rule.is_some());
            if !asked.skipped.is_empty() {
                answer["skipped"] = json!(asked.skipped);
            }
            answer.to_string().into()
        };
        // Ids of two webhooks are two ids.
        let since = self.clock.stopwatch();
        let delivery_id = format!("{} {id}", webhook.path);
        match self.ledger.deliver(&delivery_id, asked.invalidations.clone(), settings.wait, answer).await {
            Ok(delivered) => {
                let result = match (delivered.repeat, rule) {
                    (true, _) => DeliveryResult::Repeated,
                    (false, Some(_)) => DeliveryResult::Accepted,
                    (false, None) => DeliveryResult::Unknown,
                };
                let answer: Value = serde_json::from_str(&delivered.answer).unwrap_or_default();
                if !delivered.repeat {
                    let confirmed = answer["confirmed"] == true;
                    let result = if confirmed { PurgeResult::Confirmed } else { PurgeResult::Unconfirmed };
                    self.tell(&asked.invalidations, result, &since);
                }
                (result, json_response(status_of(&answer), &delivered.answer))
            }
            Err(error) => {
                self.tell(&asked.invalidations, PurgeResult::Failed, &since);
                (DeliveryResult::Failed, refused(status(&error), "not-recorded", &error.to_string()))
            }
        }
    }
}

async fn read_body(body: Body) -> Result<Bytes, (StatusCode, &'static str)> {
    match timeout(WEBHOOK_BODY_TIMEOUT, Limited::new(body, WEBHOOK_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "the payload has more than 64 KiB"))
        }
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the payload broke off")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the payload did not come in time")),
    }
}
