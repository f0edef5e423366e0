//! Redirects, validators and the header fields that several pages share.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::database::Card;

/// `Cache-Control` of pages that are nobody else's business.
pub(super) const PRIVATE: &str = "private, no-store";

const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// Bytes of one `Surrogate-Key` field; what proxies take.
const KEYS_BYTES_MAX: usize = 8 * 1024;

/// 302 to `place`, as shops answer a form.
pub(super) fn found(place: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, place.to_owned())]).into_response()
}

/// 303 to `place`: read there what became of the form.
pub(super) fn see(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place.to_owned())]).into_response()
}

/// 301 to `place`, for those who forgot a slash.
pub(super) fn moved(place: &'static str) -> std::future::Ready<Response> {
    let answer = (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, place)]);
    std::future::ready(answer.into_response())
}

/// `response` with a cookie set.
pub(super) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// `response`, not to be kept by anybody.
pub(super) fn private(response: Response) -> Response {
    ([(header::CACHE_CONTROL, PRIVATE)], response).into_response()
}

/// `response` with its `Surrogate-Key`; keys that no longer fit are left out.
pub(super) fn with_keys(response: Response, keys: impl IntoIterator<Item = String>) -> Response {
    let keys: BTreeSet<String> = keys.into_iter().collect();
    let mut field = String::new();
    for key in keys {
        if field.len() + 1 + key.len() > KEYS_BYTES_MAX {
            break;
        }
        if !field.is_empty() {
            field.push(' ');
        }
        field.push_str(&key);
    }
    ([(SURROGATE_KEY, field)], response).into_response()
}

/// The keys of a page that lists `cards`: all it shows of products and of categories.
pub(super) fn keys_of(cards: &[Card]) -> Vec<String> {
    let products = cards.iter().map(|card| format!("product:{}", card.product.slug));
    let categories = cards.iter().map(|card| format!("category:{}", card.category.slug));
    products.chain(categories).collect()
}

/// Whether the client already has what `etag` names (RFC 9110 section 13.1.2, weak comparison).
pub(super) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let fields = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|f| f.to_str().ok());
    // Our tags hold no commas, so cutting at commas cannot make one of a foreign tag's parts.
    fields.flat_map(|f| f.split(',')).any(|tag| tag.trim() == "*" || plain(tag) == plain(etag))
}

/// Whether whoever asks is a browser rather than a script.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|field| field.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Says of every HTML page that it depends on the cookies, as the frame around it does.
pub(super) async fn vary(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Cookie"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::has_already;
    use http::{HeaderMap, HeaderValue, header::IF_NONE_MATCH};

    #[test]
    fn validators_are_compared_weakly() {
        for (field, same) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(field));
            assert_eq!(has_already(&headers, "W/\"a\""), same, "{field}");
        }
        assert!(!has_already(&HeaderMap::new(), "\"a\""));
    }
}
