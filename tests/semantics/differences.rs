//! Every known difference, with who is stricter and why it stays.

use crate::cases::Case;
use crate::difference::Aspect::{Age, Fresh, Stale, Stored, TimeLeft, TimeLeftAfter304, Updated, Vary};
use crate::difference::Stricter::{Either, They, We};
use crate::difference::{Aspect, Difference};
use http::{HeaderMap, Method, header};
use vitrine::outcome::Reason;

/// What an exchange's lifetime decides.
const USES: &[Aspect] = &[Fresh, TimeLeft];

pub(crate) const DIFFERENCES: &[Difference] = &[
    // What is stored (RFC 9111 3).
    Difference::of_exchanges(
        "no lifetime, no storing",
        &[Stored],
        We,
        "RFC 9111 4.2.2: heuristics are allowed, not asked for, and here off, or there is nothing to guess by; what is never fresh is of no use",
        |_, found| found.reason == Some(Reason::NoLifetime),
    ),
    Difference::of_exchanges(
        "stale on arrival and without a validator",
        &[Stored],
        We,
        "RFC 9111 3: storing is optional, and nobody could be served or validate it",
        |_, found| found.reason == Some(Reason::StaleOnArrival),
    ),
    Difference::of_exchanges(
        "no-cache without a validator",
        &[Stored],
        We,
        "RFC 9111 5.2.2.4: it may not be used without validation, which it does not allow",
        |_, found| found.reason == Some(Reason::NoCache),
    ),
    Difference::of_exchanges(
        "cookies that no list allows to drop",
        &[Stored],
        We,
        "RFC 6265 3 lets them be cached; what sets a visitor's cookie is nobody else's (L1)",
        |case, found| found.reason == Some(Reason::SetCookie) && case.response.contains_key(header::SET_COOKIE),
    ),
    Difference::of_exchanges(
        "a star in Vary",
        &[Stored],
        We,
        "RFC 9111 4.1: no request matches, so that it would be kept for nobody",
        |case, found| found.reason == Some(Reason::VaryStar) && says(&case.response, "vary", "*"),
    ),
    Difference::of_exchanges(
        "what is no list of directives",
        &[Stored],
        We,
        "RFC 9111 4.2.1 encourages to take it for stale; a veto may hide in it (L3)",
        |_, found| found.reason == Some(Reason::BadCacheControl),
    ),
    Difference::of_exchanges(
        "only GET is stored",
        &[Stored],
        We,
        "RFC 9111 2: what other methods a cache stores is its own choice (K14)",
        |case, _| case.method != Method::GET,
    ),
    Difference::of_exchanges(
        "credentials pass",
        &[Stored],
        We,
        "RFC 9111 3.5 allows more; here whoever sends credentials is answered by the origin (L2)",
        |case, _| case.request.contains_key(header::AUTHORIZATION),
    ),
    Difference::of_exchanges(
        "answers to credentials",
        &[Stored],
        We,
        "RFC 9110 11.6: a challenge is one client's (L1)",
        |case, found| {
            found.reason == Some(Reason::Authorization) && case.response.contains_key(header::WWW_AUTHENTICATE)
        },
    ),
    Difference::of_exchanges(
        "vetoes in another case",
        &[Stored],
        We,
        "RFC 9111 5.2: names of directives are case-insensitive; they compare bytes",
        |case, _| says(&case.response, "cache-control", "No-Store") || says(&case.response, "cache-control", "Private"),
    ),
    Difference::of_exchanges(
        "private with names",
        &[Stored],
        They,
        "RFC 9111 5.2.2.7: the named fields are not stored, the rest may be",
        |case, _| says(&case.response, "cache-control", "private=\"x-a\""),
    ),
    Difference::of_exchanges(
        "every final status with a lifetime",
        &[Stored],
        They,
        "RFC 9111 3: a status need not be understood but where must-understand says so; they hold to RFC 7234",
        |case, _| {
            ![200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501].contains(&case.status.as_u16())
        },
    ),
    Difference::of_exchanges(
        "no-store beside must-understand",
        &[Stored],
        They,
        "RFC 9111 5.2.2.3: who understands the status overlooks no-store; they do not know the directive",
        |case, _| {
            says(&case.response, "cache-control", "must-understand")
                && says(&case.response, "cache-control", "no-store")
        },
    ),
    Difference::of_exchanges(
        "a directive in a quoted string",
        &[Stored, Fresh, TimeLeft, Stale],
        Either,
        "RFC 9110 5.6.4: it is text; they split at its commas",
        |case, _| says(&case.response, "cache-control", "x=\""),
    ),
    Difference::of_exchanges(
        "targeted fields",
        &[Stored, Fresh, TimeLeft, Stale],
        Either,
        "RFC 9213 2.1: a valid CDN-Cache-Control counts alone; they do not know it",
        |case, _| case.response.get("cdn-cache-control").is_some_and(|value| !value.as_bytes().contains(&b'"')),
    ),
    // Ages (RFC 9111 4.2.3).
    Difference::of_exchanges(
        "apparent age",
        &[Age, Fresh, TimeLeft],
        We,
        "RFC 9111 4.2.3: a Date in the past is an age; they look at Age alone",
        |case, _| {
            case.response
                .get(header::DATE)
                .is_some_and(|date| date == "Tue, 24 Nov 2026 11:59:00 GMT" || date == "Tue, 24 Nov 2026 10:00:00 GMT")
        },
    ),
    Difference::of_exchanges(
        "the first age of a list",
        &[Age, Fresh, TimeLeft],
        We,
        "RFC 9111 5.1: of several the first is used; they take none",
        |case, _| says(&case.response, "age", "5, 6"),
    ),
    Difference::of_exchanges(
        "an age past all numbers",
        &[Age, Fresh, TimeLeft],
        We,
        "RFC 9111 1.2.2: it is 2^31 then; they take none",
        |case, _| says(&case.response, "age", "99999999999999999999999"),
    ),
    Difference::of_exchanges(
        "an age with a sign",
        &[Age, Fresh, TimeLeft],
        They,
        "RFC 9111 5.1: delta-seconds are digits, and what is none is ignored",
        |case, _| says(&case.response, "age", "+5"),
    ),
    // Lifetimes (RFC 9111 4.2.1).
    Difference::of_exchanges(
        "directives in another case",
        &[Stored, Fresh, TimeLeft],
        Either,
        "RFC 9111 5.2: MAX-AGE is max-age; they compare bytes",
        |case, _| says(&case.response, "cache-control", "MAX-AGE"),
    ),
    Difference::of_exchanges(
        "a lifetime past all numbers",
        USES,
        They,
        "RFC 9111 1.2.2: it is 2^31 then; they take none",
        |case, _| says(&case.response, "cache-control", "max-age=99999999999999999999"),
    ),
    Difference::of_exchanges(
        "max-age without a value",
        USES,
        We,
        "RFC 9111 4.2.1: invalid, and so stale; they go on to Expires, or guess",
        |case, _| {
            let goes_on = [header::EXPIRES, header::LAST_MODIFIED];
            says(&case.response, "cache-control", "max-age")
                && goes_on.iter().any(|name| case.response.contains_key(name))
        },
    ),
    Difference::of_exchanges(
        "proxy-revalidate while fresh",
        USES,
        They,
        "RFC 9111 5.2.2.8: it forbids stale use and nothing else",
        |case, _| says(&case.response, "cache-control", "proxy-revalidate"),
    ),
    Difference::of_exchanges(
        "no-cache with names",
        USES,
        They,
        "RFC 9111 5.2.2.4: the named fields are not used, the rest may be",
        |case, _| says(&case.response, "cache-control", "no-cache=\"x-a\""),
    ),
    Difference::of_exchanges(
        "immutable gives no lifetime",
        USES,
        We,
        "RFC 8246 2: it speaks of the freshness lifetime, and does not make one; they add a day",
        |case, _| says(&case.response, "cache-control", "immutable"),
    ),
    Difference::of_exchanges(
        "a cookie that is dropped",
        USES,
        They,
        "what is stored is stored without it",
        |case, _| says(&case.response, "set-cookie", "seen=1"),
    ),
    Difference::of_exchanges(
        "dates in three shapes and any case",
        USES,
        They,
        "RFC 9110 5.6.7: all three are accepted; they read RFC 2822",
        |case, _| {
            ["Tuesday, 24-Nov", "Tue Nov 24", "tue, 24 nov"].iter().any(|shape| says(&case.response, "expires", shape))
        },
    ),
    Difference::of_exchanges(
        "a date in another zone, or a second one",
        USES,
        We,
        "RFC 9110 5.6.7: HTTP knows one zone; RFC 9111 4.2.1: of two Expires none is valid",
        |case, _| says(&case.response, "expires", "+0000") || case.response.get_all(header::EXPIRES).iter().count() > 1,
    ),
    Difference::of_exchanges(
        "Pragma in a response",
        USES,
        They,
        "RFC 9111 5.4: it means something in requests only",
        |case, _| case.response.contains_key(header::PRAGMA) && !case.response.contains_key(header::CACHE_CONTROL),
    ),
    // Stale use (RFC 9111 4.2.4).
    Difference::of_exchanges(
        "no-cache, s-maxage and proxy-revalidate are never used stale",
        &[Stale],
        We,
        "RFC 9111 4.2.4, 5.2.2.4, 5.2.2.8 and 5.2.2.10; they look at must-revalidate alone",
        |case, _| {
            ["no-cache", "s-maxage", "proxy-revalidate"].iter().any(|name| says(&case.response, "cache-control", name))
        },
    ),
    Difference::of_exchanges(
        "a directive with two values",
        &[Stale],
        They,
        "RFC 9111 4.2.1: the first of two lifetimes may be used; they revalidate besides",
        |case, _| {
            let lines = case.response.get_all(header::CACHE_CONTROL).iter().map(|line| line.to_str().unwrap());
            let all: Vec<(&str, &str)> = lines
                .flat_map(|line| line.split(", "))
                .map(|item| item.split_once('=').unwrap_or((item, "")))
                .collect();
            all.iter().any(|(name, value)| all.iter().any(|(own, other)| own == name && other != value))
        },
    ),
    // Which later request is answered (RFC 9111 4.1).
    Difference::of_exchanges(
        "blanks around commas, and the case of languages",
        &[Vary],
        They,
        "RFC 9111 4.1: values are compared in a normal form; they compare bytes",
        |case, _| {
            case.request != case.later && ["accept", "accept-language"].iter().any(|name| is_same_folded(case, name))
        },
    ),
    Difference::of_exchanges(
        "all lines of a request field",
        &[Vary],
        We,
        "RFC 9110 5.3: they are one value; they compare the first",
        |case, _| [&case.request, &case.later].iter().any(|fields| fields.get_all(header::ACCEPT).iter().count() > 1),
    ),
    Difference::of_exchanges(
        "what is encoded varies on Accept-Encoding",
        &[Vary],
        We,
        "RFC 9110 12.5.5 has the origin say so; where it does not, nobody gets a coding that they cannot read (K17)",
        |case, _| case.response.contains_key(header::CONTENT_ENCODING),
    ),
    // What a 304 makes of it (RFC 9111 4.3.4).
    Difference::of_validations(
        "a 304 without the validator that is stored",
        &[Updated],
        They,
        "RFC 9110 15.4.5: it answers the condition that we sent and no other; many origins leave their validators out",
        |validation| {
            let is_in_both = |name| validation.told.contains_key(&name) && validation.stored.contains_key(name);
            !validation.told.contains_key(header::ETAG) && !is_in_both(header::LAST_MODIFIED)
        },
    ),
    Difference::of_validations(
        "a 304 with an entity tag where none is stored",
        &[Updated],
        We,
        "RFC 9111 4.3.4: the tag names a representation that is not known to be this one",
        |validation| validation.told.contains_key(header::ETAG) && !validation.stored.contains_key(header::ETAG),
    ),
    Difference::of_validations(
        "all lines of a 304's field",
        &[Updated, TimeLeftAfter304],
        Either,
        "RFC 9110 5.3: they are one value; they take the first",
        |validation| validation.told.keys_len() < validation.told.len(),
    ),
    Difference::of_validations(
        "what a 304 brings anew, and what it leaves out",
        &[TimeLeftAfter304],
        Either,
        "RFC 9111 3.2: all its fields are taken in, and the old Age and Date are not the new exchange's; they update only what was there",
        |validation| {
            let (stored, told) = (&validation.stored, &validation.told);
            told.keys().any(|name| !stored.contains_key(name))
                || [header::AGE, header::DATE].iter().any(|name| stored.contains_key(name))
        },
    ),
];

/// Whether a line of the field holds that text.
fn says(fields: &HeaderMap, name: &'static str, text: &str) -> bool {
    fields.get_all(name).iter().any(|line| line.to_str().unwrap().contains(text))
}

/// Whether a field of both requests is the same but for blanks and case.
fn is_same_folded(case: &Case, name: &str) -> bool {
    let folded = |fields: &HeaderMap| {
        let values: Vec<&str> = fields.get_all(name).iter().map(|line| line.to_str().unwrap()).collect();
        fields.contains_key(name).then(|| values.join(",").replace(' ', "").to_ascii_lowercase())
    };
    folded(&case.request) == folded(&case.later)
}
