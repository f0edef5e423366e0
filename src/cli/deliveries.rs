//! `vitrine ledger --deliveries`: webhooks as they came, and what became of them.

use super::Failure;
use super::client::{Client, read};
use super::show::plain;
use crate::admin::{DeliveriesShown, DeliveryShown};
use serde_json::Value;
use std::io::Write;

/// The newest, the oldest of them first, as records are shown.
pub(super) async fn list(client: &Client, limit: u64, json: bool) -> Result<(), Failure> {
    let shown: DeliveriesShown = read(client.get(&format!("/api/v1/deliveries?limit={limit}")).await?)?;
    for delivery in shown.deliveries.iter().rev() {
        print(delivery, json)?;
    }
    Ok(())
}

/// One, with what was answered and its body.
pub(super) async fn one(client: &Client, number: u64, json: bool) -> Result<(), Failure> {
    let shown: DeliveriesShown = read(client.get(&format!("/api/v1/deliveries?number={number}")).await?)?;
    for delivery in &shown.deliveries {
        print(delivery, json)?;
        if !json {
            let mut out = std::io::stdout().lock();
            writeln!(out, "  answer: {}", plain(&delivery.answer.to_string()))?;
            writeln!(out, "  body: {}", plain(delivery.body.as_deref().unwrap_or("not kept")))?;
        }
    }
    Ok(())
}

fn print(delivery: &DeliveryShown, json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        let line = serde_json::to_string(delivery).map_err(|error| Failure::failed(error.to_string()))?;
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{}", plain(&line(delivery)))?;
    }
    Ok(out.flush()?)
}

fn line(delivery: &DeliveryShown) -> String {
    let DeliveryShown { number, time, path, scheme, id, event, verdict, repeats, replayed, .. } = delivery;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let repeats = if *repeats > 0 { format!(", repeats: {repeats}") } else { String::new() };
    let replayed = replayed.as_ref().map(|time| format!(", carried out again {time}")).unwrap_or_default();
    let (event, id, came_to) = (or_dash(event), or_dash(id), came_to(&delivery.answer));
    format!("{number:>6}  {time}  {path} ({scheme})  {event} {id}  {verdict}: {came_to}{repeats}{replayed}")
}

/// What was purged, or why nothing was.
fn came_to(answer: &Value) -> String {
    if let Some(message) = answer["message"].as_str() {
        return message.into();
    }
    let scopes = answer["purged"].as_array().into_iter().flatten().filter_map(|own| own["scope"].as_str());
    let mut told: Vec<String> = scopes.map(str::to_string).collect();
    if told.is_empty() {
        told.push("nothing".into());
    }
    let skipped = answer["skipped"].as_array().into_iter().flatten().filter_map(Value::as_str);
    told.extend(skipped.map(|skipped| format!("skipped {skipped}")));
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_delivery_is_one_line() {
        let mut delivery = DeliveryShown {
            number: 7,
            time: "2026-01-01T00:00:00.000Z".into(),
            path: "/webhooks/shop".into(),
            scheme: "shopify".into(),
            id: Some("a".into()),
            event: Some("products/update".into()),
            verdict: "accepted".into(),
            signed: true,
            answer: json!({ "purged": [{ "scope": "tag a" }, { "scope": "tag b" }], "skipped": ["c"] }),
            repeats: 2,
            replayed: Some("2026-01-02T00:00:00.000Z".into()),
            body_bytes: Some(2),
            body: None,
        };
        assert_eq!(
            line(&delivery),
            "     7  2026-01-01T00:00:00.000Z  /webhooks/shop (shopify)  products/update a  accepted: tag a, tag b, \
             skipped c, repeats: 2, carried out again 2026-01-02T00:00:00.000Z"
        );
        (delivery.id, delivery.event, delivery.repeats, delivery.replayed) = (None, None, 0, None);
        delivery.answer = json!({ "message": "it does not hold" });
        assert!(line(&delivery).ends_with("(shopify)  - -  accepted: it does not hold"));
        delivery.answer = json!({ "purged": [] });
        assert!(line(&delivery).ends_with("accepted: nothing"));
    }
}
