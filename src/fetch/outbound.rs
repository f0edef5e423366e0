//! What is sent to the origin, field by field.
//!
//! Three kinds of request. A *shared* fill asks as nobody: a short list of fields, each of which is in the key or the same
//! for everybody (row K12). A fill for a path without a rule forwards the end-to-end fields, without conditions and ranges
//! that would make the answer a part of one (K15, K16). A *pass* is the visitor's own. None copies framing (S21), names with
//! an underscore (S15), `Expect` (S22) or what only proxies may say (K1, K3, K13).

use crate::coding::Coding;
use crate::headers::{
    AcceptedCodings, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_REQUEST_ID, end_to_end_of, list_items,
};
use crate::key::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::fmt::Write;
use std::net::IpAddr;

/// What vitrine calls itself in `Via` and `User-Agent`.
pub(super) const OWN_USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("vitrine/", env!("CARGO_PKG_VERSION")));
pub(super) const OWN_VIA: HeaderValue = HeaderValue::from_static("1.1 vitrine");

/// The content codings that are asked for, in the order they are written; others are not passed on (K17).
const CODINGS: [Coding; 3] = [Coding::Brotli, Coding::Gzip, Coding::Zstd];
/// Their combinations, by the bits of their places.
const CODING_LISTS: [&str; 8] =
    ["identity", "br", "gzip", "br, gzip", "zstd", "br, zstd", "gzip, zstd", "br, gzip, zstd"];

/// Fields that only a proxy may tell the origin, or that make it see another request than the one that was judged.
const NEVER_FORWARDED: [&str; 15] = [
    "expect",
    "forwarded",
    "x-accel-redirect",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-port",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-host",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-sendfile",
];

/// Fields that a pass has beside the visitor's: host, via, and who asks.
const OWN_FIELDS: usize = 6;

/// On whose behalf a request is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedBy<'a> {
    /// The peer's address.
    pub peer: IpAddr,
    /// Whether what the peer says in `X-Forwarded-For` is believed.
    pub peer_is_trusted: bool,
    /// How the visitor came.
    pub scheme: Scheme,
    /// The normalised host that was asked.
    pub host: &'a str,
    /// The id of the request in our log.
    pub id: &'a HeaderValue,
}

/// The fields of a shared fill. `cookies` and `language` are what the key holds of them; without a `language`,
/// `Accept-Language` goes as it came, for Vary to tell. `further` are the rule's own, which its responses vary on.
pub fn shared_fields(
    client: &HeaderMap,
    by: ForwardedBy<'_>,
    cookies: &[(&str, &str)],
    language: Option<&str>,
    further: &[HeaderName],
) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(12);
    for name in further.iter().filter(|name| !is_never_forwarded(name)) {
        for value in client.get_all(name) {
            fields.append(name, value.clone());
        }
    }
    fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    fields.insert(header::ACCEPT_ENCODING, reduced_codings(client));
    match language.map(HeaderValue::from_str) {
        Some(Ok(language)) => {
            fields.insert(header::ACCEPT_LANGUAGE, language);
        }
        _ => {
            for value in client.get_all(header::ACCEPT_LANGUAGE) {
                fields.append(header::ACCEPT_LANGUAGE, value.clone());
            }
        }
    }
    if let Some(cookie) = cookie_line(cookies) {
        fields.insert(header::COOKIE, cookie);
    }
    fields.insert(header::USER_AGENT, OWN_USER_AGENT);
    tell_who_asks(&mut fields, client, by);
    fields
}

/// The fields of a fill for a path without a rule: all end-to-end ones but conditions and ranges.
pub fn unmatched_fields(client: &HeaderMap, by: ForwardedBy<'_>) -> HeaderMap {
    let mut fields = pass_fields(client, by);
    for name in [
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
        header::IF_RANGE,
        header::RANGE,
    ] {
        fields.remove(name);
    }
    fields.insert(header::ACCEPT_ENCODING, reduced_codings(client));
    fields
}

/// The fields of a pass: all end-to-end ones, and who asks.
pub fn pass_fields(client: &HeaderMap, by: ForwardedBy<'_>) -> HeaderMap {
    let mut fields = end_to_end_of(client, OWN_FIELDS, |name| !is_never_forwarded(name));
    tell_who_asks(&mut fields, client, by);
    append_forwarded_for(&mut fields, client, by);
    fields.insert(X_REQUEST_ID, by.id.clone());
    fields
}

fn is_never_forwarded(name: &HeaderName) -> bool {
    let name = name.as_str();
    // WSGI reads `a_b` and `a-b` as one name: the first would pass for the second (S15).
    name.contains('_') || name.starts_with("x-vitrine-") || NEVER_FORWARDED.contains(&name)
}

fn tell_who_asks(fields: &mut HeaderMap, client: &HeaderMap, by: ForwardedBy<'_>) {
    fields.append(header::VIA, OWN_VIA);
    fields.insert(X_FORWARDED_PROTO, HeaderValue::from_static(by.scheme.as_str()));
    // Most come normalised. A normalised host is ASCII without controls: always a value.
    let as_told = client.get(header::HOST).filter(|told| told.as_bytes() == by.host.as_bytes()).cloned();
    if let Some(host) = as_told.or_else(|| HeaderValue::from_str(by.host).ok()) {
        fields.insert(header::HOST, host.clone());
        fields.insert(X_FORWARDED_HOST, host);
    }
}

