//! What does not hold yet. The list can only grow shorter: a row in it that holds fails its table.

/// Rows by name, under why they do not hold.
pub const NOT_YET: &[(&str, &[&str])] = &[
    (
        "interim responses are not relayed",
        &[
            "interim responses reach the client that waits: 102 (9110 15.2)",
            "interim responses reach the client that waits: 103 (9110 15.2)",
            "interim responses to what is passed reach the client that waits (9110 15.2)",
        ],
    ),
    (
        "Max-Forwards is not counted",
        &[
            "a request that may go further is counted (9110 7.6.2)",
            "a request that may go no further is answered here (9110 7.6.2)",
        ],
    ),
    (
        "a reference by another scheme is taken for one of the same origin",
        &[
            "the same host by another scheme is another origin: content-location: https://shop.example{here}/b (9111 4.4, 9110 4.3.1)",
            "the same host by another scheme is another origin: location: https://shop.example{here}/b (9111 4.4, 9110 4.3.1)",
        ],
    ),
    (
        "the request's no-cache and Pragma are not honoured",
        &[
            "a client that does not want what is fresh: cache-control: max-age=0 (9211 2.2)",
            "a client that does not want what is fresh: cache-control: no-cache (9211 2.2)",
            "a client that does not want what is fresh: pragma: no-cache (9211 2.2)",
            "a client's no-cache has its own condition answered (9111 4.3.2, 5.2.1.4)",
            "directives of a request on several lines are one list (9111 5.2)",
            "no-cache brings what is new to everybody (9111 5.2.1.4)",
            "no-cache brings what replaces a variant, and leaves the others (9111 5.2.1.4)",
            "no-cache is a validation, and its answer is kept: cache-control: No-Cache (9111 5.2.1.4)",
            "no-cache is a validation, and its answer is kept: cache-control: foo, no-cache (9111 5.2.1.4)",
            "no-cache is a validation, and its answer is kept: cache-control: max-age=0 (9111 5.2.1.4)",
            "no-cache is a validation, and its answer is kept: cache-control: no-cache (9111 5.2.1.4)",
            "no-cache is a validation, and its answer is kept: pragma: no-cache (9111 5.2.1.4)",
            "no-cache is answered from no stored response, also where the origin breaks off (9111 5.2.1.4)",
        ],
    ),
    (
        "the request's max-age is not honoured",
        &[
            "Age as it came counts against a client's max-age (9111 5.2.1.1)",
            "max-age sets a bound to the age, above it: Max-Age=5 (9111 5.2.1.1)",
            "max-age sets a bound to the age, above it: max-age=\"9\" (9111 5.2.1.1)",
            "max-age sets a bound to the age, above it: max-age=0 (9111 5.2.1.1)",
            "max-age sets a bound to the age, above it: max-age=5, max-stale=0 (9111 5.2.1.1)",
            "max-age sets a bound to the age, above it: max-age=9 (9111 5.2.1.1)",
        ],
    ),
    (
        "the request's min-fresh is not honoured",
        &[
            "min-fresh wants so much freshness left: max-age=3600, min-fresh=51 (9111 5.2.1.3)",
            "min-fresh wants so much freshness left: min-fresh=3600 (9111 5.2.1.3)",
            "min-fresh wants so much freshness left: min-fresh=51 (9111 5.2.1.3)",
        ],
    ),
    (
        "the request's max-stale is not honoured",
        &[
            "max-stale takes what is stale by so much: Max-Stale (9111 5.2.1.2)",
            "max-stale takes what is stale by so much: max-stale (9111 5.2.1.2)",
            "max-stale takes what is stale by so much: max-stale=30 (9111 5.2.1.2)",
            "max-stale takes what is stale by so much: max-stale=3600 (9111 5.2.1.2)",
            "only-if-cached with max-stale takes what is stale (9111 5.2.1.2, 5.2.1.7)",
        ],
    ),
    (
        "the request's no-store is not honoured",
        &[
            "a client's no-store on what is stale keeps its answer out (9111 5.2.1.5)",
            "no-store in a request keeps its answer out: No-Store (9111 5.2.1.5)",
            "no-store in a request keeps its answer out: max-age=0, no-store (9111 5.2.1.5)",
            "no-store in a request keeps its answer out: no-store (9111 5.2.1.5)",
        ],
    ),
    (
        "the request's only-if-cached is not honoured",
        &[
            "an answer without an origin tells that it came from nowhere (9211 2.2)",
            "only-if-cached asks nobody: Only-If-Cached (9111 5.2.1.7)",
            "only-if-cached asks nobody: max-age=3600, only-if-cached (9111 5.2.1.7)",
            "only-if-cached asks nobody: only-if-cached (9111 5.2.1.7)",
            "only-if-cached takes nothing that the client does not want: only-if-cached, max-age=5 (9111 5.2.1.7)",
            "only-if-cached takes nothing that the client does not want: only-if-cached, min-fresh=3600 (9111 5.2.1.7)",
            "only-if-cached takes nothing that the client does not want: only-if-cached, no-cache (9111 5.2.1.7)",
            "only-if-cached takes nothing that would be asked about: only-if-cached (9111 5.2.1.7)",
            "only-if-cached takes nothing that would be asked about: only-if-cached, max-age=3600 (9111 5.2.1.7)",
        ],
    ),
    (
        "lifetimes are not guessed",
        &[
            "a guess goes by Date and not by the time of receipt (9111 4.2.2, 4.2.3)",
            "a query forbids no guess (9111 4.2.2)",
            "a status of which a lifetime may be guessed is reused: 200 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 203 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 300 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 301 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 308 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 404 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 405 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 410 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 414 (9110 15.1)",
            "a status of which a lifetime may be guessed is reused: 501 (9110 15.1)",
            "a tenth of the time since the last change is the lifetime (9111 4.2.2)",
            "what has no content may be reused by a guess (9110 15.1)",
            "what is public may be reused by a guess whatever its status: 299 (9111 4.2.2)",
            "what is public may be reused by a guess whatever its status: 302 (9111 4.2.2)",
            "what is public may be reused by a guess whatever its status: 307 (9111 4.2.2)",
            "what is public may be reused by a guess whatever its status: 400 (9111 4.2.2)",
            "what is public may be reused by a guess whatever its status: 599 (9111 4.2.2)",
            "without a Date the receipt counts (9111 4.2.2)",
        ],
    ),
    (
        "answers to requests with Authorization are never reused",
        &[
            "a targeted field allows reuse as Cache-Control does (9213 2.1)",
            "an answer to credentials is reused where the origin allows it: Public, Max-Age=3600 (9111 3.5)",
            "an answer to credentials is reused where the origin allows it: max-age=10, s-maxage=3600 (9111 3.5)",
            "an answer to credentials is reused where the origin allows it: must-revalidate, max-age=3600 (9111 3.5)",
            "an answer to credentials is reused where the origin allows it: public, max-age=3600 (9111 3.5)",
            "an answer to credentials is reused where the origin allows it: s-maxage=3600 (9111 3.5)",
            "an answer to credentials that is reused with must-revalidate is validated when stale (9111 5.2.2.2)",
        ],
    ),
    (
        "HEAD reaches the origin as GET, and its answer makes nothing of the stored one",
        &[
            "a HEAD that agrees freshens the stored answer to GET (9111 4.3.5)",
            "a HEAD that disagrees freshens nothing that is stale: content-length: 99 (9111 4.3.5)",
            "a HEAD that disagrees freshens nothing that is stale: etag: \"2\" (9111 4.3.5)",
            "a HEAD that disagrees makes the stored answer to GET stale: content-length: 99 (9111 4.3.5)",
            "a HEAD that disagrees makes the stored answer to GET stale: etag: \"2\" (9111 4.3.5)",
            "a HEAD that disagrees makes the stored answer to GET stale: last-modified: {t-60} (9111 4.3.5)",
            "a HEAD that fails takes nothing away: 404 (9111 4.3.5)",
            "a HEAD that fails takes nothing away: 503 (9111 4.3.5)",
            "what is stale is asked about by HEAD (9111 4.3.5)",
        ],
    ),
    (
        "If-Modified-Since without a stored Last-Modified does not fall back to Date",
        &[
            "without a last modification and a Date, the receipt takes its place (9111 4.3.2)",
            "without a last modification, Date takes its place: {t+60} (9111 4.3.2)",
            "without a last modification, Date takes its place: {t} (9111 4.3.2)",
        ],
    ),
    (
        "fields that private and no-cache name do not reach who asked either",
        &[
            "a field that is named goes on to who asked for it and to nobody else: no-cache=\"x-a\" (9111 5.2.2.4, 5.2.2.7)",
            "a field that is named goes on to who asked for it and to nobody else: no-cache=\"x-b, x-a\" (9111 5.2.2.4, 5.2.2.7)",
            "a field that is named goes on to who asked for it and to nobody else: private=\"X-A\" (9111 5.2.2.4, 5.2.2.7)",
            "a field that is named goes on to who asked for it and to nobody else: private=\"x-a\" (9111 5.2.2.4, 5.2.2.7)",
            "a field that is named goes on to who asked for it and to nobody else: private=\"x-b,x-a\" (9111 5.2.2.4, 5.2.2.7)",
        ],
    ),
    (
        "httpdate reads a two-digit year of 70 and more as 19xx",
        &[
            "a year of two digits is at most fifty years ahead: Saturday, 24-Nov-74 12:00:00 GMT (9110 5.6.7)",
            "a year of two digits is at most fifty years ahead: Sunday, 24-Nov-75 12:00:00 GMT (9110 5.6.7)",
        ],
    ),
    (
        "a response with Proxy-Authenticate or Proxy-Authentication-Info is not stored",
        &[
            "what speaks of one connection is not stored: proxy-authenticate: Basic (9111 3.1)",
            "what speaks of one connection is not stored: proxy-authentication-info: a=b (9111 3.1)",
        ],
    ),
    (
        "a response with Set-Cookie is not stored",
        &[
            "cookies are not stored where the origin names them: no-cache=\"Set-Cookie\" (9111 5.2.2.4, 5.2.2.7)",
            "cookies are not stored where the origin names them: private=\"set-cookie\" (9111 5.2.2.4, 5.2.2.7)",
            "cookies are stored and replayed, where the origin lets it be stored (9111 7.3)",
        ],
    ),
    ("a 304 with Set-Cookie is fetched anew", &["a cookie of a 304 is nobody else's (9111 3.2)"]),
    ("groups hold across hosts", &["the same group of another host is another group (9875 2.1)"]),
    (
        "Location is followed for a 201 alone",
        &[
            "the resource that Location leads to is taken away: 200 (9111 4.4, may)",
            "the resource that Location leads to is taken away: 301 (9111 4.4, may)",
            "the resource that Location leads to is taken away: 302 (9111 4.4, may)",
            "the resource that Location leads to is taken away: 303 (9111 4.4, may)",
        ],
    ),
    (
        "an answer to POST answers no GET",
        &["an answer to POST that says what it is of answers a later GET (9110 9.3.3, may)"],
    ),
    (
        "of several that match the last stored is used, whatever their Dates",
        &["of several that match the latest is used, as their Dates tell (9111 4)"],
    ),
    (
        "the tags of other variants are not offered",
        &["the tags of other variants are offered, and a 304 tells which of them fits (9111 4.3.1, 4.3.4)"],
    ),
    (
        "nothing is served stale without a window",
        &[
            "a stale response answers for an origin that breaks off, where nothing forbids it: close (9111 4.2.4)",
            "a stale response answers for an origin that breaks off, where nothing forbids it: reset (9111 4.2.4)",
            "a stale response answers for an origin that is gone, where nothing forbids it (9111 4.2.4)",
        ],
    ),
];

/// Why a row does not hold; none where it has to.
pub fn reason(name: &str) -> Option<&'static str> {
    NOT_YET.iter().find(|(_, rows)| rows.contains(&name)).map(|(reason, _)| *reason)
}
