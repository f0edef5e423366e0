//! `Accept-Encoding` (RFC 9110 12.5.3).

use super::list_items;
use http::{HeaderMap, header};

/// The content codings that a request names and does not refuse by a weight of nothing.
pub fn accepted_codings(request: &HeaderMap) -> impl Iterator<Item = &str> {
    list_items(request, &header::ACCEPT_ENCODING).filter_map(|item| {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
        (!refused).then_some(coding.trim())
    })
}

/// Whether a request accepts a coding by its name.
pub fn accepts_coding(request: &HeaderMap, coding: &str) -> bool {
    accepted_codings(request).any(|own| own.eq_ignore_ascii_case(coding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_coding_is_accepted_by_its_name_unless_it_weighs_nothing() {
        for (line, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("*", false),
            ("x-gzip, identity", false),
            ("", false),
        ] {
            let request = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(line))]);
            assert_eq!(accepts_coding(&request, "gzip"), expected, "{line}");
        }
        assert!(!accepts_coding(&HeaderMap::new(), "gzip"));
    }
}
