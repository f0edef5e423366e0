//! The ids of requests: the process's own random name, and a count.

use crate::digits;
use http::HeaderValue;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of the name with its hyphen.
const NAME_BYTES: usize = 8 + 1;
/// Bytes of the longest id.
const ID_BYTES_MAX: usize = NAME_BYTES + 16;

/// Gives the ids. On cache lines of its own: every request writes the count, and nothing that others read may lie beside it.
#[repr(align(64))]
pub(super) struct RequestIds {
    name: [u8; NAME_BYTES],
    count: AtomicU64,
}

impl RequestIds {
    /// Ids of that name. It is random, so that those of two runs are told apart in the logs.
    pub(super) fn new(name: u32) -> RequestIds {
        let mut padded = Vec::with_capacity(NAME_BYTES + 1);
        // With a bit before the name's eight digits, so that its leading zeros are written.
        digits::put_hex(&mut padded, (1 << 32) | u64::from(name));
        padded.push(b'-');
        RequestIds { name: std::array::from_fn(|place| padded[place + 1]), count: AtomicU64::new(0) }
    }

    /// One that nobody has.
    pub(super) fn next(&self) -> RequestId {
        let mut room = [0; ID_BYTES_MAX];
        room[..NAME_BYTES].copy_from_slice(&self.name);
        let mut rest = &mut room[NAME_BYTES..];
        digits::put_hex(&mut rest, self.count.fetch_add(1, Ordering::Relaxed));
        let length = ID_BYTES_MAX - rest.len();
        RequestId { room, length }
    }
}

/// A request's id: hexadecimal digits and a hyphen.
#[derive(Clone, Copy, Debug)]
pub struct RequestId {
    room: [u8; ID_BYTES_MAX],
    length: usize,
}

impl RequestId {
    /// Its text, in ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.room[..self.length]
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> HeaderValue {
        // Always a field value.
        HeaderValue::from_bytes(id.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_name_and_the_count_in_hexadecimal() {
        let ids = RequestIds::new(0xab);
        assert_eq!([ids.next().as_bytes(), ids.next().as_bytes()], [b"000000ab-0", b"000000ab-1"]);
        let late = RequestIds { count: AtomicU64::new(u64::MAX), ..RequestIds::new(u32::MAX) };
        assert_eq!(HeaderValue::from(late.next()), "ffffffff-ffffffffffffffff");
    }
}
