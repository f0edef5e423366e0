//! Where the tokens stand in a page that was fetched with a secret of our own.
//!
//! One pass, and no understanding of HTML: whatever 64 characters unmask to the secret are a token, in a field, an attribute or a
//! script, and nothing else does by chance. What is named like a token and is none of ours was made for somebody else.

use super::secret::{SECRET_CHARS, Secret, TOKEN_CHARS, is_of_alphabet};
use std::ops::Range;

/// Tokens in one page at most: each is a piece of its own, in the store and on every answer.
pub const HOLES_MAX: usize = 1_000;
/// What names of token fields, of their headers and of variables that hold one have in common.
const NAME: &[u8] = b"csrf";
/// Bytes between a name and its token: the rest of the name, a type, an attribute's name, quotes.
const REACH_BYTES: usize = 64;
/// Bytes of a run that are looked at: more than a token, an escape before it, and the reach.
const RUN_BYTES_MAX: usize = 2 * TOKEN_CHARS;
/// Bytes of the longest checksum that says what it is, sha512 in Base64, with its name.
const INTEGRITY_BYTES_MAX: usize = 7 + 88;

/// Why a page cannot be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Something is named like a token and is none of the secret's: a cached form of another visitor's, or the shop took our secret
    /// for none.
    Foreign,
    /// The secret itself stands in it, where no token can take its place.
    Bare,
    /// More than [`HOLES_MAX`] tokens.
    TooMany,
}

/// The tokens of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found(Vec<usize>);

impl Found {
    /// Where each begins.
    pub fn starts(&self) -> &[usize] {
        &self.0
    }
}

/// Finds the tokens of a page.
///
/// # Errors
/// The page cannot be made anybody's.
pub fn scan(page: &[u8], secret: &Secret) -> Result<Found, Unfit> {
    let mut starts = Vec::new();
    let mut run = 0;
    for (at, byte) in page.iter().enumerate() {
        run = if is_of_alphabet(*byte) { run + 1 } else { 0 };
        if run >= SECRET_CHARS && last::<SECRET_CHARS>(page, at).is_some_and(|characters| secret.is(characters)) {
            return Err(Unfit::Bare);
        }
        if run >= TOKEN_CHARS && last::<TOKEN_CHARS>(page, at).is_some_and(|characters| secret.made(characters)) {
            if starts.len() == HOLES_MAX {
                return Err(Unfit::TooMany);
            }
            starts.push(at + 1 - TOKEN_CHARS);
            run = 0;
        }
    }
    if names(page).any(|name| is_foreign(page, &name, &starts)) {
        return Err(Unfit::Foreign);
    }
    Ok(Found(starts))
}

/// The characters that end at a place.
fn last<const N: usize>(page: &[u8], at: usize) -> Option<&[u8; N]> {
    page.get((at + 1).checked_sub(N)?..=at)?.try_into().ok()
}

/// The names of tokens, as far as they are alike.
fn names(page: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let windows = page.windows(NAME.len()).enumerate();
    windows.filter(|(_, window)| window.eq_ignore_ascii_case(NAME)).map(|(at, _)| at..at + NAME.len())
}

/// Whether what stands beside a name is as long as a token or a secret, and is no hole: what follows up to the first hole, and what
/// comes before it in the same tag.
fn is_foreign(page: &[u8], name: &Range<usize>, starts: &[usize]) -> bool {
    let is_hole = |run: &Range<usize>| readings(page, run).any(|own| starts.binary_search(&own.start).is_ok());
    let reach = page.len().min(name.end + REACH_BYTES);
    let mut after = runs(page, name.end..reach).take_while(|run| !is_hole(run));
    let from = name.start.saturating_sub(REACH_BYTES + TOKEN_CHARS);
    let tag = page[from..name.start].iter().rposition(|byte| matches!(byte, b'<' | b'>')).map_or(from, |at| from + at);
    let mut before = runs(page, tag..name.start).filter(|run| !is_hole(run));
    after.any(|run| is_value(page, &run)) || before.any(|run| is_value(page, &run))
}

