//! The regexes that purge clients put around URLs and hosts, turned into scopes of the ledger. Pure.
//!
//! A literal text with `.*` in it, anchored or not, is understood; it is of the path, and takes every query. What matches
//! more than the client's regex does (a lone dot, a part of a query) is taken in; what would match less of the paths is
//! refused. One pass.

use crate::key::{QueryRules, Target};
use crate::ledger::{SHAPE_BYTES_MAX, Scope};

/// What a regex of URLs names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UrlShape {
    /// Every path.
    Every,
    /// One path, with one query or with every one.
    Exact(Box<str>, Option<Box<str>>),
    /// Every path that begins so.
    Prefix(Box<str>),
    /// Every path that the glob matches.
    Glob(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Any characters, none as well.
    Any,
}

/// A regex is none that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::invalidate) enum BadUrlShape {
    #[error("a regex of URLs is understood only as text with .* in it, with or without ^ in front and $ behind")]
    Form,
    #[error("a regex of URLs is of the path; a query is understood only behind \\?")]
    Query,
    #[error("a regex that begins with ^ goes on with a slash, as paths do")]
    NoSlash,
    #[error("a regex of URLs has more than {SHAPE_BYTES_MAX} bytes")]
    TooLong,
    #[error("a regex of hosts is understood only as .*, or as ^(shop.example|www.shop.example)$")]
    Hosts,
}

/// Reads a regex of URLs.
pub(super) fn read(regex: &str) -> Result<UrlShape, BadUrlShape> {
    if regex.len() > SHAPE_BYTES_MAX {
        return Err(BadUrlShape::TooLong);
    }
    let (from_start, rest) = regex.strip_prefix('^').map_or((false, regex), |rest| (true, rest));
    let (mut pieces, to_end) = pieces(rest)?;
    let query = split_query(&mut pieces, to_end)?;
    let to_end = to_end || !matches!(query, Query::Nothing);
    let query = if let Query::Exactly(query) = query { Some(query) } else { None };
    match (from_start, pieces.as_slice(), to_end) {
        (true, [Piece::Text(path), ..], _) if !path.starts_with('/') => Err(BadUrlShape::NoSlash),
        (true, [Piece::Text(path)], true) => Ok(UrlShape::Exact(path.as_str().into(), query)),
        (_, [Piece::Any], _) => Ok(UrlShape::Every),
        (_, [Piece::Text(path)], false) | (_, [Piece::Text(path), Piece::Any], _) if path == "/" => Ok(UrlShape::Every),
        (true, [Piece::Text(path)] | [Piece::Text(path), Piece::Any], _) => Ok(UrlShape::Prefix(path.as_str().into())),
        _ => glob(from_start, &pieces, to_end),
    }
}

/// The regex's pieces, and whether it ends with `$`.
fn pieces(rest: &str) -> Result<(Vec<Piece>, bool), BadUrlShape> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        let text = match c {
            '$' if chars.next().is_none() && !pieces.is_empty() => return Ok((pieces, true)),
            // A dot that repeats nothing is one character, whichever it is: any characters take that in.
            '.' => {
                chars.next_if(|next| matches!(next, '*' | '+' | '?'));
                if pieces.last() != Some(&Piece::Any) {
                    pieces.push(Piece::Any);
                }
                continue;
            }
            '\\' => chars.next().filter(char::is_ascii_punctuation).ok_or(BadUrlShape::Form)?,
            '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' | '#' => {
                return Err(BadUrlShape::Form);
            }
            c if c.is_ascii_graphic() => c,
            _ => return Err(BadUrlShape::Form),
        };
        // A quantifier behind a character makes it another one than it says.
        if chars.peek().is_some_and(|next| matches!(next, '*' | '+' | '?' | '{')) {
            return Err(BadUrlShape::Form);
        }
        match pieces.last_mut() {
            Some(Piece::Text(own)) => own.push(text),
            _ => pieces.push(Piece::Text(text.into())),
        }
    }
    if pieces.is_empty() { Err(BadUrlShape::Form) } else { Ok((pieces, false)) }
}

/// What a regex says of the query.
enum Query {
    Nothing,
    /// Several, or what they begin with: then every one is taken.
    Several,
    Exactly(Box<str>),
}

