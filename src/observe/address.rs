//! Addresses as text, as the standard library writes them (RFC 5952) and without the machinery of formatting.

use crate::digits::{put_decimal, put_hex};
use bytes::BufMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// An address, without a port.
pub(super) fn put_address(out: &mut impl BufMut, address: IpAddr) {
    match address {
        IpAddr::V4(address) => put_v4(out, address),
        IpAddr::V6(address) => put_v6(out, address),
    }
}

fn put_v4(out: &mut impl BufMut, address: Ipv4Addr) {
    for (place, byte) in address.octets().into_iter().enumerate() {
        if place > 0 {
            out.put_u8(b'.');
        }
        put_decimal(out, u64::from(byte));
    }
}

fn put_v6(out: &mut impl BufMut, address: Ipv6Addr) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        out.put_slice(b"::ffff:");
        return put_v4(out, mapped);
    }
    let segments = address.segments();
    let zeros = longest_zeros(&segments);
    // RFC 5952 4.2.2: a single zero is no run.
    if zeros.len() < 2 {
        return put_segments(out, &segments);
    }
    put_segments(out, &segments[..zeros.start]);
    out.put_slice(b"::");
    put_segments(out, &segments[zeros.end..]);
}

fn put_segments(out: &mut impl BufMut, segments: &[u16]) {
    for (place, segment) in segments.iter().enumerate() {
        if place > 0 {
            out.put_u8(b':');
        }
        put_hex(out, u64::from(*segment));
    }
}

/// The first of the longest runs of zeros (RFC 5952 4.2.3).
fn longest_zeros(segments: &[u16]) -> Range<usize> {
    let (mut longest, mut start) = (0..0, 0);
    for (place, segment) in segments.iter().enumerate() {
        if *segment != 0 {
            start = place + 1;
        } else if place + 1 - start > longest.len() {
            longest = start..place + 1;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: impl Into<IpAddr>) -> String {
        let mut out = Vec::new();
        put_address(&mut out, address.into());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_are_those_that_the_standard_library_writes() {
        for address in [[0, 0, 0, 0], [127, 0, 0, 1], [192, 0, 2, 17], [255, 255, 255, 255]].map(Ipv4Addr::from) {
            assert_eq!(text(address), address.to_string());
        }
        // Each pattern of zeros that there is, with long and short segments between.
        for pattern in 0..=u8::MAX {
            let segment = |place: u16| if pattern >> place & 1 == 0 { 0 } else { 0xf00a >> place };
            let address = Ipv6Addr::from([0, 1, 2, 3, 4, 5, 6, 7].map(segment));
            assert_eq!(text(address), address.to_string());
        }
        for address in ["::ffff:192.0.2.1", "::192.0.2.1", "2001:db8::8:800:200c:417a", "fe80::1", "::", "::1"] {
            assert_eq!(text(address.parse::<Ipv6Addr>().unwrap()), address.parse::<Ipv6Addr>().unwrap().to_string());
        }
    }
}