/// The runs of the alphabet's characters that begin in a part of a page; not the rest of one that began before, as a name's own rest.
fn runs(page: &[u8], part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = part.start;
    let all = std::iter::from_fn(move || {
        let start = at + page.get(at..part.end)?.iter().position(|byte| is_of_alphabet(*byte))?;
        // What is longer is no value, however long it is: a page of names alone is not read to its end at each of them.
        let length = page[start..].iter().take(RUN_BYTES_MAX).take_while(|byte| is_of_alphabet(**byte)).count();
        at = start + length;
        Some(start..at)
    });
    all.filter(|run| !page[..run.start].last().is_some_and(|byte| is_of_alphabet(*byte)))
}

/// A run as it stands there, and without what is left of an escaped quote or sign in front of it: `\u0022`, `\x22`, `\n`, `%3D`.
fn readings(page: &[u8], run: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let escape = match (page[..run.start].last(), page.get(run.start)) {
        (Some(b'\\'), Some(b'u')) => 5,
        (Some(b'\\'), Some(b'x')) => 3,
        (Some(b'\\'), Some(_)) => 1,
        (Some(b'%'), _) => 2,
        _ => 0,
    };
    [run.clone(), run.end.min(run.start + escape)..run.end].into_iter()
}

/// Whether a run can be a token or a secret. What has no other digits than a checksum's is one, and so is what says it.
fn is_value(page: &[u8], run: &Range<usize>) -> bool {
    let is_checksum = |run: &Range<usize>| {
        let bytes = &page[run.clone()];
        bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            || bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
    };
    readings(page, run).any(|own| matches!(own.len(), SECRET_CHARS | TOKEN_CHARS) && !is_checksum(&own))
        && !is_in_integrity(page, run.start)
}

