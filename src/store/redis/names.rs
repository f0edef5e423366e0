//! The names of keys and of the fields in them.
//!
//! One key is one page, `ecommerce:products:shop.example/products/red-shoe:<digest>`: what an operator reads is host and
//! path, cut and escaped, and never a query or a cookie; what finds the page is the digest of its full key. Each field of it
//! is one variant, and its name tells all that a script needs to know, so that no script ever reads a value.

use crate::cache_name::CacheName;
use crate::crypto;
use crate::key::Key;
use crate::stored::VaryKey;
use std::fmt::Write;

/// Of host and path, the bytes that are shown at most.
const HOST_BYTES_MAX: usize = 64;
const PATH_BYTES_MAX: usize = 96;
/// A digest of 128 bits in hexadecimal.
const DIGEST_CHARS: usize = 32;
/// What stands between a page's name and the generation of a body that is kept apart.
const BODY: &str = ":body:";
const GENERATION_CHARS: usize = 16;

/// Names below one prefix.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

/// What a key of ours holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The variants of a page.
    Page(CacheName),
    /// The body of one of them, kept apart.
    Body(CacheName),
}

impl Names {
    pub(super) fn new(prefix: &str) -> Names {
        Names { prefix: prefix.into() }
    }

    /// The page of a full key.
    pub(super) fn page(&self, cache: CacheName, key: &Key) -> String {
        let mut name = String::with_capacity(self.prefix.len() + 64 + key.path().len());
        name.push_str(&self.prefix);
        name.push_str(cache.as_str());
        name.push(':');
        push_plain(&mut name, key.host(), HOST_BYTES_MAX);
        push_plain(&mut name, key.path(), PATH_BYTES_MAX);
        name.push(':');
        name.push_str(&crypto::hex(&key.digest()));
        name
    }

    /// Where the body of one generation is, if it is kept apart.
    pub(super) fn body(page: &str, generation: u64) -> String {
        format!("{page}{BODY}{generation:016x}")
    }

    /// The page whose body a key of that kind is.
    pub(super) fn page_of_body(name: &str) -> &str {
        ends_in_hex(name, BODY, GENERATION_CHARS).unwrap_or_default()
    }

    /// A Vary key as the names of fields have it. Two that look the same take each other's place, and that is all: whole ones are
    /// compared where it counts.
    pub(super) fn vary(vary: &VaryKey) -> String {
        crypto::hex(&vary.digest()[..GENERATION_CHARS / 2])
    }

    /// A number as the names of fields have it.
    pub(super) fn number(number: u64) -> String {
        format!("{number:016x}")
    }

    /// What the names of a cache's keys match, or those of all keys.
    pub(super) fn pattern(&self, cache: Option<CacheName>) -> String {
        let mut pattern = String::with_capacity(self.prefix.len() + 16);
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        match cache {
            Some(cache) => {
                let _ = write!(pattern, "{cache}:*");
            }
            None => pattern.push('*'),
        }
        pattern
    }

    /// What a key holds by its name; none where it is no cache's.
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        let (cache, rest) = name.strip_prefix(&self.prefix)?.split_once(':')?;
        let cache = CacheName::parse(cache)?;
        if ends_in_hex(rest, ":", DIGEST_CHARS).is_some() {
            return Some(Kind::Page(cache));
        }
        let page = ends_in_hex(rest, BODY, GENERATION_CHARS)?;
        ends_in_hex(page, ":", DIGEST_CHARS).map(|_| Kind::Body(cache))
    }

    /// The last census.
    pub(super) fn census(&self) -> String {
        format!("{}{{census}}", self.prefix)
    }

    /// Who takes the census at present.
    pub(super) fn census_lock(&self) -> String {
        format!("{}{{census}}:lock", self.prefix)
    }

    /// A page that is nobody's, to find out whether one can be written and read.
    pub(super) fn probe(&self) -> String {
        format!("{}{{probe}}", self.prefix)
    }
}

/// One variant, as the name of its field tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The digest of its Vary key: a successor takes its place.
    pub(super) vary: u64,
    /// Above that of all that were stored before it: microseconds, by the server's clock.
    pub(super) order: u64,
    /// Until when it is kept: milliseconds, by the server's clock.
    pub(super) until_ms: u64,
    pub(super) generation: u64,
    /// How long its body is, if that is kept apart.
    pub(super) apart: Option<u64>,
}

impl Field {
    /// What the name of a field tells; none where it is not one of ours.
    pub(super) fn parse(name: &[u8]) -> Option<Field> {
        let name = std::str::from_utf8(name).ok()?;
        let (name, apart) = match name.split_once('+') {
            Some((name, apart)) => (name, Some(apart.parse().ok()?)),
            None => (name, None),
        };
        let mut parts = name.split('-');
        let field = Field {
            vary: hex(parts.next()?)?,
            order: parts.next()?.parse().ok()?,
            until_ms: parts.next()?.parse().ok()?,
            generation: hex(parts.next()?)?,
            apart,
        };
        parts.next().is_none().then_some(field)
    }
}