/// Leaves what is of the path, and gives what is said of the query.
fn split_query(pieces: &mut Vec<Piece>, to_end: bool) -> Result<Query, BadUrlShape> {
    let mark = pieces.iter().position(|piece| matches!(piece, Piece::Text(text) if text.contains('?')));
    let Some(at) = mark else {
        // Behind any characters it may well be of a query, of which a glob knows nothing.
        let of_query = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains(['=', '&']));
        return if pieces.iter().skip(1).any(of_query) { Err(BadUrlShape::Query) } else { Ok(Query::Nothing) };
    };
    let after = pieces.split_off(at + 1);
    let Some(Piece::Text(text)) = pieces.pop() else { return Err(BadUrlShape::Query) };
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    if !path.is_empty() {
        pieces.push(Piece::Text(path.into()));
    }
    if pieces.is_empty() {
        return Err(BadUrlShape::Query);
    }
    Ok(if to_end && after.is_empty() { Query::Exactly(query.into()) } else { Query::Several })
}

fn glob(from_start: bool, pieces: &[Piece], to_end: bool) -> Result<UrlShape, BadUrlShape> {
    let mut glob = String::new();
    if !from_start && pieces.first() != Some(&Piece::Any) {
        glob.push_str("**");
    }
    for piece in pieces {
        match piece {
            // A star that is meant as one has no spelling in a glob; any one character takes it in.
            Piece::Text(text) => glob.push_str(&text.replace('*', "?")),
            Piece::Any => glob.push_str("**"),
        }
    }
    if !to_end && pieces.last() != Some(&Piece::Any) {
        glob.push_str("**");
    }
    if glob.len() > SHAPE_BYTES_MAX { Err(BadUrlShape::TooLong) } else { Ok(UrlShape::Glob(glob.into())) }
}

/// The hosts that a regex names: none where it names every one. A dot stands for itself: clients do not quote it.
pub(super) fn hosts(regex: &str) -> Result<Option<Vec<Box<str>>>, BadUrlShape> {
    if matches!(regex, ".*" | ".+") {
        return Ok(None);
    }
    let names = regex.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')).ok_or(BadUrlShape::Hosts)?;
    let names = names.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(names);
    let host = |name: &str| {
        let name = name.replace(r"\.", ".").replace(r"\-", "-").replace(r"\:", ":");
        let url = Target::parse(&format!("https://{name}/")).map_err(|_| BadUrlShape::Hosts)?;
        // A name with a path or a query in it is not a host.
        if &*url.path == "/" && url.query.is_none() {
            url.host.ok_or(BadUrlShape::Hosts)
        } else {
            Err(BadUrlShape::Hosts)
        }
    };
    names.split('|').map(host).collect::<Result<_, _>>().map(Some)
}

