//! Webhooks, taken in: who sent one is seen first, over its raw bytes, then what it says, and only then the ledger is asked.
//! The sender is answered before it gives up, with a 2xx only for what is durable.

use super::answer::{json_response, looked_at_again, recorded, refused, status_of};
use super::events::{self, Asked};
use super::payload::Unread;
use super::scheme::{Claim, Said, Unsigned};
use super::service::{Invalidator, status};
use super::{EventRule, Settings, WebhookSettings};
use crate::body::Body;
use crate::clock::Timestamp;
use crate::ledger::{Arrival, Delivered, LedgerError, Receipt};
use crate::observe::{DeliveryResult, PurgeResult};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::fmt::Display;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Of a sender's patience, what is left for the answer when other proxies are waited for no longer.
const ANSWER_TIME: Duration = Duration::from_millis(500);
/// Bytes of a ping; more is not read where there is no signature.
const PING_BYTES_MAX: usize = 64;

/// What became of a delivery, and what its sender is told.
#[derive(Debug)]
struct Told {
    result: DeliveryResult,
    status: StatusCode,
    /// The word for programs in a refusal.
    code: Option<&'static str>,
    /// The answer's JSON, or a refusal's sentence for people.
    text: Box<str>,
    /// As far as they are known: the sender's id, the event, and the body where the signature holds.
    id: Option<Box<str>>,
    event: Option<Box<str>>,
    signed: Option<Bytes>,
}

impl Told {
    fn answered(result: DeliveryResult, status: StatusCode, text: Box<str>) -> Told {
        Told { result, status, code: None, text, id: None, event: None, signed: None }
    }

    fn refused(result: DeliveryResult, status: StatusCode, code: &'static str, message: &dyn Display) -> Told {
        Told { code: Some(code), ..Told::answered(result, status, message.to_string().into()) }
    }

    fn unsigned(error: &Unsigned) -> Told {
        Told::refused(DeliveryResult::Unsigned, StatusCode::UNAUTHORIZED, "signature", error)
    }

    fn unread(error: Unread) -> Told {
        let result = if error == Unread::NoRoom { DeliveryResult::Failed } else { DeliveryResult::Malformed };
        Told::refused(result, error.status(), "body", &error)
    }

    fn malformed(status: StatusCode, message: &dyn Display) -> Told {
        Told::refused(DeliveryResult::Malformed, status, "payload", message)
    }

    /// The same with what its fields say of it.
    fn of(self, claim: &Claim) -> Told {
        Told { id: self.id.or_else(|| claim.id.clone()), event: self.event.or_else(|| claim.event.clone()), ..self }
    }

    /// As the inbox keeps it.
    fn arrival(&self, webhook: &WebhookSettings, time: Timestamp) -> Arrival {
        let refusal = |code| json!({ "status": "error", "code": code, "message": self.text }).to_string().into();
        Arrival {
            time,
            path: webhook.path.clone(),
            scheme: webhook.scheme.name().into(),
            id: self.id.clone(),
            event: self.event.clone(),
            verdict: self.result.as_str().into(),
            answer: self.code.map_or_else(|| self.text.clone(), refusal),
            is_signed: self.signed.is_some(),
            body: self.signed.clone(),
            ..Arrival::default()
        }
    }

