//! What responses are chosen by: Vary, Accept-Encoding, Accept-Language.

use super::reading::{after_blanks, members, token, weight};
use super::scene::{Head, cookies, exchange, planned, rule, terms, under, values};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::sync::Arc;
use vitrine::coding::Coding;
use vitrine::headers::AcceptedCodings;
use vitrine::key::Languages;
use vitrine::policy::storing::{self, Plan};
use vitrine::policy::vary;
use vitrine::stored::VaryKey;

/// Two requests, with an empty line between them, and the Vary of a response among the fields of the first: whether one matches
/// the other's variant does not depend on which came first.
pub(super) fn vary(bytes: &[u8]) {
    let at = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let (mut one, other) = (Head::of(&bytes[..at]).fields, Head::of(bytes.get(at + 2..).unwrap_or_default()).fields);
    let lines: Vec<HeaderValue> = one.get_all(header::VARY).iter().cloned().collect();
    one.remove(header::VARY);
    let Some(names) = names_of(&lines) else { return };
    let key = |request: &HeaderMap| VaryKey::of(&names, |name| vary::normalised(request, name));
    let matches = |key: &VaryKey, request: &HeaderMap| key.matches(|name| vary::normalised(request, name));
    let (first, second) = (key(&one), key(&other));
    assert!(matches(&first, &one) && matches(&second, &other), "what was sent matches itself");
    assert_eq!(matches(&first, &other), matches(&second, &one), "from both sides");
    assert_eq!(matches(&first, &other), first == second, "and equal are those that match");
    assert!(first != second || first.digest() == second.digest());
    for request in [&one, &other] {
        for name in request.keys() {
            folded_once(request, name);
        }
    }
    chosen(&lines, &one, &other, first == second);
}

/// The names in Vary, where it is stored at all: every one of them.
fn names_of(lines: &[HeaderValue]) -> Option<Vec<HeaderName>> {
    let names = plan(lines, &HeaderMap::new()).ok()?.vary;
    let texts = lines.iter().map(|line| line.to_str().unwrap_or("*")).collect::<Vec<_>>().join(",");
    let items: Vec<&str> = texts.split(',').map(|item| item.trim_matches([' ', '\t'])).collect();
    assert!(!items.contains(&"*"), "no request matches a star: {lines:?}");
    let listed = items.iter().filter(|item| !item.is_empty()).map(|item| item.parse::<HeaderName>().unwrap());
    assert_eq!(listed.collect::<Vec<_>>(), names);
    Some(names)
}

fn plan(lines: &[HeaderValue], request: &HeaderMap) -> Result<Plan, vitrine::outcome::Reason> {
    let response = under(&header::VARY, lines);
    storing::decide(&exchange(StatusCode::OK, request, &response), &terms(&rule(Some(60)), cookies()))
}

/// Folding a value twice changes nothing more, and takes nothing away but blanks.
fn folded_once(request: &HeaderMap, name: &HeaderName) {
    let once = vary::normalised(request, name).unwrap();
    let folded = under(name, &[HeaderValue::from_bytes(&once).unwrap()]);
    // Where a quote does not end on its line, another one would be found in what is joined.
    let ends = |line: &HeaderValue| {
        !line.as_bytes().contains(&b'"') || line.to_str().is_ok_and(|text| members(text).is_some())
    };
    if request.get_all(name).iter().all(ends) {
        assert_eq!(vary::normalised(&folded, name), Some(once.clone()), "{request:?}");
    }
    let solid = |bytes: &[u8]| {
        let kept = bytes.iter().filter(|byte| !matches!(byte, b' ' | b'\t')).copied();
        kept.collect::<Vec<u8>>().to_ascii_lowercase()
    };
    let lines: Vec<&[u8]> = request.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(solid(&once), solid(&lines.join(&[b','][..])));
}

