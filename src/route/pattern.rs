//! Path patterns: fixed text, `{name}` for one or more characters within a segment, `{*rest}` for all that is left.
//!
//! A segment may hold several names with fixed text between: `/catalogue/{slug}_{id}/`. Each name but the last of a
//! segment takes as much as the fixed text after it leaves: the *last* occurrence ends it, so that a slug may hold that
//! text itself (`blue_shoe_12` is slug `blue_shoe`, id `12`).

use std::fmt;

/// A path pattern.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    segments: Box<[Box<[Part]>]>,
    /// The name of a final `{*name}`.
    rest: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Name(Box<str>),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Paths do.
    #[error("a pattern begins with a slash")]
    NoSlash,
    /// `{`, `}` out of place, or an empty name.
    #[error("the braces in the segment {0:?} do not enclose a name")]
    Braces(Box<str>),
    /// Nothing tells where the first ends.
    #[error("in the segment {0:?} two names stand side by side; put fixed text between them")]
    Adjacent(Box<str>),
    /// `{*rest}` elsewhere than as the whole last segment.
    #[error("{{*{0}}} must be the whole last segment")]
    RestNotLast(Box<str>),
    /// A name must mean one thing.
    #[error("the name {0:?} stands twice")]
    Repeated(Box<str>),
    /// Raw paths have neither.
    #[error("a pattern is of the raw path: no query, no fragment, no blanks, ASCII only")]
    NotRaw,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, BadPattern> {
        let inner = text.strip_prefix('/').ok_or(BadPattern::NoSlash)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#']) {
            return Err(BadPattern::NotRaw);
        }
        let mut segments: Vec<&str> = inner.split('/').collect();
        let rest: Option<Box<str>> =
            segments.last().and_then(|last| last.strip_prefix("{*")?.strip_suffix('}')).map(Box::from);
        if let Some(name) = &rest {
            if !is_name(name) {
                return Err(BadPattern::Braces(segments[segments.len() - 1].into()));
            }
            segments.pop();
        }
        let segments = segments.into_iter().map(parse_segment).collect::<Result<Vec<_>, _>>()?;
        let pattern = Pattern { text: text.into(), segments: segments.into(), rest };
        let mut names: Vec<&str> = pattern.names().collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(BadPattern::Repeated(pair[0].into())),
            None => Ok(pattern),
        }
    }

    /// The names it binds.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let in_segments = self.segments.iter().flatten().filter_map(|part| match part {
            Part::Name(name) => Some(&**name),
            Part::Text(_) => None,
        });
        in_segments.chain(self.rest.as_deref())
    }

    /// The segments before the first that has a name in it: a path that matches begins with them.
    pub(super) fn fixed_segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map_while(|parts| match &**parts {
            [] => Some(""),
            [Part::Text(text)] => Some(&**text),
            _ => None,
        })
    }

    /// What the names stand for in a raw path that matches as a whole; none where it does not.
    pub fn matches<'a>(&'a self, path: &'a str) -> Option<Parameters<'a>> {
        let mut parameters = Parameters::default();
        let mut rest = path.strip_prefix('/')?;
        for (at, parts) in self.segments.iter().enumerate() {
            let is_last = at + 1 == self.segments.len() && self.rest.is_none();
            let (segment, after) = match rest.split_once('/') {
                Some(_) if is_last => return None,
                Some((segment, after)) => (segment, after),
                None if is_last => (rest, ""),
                None => return None,
            };
            match_segment(parts, segment, &mut parameters)?;
            rest = after;
        }
        if let Some(name) = &self.rest {
            parameters.0.push((name, rest));
        }
        Some(parameters)
    }
}