impl UrlShape {
    /// What it lets go, of these hosts or of every one.
    pub(super) fn scopes(&self, hosts: Option<&[Box<str>]>, query: &QueryRules) -> Vec<Scope> {
        let of_host = |host: Option<Box<str>>| match self {
            UrlShape::Every if host.is_none() => Scope::All,
            UrlShape::Every => Scope::Prefix { host, path: "/".into() },
            UrlShape::Exact(path, own) => Scope::Url { host, path: path.clone(), query: query.keep(own.as_deref()) },
            UrlShape::Prefix(path) => Scope::Prefix { host, path: path.clone() },
            UrlShape::Glob(glob) => Scope::Pattern { host, glob: glob.clone() },
        };
        match hosts {
            None => vec![of_host(None)],
            Some(hosts) => hosts.iter().map(|host| of_host(Some(host.clone()))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope(regex: &str) -> Result<String, BadUrlShape> {
        read(regex).map(|shape| shape.scopes(None, &QueryRules::default())[0].to_string())
    }

    #[test]
    fn a_regex_of_urls_becomes_a_scope_that_takes_at_least_as_much() {
        let table = [
            (".*", "all"),
            ("/.*", "all"),
            ("/", "all"),
            ("^/.*$", "all"),
            ("^/", "all"),
            ("^/posts/.*", "prefix /posts/"),
            ("^/posts/", "prefix /posts/"),
            ("^/posts/1$", "url /posts/1"),
            (r"^/posts/1\?page=2$", "url /posts/1?page=2"),
            (r"^/posts/1\?page=.*$", "url /posts/1"),
            (r"^/posts/1\?.*", "url /posts/1"),
            (r"^/posts/1\?page=2", "url /posts/1"),
            (r"^/a\.html$", "url /a.html"),
            ("^/a.html$", "pattern /a**html"),
            ("^/.*/lamp$", "pattern /**/lamp"),
            ("/users.*", r"pattern \p**/users**"),
            ("/.*projects.*", r"pattern \p**/**projects**"),
            ("/.*projects", r"pattern \p**/**projects**"),
            (".*lamp$", r"pattern \p**lamp"),
            (r"^/a\*b.*c$", "pattern /a?b**c"),
            (r"/p\?x=1", r"pattern \p**/p"),
        ];
        for (regex, expected) in table {
            assert_eq!(scope(regex).as_deref(), Ok(expected), "{regex}");
        }
    }

    #[test]
    fn what_has_no_scope_is_refused() {
        for regex in [
            "", "^", "$", "/a|/b", "/(a|b)", "/a+", "/a?", "/a*", "/[ab]", "/a{2}", r"/\d", r"/a\", "/a b", "/\u{e9}",
            "(?i)/a", "^/a$b", "/a#b", "^^/a",
        ] {
            assert_eq!(read(regex), Err(BadUrlShape::Form), "{regex}");
        }
        assert_eq!(read("^posts"), Err(BadUrlShape::NoSlash));
        for regex in [".*page=2.*", "^/a.*b&c", r"\?page=2"] {
            assert_eq!(read(regex), Err(BadUrlShape::Query), "{regex}");
        }
        assert_eq!(read(&format!("/{}", "a".repeat(1024))), Err(BadUrlShape::TooLong));
        assert_eq!(read(&format!("/{}b", ".a".repeat(510))), Err(BadUrlShape::TooLong));
    }

    #[test]
    fn hosts_are_named_whole() {
        let read = |regex: &str| hosts(regex).map(|hosts| hosts.unwrap_or_default().join(" "));
        for (regex, expected) in [
            (".*", ""),
            ("^(shop.example|WWW.shop.example)$", "shop.example www.shop.example"),
            (r"^shop\.example$", "shop.example"),
            ("^shop.example:8080$", "shop.example:8080"),
        ] {
            assert_eq!(read(regex).as_deref(), Ok(expected), "{regex}");
        }
        for regex in ["", "shop.example", "^shop.example", "^.*shop$", "^(a|)$", "^a/b$", "^a?b$", "^(a$", r"^\w$"] {
            assert_eq!(hosts(regex), Err(BadUrlShape::Hosts), "{regex}");
        }
    }

    /// Whether a regex of text, dots and `.*` matches from the path's beginning, by trying every way.
    fn regex_from(regex: &[char], path: &[char]) -> bool {
        match regex {
            [] => true,
            ['$'] => path.is_empty(),
            ['.', '*', rest @ ..] => (0..=path.len()).any(|end| regex_from(rest, &path[end..])),
            ['.', rest @ ..] => !path.is_empty() && regex_from(rest, &path[1..]),
            ['\\', c, rest @ ..] | [c, rest @ ..] => path.first() == Some(c) && regex_from(rest, &path[1..]),
        }
    }

    /// Whether the regex matches anywhere, as Varnish has it.
    fn regex_in(regex: &str, path: &str) -> bool {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let path = chars(path);
        match regex.strip_prefix('^') {
            Some(regex) => regex_from(&chars(regex), &path),
            None => (0..=path.len()).any(|start| regex_from(&chars(regex), &path[start..])),
        }
    }

    /// Whether a glob without single stars matches the whole path.
    fn glob_takes(glob: &str, path: &str) -> bool {
        if let Some(rest) = glob.strip_prefix("**") {
            return (0..=path.len()).any(|end| glob_takes(rest, &path[end..]));
        }
        match (glob.chars().next(), path.chars().next()) {
            (None, None) => true,
            (Some(own), Some(c)) => (own == c || own == '?' && c != '/') && glob_takes(&glob[1..], &path[1..]),
            _ => false,
        }
    }

    fn takes(shape: &UrlShape, path: &str) -> bool {
        match shape {
            UrlShape::Every => true,
            UrlShape::Exact(own, _) => **own == *path,
            UrlShape::Prefix(own) => path.starts_with(&**own),
            UrlShape::Glob(glob) => glob_takes(glob, path),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_path_that_the_regex_matches_is_left(
            regex in r"\^?(/|a|b|\.|\.\*|\\\.|\\\*){1,7}\$?",
            path in r"/[ab/.*]{0,7}",
        ) {
            if let Ok(shape) = read(&regex) && regex_in(&regex, &path) {
                prop_assert!(takes(&shape, &path), "{:?}", shape);
            }
        }

        #[test]
        fn nothing_makes_it_panic(regex in r"[\^/.*+?\\$=&|ab é]{0,30}") {
            let _ = read(&regex);
            let _ = hosts(&regex);
        }
    }
}
