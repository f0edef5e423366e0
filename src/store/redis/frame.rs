//! The value of one variant: a head, then `meta` and, unless that is kept apart, the body of
//! [`codec::encode`](crate::stored::codec::encode).
//!
//! The head has a version and a checksum of its own; what follows is covered by the codec's, and by it alone, so that no byte is
//! summed up twice. The head also says when the response was received by the wall's clock: steady time is each process's
//! own, and here several machines read what another has written.

use crate::clock::{Clock, Timestamp};
use crate::crypto;
use crate::stored::codec::Encoded;
use bytes::Bytes;

/// What each value begins with, so that foreign bytes are told from old ones.
const MAGIC: [u8; 4] = *b"VTRV";
/// Changes with each change of the form.
const VERSION: u16 = 1;
/// Magic, version, time, place of the body, lengths of meta and body, checksum.
const HEAD_BYTES: usize = 4 + 2 + 8 + 1 + 8 + 8 + 8;
const SUMMED_BYTES: usize = HEAD_BYTES - 8;

/// A body smaller than this many times what stands before it is copied out: to keep a value for the sake of a small body would
/// be to keep more than anybody counts.
const COPIED_BELOW: usize = 8;

/// What a value holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framed {
    /// By the wall's clock.
    pub(super) received: Timestamp,
    pub(super) meta: Bytes,
    pub(super) body: Content,
}

/// Where the body is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Here(Bytes),
    /// Under a key of its own, so long.
    Apart(u64),
}

/// Why bytes are no value of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFrame {
    #[error("not a value of this store")]
    Foreign,
    #[error("a value of form {0}, which this version does not read")]
    Version(u16),
    #[error("the value is damaged")]
    Damaged,
}

/// The value of an encoded response.
pub(super) fn write(received: Timestamp, encoded: &Encoded, apart: bool) -> Vec<u8> {
    let body: &[u8] = if apart { &[] } else { &encoded.body };
    let mut value = Vec::with_capacity(HEAD_BYTES + encoded.meta.len() + body.len());
    value.extend_from_slice(&MAGIC);
    value.extend_from_slice(&VERSION.to_le_bytes());
    value.extend_from_slice(&received.as_millis().to_le_bytes());
    value.push(u8::from(apart));
    value.extend_from_slice(&(encoded.meta.len() as u64).to_le_bytes());
    value.extend_from_slice(&(encoded.body.len() as u64).to_le_bytes());
    let sum = crypto::checksum(&value);
    value.extend_from_slice(&sum.to_le_bytes());
    value.extend_from_slice(&encoded.meta);
    value.extend_from_slice(body);
    value
}

/// What is in a value. The body is a part of it, or a copy where that is smaller than what would be kept with it.
pub(super) fn read(value: Vec<u8>) -> Result<Framed, BadFrame> {
    let (head, rest) = value.split_first_chunk::<HEAD_BYTES>().ok_or(BadFrame::Foreign)?;
    if head[..4] != MAGIC {
        return Err(BadFrame::Foreign);
    }
    let version = u16::from_le_bytes([head[4], head[5]]);
    if version != VERSION {
        return Err(BadFrame::Version(version));
    }
    if number(head, SUMMED_BYTES) != crypto::checksum(&head[..SUMMED_BYTES]) {
        return Err(BadFrame::Damaged);
    }
    let (received, apart, meta, body) = (number(head, 6), head[14] == 1, number(head, 15), number(head, 23));
    let here = if apart { 0 } else { body };
    if meta.checked_add(here) != Some(rest.len() as u64) {
        return Err(BadFrame::Damaged);
    }
    let meta_end = HEAD_BYTES + usize::try_from(meta).map_err(|_| BadFrame::Damaged)?;
    let value = Bytes::from(value);
    let body = match (apart, value.slice(meta_end..)) {
        (true, _) => Content::Apart(body),
        (false, part) if part.len() < meta_end * COPIED_BELOW => Content::Here(Bytes::copy_from_slice(&part)),
        (false, part) => Content::Here(part),
    };
    Ok(Framed { received: Timestamp(received), meta: value.slice(HEAD_BYTES..meta_end), body })
}

/// A moment of this process's steady scale as all machines know it.
pub(super) fn to_wall(clock: &Clock, steady: Timestamp) -> Timestamp {
    Timestamp(clock.wall().0.saturating_sub(clock.now().0.saturating_sub(steady.0)))
}

/// A moment as all machines know it on this process's steady scale; never one to come, whatever another's clock shows.
pub(super) fn to_steady(clock: &Clock, wall: Timestamp) -> Timestamp {
    Timestamp(clock.now().0.saturating_sub(clock.wall().0.saturating_sub(wall.0)))
}

fn number(head: &[u8; HEAD_BYTES], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&head[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn encoded(body: usize) -> Encoded {
        Encoded { meta: b"all but the body".to_vec(), body: vec![7; body].into() }
    }

    #[test]
    fn what_was_written_comes_back_with_its_body_or_without() {
        let own = encoded(4_000);
        for apart in [false, true] {
            let read = read(write(Timestamp(77), &own, apart)).unwrap();
            let body = if apart { Content::Apart(4_000) } else { Content::Here(own.body.clone()) };
            assert_eq!(read, Framed { received: Timestamp(77), meta: own.meta.clone().into(), body });
        }
    }

    #[test]
    fn a_changed_head_and_a_changed_length_are_told() {
        let value = write(Timestamp(77), &encoded(100), false);
        for bit in 0..HEAD_BYTES * 8 {
            let mut changed = value.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(changed).is_err(), "bit {bit}");
        }
        for end in 0..value.len() {
            assert!(read(value[..end].to_vec()).is_err(), "{end} bytes");
        }
        assert_eq!(read([&value[..], b"x"].concat()), Err(BadFrame::Damaged));
        assert_eq!(read(b"a string that somebody else has written here".to_vec()), Err(BadFrame::Foreign));
        let mut newer = value;
        newer[4] = 9;
        assert_eq!(read(newer), Err(BadFrame::Version(9)));
    }

    #[test]
    fn a_large_body_is_not_copied_and_a_small_one_keeps_nothing_else() {
        let kept = |body: usize| {
            let value = write(Timestamp(0), &encoded(body), false);
            let within = value.as_ptr_range();
            let Content::Here(body) = read(value).unwrap().body else { panic!("it is here") };
            within.contains(&body.as_ptr())
        };
        assert!(kept(100_000));
        assert!(!kept(100));
    }

    #[test]
    fn ages_are_the_same_on_machines_whose_steady_scales_differ() {
        let (here, here_hand) = Clock::held(Timestamp(5_000_000));
        let (there, there_hand) = Clock::held(Timestamp(900_000));
        there_hand.set_wall(Timestamp(5_000_000));
        let received = here.now();
        for seconds in [0, 90] {
            for hand in [&here_hand, &there_hand] {
                hand.advance(Duration::from_secs(seconds));
            }
            let read = to_steady(&there, to_wall(&here, received));
            assert_eq!(there.now().since(read), Duration::from_secs(seconds));
        }
    }

    #[test]
    fn nothing_was_received_in_the_future() {
        let (here, hand) = Clock::held(Timestamp(5_000_000));
        hand.set_wall(Timestamp(9_000_000));
        let (there, _) = Clock::held(Timestamp(5_000_000));
        assert_eq!(to_steady(&there, to_wall(&here, here.now())), there.now());
    }
}
