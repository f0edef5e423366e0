//! The inbox as the API shows it: webhooks as they came, and what became of them.

use super::query::Query;
use super::{Backstage, Refusal};
use crate::ledger::Arrival;
use crate::observe::rfc3339;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 2_000;

/// Webhooks that came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveriesShown {
    /// The newest first.
    pub deliveries: Vec<DeliveryShown>,
}

/// One of them in its wire form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryShown {
    /// Its number on this proxy.
    pub number: u64,
    /// When, as RFC 3339 has it.
    pub time: String,
    /// The webhook's path.
    pub path: String,
    /// Its scheme.
    pub scheme: String,
    /// The sender's id for it.
    pub id: Option<String>,
    /// Its event.
    pub event: Option<String>,
    /// What became of it, in the word of the metric.
    pub verdict: String,
    /// Whether its signature held.
    pub signed: bool,
    /// What its sender was answered: what was purged, or why not.
    pub answer: Value,
    /// How often it came again since the proxy's start.
    pub repeats: u64,
    /// When it was last carried out by hand.
    pub replayed: Option<String>,
    /// Bytes of its body, where that is kept.
    pub body_bytes: Option<u64>,
    /// The body itself, where one delivery was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// The newest that are kept, or the one whose number is asked for.
pub(super) fn deliveries(backstage: &impl Backstage, query: Option<&str>) -> Result<DeliveriesShown, Refusal> {
    let mut query = Query::read(query, &["limit", "number"])?;
    let limit = query.take_number("limit", LIMIT, LIMIT_MAX)?;
    let number = query.take_number("number", 0, u64::MAX)?;
    if number == 0 {
        let newest = backstage.arrivals(usize::try_from(limit).unwrap_or(usize::MAX));
        return Ok(DeliveriesShown { deliveries: newest.iter().map(|arrival| shown(arrival)).collect() });
    }
    let missing = || Refusal::new(StatusCode::NOT_FOUND, format!("no delivery {number} is kept"));
    let arrival = backstage.arrival(number).ok_or_else(missing)?;
    let body = arrival.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
    Ok(DeliveriesShown { deliveries: vec![DeliveryShown { body, ..shown(&arrival) }] })
}

fn shown(arrival: &Arrival) -> DeliveryShown {
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_string);
    DeliveryShown {
        number: arrival.number,
        time: rfc3339(arrival.time).to_string(),
        path: arrival.path.to_string(),
        scheme: arrival.scheme.to_string(),
        id: text(&arrival.id),
        event: text(&arrival.event),
        verdict: arrival.verdict.to_string(),
        signed: arrival.is_signed,
        answer: serde_json::from_str(&arrival.answer).unwrap_or_default(),
        repeats: arrival.repeats,
        replayed: arrival.replayed.map(|time| rfc3339(time).to_string()),
        body_bytes: arrival.body.as_ref().map(|body| body.len() as u64),
        body: None,
    }
}
