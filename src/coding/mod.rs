//! Content codings (RFC 9110 8.4.1): their names, and what compresses.
//!
//! Only bytes are known here: never a response, nor who may have what. Nothing that comes from outside is unpacked, so that no
//! small body can become a large one (row R4).

mod brotli;
mod gzip;
mod zstd;

pub use gzip::{Deflate, crc32, gunzipped};

use bytes::Bytes;
use std::fmt;

/// A coding that content is given here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `gzip` (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them, in the order in which they are preferred where nobody says otherwise: the smallest first.
    pub const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    /// Its place among all.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in `Content-Encoding`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// The coding of a name, in any case; `x-gzip` is gzip too (RFC 9110 8.4.1.3).
    pub fn of_name(name: &str) -> Option<Coding> {
        let is_named = |own: &Coding| name.eq_ignore_ascii_case(own.as_str());
        let own = Coding::ALL.into_iter().find(is_named);
        own.or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Coding::Gzip))
    }

    /// The content in this coding; none where that gains nothing. Takes milliseconds for 100 KiB: not for a thread that answers
    /// requests.
    pub fn compressed(self, content: &[u8]) -> Option<Bytes> {
        let coded = match self {
            Coding::Brotli => brotli::compressed(content),
            Coding::Zstd => zstd::compressed(content),
            Coding::Gzip => gzip::compressed(content),
        };
        // An allocation of its own size: it is kept for long.
        coded.filter(|coded| coded.len() < content.len()).map(|coded| coded.into_boxed_slice().into())
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn unpacked(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        match coding {
            Coding::Brotli => {
                ::brotli::Decompressor::new(coded, 4096).read_to_end(&mut read).unwrap();
            }
            Coding::Zstd => read = ::zstd::stream::decode_all(coded).unwrap(),
            Coding::Gzip => read = gunzipped(coded).unwrap(),
        }
        read
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_coded_form_unpacks_to_the_plain_one(
            words in proptest::collection::vec("[a-zé<>=\"]{1,9}", 1..40),
            content in proptest::collection::vec(any::<u8>(), 0..3000),
            times in 1..60_usize,
        ) {
            for plain in [content, words.join(" ").repeat(times).into_bytes()] {
                for coding in Coding::ALL {
                    if let Some(coded) = coding.compressed(&plain) {
                        prop_assert!(coded.len() < plain.len());
                        prop_assert_eq!(unpacked(coding, &coded), plain.clone(), "{}", coding);
                    }
                }
            }
        }
    }

    #[test]
    fn what_gains_nothing_is_not_kept() {
        let noise: Vec<u8> =
            (0..4_000_u32).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31).to_le_bytes()[2]).collect();
        let noise = crate::crypto::hex(&noise).into_bytes();
        for coding in Coding::ALL {
            assert_eq!(coding.compressed(b""), None);
            assert_eq!(coding.compressed(b"short"), None, "{coding}");
            let coded = coding.compressed(&noise).unwrap();
            assert_eq!(coding.compressed(&coded), None, "{coding}: twice the same gains nothing");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        for coding in Coding::ALL {
            assert_eq!(Coding::of_name(&coding.as_str().to_uppercase()), Some(coding));
            assert_eq!(Coding::ALL[coding.index()], coding);
        }
        assert_eq!(Coding::of_name("X-GZip"), Some(Coding::Gzip));
        for other in ["", "deflate", "identity", "x-br", "gzip "] {
            assert_eq!(Coding::of_name(other), None, "{other}");
        }
    }
}
