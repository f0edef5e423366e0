//! Rows that do not hold: not yet, or because they show what a cache may leave. A row in either list that holds fails its table,
//! so that the lists only grow shorter.

/// Rows by name, under why they do not hold.
pub const NOT_YET: &[(&str, &[&str])] = &[];

/// Rows by name, under why what they show is not done: each is left to a cache by the RFC.
pub const DECLINED: &[(&str, &[&str])] = &[
    (
        "that a page is as long as before says nothing of what is in it: a shop's pages often are (RFC 9111 4.3.5, should)",
        &["a HEAD that tells no validator agrees by its length (9111 4.3.5)"],
    ),
    (
        "where TLS ends before vitrine, the shop names https what is asked for by http: taking away one page too many costs a fetch",
        &[
            "the same host by another scheme is another origin: content-location: https://shop.example{here}/b (9111 4.4, 9110 4.3.1)",
            "the same host by another scheme is another origin: location: https://shop.example{here}/b (9111 4.4, 9110 4.3.1)",
        ],
    ),
    (
        "a tag has no host, and a group is one: taking away too much costs fetches, and all hosts of a proxy are one operator's",
        &["the same group of another host is another group (9875 2.1)"],
    ),
    (
        "nothing obliges a cache to reuse (4), and origins that show more to who signs in seldom say `Vary: Authorization`",
        &["what everybody gets is for those with credentials too (9111 4)"],
    ),
    (
        "what else a change concerns only the origin knows, and it can say so with Cache-Group-Invalidation",
        &["who is in a group with what is taken away goes with it (9875 2.2.1, may)"],
    ),
    (
        "what a form is answered with is for who sent it (RFC 9110 9.3.3 lets a cache store it)",
        &["an answer to POST that says what it is of answers a later GET (9110 9.3.3, may)"],
    ),
    (
        "what is kept is whole; a part goes through to who asked for it",
        &["a part that is stored answers for itself (9111 3.3, may)"],
    ),
    (
        "a page for other values of Vary is fetched whole (RFC 9111 4.3.1 lets a cache offer the tags of the others)",
        &["the tags of other variants are offered, and a 304 tells which of them fits (9111 4.3.1, 4.3.4)"],
    ),
];

/// Why a row does not hold; none where it has to.
pub fn reason(name: &str) -> Option<&'static str> {
    NOT_YET.iter().chain(DECLINED).find(|(_, rows)| rows.contains(&name)).map(|(reason, _)| *reason)
}

/// All rows that are not to hold.
pub fn all() -> impl Iterator<Item = &'static &'static str> {
    NOT_YET.iter().chain(DECLINED).flat_map(|(_, rows)| *rows)
}
