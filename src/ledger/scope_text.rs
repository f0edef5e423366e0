//! A scope as text: one form for people, the audit log, JSON and journals.
//!
//! `all`, `cache products`, `tag product:1`, `url shop.example/a?page=2`, `prefix /media/`, `pattern shop.example/a/*.css`.
//! Reading gives back exactly what was written, whatever the parts hold: backslashes, blanks, control characters and what
//! would end a part are written as `\` and two hex digits for each byte. A text is always one line.

use super::Scope;
use crate::cache_name::CacheName;
use crate::tags::{BadTag, Tag};
use std::fmt::{self, Write};
use std::str::FromStr;

/// Stands for a host that is named and empty; nothing before the path means every host.
const EMPTY_HOST: &str = "\\h";
/// Stands before a path that has no slash in front, which otherwise would be read as a part of the host.
const BARE_PATH: &str = "\\p";

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All => f.write_str("all"),
            Scope::Cache(cache) => write!(f, "cache {cache}"),
            Scope::Tag(tag) => write!(f, "tag {tag}"),
            Scope::Url { host, path, query } => {
                f.write_str("url ")?;
                write_place(f, host.as_deref(), path, &['?'])?;
                match query {
                    Some(query) => {
                        f.write_char('?')?;
                        escape(f, query, &[])
                    }
                    None => Ok(()),
                }
            }
            Scope::Prefix { host, path } => {
                f.write_str("prefix ")?;
                write_place(f, host.as_deref(), path, &[])
            }
            Scope::Pattern { host, glob } => {
                f.write_str("pattern ")?;
                write_place(f, host.as_deref(), glob, &[])
            }
        }
    }
}

impl FromStr for Scope {
    type Err = BadScopeText;

    fn from_str(text: &str) -> Result<Scope, BadScopeText> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "all" if rest.is_empty() => Ok(Scope::All),
            "cache" => CacheName::parse(rest).map(Scope::Cache).ok_or_else(|| BadScopeText::Cache(rest.into())),
            "tag" => Ok(Scope::Tag(Tag::new(rest)?)),
            "url" => {
                let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
                let (host, path) = read_place(place)?;
                Ok(Scope::Url { host, path, query: query.map(unescape).transpose()? })
            }
            "prefix" => read_place(rest).map(|(host, path)| Scope::Prefix { host, path }),
            "pattern" => read_place(rest).map(|(host, glob)| Scope::Pattern { host, glob }),
            _ => Err(BadScopeText::Word),
        }
    }
}

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScopeText {
    /// It does not begin with one of the six words.
    #[error("a scope begins with all, cache, tag, url, prefix or pattern")]
    Word,
    /// There is no such cache.
    #[error("there is no cache {0:?}; it is one of default, products, sessions")]
    Cache(Box<str>),
    /// The tag is none.
    #[error(transparent)]
    Tag(#[from] BadTag),
    /// Neither a path nor a host and a path.
    #[error("a path, or a host and a path, is missing")]
    Place,
    /// A backslash that is not followed by two hex digits, or bytes that are not UTF-8.
    #[error("a backslash must be followed by two hex digits, and the whole must be UTF-8")]
    Escape,
}

fn write_place(f: &mut fmt::Formatter<'_>, host: Option<&str>, path: &str, ends_path: &[char]) -> fmt::Result {
    match host {
        Some("") => f.write_str(EMPTY_HOST)?,
        Some(host) => escape(f, host, &['/', '?'])?,
        None => {}
    }
    if !path.starts_with('/') {
        f.write_str(BARE_PATH)?;
    }
    escape(f, path, ends_path)
}

fn read_place(text: &str) -> Result<(Option<Box<str>>, Box<str>), BadScopeText> {
    let bare = text.find(BARE_PATH);
    let slash = text.find('/');
    let (host, path) = match (bare, slash) {
        (Some(bare), slash) if slash.is_none_or(|slash| bare < slash) => {
            (&text[..bare], &text[bare + BARE_PATH.len()..])
        }
        (_, Some(slash)) => text.split_at(slash),
        (_, None) => return Err(BadScopeText::Place),
    };
    let host = match host {
        "" => None,
        EMPTY_HOST => Some("".into()),
        host => Some(unescape(host)?),
    };
    Ok((host, unescape(path)?))
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str, ends_part: &[char]) -> fmt::Result {
    for c in text.chars() {
        if c == '\\' || c.is_control() || c.is_whitespace() || ends_part.contains(&c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "\\{byte:02x}")?;
            }
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

fn unescape(text: &str) -> Result<Box<str>, BadScopeText> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => hex_digit(rest.next())? * 16 + hex_digit(rest.next())?,
            plain => *plain,
        });
    }
    String::from_utf8(bytes).map(String::into_boxed_str).map_err(|_| BadScopeText::Escape)
}