fn hex(text: &str) -> Option<u64> {
    (text.len() == GENERATION_CHARS).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// What stands before `mark` and exactly so many hexadecimal digits at the end.
fn ends_in_hex<'a>(name: &'a str, mark: &str, digits: usize) -> Option<&'a str> {
    let (rest, digits) = name.split_at_checked(name.len().checked_sub(digits)?)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| rest.strip_suffix(mark)).flatten()
}

/// As much of a text as is shown. Braces would choose a cluster's slot, and stars and brackets are patterns to `redis-cli`.
fn push_plain(name: &mut String, text: &str, bytes_max: usize) {
    let end = name.len() + bytes_max;
    for byte in text.bytes() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'~' | b'%' | b':' | b',');
        if name.len() + if plain { 1 } else { 3 } > end {
            break;
        }
        if plain {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Scheme, Target};

    fn key(host: &str, path: &str, query: Option<&str>, cookies: &[(&str, &str)]) -> Key {
        let target =
            Target { scheme: Scheme::Https, host: host.into(), path: path.into(), query: query.map(Into::into) };
        Key::new(&target, cookies, Some("en"))
    }

    #[test]
    fn a_name_shows_the_page_and_nothing_of_its_visitor() {
        let names = Names::new("ecommerce:");
        let own = key("shop.example:8443", "/account/orders", Some("token=abc"), &[("session", "5ec4e7")]);
        let name = names.page(CacheName::Sessions, &own);
        let shown = "ecommerce:sessions:shop.example:8443/account/orders:";
        assert_eq!(name, format!("{shown}{}", crypto::hex(&own.digest())));
        assert_eq!(names.kind(&name), Some(Kind::Page(CacheName::Sessions)));
        assert_eq!(names.kind(&Names::body(&name, 7)), Some(Kind::Body(CacheName::Sessions)));
        assert_eq!(Names::page_of_body(&Names::body(&name, 7)), name);
    }

    #[test]
    fn names_are_bounded_and_plain_and_differ_although_what_is_shown_does_not() {
        let names = Names::new("ecommerce:");
        let of = |path: &str| names.page(CacheName::Default, &key(&"h".repeat(300), path, None, &[]));
        let hostile = format!("/{{a}}*[b]?\\ \u{e9}\r\n\"{}", "x".repeat(4_000));
        let (one, two) = (of(&hostile), of(&format!("{hostile}y")));
        assert_ne!(one, two);
        assert_eq!(one[..one.len() - DIGEST_CHARS], two[..two.len() - DIGEST_CHARS]);
        assert!(one.len() <= "ecommerce:default::".len() + HOST_BYTES_MAX + PATH_BYTES_MAX + DIGEST_CHARS);
        assert!(one.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}*[]?\\\"".contains(&byte)), "{one}");
    }

    #[test]
    fn what_is_not_ours_has_no_kind() {
        let names = Names::new("shop:");
        let digest = "0".repeat(DIGEST_CHARS);
        for foreign in [
            "shop:{ledger}:log".into(),
            "shop:{census}".into(),
            format!("other:default:shop/:{digest}"),
            format!("shop:baskets:shop/:{digest}"),
            format!("shop:default:shop/:{digest}:body:12"),
            format!("shop:default:shop/{digest}"),
            "shop:default:".into(),
        ] {
            assert_eq!(names.kind(&foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_pattern_matches_its_own_prefix_alone() {
        assert_eq!(Names::new("a*[b]:").pattern(Some(CacheName::Products)), "a\\*\\[b\\]:products:*");
        assert_eq!(Names::new("ecommerce:").pattern(None), "ecommerce:*");
    }

    #[test]
    fn fields_are_read_and_foreign_ones_are_not() {
        let field = Field { vary: 10, order: 17, until_ms: 5, generation: 255, apart: None };
        let name = "000000000000000a-17-5-00000000000000ff";
        assert_eq!(Field::parse(name.as_bytes()), Some(field));
        assert_eq!(Field::parse(format!("{name}+99").as_bytes()), Some(Field { apart: Some(99), ..field }));
        for foreign in ["", "a-17-5-ff", "000000000000000a-17-5", "title", "000000000000000a-17-5-00000000000000ff-1"] {
            assert_eq!(Field::parse(foreign.as_bytes()), None, "{foreign}");
        }
        assert_eq!(Field::parse(b"\xff"), None);
    }
}
