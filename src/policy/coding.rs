//! Which responses are given content codings here (RFC 9110 8.4), and which are left as they came (RFC 9111 5.2.2.6).

use super::Whose;
use crate::coding::Coding;
use crate::headers::{AcceptedCodings, list_items};
use crate::stored::VaryKey;
use http::{HeaderMap, StatusCode, header};

/// Bytes of the largest content that is coded: one that is larger keeps a processor for a third of a second and more.
const CONTENT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a rule says of codings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodingRule {
    /// Those that are made, the preferred first.
    pub codings: Box<[Coding]>,
    /// The media types that are coded.
    pub types: Box<[MediaRange]>,
    /// Bytes of the smallest content that is coded.
    pub bytes_min: u64,
    /// Whether sessions' own pages are, too. What stands in them beside a secret may be an attacker's choice, and their length
    /// then tells of the secret (BREACH, row L8).
    pub sessions: bool,
}

/// A media type, or all of a kind (`text/*`); in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRange {
    kind: Box<str>,
    /// None: whatever it is.
    own: Option<Box<str>>,
}

impl MediaRange {
    /// Reads `text/html` or `text/*`.
    pub fn parse(text: &str) -> Option<MediaRange> {
        let (kind, own) = text.split_once('/')?;
        let is_token = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        let lower = |text: &str| Box::from(text.to_ascii_lowercase());
        match own {
            _ if !is_token(kind) => None,
            "*" => Some(MediaRange { kind: lower(kind), own: None }),
            own => is_token(own).then(|| MediaRange { kind: lower(kind), own: Some(lower(own)) }),
        }
    }

    fn holds(&self, kind: &str, own: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.own.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(own))
    }
}

impl CodingRule {
    /// Whether a whole response may be sent in other codings than it came in, as far as its head tells.
    ///
    /// Only a 200: other answers with a content are short, or kept for seconds, and would not repay it.
    pub fn allows(&self, status: StatusCode, response: &HeaderMap, whose: Whose) -> bool {
        status == StatusCode::OK
            && (self.sessions || whose == Whose::Everybodys)
            && self.has_type(response)
            && !is_coded(response)
            && !forbids_transformation(response)
    }

    /// Whether it pays for a content of so many bytes.
    pub fn suits(&self, bytes: u64) -> bool {
        (self.bytes_min..=CONTENT_BYTES_MAX).contains(&bytes)
    }

    /// The codings that those want who are sent a variant. Where the origin told variants apart by what is accepted, the others
    /// have their own.
    pub fn codings_for(&self, vary: &VaryKey) -> Vec<Coding> {
        let told = vary.pairs().find(|(name, _)| name == header::ACCEPT_ENCODING);
        let accepted = told.map(|(_, value)| {
            let line = value.and_then(|line| std::str::from_utf8(line).ok());
            AcceptedCodings::of_line(line.unwrap_or_default())
        });
        let is_wanted = |coding: &Coding| accepted.is_none_or(|accepted| accepted.accepts(*coding));
        self.codings.iter().copied().filter(is_wanted).collect()
    }

    fn has_type(&self, response: &HeaderMap) -> bool {
        let mut lines = response.get_all(header::CONTENT_TYPE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return false };
        let own = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let Some((kind, own)) = own.split_once('/') else { return false };
        self.types.iter().any(|range| range.holds(kind, own))
    }
}

fn is_coded(response: &HeaderMap) -> bool {
    let is_readable = response.get_all(header::CONTENT_ENCODING).iter().all(|line| line.to_str().is_ok());
    !is_readable || list_items(response, &header::CONTENT_ENCODING).any(|own| !own.eq_ignore_ascii_case("identity"))
}

/// `no-transform`, in Cache-Control or in a field that is for some caches only (RFC 9213): whoever it is said to, it is the content
/// that must stay. Whatever is written behind it makes no difference.
fn forbids_transformation(response: &HeaderMap) -> bool {
    const DIRECTIVE: &str = "no-transform";
    let names = response.keys().filter(|name| name.as_str().ends_with("cache-control"));
    let mut items = names.flat_map(|name| list_items(response, name));
    items.any(|item| {
        let name = item.split(['=', ';']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(DIRECTIVE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    fn rule() -> CodingRule {
        CodingRule {
            codings: Coding::ALL.into(),
            types: ["text/*", "image/SVG+xml"].into_iter().filter_map(MediaRange::parse).collect(),
            bytes_min: 1_024,
            sessions: false,
        }
    }

    fn fields(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn what_came_plain_and_is_of_the_right_type_is_coded_and_nothing_else() {
        let page = ("content-type", "text/html; charset=utf-8");
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[page], true),
            (&[("content-type", "Image/svg+XML")], true),
            (&[("content-type", "image/png")], false),
            (&[("content-type", "text")], false),
            (&[("content-type", "é")], false),
            (&[], false),
            (&[page, ("content-type", "image/png")], false),
            (&[page, ("content-encoding", "gzip")], false),
            (&[page, ("content-encoding", "identity, br")], false),
            (&[page, ("content-encoding", "é")], false),
            (&[page, ("content-encoding", "Identity")], true),
            (&[page, ("cache-control", "max-age=60, no-transform")], false),
            (&[page, ("cache-control", "max-age=60"), ("cache-control", "No-Transform")], false),
            (&[page, ("cache-control", "no-transform=\"x\"")], false),
            (&[page, ("cache-control", "max-age=60"), ("cdn-cache-control", "max-age=60, no-transform")], false),
            (&[page, ("cdn-cache-control", "no-transform;a=1, max-age=60")], false),
            (&[page, ("shop-cdn-cache-control", "no-transform")], false),
            (&[page, ("cache-control", "no-transformer, x=\"no-transform\"")], true),
            (&[page, ("pragma", "no-transform")], true),
        ];
        for (lines, expected) in table {
            assert_eq!(rule().allows(StatusCode::OK, &fields(lines), Whose::Everybodys), *expected, "{lines:?}");
        }
        for status in [203, 204, 206, 301, 304, 404, 410, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(!rule().allows(status, &fields(&[page]), Whose::Everybodys), "{status}");
        }
        let own = |sessions| CodingRule { sessions, ..rule() };
        let allows = |rule: CodingRule| rule.allows(StatusCode::OK, &fields(&[page]), Whose::OneSessions);
        assert!(!allows(own(false)), "l8: a session's own page only where it is told");
        assert!(allows(own(true)));
        assert!(rule().suits(1_024) && !rule().suits(1_023) && !rule().suits(CONTENT_BYTES_MAX + 1));
    }

    #[test]
    fn a_variant_is_coded_for_those_who_are_sent_it() {
        let vary = |value: Option<&'static str>| {
            let value = value.map(|value| Bytes::from_static(value.as_bytes()));
            rule().codings_for(&VaryKey::of(&[header::ACCEPT_ENCODING], |_| value.clone()))
        };
        assert_eq!(vary(Some("br, gzip")), [Coding::Brotli, Coding::Gzip]);
        assert_eq!(vary(Some("identity")), []);
        assert_eq!(vary(None), []);
        assert_eq!(rule().codings_for(&VaryKey::default()), Coding::ALL);
    }

    #[test]
    fn media_types_are_read_or_refused() {
        for text in ["text/*", "application/vnd.api+json", "TEXT/html"] {
            assert!(MediaRange::parse(text).is_some(), "{text}");
        }
        for text in ["", "text", "/", "text/", "*/*", "text/*plain", "text/html; charset=utf-8", "a/b/c"] {
            assert!(MediaRange::parse(text).is_none(), "{text}");
        }
    }
}
