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
/// Bytes after a name in which its token begins: the rest of the name, a type, an attribute's name, quotes.
const REACH_BYTES: usize = 64;

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
    if names(page).any(|after| is_foreign(page, after, &starts)) {
        return Err(Unfit::Foreign);
    }
    Ok(Found(starts))
}

/// The characters that end at a place.
fn last<const N: usize>(page: &[u8], at: usize) -> Option<&[u8; N]> {
    page.get((at + 1).checked_sub(N)?..=at)?.try_into().ok()
}

/// Where names of tokens end, as far as they are alike.
fn names(page: &[u8]) -> impl Iterator<Item = usize> {
    let windows = page.windows(NAME.len()).enumerate();
    windows.filter(|(_, window)| window.eq_ignore_ascii_case(NAME)).map(|(at, _)| at + NAME.len())
}

/// Whether what follows a name is as long as a token or a secret, and is no hole.
fn is_foreign(page: &[u8], after: usize, starts: &[usize]) -> bool {
    let reach = page.len().min(after + REACH_BYTES);
    let mut at = after;
    while at < reach {
        let run = run_at(page, at);
        if starts.binary_search(&run.start).is_ok() {
            return false;
        }
        // The name's own rest is no value, and what has no other digits than a checksum's is one.
        let is_checksum = || page[run.clone()].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if run.start > after && matches!(run.len(), SECRET_CHARS | TOKEN_CHARS) && !is_checksum() {
            return true;
        }
        at = run.end.max(at + 1);
    }
    false
}

/// The characters of the alphabet that begin at a place.
fn run_at(page: &[u8], at: usize) -> Range<usize> {
    let length = page[at..].iter().take_while(|byte| is_of_alphabet(**byte)).count();
    at..at + length
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
}
