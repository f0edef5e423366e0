//! A page in gzip (RFC 1952), packed once, although parts of it are each visitor's own.
//!
//! Tokens stand as stored blocks (RFC 1951 3.2.4) between compressed ones, so that any token fits into the place of any other. To the
//! compressor each is a row of bytes that no text has: it finds no likeness with them, and whatever it finds across them lies as far
//! back as it will for every visitor. What is left is the checksum at the end. It is linear: what one token, standing at all its
//! places, adds to that of the page without it is the token's own, multiplied by a number that is known beforehand.

use super::body::{Piece, StoredBody, TOKEN_BYTES};
use crate::coding::{Deflate, crc32, gunzipped};

/// Shorter pages gain nothing that a packet would show.
const PAGE_BYTES_MIN: usize = 512;
/// Magic, deflate, no flags, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The head of a block that holds so many bytes as they are, and is not the last: its kind, their number, and that inverted.
const STORED_BLOCK: [u8; 5] = [0, 64, 0, 0xbf, 0xff];
/// What stands in a token's place while the page is packed: bytes that are in no UTF-8.
const PLACEHOLDER: [u8; TOKEN_BYTES] = placeholder();
const PLACEHOLDER_FIRST: u8 = 0xf8;
/// The polynomial of CRC-32, reflected; its coefficients are the bits, that of 1 the highest.
const POLYNOMIAL: u32 = 0xedb8_8320;
const ONE: u32 = 1 << 31;

/// A page in gzip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// All of it but the checksum and length at its end.
    pub body: StoredBody,
    /// The checksum of the page with zeros in the tokens' places.
    pub checksum: u32,
    /// What a token's checksum is multiplied by.
    pub factor: u32,
    /// The page's length, as gzip counts it.
    pub length: u32,
}

impl Packed {
    /// Packs a page; none where that would gain nothing, or could not be undone.
    pub fn of(page: &StoredBody) -> Option<Packed> {
        let is_text = |piece: &Piece| piece.shared().iter().all(|byte| *byte < PLACEHOLDER_FIRST);
        if page.len() < PAGE_BYTES_MIN || !page.pieces().iter().all(is_text) {
            return None;
        }
        let body = deflated(page)?;
        let length = u32::try_from(page.len()).ok()?;
        let packed = Packed { body, checksum: checksum_of(page), factor: factor_of(page), length };
        (packed.len() < page.len() && packed.unpacks_to(page)).then_some(packed)
    }

    /// Its length in bytes, with its end.
    pub fn len(&self) -> usize {
        self.body.len() + 8
    }

    /// Whether there is nothing of it: never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Its last bytes for a token: checksum and length.
    pub fn end(&self, token: &[u8]) -> [u8; 8] {
        let own = crc(token) ^ crc(&[0; TOKEN_BYTES]);
        let sum = self.checksum ^ product(own, self.factor);
        let mut end = [0; 8];
        end[..4].copy_from_slice(&sum.to_le_bytes());
        end[4..].copy_from_slice(&self.length.to_le_bytes());
        end
    }

    /// Bytes it takes in memory beside the struct itself.
    pub(super) fn weight(&self) -> usize {
        self.body.weight()
    }

