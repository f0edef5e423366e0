//! What vitrine itself has to say when something was refused or failed: a small page that names nothing of what is behind.

use super::sign;
use crate::body::Body;
use crate::outcome::Outcome;
use http::{HeaderValue, Response, StatusCode, header};

/// A page with a status and one sentence. Never kept by anybody.
pub fn error(status: StatusCode, outcome: &Outcome, message: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{code} {title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <body style=\"font:16px/1.5 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem\">\n\
         <h1>{title}</h1>\n<p>{message}</p>\n</body></html>\n",
        code = status.as_u16(),
        message = escaped(message),
    );
    let mut response = Response::new(Body::whole(page));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        fields.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    sign(fields, outcome);
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