fn append_forwarded_for(fields: &mut HeaderMap, client: &HeaderMap, by: ForwardedBy<'_>) {
    let told = list_items(client, &X_FORWARDED_FOR).filter(|_| by.peer_is_trusted);
    let mut hops = told.fold(String::new(), |hops, hop| hops + hop + ", ");
    push_address(&mut hops, by.peer);
    if let Ok(value) = HeaderValue::try_from(hops) {
        fields.insert(X_FORWARDED_FOR, value);
    }
}

/// An address as text; those of IPv4, which most are, without the formatting machinery.
fn push_address(text: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        // A String takes any address.
        let _ = write!(text, "{address}");
        return;
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for unit in [100, 10, 1] {
            if octet >= unit || unit == 1 {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
}

fn cookie_line(cookies: &[(&str, &str)]) -> Option<HeaderValue> {
    if cookies.is_empty() {
        return None;
    }
    let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    HeaderValue::from_str(&pairs.join("; ")).ok()
}

/// `Accept-Encoding` as one of eight lists, so that the many spellings of browsers make few variants.
pub(super) fn reduced_codings(client: &HeaderMap) -> HeaderValue {
    let accepted = AcceptedCodings::of(client);
    let bits = CODINGS
        .iter()
        .enumerate()
        .map(|(place, coding)| usize::from(accepted.accepts(*coding)) << place)
        .sum::<usize>();
    HeaderValue::from_static(CODING_LISTS[bits])
}

#[cfg(test)]
mod tests {
    use super::*;

    static ID: HeaderValue = HeaderValue::from_static("r1");

    fn by(trusted: bool) -> ForwardedBy<'static> {
        ForwardedBy {
            peer: [192, 0, 2, 9].into(),
            peer_is_trusted: trusted,
            scheme: Scheme::Http,
            host: "shop.example",
            id: &ID,
        }
    }

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn text(fields: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn k12_a_shared_fill_asks_as_nobody() {
        let client = map(&[
            ("host", "SHOP.example"),
            ("user-agent", "Browser"),
            ("cookie", "sessionid=1"),
            ("referer", "http://elsewhere/"),
            ("accept", "text/html"),
            ("accept-language", "de-AT"),
            ("accept-encoding", "gzip, deflate, br;q=0, zstd"),
            ("if-none-match", "\"a\""),
            ("range", "bytes=0-0"),
            ("content-length", "5"),
            ("x-forwarded-for", "203.0.113.1"),
            ("hx-request", "true"),
        ]);
        let fields = shared_fields(
            &client,
            by(true),
            &[("currency", "EUR")],
            Some("de"),
            &[HeaderName::from_static("hx-request")],
        );
        assert_eq!(
            text(&fields),
            [
                "accept-encoding: gzip, zstd",
                "accept-language: de",
                "accept: */*",
                "cookie: currency=EUR",
                "host: shop.example",
                "hx-request: true",
                &format!("user-agent: vitrine/{}", env!("CARGO_PKG_VERSION")),
                "via: 1.1 vitrine",
                "x-forwarded-host: shop.example",
                "x-forwarded-proto: http",
            ]
        );
    }

    #[test]
    fn s15_s22_k1_k3_a_pass_carries_nothing_that_only_proxies_may_say() {
        let client = map(&[
            ("host", "shop.example"),
            ("cookie", "sessionid=1"),
            ("x_forwarded_host", "evil"),
            ("x-original-url", "/admin"),
            ("x-real-ip", "203.0.113.1"),
            ("forwarded", "for=203.0.113.1"),
            ("x-forwarded-for", "203.0.113.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
            ("expect", "100-continue"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("via", "1.0 other"),
        ]);
        assert_eq!(
            text(&pass_fields(&client, by(false))),
            [
                "cookie: sessionid=1",
                "host: shop.example",
                "via: 1.0 other",
                "via: 1.1 vitrine",
                "x-forwarded-for: 192.0.2.9",
                "x-forwarded-host: shop.example",
                "x-forwarded-proto: http",
                "x-request-id: r1",
            ]
        );
        let trusted = pass_fields(&client, by(true));
        assert_eq!(trusted["x-forwarded-for"], "203.0.113.1, 192.0.2.9");
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        let mut addresses: Vec<IpAddr> = (0..=255).map(|octet| [octet, 255 - octet, 1, octet].into()).collect();
        addresses.extend(["::1".parse::<IpAddr>().unwrap(), "2001:db8::10".parse().unwrap()]);
        for address in addresses {
            let mut text = String::new();
            push_address(&mut text, address);
            assert_eq!(text, address.to_string());
        }
    }

    #[test]
    fn k15_k16_a_fill_without_a_rule_asks_for_the_whole() {
        let client = map(&[("if-none-match", "\"a\""), ("range", "bytes=0-0"), ("x-own", "1")]);
        let fields = unmatched_fields(&client, by(false));
        assert!(fields.contains_key("x-own"));
        assert!(!fields.contains_key("if-none-match") && !fields.contains_key("range"));
    }

    #[test]
    fn k17_codings_are_reduced_to_eight_lists() {
        for (given, expected) in [
            ("", "identity"),
            ("xyz, identity;q=0", "identity"),
            ("gzip, deflate, br", "br, gzip"),
            ("BR , Gzip;q=0.5", "br, gzip"),
            ("gzip;q=0", "identity"),
            ("x-gzip, br;q=nan", "gzip"),
            ("*", "br, gzip, zstd"),
            ("*, br;q=0", "gzip, zstd"),
        ] {
            assert_eq!(reduced_codings(&map(&[("accept-encoding", given)])), expected, "{given}");
        }
    }
}
