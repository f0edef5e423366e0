//! Numbers as text, written straight into a buffer: a hit writes a dozen of them, and the machinery of formatting costs each
//! one more than its digits do.

use bytes::BufMut;

/// The digits of 0 to 99, two each.
const PAIRS: &[u8; 200] =
    b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// Digits of the largest number.
const DECIMAL_DIGITS_MAX: usize = 20;
const HEX_DIGITS_MAX: usize = 16;

/// A number in decimal, without leading zeros.
pub fn put_decimal(out: &mut impl BufMut, number: u64) {
    // Most are bytes of an address, a status, a few milliseconds.
    match number {
        0..10 => out.put_slice(&[digit(number)]),
        10..100 => out.put_slice(&pair(number)),
        100..1_000 => {
            let [tens, ones] = pair(number % 100);
            out.put_slice(&[digit(number / 100), tens, ones]);
        }
        _ => put_long(out, number),
    }
}

fn put_long(out: &mut impl BufMut, number: u64) {
    let mut room = [0; DECIMAL_DIGITS_MAX];
    let (mut rest, mut start) = (number, room.len());
    while rest >= 100 {
        start -= 2;
        room[start..start + 2].copy_from_slice(&pair(rest % 100));
        rest /= 100;
    }
    if rest >= 10 {
        start -= 2;
        room[start..start + 2].copy_from_slice(&pair(rest));
    } else {
        start -= 1;
        room[start] = digit(rest);
    }
    out.put_slice(&room[start..]);
}

/// A number that may be below zero, in decimal.
pub fn put_signed(out: &mut impl BufMut, number: i64) {
    if number < 0 {
        out.put_u8(b'-');
    }
    put_decimal(out, number.unsigned_abs());
}

/// A number in hexadecimal, in lower case and without leading zeros.
pub fn put_hex(out: &mut impl BufMut, number: u64) {
    let mut room = [0; HEX_DIGITS_MAX];
    let (mut rest, mut start) = (number, room.len());
    loop {
        start -= 1;
        room[start] = b"0123456789abcdef"[(rest % 16) as usize];
        rest /= 16;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(&room[start..]);
}

/// The last decimal digits of a number, as many as there is room for, with leading zeros.
pub fn fill_decimal(room: &mut [u8], number: u64) {
    let mut rest = number;
    for place in room.iter_mut().rev() {
        *place = digit(rest % 10);
        rest /= 10;
    }
}

/// A number below ten.
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// A number below a hundred.
fn pair(number: u64) -> [u8; 2] {
    let start = (number % 100) as usize * 2;
    [PAIRS[start], PAIRS[start + 1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around each power of two and of ten.
    fn numbers() -> impl Iterator<Item = u64> {
        let powers = (0..64).map(|n| 1_u64 << n).chain((0..20).map(|n| 10_u64.pow(n)));
        let around = powers.flat_map(|power| [power - 1, power, power.wrapping_add(1)]);
        around.chain(0..2_000).chain([u64::MAX])
    }

    #[test]
    fn digits_are_those_that_formatting_writes() {
        for number in numbers() {
            let (mut decimal, mut hex, mut signed) = (Vec::new(), Vec::new(), Vec::new());
            put_decimal(&mut decimal, number);
            put_hex(&mut hex, number);
            assert_eq!(decimal, number.to_string().as_bytes());
            assert_eq!(hex, format!("{number:x}").as_bytes());
            let below = number.cast_signed().wrapping_neg();
            put_signed(&mut signed, below);
            assert_eq!(signed, below.to_string().as_bytes());
        }
        let mut least = Vec::new();
        put_signed(&mut least, i64::MIN);
        assert_eq!(least, i64::MIN.to_string().as_bytes());
    }

    #[test]
    fn room_is_filled_from_its_end() {
        for number in numbers() {
            let mut room = [b'x'; 3];
            fill_decimal(&mut room, number);
            assert_eq!(room, format!("{:03}", number % 1_000).as_bytes());
        }
    }
}