fn hex_digit(byte: Option<&u8>) -> Result<u8, BadScopeText> {
    let digit = byte.and_then(|byte| char::from(*byte).to_digit(16)).ok_or(BadScopeText::Escape)?;
    u8::try_from(digit).map_err(|_| BadScopeText::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(host: Option<&str>, path: &str, query: Option<&str>) -> Scope {
        Scope::Url { host: host.map(Into::into), path: path.into(), query: query.map(Into::into) }
    }

    #[test]
    fn what_people_read() {
        let table = [
            (Scope::All, "all"),
            (Scope::Cache(CacheName::Products), "cache products"),
            (Scope::Tag(Tag::new("product:1").unwrap()), "tag product:1"),
            (url(Some("shop.example"), "/a", Some("b=1&c")), "url shop.example/a?b=1&c"),
            (url(None, "/a", None), "url /a"),
            (url(None, "/a", Some("")), "url /a?"),
            (url(Some(""), "a?b", None), "url \\h\\pa\\3fb"),
            (Scope::Prefix { host: None, path: "/a?".into() }, "prefix /a?"),
            (Scope::Pattern { host: Some("[::1]:8080".into()), glob: "/**/?".into() }, "pattern [::1]:8080/**/?"),
            (Scope::Pattern { host: None, glob: "*\\\n".into() }, "pattern \\p*\\5c\\0a"),
        ];
        for (scope, text) in table {
            assert_eq!(scope.to_string(), text);
            assert_eq!(text.parse(), Ok(scope));
        }
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        let table = [
            ("", BadScopeText::Word),
            ("everything", BadScopeText::Word),
            ("all caches", BadScopeText::Word),
            ("cache other", BadScopeText::Cache("other".into())),
            ("tag ", BadScopeText::Tag(BadTag::Empty)),
            ("url", BadScopeText::Place),
            ("url shop.example", BadScopeText::Place),
            ("url shop.example?/a", BadScopeText::Place),
            ("prefix /a\\", BadScopeText::Escape),
            ("prefix /a\\0", BadScopeText::Escape),
            ("prefix /a\\zz", BadScopeText::Escape),
            ("prefix /a\\ff", BadScopeText::Escape),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Scope>(), Err(error), "{text:?}");
        }
    }

    fn odd() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![4 => proptest::char::range('!', '~'), 1 => any::<char>(),
            3 => proptest::sample::select(vec!['/', '?', '\\', 'h', 'p', ' ', '\n', '0', '\u{2028}'])],
            0..8,
        )
        .prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn reading_gives_back_what_was_written(host in proptest::option::of(odd()), path in odd(), query in proptest::option::of(odd())) {
            let host: Option<Box<str>> = host.map(Into::into);
            let path: Box<str> = path.into();
            for scope in [
                Scope::Url { host: host.clone(), path: path.clone(), query: query.map(Into::into) },
                Scope::Prefix { host: host.clone(), path: path.clone() },
                Scope::Pattern { host, glob: path },
            ] {
                let text = scope.to_string();
                prop_assert!(!text.contains(char::is_control));
                prop_assert_eq!(text.parse(), Ok(scope));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>(), word in "(all|cache|tag|url|prefix|pattern)? ?") {
            let _ = format!("{word}{text}").parse::<Scope>();
        }
    }
}
