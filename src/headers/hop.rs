//! Which fields end at the next hop (RFC 9110 7.6.1).

use super::list_items;
use http::{HeaderMap, HeaderName, header};

/// Whether a field speaks of one connection only, whatever `Connection` lists.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-authentication-info"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Fields that a `Connection` option cannot take away: striking them would let a client unmake what later hops rely on
/// (row S27 of the attack table).
fn may_not_be_struck(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-length"
            | "content-type"
            | "content-encoding"
            | "cookie"
            | "set-cookie"
            | "authorization"
            | "cache-control"
            | "cdn-cache-control"
            | "vary"
            | "date"
            | "age"
            | "expires"
            | "etag"
            | "last-modified"
            | "location"
            | "forwarded"
    ) || name.starts_with("x-forwarded-")
}

/// A copy of the end-to-end fields, repeated ones and their order included; without `Content-Length`, which the body that
/// is sent decides anew.
pub fn end_to_end(fields: &HeaderMap) -> HeaderMap {
    end_to_end_of(fields, 0, |_| true)
}

/// Those of the end-to-end fields that are `wanted`, in a map with room for so many further ones.
pub fn end_to_end_of(fields: &HeaderMap, further: usize, wanted: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let struck: Vec<String> = list_items(fields, &header::CONNECTION)
        .map(str::to_ascii_lowercase)
        .filter(|option| !may_not_be_struck(option))
        .collect();
    let mut kept = HeaderMap::with_capacity(fields.len() + further);
    for (name, value) in fields {
        let ends_here =
            is_hop_by_hop(name) || name == header::CONTENT_LENGTH || struck.iter().any(|own| name.as_str() == own);
        if !ends_here && wanted(name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn s27_connection_strikes_what_it_names_but_nothing_that_others_rely_on() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Odd, cookie, x-forwarded-for"),
            ("x-odd", "1"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "192.0.2.1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("link", "a"),
            ("link", "b"),
        ] {
            fields.append(name, HeaderValue::from_static(value));
        }
        let kept = end_to_end(&fields);
        let names: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(names, [("cookie", "a=b"), ("x-forwarded-for", "192.0.2.1"), ("link", "a"), ("link", "b")]);
    }
}