    /// The whole of it, read back with a token as any visitor could have it: nobody is sent what nobody could read.
    fn unpacks_to(&self, page: &StoredBody) -> bool {
        let token: [u8; TOKEN_BYTES] = std::array::from_fn(|at| b'A' + u8::try_from(at % 23).unwrap_or_default());
        let filled = |body: &StoredBody| {
            let pieces = body.pieces().iter().map(|piece| match piece {
                Piece::Shared(bytes) => bytes,
                Piece::Token => &token[..],
            });
            pieces.collect::<Vec<_>>().concat()
        };
        let mut whole = filled(&self.body);
        whole.extend_from_slice(&self.end(&token));
        gunzipped(&whole).is_some_and(|read| read == filled(page))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it counts to eight")]
const fn placeholder() -> [u8; TOKEN_BYTES] {
    let mut bytes = [PLACEHOLDER_FIRST; TOKEN_BYTES];
    let mut at = 0;
    while at < TOKEN_BYTES {
        bytes[at] += (at % 8) as u8;
        at += 1;
    }
    bytes
}

/// Header and deflated page. What stands in a token's place is for the compressor alone: it goes on as if it had written that.
fn deflated(page: &StoredBody) -> Option<StoredBody> {
    let (mut deflate, mut out, mut tokens_at) = (Deflate::default(), HEADER.to_vec(), Vec::new());
    for piece in page.pieces() {
        match piece {
            Piece::Shared(bytes) => deflate.feed(bytes, &mut out)?,
            Piece::Token => {
                // A whole number of bytes, and after it a block of our own.
                deflate.flush(&mut out)?;
                out.extend_from_slice(&STORED_BLOCK);
                tokens_at.push(out.len());
                deflate.pretend(&PLACEHOLDER)?;
            }
        }
    }
    deflate.finish(&mut out)?;
    Some(StoredBody::between_tokens(&out, &tokens_at))
}

fn crc(bytes: &[u8]) -> u32 {
    crc32([bytes])
}

fn checksum_of(page: &StoredBody) -> u32 {
    crc32(page.pieces().iter().map(|piece| match piece {
        Piece::Shared(bytes) => bytes,
        Piece::Token => &[0; TOKEN_BYTES][..],
    }))
}

/// For each token, x to the power of the bits that follow it.
fn factor_of(page: &StoredBody) -> u32 {
    let mut after = 0;
    let mut factor = 0;
    for piece in page.pieces().iter().rev() {
        if *piece == Piece::Token {
            factor ^= moved_by(after);
        }
        after += piece.len();
    }
    factor
}

/// x to the power of eight times so many.
fn moved_by(bytes: usize) -> u32 {
    let (mut power, mut square, mut left) = (ONE, ONE >> 8, bytes);
    while left > 0 {
        if left & 1 == 1 {
            power = product(power, square);
        }
        square = product(square, square);
        left >>= 1;
    }
    power
}

/// The product of two polynomials over GF(2), modulo that of CRC-32.
fn product(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        b = if b & 1 == 1 { b >> 1 ^ POLYNOMIAL } else { b >> 1 };
    }
    product
}

/// The whole for a token.
#[cfg(test)]
fn filled(packed: &Packed, token: &[u8]) -> Vec<u8> {
    let mut whole: Vec<u8> = Vec::new();
    for piece in packed.body.pieces() {
        whole.extend_from_slice(if *piece == Piece::Token { token } else { piece.shared() });
    }
    whole.extend_from_slice(&packed.end(token));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpacked(bytes: &[u8]) -> Vec<u8> {
        gunzipped(bytes).unwrap()
    }

    fn page(parts: &[String]) -> (StoredBody, impl Fn(&str) -> String) {
        let mut pieces = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            pieces.extend((number > 0).then_some(Piece::Token));
            pieces.extend((!part.is_empty()).then(|| Piece::Shared(part.clone().into())));
        }
        let parts = parts.to_vec();
        (StoredBody::of_pieces(pieces), move |token: &str| parts.join(token))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn every_visitor_unpacks_their_own_page(
            parts in proptest::collection::vec("(<li class=\"pod\">[a-zé ]{0,40}</li>){0,30}", 1..30),
            token in "[a-zA-Z0-9]{64}",
        ) {
            let (body, expected) = page(&parts);
            let packed = Packed::of(&body);
            // Ten bytes for each token, and what a page has around them, have to be gained first.
            prop_assert!(packed.is_some() || body.len() < PAGE_BYTES_MIN + 400 * parts.len());
            if let Some(packed) = packed {
                let whole = filled(&packed, token.as_bytes());
                prop_assert_eq!(whole.len(), packed.len());
                prop_assert_eq!(unpacked(&whole), expected(&token).into_bytes());
            }
        }
    }

    #[test]
    fn a_page_of_a_shop_shrinks_with_its_tokens_in_it() {
        let pod = "<article class=\"product_pod\"><form><input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"";
        let parts: Vec<String> =
            (0..21).map(|number| format!("\"></form><p>Product {number}</p></article>{pod}")).collect();
        let (body, expected) = page(&parts);
        let packed = Packed::of(&body).unwrap();
        // 20 tokens of 64 bytes cannot shrink; what stands between them does.
        assert!(packed.len() < 20 * 64 + 900, "{} of {}", packed.len(), body.len());
        for token in ["a".repeat(64), "0123456789abcdef".repeat(4)] {
            assert_eq!(unpacked(&filled(&packed, token.as_bytes())), expected(&token).into_bytes());
        }
    }

    #[test]
    fn a_page_without_tokens_is_packed_too_and_what_gains_nothing_is_not() {
        let text = "The same again. ".repeat(100);
        let body = StoredBody::whole(text.clone().into());
        let packed = Packed::of(&body).unwrap();
        assert_eq!(unpacked(&filled(&packed, &[b'x'; TOKEN_BYTES])), text.into_bytes());
        assert_eq!(Packed::of(&StoredBody::whole("short".into())), None);
        assert_eq!(Packed::of(&StoredBody::default()), None);
        let noise: Vec<u8> = (0..4_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 0xf0).collect();
        assert!(Packed::of(&StoredBody::whole(noise.into())).is_none_or(|packed| packed.len() < 4_000));
        let beyond = [b'a'; 4_000].into_iter().chain([0xf9]).collect::<Vec<u8>>();
        assert_eq!(Packed::of(&StoredBody::whole(beyond.into())), None, "it could be taken for a token's place");
    }
}
