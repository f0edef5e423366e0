//! Digests, checksums, message authentication and randomness: the one place that knows these libraries.

use aws_lc_rs::{digest, hmac, rand};

/// The first 128 bits of a SHA-256: collision-resistant, so that a crafted URL cannot land on another's key.
pub fn digest_128(bytes: &[u8]) -> [u8; 16] {
    let full = digest::digest(&digest::SHA256, bytes);
    let mut short = [0; 16];
    short.copy_from_slice(&full.as_ref()[..16]);
    short
}

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// A fast 64-bit checksum (XXH3): tells damage, withstands no attacker.
pub fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The same of the parts, one after the other.
pub fn checksum_of(parts: &[&[u8]]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.digest()
}

/// A fast 128-bit checksum (XXH3), long enough to tell one body from another in an entity tag.
pub fn checksum_128(parts: &[&[u8]]) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.digest128()
}

/// The same of `bytes` after something whose sum is `before`, in one pass.
pub fn checksum_128_after(before: u64, bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128_with_seed(bytes, before)
}

/// HMAC-SHA256 of the parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    HmacKey::new(key).sign(parts)
}

/// A key for HMAC-SHA256 that is used again and again; never printed.
#[derive(Clone)]
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// The key of that secret.
    pub fn new(secret: &[u8]) -> HmacKey {
        HmacKey(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// HMAC-SHA256 of the parts, one after the other.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

impl std::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Random bytes from the system's generator.
///
/// # Errors
/// When the system has no randomness to give, which no caller can mend.
pub fn random<const N: usize>() -> Result<[u8; N], std::io::Error> {
    let mut out = [0; N];
    rand::fill(&mut out).map_err(|_| std::io::Error::other("the system's random generator failed"))?;
    Ok(out)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Without the formatting machinery: each look into Redis names a page by these digits.
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    // Digits are always text.
    String::from_utf8(out).unwrap_or_default()
}

/// The bytes that hexadecimal digits of either case stand for; none where a text is anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_two_digits() {
        for byte in 0..=u8::MAX {
            assert_eq!(hex(&[byte, 7]), format!("{byte:02x}07"));
            assert_eq!(unhex(&format!("{byte:02x}{byte:02X}")), Some(vec![byte; 2]));
        }
        for bad in ["0", "0g", "+1", " 1", "0x", "\u{e9}"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