/// Whether a place is in the Base64 of an `integrity` or a content security policy: `sha384-…`.
fn is_in_integrity(page: &[u8], at: usize) -> bool {
    let before = &page[at.saturating_sub(INTEGRITY_BYTES_MAX)..at];
    let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = before.iter().rev().take_while(is_base64).count();
    let named = &before[..before.len() - digits];
    [b"sha256-", b"sha384-", b"sha512-"].into_iter().any(|name| named.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::of_cookie("abcdefghijklmnopqrstuvwxyzABCDEF").unwrap()
    }

    fn token() -> String {
        String::from_utf8(secret().token().unwrap().to_vec()).unwrap()
    }

    fn scanned(page: &str) -> Result<Vec<usize>, Unfit> {
        scan(page.as_bytes(), &secret()).map(|found| found.starts().to_vec())
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let token = token();
        for (before, after) in [
            ("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"", "\">"),
            ("<meta name=csrf-token content=", ">"),
            ("<script>const csrfToken='", "';</script>"),
            ("<body hx-headers='{\"X-CSRFToken\": \"", "\"}'>"),
            ("<body hx-headers=\"{&quot;X-CSRFToken&quot;: &quot;", "&quot;}\">"),
            ("token=", ""),
            ("", ""),
            ("glued", "together"),
        ] {
            assert_eq!(scanned(&format!("{before}{token}{after}")), Ok(vec![before.len()]), "{before}");
        }
        let two = format!("{token} {token}");
        assert_eq!(scanned(&two), Ok(vec![0, 65]));
        assert_eq!(scanned(&format!("{token}{token}")), Ok(vec![0, 64]));
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        for text in [
            "",
            "a form without a token",
            sha256,
            &format!("<script src=\"csrf.js\" integrity=\"{sha256}\"></script>"),
            "Our forms bear a csrfmiddlewaretoken against CSRF.",
            "<input name=\"csrfmiddlewaretoken\" value=\"\">",
            "<script>form.csrfmiddlewaretoken.value = cookie('csrftoken')</script>",
            &token()[1..],
            &"a".repeat(10_000),
        ] {
            assert_eq!(scanned(text), Ok(vec![]), "{text}");
        }
    }

    #[test]
    fn anothers_token_is_seen_by_its_name() {
        let theirs = Secret::random().unwrap();
        let (plain, token) = (theirs.to_cookie(), String::from_utf8(theirs.token().unwrap().to_vec()).unwrap());
        for value in [&plain, &token] {
            for page in [
                format!("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{value}\">"),
                format!("<INPUT NAME='CSRFMIDDLEWARETOKEN' VALUE='{value}'>"),
                format!("<meta name=\"csrf-token\" content=\"{value}\">"),
                format!("const csrfToken = \"{value}\""),
                format!("{{\"X-CSRFToken\": \"{value}\"}}"),
            ] {
                assert_eq!(scanned(&page), Err(Unfit::Foreign), "{page}");
            }
        }
        let ours = self::token();
        let mixed =
            format!("<input name=csrfmiddlewaretoken value={ours}><input name=csrfmiddlewaretoken value={token}>");
        assert_eq!(scanned(&mixed), Err(Unfit::Foreign), "one of two is enough");
    }

    #[test]
    fn the_secret_itself_and_a_flood_are_refused() {
        assert_eq!(scanned(&format!("value='{}'", secret().to_cookie())), Err(Unfit::Bare));
        let flood = |count: usize| (0..count).map(|_| token()).collect::<Vec<_>>().join(" ");
        assert_eq!(scanned(&flood(HOLES_MAX)).map(|starts| starts.len()), Ok(HOLES_MAX));
        assert_eq!(scanned(&flood(HOLES_MAX + 1)), Err(Unfit::TooMany));
        assert_eq!(scanned(&flood(10_000)), Err(Unfit::TooMany));
    }
    #[test]
    fn anothers_token_is_seen_before_its_name_and_behind_escapes() {
        let theirs = String::from_utf8(Secret::random().unwrap().token().unwrap().to_vec()).unwrap();
        for page in [
            format!("<input value=\"{theirs}\" type=\"hidden\" name=\"csrfmiddlewaretoken\">"),
            format!("name\\u003D\\u0022csrfmiddlewaretoken\\u0022 value\\u003D\\u0022{theirs}\\u0022"),
            format!("name=\\x22csrfmiddlewaretoken\\x22 value=\\x22{theirs}\\x22"),
            format!("'csrf:\\n{theirs}'"),
            format!("csrf_token%3D{theirs}%26next%3D"),
        ] {
            assert_eq!(scanned(&page), Err(Unfit::Foreign), "{page}");
        }
        let ours = token();
        for (before, after) in
            [("<input value=\"", "\" name=\"csrfmiddlewaretoken\">"), ("csrf \\u0022", "\\u0022"), ("csrf%3D", "%26")]
        {
            assert_eq!(scanned(&format!("{before}{ours}{after}")), Ok(vec![before.len()]), "{before}");
        }
    }

    #[test]
    fn checksums_beside_the_word_are_no_tokens() {
        let upper = "9F86D081884C7D659A2FEAA0C55AD015";
        // 48 bytes are 64 characters of Base64, one in eight times without a sign among them.
        let sha384 = "oqVuAfXRKap7fdgcCY5uykM6cxR9GqQ8KuxyAf1uT1Dtr5jT9Wv1dvJxQwKw2Fcg";
        let sha512 = format!("{}+{}/{}==", "a1B2".repeat(8), "c3D4".repeat(8), "e5F6".repeat(5));
        for text in [
            format!("<script src=\"csrf.js\" integrity=\"sha384-{sha384}\"></script>"),
            format!("<script integrity=\"sha384-{sha384}\" src=\"csrf.js\"></script>"),
            format!("<script src=\"csrf.js\" integrity=\"sha512-{sha512}\"></script>"),
            format!("<script src=\"csrf.{upper}.js\"></script>"),
        ] {
            assert_eq!(scanned(&text), Ok(vec![]), "{text}");
        }
    }

    #[test]
    fn a_page_of_names_alone_is_soon_read() {
        // Each name looked as far as the run of letters goes: a minute and more.
        assert_eq!(scanned(&"csrf".repeat(50_000)), Ok(vec![]));
    }
}