/// `select` finds the variant exactly where the keys match.
fn chosen(lines: &[HeaderValue], one: &HeaderMap, other: &HeaderMap, is_same: bool) {
    let response = under(&header::VARY, lines);
    let own = exchange(StatusCode::OK, one, &response);
    let Some(stored) = plan(lines, one).ok().and_then(|plan| planned(&own, &plan, "x")) else { return };
    let found = |request: &HeaderMap| {
        vary::select(&[Arc::new(stored_again(&stored))], |name| vary::normalised(request, name)).is_ok()
    };
    assert!(found(one));
    assert_eq!(found(other), is_same);
}

fn stored_again(stored: &vitrine::stored::StoredResponse) -> vitrine::stored::StoredResponse {
    vitrine::stored::StoredResponse::of(stored.to_parts())
}

/// Accept-Encoding and Accept-Language: what cannot be read is not wanted, and what is chosen chooses itself.
pub(super) fn accepted(bytes: &[u8]) {
    let lines = values(bytes);
    let request = under(&header::ACCEPT_ENCODING, &lines);
    for line in &lines {
        let Some(read) = line.to_str().ok().and_then(weighted) else { continue };
        let alone = under(&header::ACCEPT_ENCODING, std::slice::from_ref(line));
        let least = |is_meant: &dyn Fn(&str) -> bool| {
            let meant = read.iter().filter(|(name, _)| is_meant(&name.to_ascii_lowercase()));
            meant.map(|(_, weight)| *weight).min()
        };
        for coding in Coding::ALL {
            let named = least(&|name| name == coding.as_str() || (coding == Coding::Gzip && name == "x-gzip"));
            let weight = named.or_else(|| least(&|name| name == "*")).unwrap_or(0);
            assert_eq!(AcceptedCodings::of(&alone).accepts(coding), weight > 0, "{coding:?} {line:?}");
        }
    }
    let any = lines.iter().any(|line| line.as_bytes().contains(&b'*'));
    if AcceptedCodings::of(&request).accepts(Coding::Gzip) && !any {
        let names = lines.iter().map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase());
        assert!(names.into_iter().any(|line| line.contains("gzip")), "{lines:?}");
        assert!(!lines.iter().all(|line| line.as_bytes().eq_ignore_ascii_case(b"gzip;q=0")));
    }
    let languages = Languages::new(vec!["en".into(), "de".into(), "pt-BR".into()], "language");
    let text = lines.iter().filter_map(|line| line.to_str().ok()).collect::<Vec<_>>().join(", ");
    let chosen = languages.reduce(Some(&text)).unwrap();
    assert!(languages.tags().iter().any(|tag| **tag == *chosen));
    if let Some(read) = weighted(&text) {
        let meets = |range: &str| range.to_ascii_lowercase().starts_with(&chosen.to_ascii_lowercase());
        let is_wanted = read.iter().any(|(range, weight)| *weight > 0 && meets(range));
        assert!(is_wanted || chosen == "en", "the default, or what is wanted: {text}");
    }
    assert_eq!(languages.reduce(Some(chosen)), Some(chosen));
    assert_eq!(languages.reduce(Some(&text.to_ascii_uppercase())), Some(chosen), "case says nothing: {text}");
}

/// `#( token [ OWS ";" OWS "q=" qvalue ] )` (RFC 9110 12.5.3); none where it is anything else.
fn weighted(text: &str) -> Option<Vec<(String, u32)>> {
    let items = text.split(',').map(|item| item.trim_matches([' ', '\t'])).filter(|item| !item.is_empty());
    items.map(weighted_item).collect()
}

fn weighted_item(item: &str) -> Option<(String, u32)> {
    let (name, rest) = token(item.as_bytes())?;
    let rest = after_blanks(rest);
    if rest.is_empty() {
        return Some((name, 1000));
    }
    let parameter = after_blanks(rest.strip_prefix(b";")?);
    let (key, value) = std::str::from_utf8(parameter).ok()?.split_once('=')?;
    key.eq_ignore_ascii_case("q").then(|| weight(value).map(|weight| (name, weight))).flatten()
}
