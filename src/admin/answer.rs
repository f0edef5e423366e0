//! Answers in their wire form. Every answer is of the moment: none may be kept.

use super::Refusal;
use crate::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

/// Bytes with their type.
pub(super) fn whole(status: StatusCode, content_type: &'static str, bytes: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(bytes));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => whole(status, "application/json", bytes),
        Err(error) => {
            let detail = format!("the answer cannot be written as JSON: {error}");
            refusal(&Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
        }
    }
}

/// A refusal as problem details (RFC 9457).
pub(super) fn refusal(refusal: &Refusal) -> Response<Body> {
    let title = refusal.status.canonical_reason().unwrap_or("Refused");
    let problem = serde_json::json!({
        "title": title,
        "status": refusal.status.as_u16(),
        "detail": refusal.detail,
    });
    whole(refusal.status, "application/problem+json", problem.to_string())
}
