//! Exchanges, mostly plain ones with an oddity or two, so that what differs can be told.

use crate::dice::Dice;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use vitrine::clock::Timestamp;

/// Noon of 24 November 2026, when each response is received.
pub(crate) const NOON: Timestamp = Timestamp(1_795_521_600_000);

/// An exchange with the origin, and a later request for the same URL.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) method: Method,
    pub(crate) request: HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) response: HeaderMap,
    pub(crate) later: HeaderMap,
}

/// What is stored, and the 304 that is told of it a minute later.
#[derive(Clone, Debug)]
pub(crate) struct Validation {
    pub(crate) stored: HeaderMap,
    pub(crate) told: HeaderMap,
}

const PLAIN: [&str; 12] = [
    "max-age=0",
    "max-age=10",
    "max-age=60",
    "max-age=3600",
    "s-maxage=30",
    "s-maxage=60",
    "no-cache",
    "public",
    "must-revalidate",
    "private",
    "no-store",
    "x=1",
];
const ODD: [&str; 16] = [
    "max-age=\"60\"",
    "MAX-AGE=60",
    "Private",
    "No-Store",
    "max-age",
    "max-age=x",
    "max-age=99999999999999999999",
    "private=\"x-a\"",
    "no-cache=\"x-a\"",
    "proxy-revalidate",
    "immutable",
    "must-understand",
    "x=\"a, max-age=60\"",
    "x=\"no-store",
    "public max-age=60",
    "max-age=-5",
];
const DATES: [&str; 8] = [
    "Tue, 24 Nov 2026 12:00:00 GMT",
    "Tue, 24 Nov 2026 12:00:00 GMT",
    "Tue, 24 Nov 2026 12:00:00 GMT",
    "Tue, 24 Nov 2026 11:59:00 GMT",
    "Tue, 24 Nov 2026 12:01:00 GMT",
    "Tue, 24 Nov 2026 10:00:00 GMT",
    "Tue, 24 Nov 2026 12:00:00 GMT",
    "yesterday",
];
const EXPIRES: [&str; 8] = [
    "Tue, 24 Nov 2026 12:01:00 GMT",
    "Tue, 24 Nov 2026 13:00:00 GMT",
    "Tue, 24 Nov 2026 11:59:59 GMT",
    "0",
    "Tuesday, 24-Nov-26 12:01:00 GMT",
    "Tue Nov 24 12:01:00 2026",
    "tue, 24 nov 2026 12:01:00 gmt",
    "Tue, 24 Nov 2026 12:01:00 +0000",
];
const AGES: [&str; 8] = ["0", "30", "30", "7200", "x", "5, 6", "99999999999999999999999", "+5"];
const STATUSES: [u16; 14] = [200, 200, 200, 204, 203, 206, 299, 301, 302, 404, 410, 451, 500, 503];
const MODIFIED: &str = "Sat, 14 Nov 2026 12:00:00 GMT";