fn parse_segment(segment: &str) -> Result<Box<[Part]>, BadPattern> {
    let mut parts = Vec::new();
    let mut rest = segment;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        let inner = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, after) = inner.ok_or_else(|| BadPattern::Braces(segment.into()))?;
        if let Some(star) = name.strip_prefix('*') {
            return Err(BadPattern::RestNotLast(star.into()));
        }
        if !is_name(name) {
            return Err(BadPattern::Braces(segment.into()));
        }
        if !before.is_empty() {
            parts.push(Part::Text(before.into()));
        } else if matches!(parts.last(), Some(Part::Name(_))) {
            return Err(BadPattern::Adjacent(segment.into()));
        }
        parts.push(Part::Name(name.into()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    Ok(parts.into())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Matches from the end, so that each fixed text is taken at its last place that still leaves something for every name.
fn match_segment<'a>(parts: &'a [Part], segment: &'a str, found: &mut Parameters<'a>) -> Option<()> {
    let start = found.0.len();
    let mut rest = segment;
    let mut parts = parts.iter().rev().peekable();
    while let Some(part) = parts.next() {
        match part {
            Part::Text(text) => rest = rest.strip_suffix(&**text)?,
            Part::Name(name) => {
                let value_start = match parts.peek() {
                    Some(Part::Text(text)) => rest.get(..rest.len().checked_sub(1)?)?.rfind(&**text)? + text.len(),
                    _ => 0,
                };
                let value = rest.get(value_start..).filter(|value| !value.is_empty())?;
                found.0.push((name, value));
                rest = &rest[..value_start];
            }
        }
    }
    found.0[start..].reverse();
    rest.is_empty().then_some(())
}

/// What a pattern's names stand for in one path, raw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    /// The raw value of a name.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// Names and raw values, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_raw_paths_as_a_whole() {
        type Row = (&'static str, &'static str, Option<&'static [(&'static str, &'static str)]>);
        let table: &[Row] = &[
            ("/", "/", Some(&[])),
            ("/", "/a", None),
            ("/products", "/products", Some(&[])),
            ("/products", "/products/", None),
            ("/products/{product}", "/products/lamp", Some(&[("product", "lamp")])),
            ("/products/{product}", "/products/", None),
            ("/products/{product}", "/products/a/b", None),
            ("/products/{product}/", "/products/a/", Some(&[("product", "a")])),
            ("/catalogue/{slug}_{id}/", "/catalogue/blue_shoe_12/", Some(&[("slug", "blue_shoe"), ("id", "12")])),
            ("/catalogue/{slug}_{id}/", "/catalogue/_12/", None),
            ("/catalogue/{slug}_{id}/", "/catalogue/shoe_/", None),
            ("/catalogue/{slug}_{id}/", "/catalogue/shoe/", None),
            ("/v{major}.{minor}.json", "/v1.2.json", Some(&[("major", "1"), ("minor", "2")])),
            ("/categories/{*path}", "/categories/", Some(&[("path", "")])),
            ("/categories/{*path}", "/categories/a/b", Some(&[("path", "a/b")])),
            ("/categories/{*path}", "/categories", None),
            ("/{*path}", "/", Some(&[("path", "")])),
            ("/p/{name}", "/p/%2e%2e", Some(&[("name", "%2e%2e")])),
        ];
        for (pattern, path, expected) in table {
            let pattern = Pattern::parse(pattern).unwrap();
            let found = pattern.matches(path).map(|parameters| parameters.iter().collect::<Vec<_>>());
            assert_eq!(found.as_deref(), *expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let table = [
            ("products", BadPattern::NoSlash),
            ("/{a", BadPattern::Braces("{a".into())),
            ("/a}", BadPattern::Braces("a}".into())),
            ("/{}", BadPattern::Braces("{}".into())),
            ("/{a}{b}", BadPattern::Adjacent("{a}{b}".into())),
            ("/{*rest}/a", BadPattern::RestNotLast("rest".into())),
            ("/x{*rest}", BadPattern::RestNotLast("rest".into())),
            ("/{*}", BadPattern::Braces("{*}".into())),
            ("/{*a}{*b}", BadPattern::Braces("{*a}{*b}".into())),
            ("/{*a b}", BadPattern::NotRaw),
            ("/{*a-b}", BadPattern::Braces("{*a-b}".into())),
            ("/{a}/{a}", BadPattern::Repeated("a".into())),
            ("/a?b", BadPattern::NotRaw),
            ("/a b", BadPattern::NotRaw),
        ];
        for (text, expected) in table {
            assert_eq!(Pattern::parse(text), Err(expected), "{text}");
        }
    }
}
