//! The fault that is switched on, done to a page.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use super::refusal::Refusal;
use crate::faults::{BrokenBody, Mode};
use crate::shop::Parts;
use crate::stats::PageKind;
use crate::wire::ResetSwitch;

/// No page of this shop is larger.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Lets a request meet the fault meant for it. The instruments are exempt, or a fault could not be
/// switched off again.
pub(super) async fn misbehave(State(parts): State<Arc<Parts>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let met = PageKind::of(path).and_then(|_| parts.faults.meet(path));
    let Some(fault) = met else {
        return next.run(request).await;
    };
    tokio::time::sleep(fault.delay).await;
    let switch = request.extensions().get::<ResetSwitch>().cloned();
    let bodiless = request.method() == Method::HEAD;
    match fault.mode {
        Mode::Error => (StatusCode::SERVICE_UNAVAILABLE, "Out of order, as asked.\n").into_response(),
        Mode::Reset if !bodiless => broken(next.run(request).await, switch).await,
        Mode::Cut if !bodiless => broken(next.run(request).await, None).await,
        Mode::Slow | Mode::Reset | Mode::Cut => next.run(request).await,
    }
}

/// `response` with all of its body announced and half of it sent.
async fn broken(response: Response, reset: Option<ResetSwitch>) -> Response {
    let (mut head, body) = response.into_parts();
    if head.status == StatusCode::NOT_MODIFIED {
        return Response::from_parts(head, body);
    }
    let whole = match to_bytes(body, PAGE_BYTES_MAX).await {
        Ok(whole) => whole,
        Err(error) => return Refusal::Broken(error.to_string()).into_response(),
    };
    // Of an empty body at least one byte is announced, so that there is something to miss.
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(1)));
    Response::from_parts(head, Body::new(BrokenBody::new(&whole, reset)))
}
