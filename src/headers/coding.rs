//! `Accept-Encoding` (RFC 9110 12.5.3).

use super::list_items;
use http::{HeaderMap, header};

/// The content codings that a request names and does not refuse. One whose weight cannot be read weighs nothing: everybody can
/// read what is not coded.
pub fn accepted_codings(request: &HeaderMap) -> impl Iterator<Item = &str> {
    list_items(request, &header::ACCEPT_ENCODING).filter_map(|item| {
        let (coding, weight) = item.split_once(';').map_or((item, None), |(coding, weight)| (coding, Some(weight)));
        weight.is_none_or(weighs_something).then_some(coding.trim())
    })
}

/// `q` in either case, and up to 1 (12.4.2).
fn weighs_something(parameter: &str) -> bool {
    let weight = parameter.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.strip_prefix('='));
    weight.is_some_and(|weight| weight.trim().parse().is_ok_and(|q: f32| q > 0.0 && q <= 1.0))
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
            ("gzip;Q=0", false),
            ("gzip;Q=1.000", true),
            ("gzip;q=", false),
            ("gzip;q=-1", false),
            ("gzip;q=NaN", false),
            ("gzip;level=9", false),
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