    fn response(&self) -> Response<Body> {
        match self.code {
            Some(code) => refused(self.status, code, &self.text),
            None => json_response(self.status, &self.text),
        }
    }
}

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
        let told = self.deliver(&settings, webhook, &head.headers, body).await;
        self.observer.delivered(told.result);
        self.keep(told.result, told.arrival(webhook, self.clock.wall()));
        let is_well =
            matches!(told.result, DeliveryResult::Accepted | DeliveryResult::Repeated | DeliveryResult::Pinged);
        if !is_well {
            let why = told.code.map(|_| &*told.text);
            tracing::warn!(path = %webhook.path, result = told.result.as_str(), why, "a webhook was not carried out");
        }
        told.response()
    }

    /// Puts a delivery into the inbox, or counts it where the same is there with as much to say.
    fn keep(&self, result: DeliveryResult, arrival: Arrival) {
        let verdict = arrival.verdict.clone();
        match result {
            DeliveryResult::Pinged => {}
            DeliveryResult::Repeated => {
                self.inbox.add_or_count(arrival, |before| *before.verdict != *DeliveryResult::Failed.as_str());
            }
            DeliveryResult::Unknown | DeliveryResult::Malformed | DeliveryResult::Failed if arrival.is_signed => {
                self.inbox.add_or_count(arrival, |before| before.verdict == verdict);
            }
            _ => self.inbox.add(arrival),
        }
    }

    async fn deliver(&self, settings: &Settings, webhook: &WebhookSettings, fields: &HeaderMap, body: Body) -> Told {
        let scheme = &webhook.scheme;
        let until = Instant::now() + scheme.patience();
        let claim = scheme.claim(fields, self.clock.wall());
        // What is not believed anyhow is not read, but for a ping: that bears no signature.
        if let Err(unsigned) = &claim
            && !scheme.may_ping(fields)
        {
            return Told::unsigned(unsigned);
        }
        let max = if claim.is_ok() { scheme.body_bytes_max() } else { PING_BYTES_MAX };
        let payload = self.room.read(body, max, until).await;
        if payload.as_ref().is_ok_and(|payload| scheme.is_ping(fields, &payload.bytes)) {
            let text = json!({ "status": "ok", "ping": true }).to_string().into();
            return Told::answered(DeliveryResult::Pinged, StatusCode::OK, text);
        }
        let (claim, payload) = match (claim, payload) {
            (Err(unsigned), _) => return Told::unsigned(&unsigned),
            (Ok(claim), Err(unread)) => return Told::unread(unread).of(&claim),
            (Ok(claim), Ok(payload)) => (claim, payload),
        };
        match claim.verify(&webhook.secrets, &payload.bytes) {
            Ok(()) => {
                let told = self.take(settings, webhook, &claim, &payload.bytes, until).await;
                Told { signed: Some(payload.bytes.clone()), ..told.of(&claim) }
            }
            Err(unsigned) => Told::unsigned(&unsigned).of(&claim),
        }
    }

    /// Carries out a delivery whose signature holds.
    async fn take(
        &self,
        settings: &Settings,
        webhook: &WebhookSettings,
        claim: &Claim,
        body: &[u8],
        until: Instant,
    ) -> Told {
        let Ok(payload) = serde_json::from_slice::<Value>(body) else {
            let message = "the payload is not JSON; where its sender has a choice, choose application/json";
            return Told::malformed(StatusCode::BAD_REQUEST, &message);
        };
        let said = match webhook.scheme.understand(claim.id.as_deref(), claim.event.as_deref(), &payload) {
            Ok(said) => said,
            Err(not_said) => return Told::malformed(StatusCode::BAD_REQUEST, &not_said),
        };
        let told = self.carry_out(settings, webhook, &said, body, until).await;
        Told { id: said.id, event: Some(said.event), ..told }
    }

    /// Carries out what a delivery says.
    async fn carry_out(
        &self,
        settings: &Settings,
        webhook: &WebhookSettings,
        said: &Said<'_>,
        body: &[u8],
        until: Instant,
    ) -> Told {
        let identity = webhook.scheme.identity(&webhook.path, said, body);
        let Some(rule) = settings.events.iter().find(|rule| *rule.event == *said.event) else {
            return self.unknown(identity.as_deref(), said);
        };
        let asked = match asked(rule, said, settings) {
            Ok(asked) => asked,
            Err(too_many) => return Told::malformed(StatusCode::UNPROCESSABLE_ENTITY, &too_many),
        };
        let matched = self.count(&asked.invalidations).await;
        let answer = |receipt: &Receipt, earlier: Option<&str>| -> Box<str> {
            // What was asked for then is what was purged, whatever the rules say now.
            if let Some(earlier) = earlier.and_then(|earlier| serde_json::from_str(earlier).ok()) {
                return looked_at_again(earlier, receipt).to_string().into();
            }
            let mut answer = recorded(receipt, &asked.invalidations, &matched);
            answer["event"] = json!(said.event);
            answer["matched_rule"] = json!(true);
            if !asked.skipped.is_empty() {
                answer["skipped"] = json!(asked.skipped);
            }
            answer.to_string().into()
        };
        let since = self.clock.stopwatch();
        let wait = until.saturating_duration_since(Instant::now()).saturating_sub(ANSWER_TIME).min(settings.wait);
        let recorded = self.record_once(identity, &asked, wait, answer);
        // Left alone, what was begun goes on behind; the sender is told to send it again.
        let recorded = timeout_at(until, recorded).await;
        match recorded.unwrap_or_else(|_| Err(LedgerError::Slow(webhook.scheme.patience()))) {
            Ok(delivered) => {
                let answer: Value = serde_json::from_str(&delivered.answer).unwrap_or_default();
                if !delivered.repeat {
                    let confirmed = answer["confirmed"] == true;
                    let result = if confirmed { PurgeResult::Confirmed } else { PurgeResult::Unconfirmed };
                    self.tell(&asked.invalidations, result, &since);
                }
                let result = if delivered.repeat { DeliveryResult::Repeated } else { DeliveryResult::Accepted };
                Told::answered(result, status_of(&answer), delivered.answer)
            }
            Err(error) => {
                self.tell(&asked.invalidations, PurgeResult::Failed, &since);
                Told::refused(DeliveryResult::Failed, status(&error), "not-recorded", &error)
            }
        }
    }

    /// Answers an event that no rule speaks of. It is not remembered: sent again when a rule was written, it is taken.
    fn unknown(&self, identity: Option<&str>, said: &Said<'_>) -> Told {
        let known = identity.and_then(|identity| self.ledger.delivery(identity));
        if let Some(answer) = known {
            let status = status_of(&serde_json::from_str(&answer).unwrap_or_default());
            return Told::answered(DeliveryResult::Repeated, status, answer);
        }
        let answer =
            json!({ "status": "ok", "confirmed": true, "purged": [], "event": said.event, "matched_rule": false });
        Told::answered(DeliveryResult::Unknown, StatusCode::OK, answer.to_string().into())
    }

    /// Records what a delivery asks for: once for each identity, and each time where it has none.
    async fn record_once(
        &self,
        identity: Option<String>,
        asked: &Asked,
        wait: Duration,
        answer: impl FnOnce(&Receipt, Option<&str>) -> Box<str> + Send,
    ) -> Result<Delivered, LedgerError> {
        let invalidations = asked.invalidations.clone();
        if let Some(identity) = identity {
            return self.ledger.deliver(&identity, invalidations, wait, answer).await;
        }
        let receipt = self.ledger.append(invalidations).await?;
        let receipt = self.ledger.confirm(receipt, wait).await;
        Ok(Delivered { answer: answer(&receipt, None), repeat: false })
    }
}

/// What a delivery asks for by its event's rule.
fn asked(rule: &EventRule, said: &Said<'_>, settings: &Settings) -> Result<Asked, events::TooMany> {
    let id = said.id.as_deref();
    let reason = id.map_or_else(|| said.event.to_string(), |id| format!("{} {id}", said.event));
    let asked = events::expand(rule, said.data, &settings.query, settings.sessions.as_ref(), &reason)?;
    if let Some(first) = asked.skipped.first() {
        let skipped = asked.skipped.len();
        tracing::warn!(event = %said.event, id, skipped, first, "a part of an event's rule came to nothing");
    }
    Ok(asked)
}
