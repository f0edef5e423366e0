//! Whether somebody may send PURGE (row C1).

use super::Settings;
use crate::headers::list_items;
use http::{HeaderMap, HeaderName, header};
use std::net::IpAddr;

/// Fields that say that a request was forwarded.
const FORWARDING: [HeaderName; 6] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    // Every proxy has to add it (RFC 9110 7.6.3), though few do.
    header::VIA,
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("true-client-ip"),
];
/// Fields that browsers add and pages in them cannot take away; no purge client has them.
const OF_BROWSERS: [HeaderName; 2] = [header::ORIGIN, HeaderName::from_static("sec-fetch-site")];

/// Whether a request comes from a page in a browser. Where a stranger's name leads to this address, the browser takes it for
/// theirs and asks nobody before it sends a PURGE, from a machine that may.
pub(super) fn is_a_browsers(fields: &HeaderMap) -> bool {
    OF_BROWSERS.iter().any(|name| fields.contains_key(name))
}

/// Whether a PURGE may be taken. One that was forwarded is judged by the client it came from, and only behind a trusted
/// proxy: behind a TLS terminator every visitor comes from loopback.
pub(super) fn may_purge(settings: &Settings, peer: IpAddr, fields: &HeaderMap) -> bool {
    let allowed = |address| settings.allow.iter().any(|network| network.contains(address));
    let trusted = |address| settings.trusted.iter().any(|network| network.contains(address));
    if !FORWARDING.iter().any(|name| fields.contains_key(name)) {
        return allowed(peer);
    }
    if !trusted(peer) {
        return false;
    }
    let hops: Vec<&str> = list_items(fields, &FORWARDING[1]).collect();
    // The last hop that is not itself a trusted proxy; what cannot be read stands for a stranger.
    let client = hops.iter().rev().map(|hop| hop.parse::<IpAddr>().ok()).find(|hop| !hop.is_some_and(trusted));
    client.flatten().is_some_and(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    type Row = (&'static str, &'static [(&'static str, &'static str)], bool);

    #[test]
    fn c1_a_forwarded_purge_is_judged_by_the_client_it_came_from() {
        let settings = Settings {
            allow: ["127.0.0.1".parse().unwrap(), "192.0.2.0/24".parse().unwrap()].into(),
            trusted: ["10.0.0.0/8".parse().unwrap()].into(),
            ..Settings::default()
        };
        let table: &[Row] = &[
            ("127.0.0.1", &[], true),
            ("203.0.113.1", &[], false),
            ("10.0.0.1", &[], false),
            // A terminator in front that is not trusted: nobody may.
            ("127.0.0.1", &[("x-forwarded-for", "203.0.113.1")], false),
            ("127.0.0.1", &[("x-real-ip", "127.0.0.1")], false),
            ("127.0.0.1", &[("forwarded", "for=127.0.0.1")], false),
            ("10.0.0.1", &[("x-forwarded-for", "192.0.2.7")], true),
            ("10.0.0.1", &[("x-forwarded-for", "192.0.2.7, 10.0.0.2")], true),
            ("10.0.0.1", &[("x-forwarded-for", "192.0.2.7, 203.0.113.1")], false),
            ("10.0.0.1", &[("x-forwarded-for", "192.0.2.7, unknown")], false),
            ("10.0.0.1", &[("forwarded", "for=192.0.2.7")], false),
            ("127.0.0.1", &[("via", "1.1 terminator")], false),
            ("127.0.0.1", &[("cf-connecting-ip", "203.0.113.1")], false),
            ("10.0.0.1", &[("via", "1.1 terminator"), ("x-forwarded-for", "192.0.2.7")], true),
        ];
        for (peer, fields, expected) in table {
            let mut map = HeaderMap::new();
            for (name, value) in *fields {
                map.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(may_purge(&settings, peer.parse().unwrap(), &map), *expected, "{peer} {fields:?}");
        }
    }
}
