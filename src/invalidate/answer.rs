//! What an asker is answered: JSON, with the sequence number, what was matched, and whether everybody has let go.

use crate::body::Body;
use crate::clock::millis;
use crate::ledger::{Invalidation, ProxyStanding, Reached, Receipt};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// The answer to what was recorded. `matched` has, for each invalidation, how many stored responses it matched, where an
/// index told.
pub(super) fn recorded(receipt: &Receipt, asked: &[Invalidation], matched: &[Option<u64>]) -> Value {
    let purged = asked.iter().enumerate().map(|(place, own)| {
        json!({
            "seq": seq(receipt, place),
            "scope": own.scope.to_string(),
            "mode": own.mode.as_str(),
            "matched": matched.get(place).copied().flatten(),
        })
    });
    let mut answer = json!({ "purged": purged.collect::<Vec<_>>() });
    stand(&mut answer, receipt);
    answer
}

/// An earlier answer about the same records, with how they stand now.
pub(super) fn looked_at_again(mut answer: Value, receipt: &Receipt) -> Value {
    for (place, own) in answer["purged"].as_array_mut().into_iter().flatten().enumerate() {
        own["seq"] = json!(seq(receipt, place));
    }
    stand(&mut answer, receipt);
    answer
}

fn seq(receipt: &Receipt, place: usize) -> Option<u64> {
    receipt.recorded.then_some(receipt.first + place as u64)
}

/// Says who has let go.
fn stand(answer: &mut Value, receipt: &Receipt) {
    let confirmation = &receipt.confirmation;
    answer["status"] = json!(if receipt.recorded { "ok" } else { "pending" });
    answer["confirmed"] = json!(confirmation.confirmed);
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("proxies");
        answer.remove("obstacle");
    }
    if !confirmation.proxies.is_empty() {
        answer["proxies"] = confirmation.proxies.iter().map(told).collect();
    }
    if let Some(obstacle) = &confirmation.obstacle {
        answer["obstacle"] = json!(obstacle);
    }
}

/// One answer of two: what is true of both, and the proxies as the second found them.
pub(super) fn joined(mut whole: Value, mut part: Value) -> Value {
    if let (Some(all), Some(more)) = (whole["purged"].as_array_mut(), part["purged"].as_array_mut()) {
        all.append(more);
        part["purged"] = whole["purged"].take();
    }
    if whole["status"] == "pending" {
        part["status"] = json!("pending");
    }
    part["confirmed"] = json!(whole["confirmed"] == true && part["confirmed"] == true);
    if let (Some(obstacle), None) = (whole.get("obstacle"), part.get("obstacle")) {
        part["obstacle"] = obstacle.clone();
    }
    part
}

/// A proxy, and how far it has come; `lease_ms` is how long it may still serve what was purged.
fn told(proxy: &ProxyStanding) -> Value {
    let mut told = json!({ "id": proxy.id, "name": proxy.name, "state": proxy.reached.as_str() });
    if let Reached::Waiting(lease) = proxy.reached {
        told["lease_ms"] = json!(millis(lease));
    }
    told
}

/// 202 for what only waits to be recorded, as long as the shared ledger cannot be reached.
pub(super) fn status_of(answer: &Value) -> StatusCode {
    if answer["status"] == "pending" { StatusCode::ACCEPTED } else { StatusCode::OK }
}

/// What would be recorded.
pub(super) fn dry(asked: &[Invalidation], matched: &[Option<u64>]) -> Value {
    let purged = asked
        .iter()
        .zip(matched)
        .map(|(own, matched)| json!({ "scope": own.scope.to_string(), "mode": own.mode.as_str(), "matched": matched }));
    json!({ "status": "dry-run", "confirmed": false, "purged": purged.collect::<Vec<_>>() })
}

/// A refusal: a word for programs and a sentence for people.
pub(super) fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let mut response =
        json_response(status, &json!({ "status": "error", "code": code, "message": message }).to_string());
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PURGE"));
        }
        _ => {}
    }
    response
}

/// A JSON response that nobody keeps.
pub(super) fn json_response(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::whole(format!("{body}\n")));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_parts_an_answer_claims_only_what_is_true_of_both() {
        let part = |status: &str, confirmed: bool, seq: u64, obstacle: Option<&str>| {
            let mut part = json!({ "status": status, "confirmed": confirmed, "purged": [{ "seq": seq }] });
            if let Some(obstacle) = obstacle {
                part["obstacle"] = json!(obstacle);
            }
            part
        };
        let good = || part("ok", true, 1, None);
        let both = json!([{ "seq": 1 }, { "seq": 2 }]);
        assert_eq!(joined(good(), part("ok", true, 2, None))["confirmed"], true);
        let bad = || part("pending", false, 2, Some("Redis is away"));
        for (first, second) in
            [(good(), bad()), (part("pending", false, 1, Some("Redis is away")), part("ok", true, 2, None))]
        {
            let answer = joined(first, second);
            assert_eq!((&answer["status"], &answer["confirmed"]), (&json!("pending"), &json!(false)));
            assert_eq!((&answer["obstacle"], &answer["purged"]), (&json!("Redis is away"), &both));
        }
    }
}