impl Case {
    pub(crate) fn rolled(dice: &mut Dice) -> Case {
        let mut response = HeaderMap::new();
        for _ in 0..dice.below(3) {
            let mut line: Vec<&str> = (0..=dice.below(2)).map(|_| *dice.pick(&PLAIN)).collect();
            if one_in(dice, 4) {
                line.push(*dice.pick(&ODD));
            }
            put(&mut response, "cache-control", &line.join(", "));
        }
        sometimes(dice, &mut response, 2, "date", &DATES);
        sometimes(dice, &mut response, 4, "expires", &EXPIRES);
        sometimes(dice, &mut response, 40, "expires", &EXPIRES);
        sometimes(dice, &mut response, 6, "age", &AGES);
        sometimes(dice, &mut response, 3, "etag", &["\"1\"", "W/\"1\""]);
        sometimes(dice, &mut response, 4, "last-modified", &[MODIFIED]);
        sometimes(
            dice,
            &mut response,
            4,
            "vary",
            &["accept", "Accept, accept-language", ", accept-language", "accept, *"],
        );
        sometimes(dice, &mut response, 20, "vary", &["accept-language", "*"]);
        sometimes(dice, &mut response, 15, "set-cookie", &["seen=1", "a=1"]);
        sometimes(dice, &mut response, 20, "content-encoding", &["gzip"]);
        sometimes(dice, &mut response, 20, "pragma", &["no-cache"]);
        sometimes(dice, &mut response, 25, "cdn-cache-control", &["max-age=60", "no-store", "max-age=\"60\""]);
        sometimes(dice, &mut response, 40, "www-authenticate", &["Basic realm=x"]);
        sometimes(dice, &mut response, 40, "content-range", &["bytes 0-0/5"]);
        let (request, later) = (request(dice), request(dice));
        let status = if one_in(dice, 4) { *dice.pick(&STATUSES) } else { 200 };
        Case {
            method: if one_in(dice, 12) { dice.pick(&[Method::HEAD, Method::POST]).clone() } else { Method::GET },
            later: if one_in(dice, 2) { request.clone() } else { later },
            request,
            status: StatusCode::from_u16(status).unwrap(),
            response,
        }
    }
}

fn request(dice: &mut Dice) -> HeaderMap {
    let mut fields = HeaderMap::new();
    sometimes(dice, &mut fields, 2, "accept", &["text/html", "text/html, */*", "text/html ,*/*", ""]);
    sometimes(dice, &mut fields, 10, "accept", &["*/*", "image/png"]);
    sometimes(dice, &mut fields, 2, "accept-language", &["de", "DE", "en"]);
    sometimes(dice, &mut fields, 2, "accept-encoding", &["gzip", "br"]);
    sometimes(dice, &mut fields, 30, "authorization", &["Basic eDp5"]);
    fields
}

impl Validation {
    pub(crate) fn rolled(dice: &mut Dice) -> Validation {
        let lifetimes =
            ["max-age=30", "max-age=120", "s-maxage=90", "no-cache, max-age=60", "max-age=60, must-revalidate"];
        let (mut stored, mut told) = (HeaderMap::new(), HeaderMap::new());
        sometimes(dice, &mut stored, 1, "cache-control", &lifetimes);
        // Without a validator nobody asks.
        match dice.below(3) {
            0 => sometimes(dice, &mut stored, 1, "etag", &["\"1\"", "W/\"1\""]),
            1 => put(&mut stored, "last-modified", MODIFIED),
            _ => {
                put(&mut stored, "etag", "\"1\"");
                put(&mut stored, "last-modified", MODIFIED);
            }
        }
        sometimes(dice, &mut stored, 3, "date", &["Tue, 24 Nov 2026 12:00:00 GMT"]);
        sometimes(dice, &mut stored, 6, "age", &["20"]);
        sometimes(dice, &mut told, 2, "etag", &["\"1\"", "W/\"1\"", "\"2\""]);
        sometimes(dice, &mut told, 3, "last-modified", &[MODIFIED, "Sun, 15 Nov 2026 12:00:00 GMT"]);
        sometimes(dice, &mut told, 3, "cache-control", &lifetimes);
        sometimes(dice, &mut told, 20, "cache-control", &["no-store", "private"]);
        sometimes(dice, &mut told, 3, "date", &["Tue, 24 Nov 2026 12:01:00 GMT"]);
        sometimes(dice, &mut told, 6, "age", &["10"]);
        sometimes(dice, &mut told, 8, "expires", &["Tue, 24 Nov 2026 12:02:00 GMT"]);
        Validation { stored, told }
    }
}

fn one_in(dice: &mut Dice, of: u64) -> bool {
    dice.below(of) == 0
}

fn sometimes(dice: &mut Dice, fields: &mut HeaderMap, one_of: u64, name: &'static str, values: &[&str]) {
    if one_in(dice, one_of) {
        let value: &&str = dice.pick(values);
        put(fields, name, value);
    }
}

fn put(fields: &mut HeaderMap, name: &'static str, value: &str) {
    fields.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
}
