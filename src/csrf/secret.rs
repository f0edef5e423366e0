//! A visitor's secret, and the tokens that are made of it.
//!
//! 32 letters and digits; a token is a random mask of as many characters and after it the secret, each character moved on in the
//! alphabet by the mask's. So every token is another text, and none helps to guess the secret from how a page compresses (BREACH).

use crate::crypto;
use std::io;

/// The characters of secrets and masks, in the order that moving on counts by.
const ALPHABET: &[u8; SIZE] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SIZE: usize = 62;
/// A byte that is none of them.
const NONE: u8 = u8::MAX;
/// The place of each byte in the alphabet.
const PLACES: [u8; 256] = places();

/// Characters of a secret.
pub const SECRET_CHARS: usize = 32;
/// Characters of a token: a mask, and the secret under it.
pub const TOKEN_CHARS: usize = 2 * SECRET_CHARS;

/// What a visitor's tokens are made of: places in the alphabet. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET_CHARS]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> io::Result<Secret> {
        random_places().map(Secret)
    }

    /// The secret that a cookie holds: plain, or masked as Django before 4.1 wrote it. None where it is neither.
    pub fn of_cookie(value: &str) -> Option<Secret> {
        let value = value.as_bytes();
        if !value.iter().all(|byte| place(*byte) != NONE) {
            return None;
        }
        if let Ok(token) = <&[u8; TOKEN_CHARS]>::try_from(value) {
            return Some(Secret(unmasked(token)));
        }
        let plain: &[u8; SECRET_CHARS] = value.try_into().ok()?;
        Some(Secret(plain.map(place)))
    }

    /// A token under a fresh mask.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn token(&self) -> io::Result<[u8; TOKEN_CHARS]> {
        let mask = random_places::<SECRET_CHARS>()?;
        let mut token = [0; TOKEN_CHARS];
        for (at, (mask, secret)) in mask.into_iter().zip(self.0).enumerate() {
            token[at] = character(mask);
            token[at + SECRET_CHARS] = character(moved(mask, secret));
        }
        Ok(token)
    }

    /// Whether these characters are a token of this secret. Says so at the first that is not, most often: for scanning a page that was
    /// fetched with it, not for judging what a visitor sends.
    pub(super) fn made(&self, token: &[u8; TOKEN_CHARS]) -> bool {
        let (mask, masked) = token.split_at(SECRET_CHARS);
        let pairs = mask.iter().zip(masked).zip(self.0);
        pairs.into_iter().all(|((mask, masked), secret)| {
            let (mask, masked) = (place(*mask), place(*masked));
            mask != NONE && masked != NONE && moved(mask, secret) == masked
        })
    }

    /// Whether these characters are the secret itself.
    pub(super) fn is(&self, characters: &[u8; SECRET_CHARS]) -> bool {
        characters.iter().zip(self.0).all(|(character, own)| place(*character) == own)
    }

    /// As a cookie holds it.
    pub fn to_cookie(&self) -> String {
        self.0.iter().map(|place| char::from(character(*place))).collect()
    }

    /// Tells one secret from another without telling either.
    pub(super) fn seal(&self) -> [u8; 16] {
        crypto::digest_128(&[b"form token ", &self.0[..]].concat())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whether a byte may stand in a token.
pub(super) fn is_of_alphabet(byte: u8) -> bool {
    place(byte) != NONE
}

fn unmasked(token: &[u8; TOKEN_CHARS]) -> [u8; SECRET_CHARS] {
    let mut secret = [0; SECRET_CHARS];
    for (at, secret) in secret.iter_mut().enumerate() {
        let (mask, masked) = (place(token[at]), place(token[at + SECRET_CHARS]));
        *secret = wrapped(usize::from(masked) + SIZE - usize::from(mask));
    }
    secret
}

fn moved(place: u8, by: u8) -> u8 {
    wrapped(usize::from(place) + usize::from(by))
}

#[expect(clippy::cast_possible_truncation, reason = "there are 62 places")]
fn wrapped(place: usize) -> u8 {
    (place % SIZE) as u8
}

fn character(place: u8) -> u8 {
    ALPHABET[usize::from(place) % SIZE]
}

fn place(byte: u8) -> u8 {
    PLACES[usize::from(byte)]
}

#[expect(clippy::cast_possible_truncation, reason = "there are 62 places")]
const fn places() -> [u8; 256] {
    let mut places = [NONE; 256];
    let mut at = 0;
    while at < SIZE {
        places[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    places
}

/// Random places, each as likely as the others: bytes past the last whole multiple of the alphabet are not used.
fn random_places<const N: usize>() -> io::Result<[u8; N]> {
    const USED: u8 = 4 * 62;
    let mut places = [0; N];
    let mut filled = 0;
    while filled < N {
        for byte in crypto::random::<64>()?.into_iter().filter(|byte| *byte < USED) {
            if let Some(place) = places.get_mut(filled) {
                *place = byte % 62;
                filled += 1;
            }
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Django 5.2's `_mask_cipher_secret`.
    const PLAIN: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

    #[test]
    fn a_token_unmasks_to_its_secret_and_to_no_other() {
        let secret = Secret::of_cookie(PLAIN).unwrap();
        let other = Secret::random().unwrap();
        let tokens: Vec<_> = (0..100).map(|_| secret.token().unwrap()).collect();
        for token in &tokens {
            assert!(secret.made(token) && !other.made(token));
            let text = std::str::from_utf8(token).unwrap();
            assert_eq!(Secret::of_cookie(text), Some(secret.clone()), "the old form of the cookie");
        }
        assert_ne!(tokens[0], tokens[1], "each is masked anew");
        assert_eq!(secret.to_cookie(), PLAIN);
        assert_ne!(secret.seal(), other.seal());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn the_mask_moves_each_character_on_in_djangos_alphabet() {
        // A mask of "b" moves by one: "a" becomes "b", and "9" begins anew.
        let token: Vec<u8> = [[b'b'; 32], [b'a'; 32]].concat();
        let secret = Secret::of_cookie(&"9".repeat(32)).unwrap();
        assert!(secret.made(token[..].try_into().unwrap()));
    }

    #[test]
    fn what_is_no_cookie_of_djangos_is_none() {
        let with = |bad: &str| format!("{}{bad}", &PLAIN[bad.len()..]);
        for bad in ["", "a", &PLAIN[1..], &format!("{PLAIN}a"), &with("-"), &with("é"), &with(" "), &"a".repeat(63)] {
            assert_eq!(Secret::of_cookie(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_character_is_as_likely() {
        let mut counts = [0_u32; SIZE];
        for _ in 0..2_000 {
            for place in random_places::<SECRET_CHARS>().unwrap() {
                counts[usize::from(place)] += 1;
            }
        }
        // 64,000 draws: 1,032 of each, and six standard deviations on either side.
        assert!(counts.iter().all(|count| (840..1_225).contains(count)), "{counts:?}");
    }
}
