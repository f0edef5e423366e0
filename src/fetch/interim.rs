//! What of an origin's interim responses is relayed (RFC 9110 15.2: a proxy forwards them).

use super::outbound::OWN_VIA;
use crate::headers::end_to_end;
use crate::interim::{Interim, Outlet};
use crate::policy::groups::strip_tag_fields;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

/// Has the interim responses to a request relayed as they come. It is the connection to the origin that calls: what comes
/// before the final head is put before that is told.
pub(super) fn relay<B>(request: &mut Request<B>, to: &Outlet) {
    if to.leads_nowhere() {
        return;
    }
    let to = to.clone();
    hyper::ext::on_informational(request, move |interim| {
        // 100 is between two hops: the client's is sent when its body is asked for. 101 is a final one.
        if interim.status() != StatusCode::CONTINUE {
            to.put(Interim { status: interim.status(), fields: relayed(interim.headers()) });
        }
    });
}

/// The end-to-end fields without the origin's tags; and without cookies, which are set by a final response alone.
fn relayed(fields: &HeaderMap) -> HeaderMap {
    let mut relayed = end_to_end(fields);
    relayed.remove(header::SET_COOKIE);
    strip_tag_fields(&mut relayed);
    for value in relayed.values_mut() {
        // As it came it is a part of all that was read at once, and would hold it for as long as a slow client takes.
        if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = own;
        }
    }
    relayed.append(header::VIA, OWN_VIA);
    relayed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_framing_nor_cookies_nor_tags_are_relayed() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("link", "</a.css>; rel=preload"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("set-cookie", "sessionid=a"),
            ("surrogate-key", "product:1"),
            ("link", "</b.css>; rel=preload"),
            ("via", "1.1 other"),
        ] {
            fields.append(name, HeaderValue::from_static(value));
        }
        let relayed = relayed(&fields);
        let lines: Vec<_> = relayed.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(
            lines,
            [
                ("link", "</a.css>; rel=preload"),
                ("link", "</b.css>; rel=preload"),
                ("via", "1.1 other"),
                ("via", "1.1 vitrine")
            ]
        );
    }
}
