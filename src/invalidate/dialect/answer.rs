//! What each client is told: our own answer, and in it, or in its place, the form that the client reads.

use super::Dialect;
use crate::body::Body;
use crate::headers::Phrase;
use crate::invalidate::answer::{json_response, refused, status_of};
use crate::ledger::Mode;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::invalidate) enum Form {
    /// Our own, with what Varnish's rules say behind the status.
    Phrase(&'static str),
    /// The counts stand behind the status.
    Xkey(Mode),
    /// `invalidated` is the count.
    Magento,
    /// `id` names the purge.
    Fastly,
    /// The id for each key.
    FastlyKeys(Vec<String>),
    /// Cloudflare's envelope.
    Cloudflare,
    /// This status, and a body only where it may have one.
    Souin(StatusCode),
}

impl Form {
    /// The response to what was recorded.
    pub(in crate::invalidate) fn response(&self, mut answer: Value) -> Response<Body> {
        let status = status_of(&answer);
        let (id, matched) = (id(&answer), matched(&answer));
        match self {
            Form::Phrase(phrase) => return phrased(&answer, status, (*phrase).into()),
            Form::Xkey(mode) => {
                let (gone, stale) = if *mode == Mode::Soft { (0, matched) } else { (matched, 0) };
                return phrased(&answer, status, format!("Purged {gone} objects, expired {stale} objects"));
            }
            Form::Magento => {
                answer["invalidated"] = json!(matched);
                return phrased(&answer, status, "Purged".into());
            }
            Form::Fastly => answer["id"] = json!(id),
            Form::FastlyKeys(keys) => {
                answer = keys.iter().map(|key| (key.clone(), json!(id))).collect::<Map<_, _>>().into();
            }
            Form::Cloudflare => answer = enveloped(&answer, &id),
            Form::Souin(StatusCode::NO_CONTENT) if status == StatusCode::OK => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                return response;
            }
            Form::Souin(_) => {}
        }
        json_response(status, &answer.to_string())
    }
}

/// A refusal, in the form of the API that it comes from.
pub(in crate::invalidate) fn refusal(
    api: Option<Dialect>,
    status: StatusCode,
    code: &str,
    message: &str,
) -> Response<Body> {
    let own = refused(status, code, message);
    let body = match api {
        Some(Dialect::Cloudflare) => json!({
            "success": false,
            "errors": [{ "code": if is_about_asker(status) { 10_000 } else { 1_012 }, "message": message }],
            "messages": [],
            "result": null,
        }),
        Some(Dialect::Fastly) => json!({ "msg": message, "status": "error", "code": code, "message": message }),
        _ => return own,
    };
    let mut response = json_response(status, &body.to_string());
    response.headers_mut().extend(own.headers().clone());
    response
}

fn is_about_asker(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

fn phrased(answer: &Value, status: StatusCode, phrase: String) -> Response<Body> {
    let mut response = json_response(status, &answer.to_string());
    if status == StatusCode::OK {
        response.extensions_mut().insert(Phrase::new(phrase));
    }
    response
}

/// How many stored responses were matched, of those that an index told.
fn matched(answer: &Value) -> u64 {
    let purged = answer["purged"].as_array().into_iter().flatten();
    purged.filter_map(|own| own["matched"].as_u64()).sum()
}

/// The position of the first record; what waits for the shared ledger has none yet.
fn id(answer: &Value) -> String {
    answer["purged"][0]["seq"].as_u64().map_or_else(|| "pending".into(), |seq| seq.to_string())
}

fn enveloped(answer: &Value, id: &str) -> Value {
    let message = |obstacle: &Value| {
        let obstacle = obstacle.as_str().unwrap_or_default();
        json!({ "code": 0, "message": format!("not every proxy has let go yet: {obstacle}") })
    };
    let messages: Vec<Value> = answer.get("obstacle").into_iter().map(message).collect();
    json!({ "success": true, "errors": [], "messages": messages, "result": { "id": id } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn answer() -> Value {
        json!({ "status": "ok", "confirmed": true, "purged": [
            { "seq": 7, "scope": "tag a", "mode": "hard", "matched": 2 },
            { "seq": 8, "scope": "tag b", "mode": "hard", "matched": null },
            { "seq": 9, "scope": "tag c", "mode": "hard", "matched": 3 },
        ] })
    }

    fn told(form: &Form, answer: Value) -> (u16, String, String) {
        let response = form.response(answer);
        let phrase = response.extensions().get::<Phrase>().map_or("", Phrase::as_str).to_string();
        let status = response.status().as_u16();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        (status, phrase, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn each_client_finds_its_counts_and_ids_where_it_looks() {
        let phrase = |form| told(&form, answer()).1;
        assert_eq!(phrase(Form::Xkey(Mode::Hard)), "Purged 5 objects, expired 0 objects");
        assert_eq!(phrase(Form::Xkey(Mode::Soft)), "Purged 0 objects, expired 5 objects");
        assert_eq!(phrase(Form::Phrase("Banned")), "Banned");
        let body = |form| -> Value { serde_json::from_str(&told(&form, answer()).2).unwrap() };
        assert_eq!(body(Form::Magento)["invalidated"], 5);
        assert_eq!(body(Form::Fastly)["id"], "7");
        assert_eq!(body(Form::FastlyKeys(vec!["a".into(), "b".into()])), json!({ "a": "7", "b": "7" }));
        assert_eq!(body(Form::Cloudflare)["result"]["id"], "7");
        assert_eq!(told(&Form::Souin(StatusCode::NO_CONTENT), answer()), (204, String::new(), String::new()));
    }

    #[test]
    fn what_only_waits_is_never_told_as_done() {
        let pending = || {
            let mut pending = answer();
            (pending["status"], pending["obstacle"]) = (json!("pending"), json!("Redis is away"));
            pending["purged"][0]["seq"] = Value::Null;
            pending
        };
        for form in [
            Form::Phrase("Purged"),
            Form::Xkey(Mode::Hard),
            Form::Magento,
            Form::Fastly,
            Form::FastlyKeys(vec!["a".into()]),
            Form::Cloudflare,
            Form::Souin(StatusCode::NO_CONTENT),
        ] {
            let (status, phrase, body) = told(&form, pending());
            assert_eq!((status, phrase.as_str()), (202, ""), "{form:?}");
            assert!(body.contains("pending"), "{form:?} {body}");
        }
        assert!(told(&Form::Cloudflare, pending()).2.contains("not every proxy has let go yet: Redis is away"));
    }
}
