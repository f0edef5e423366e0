//! Whether a request's head may be acted on at all. hyper has refused what it can; this refuses what it lets through
//! (section 1a of the attack table; what neither can see is listed in docs/security.md).

use super::Limits;
use crate::headers::list_items;
use http::request::Parts;
use http::{Method, StatusCode, Version, header};

/// Methods of purge clients. None of them ever reaches an origin, so that what origins take of one field does not bind them:
/// lists of tags are long, and a whole head is bounded anyway.
pub const PURGE_METHODS: [&str; 7] = ["PURGE", "BAN", "URIBAN", "PURGEKEYS", "PURGETAGS", "FASTLYPURGE", "REFRESH"];

/// A head that is refused: the answer's status and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 405, 414, 417, 431 or 505.
    pub status: StatusCode,
    /// One sentence.
    pub message: &'static str,
}

const fn refuse(status: StatusCode, message: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status, message })
}

/// Checks a request's head.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(head: &Parts, limits: &Limits) -> Result<(), Refusal> {
    // First: after all other refusals but that of a method the connection ends, and with its framing in doubt it has to.
    check_framing(head)?;
    check_method(head)?;
    check_sizes(head, limits)?;
    check_expectation(head)
}

fn check_method(head: &Parts) -> Result<(), Refusal> {
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "CONNECT and TRACE are not served here");
    }
    if head.version != Version::HTTP_11 && head.version != Version::HTTP_10 {
        return refuse(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here");
    }
    Ok(())
}

fn check_sizes(head: &Parts, limits: &Limits) -> Result<(), Refusal> {
    let target_bytes = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target_bytes > limits.target_bytes_max {
        return refuse(StatusCode::URI_TOO_LONG, "the request target is too long");
    }
    let of_purge = PURGE_METHODS.contains(&head.method.as_str());
    let bytes_max = if of_purge { limits.head_bytes_max } else { limits.field_bytes_max };
    let too_long =
        |(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len() > bytes_max;
    if head.headers.iter().any(too_long) {
        return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "a header field is too long");
    }
    if head.headers.len() > limits.fields_max {
        return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many header fields");
    }
    Ok(())
}

/// S5, S6, S10: one coding, exactly `chunked`; one length, in plain digits.
fn check_framing(head: &Parts) -> Result<(), Refusal> {
    let codings = head.headers.get_all(header::TRANSFER_ENCODING);
    if codings.iter().count() > 1 || codings.iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return refuse(StatusCode::BAD_REQUEST, "Transfer-Encoding must be exactly \"chunked\", once");
    }
    let lengths = head.headers.get_all(header::CONTENT_LENGTH);
    let is_plain = |value: &http::HeaderValue| {
        let digits = value.as_bytes();
        digits == b"0" || (!digits.starts_with(b"0") && digits.iter().all(u8::is_ascii_digit) && !digits.is_empty())
    };
    if lengths.iter().count() > 1 || !lengths.iter().all(is_plain) {
        return refuse(StatusCode::BAD_REQUEST, "Content-Length must be one number in plain digits");
    }
    if head.headers.contains_key(header::UPGRADE) && has_body(head) {
        return refuse(StatusCode::BAD_REQUEST, "a request that upgrades has no body");
    }
    Ok(())
}

/// S22: hyper answers 100-continue by itself; nothing else is understood (RFC 9110 10.1.1).
fn check_expectation(head: &Parts) -> Result<(), Refusal> {
    match list_items(&head.headers, &header::EXPECT).find(|item| !item.eq_ignore_ascii_case("100-continue")) {
        Some(_) => refuse(StatusCode::EXPECTATION_FAILED, "only the expectation 100-continue is understood"),
        None => Ok(()),
    }
}

fn has_body(head: &Parts) -> bool {
    head.headers.contains_key(header::TRANSFER_ENCODING)
        || head.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn status(request: http::request::Builder) -> Option<u16> {
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, &Limits::default()).err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn s5_s6_s10_s22_s24_s26_heads_that_hyper_lets_through() {
        let get = || Request::get("/").header("host", "a");
        let te = "transfer-encoding";
        assert_eq!(status(get()), None);
        assert_eq!(status(get().header(te, "Chunked")), None);
        for bad in ["identity, chunked", "gzip, chunked", "chunked, chunked", ",chunked", "chunked;a=b", ""] {
            assert_eq!(status(get().header(te, bad)), Some(400), "{bad}");
        }
        assert_eq!(status(get().header(te, "identity").header(te, "chunked")), Some(400));
        for bad in ["003", "00", "+3", "3, 3", "", "x"] {
            assert_eq!(status(get().header("content-length", bad)), Some(400), "{bad}");
        }
        assert_eq!(status(get().header("content-length", "0")), None);
        assert_eq!(status(get().header("expect", "100-Continue")), None);
        assert_eq!(status(get().header("expect", "y 100-continue")), Some(417));
        assert_eq!(status(get().header("upgrade", "websocket").header("content-length", "5")), Some(400));
        assert_eq!(status(Request::builder().method("CONNECT").uri("a:80")), Some(405));
        assert_eq!(status(Request::builder().method("TRACE").uri("/")), Some(405));
        // After a 405 the connection goes on, which it may not after these.
        assert_eq!(status(Request::builder().method("TRACE").uri("/").header(te, "gzip, chunked")), Some(400));
    }

    #[test]
    fn r6_d1_sizes_are_below_what_origins_take() {
        let get = || Request::get("/").header("host", "a");
        assert_eq!(status(get().header("x", "a".repeat(8 * 1024))), Some(431));
        assert_eq!(status(get().header("x", "a".repeat(8 * 1024 - 1))), None);
        let purge = |bytes| status(Request::builder().method("PURGE").uri("/").header("x", "a".repeat(bytes)));
        assert_eq!(purge(32 * 1024 - 1), None);
        assert_eq!(purge(32 * 1024), Some(431));
        assert_eq!(status(Request::get(format!("/{}", "a".repeat(8 * 1024)))), Some(414));
        let many = (0..100).fold(get(), |request, n| request.header(format!("x-{n}"), "a"));
        assert_eq!(status(many), Some(431));
    }
}
