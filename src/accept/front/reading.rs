//! What the front reads, told apart from what it does with it: for `tests/fuzz`, which holds it beside hyper's reading of the same
//! bytes. Nothing of ours uses it.

use super::super::{Limits, Refusal};
use super::chunks::Chunks;
use super::head::{self, Framing, Head, Read};

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub enum Reading<'a> {
    /// A part of a head.
    Partial,
    /// A head.
    Whole {
        /// What it says.
        head: &'a Head<'a>,
        /// Its length.
        bytes: usize,
        /// How its message ends; none where everything that follows is hyper's.
        framing: Option<Framing>,
        /// Where it may be answered here: whether the connection ends after it.
        closes: Option<bool>,
    },
    /// A head of so many bytes that is refused.
    Refused(Refusal, usize),
    /// Nothing that is read here.
    Other,
}

/// Tells what stands at the beginning of `bytes`.
pub fn with_reading<R>(bytes: &[u8], limits: &Limits, told: impl FnOnce(Reading<'_>) -> R) -> R {
    let mut room = head::room();
    match head::read(bytes, &mut room, limits) {
        Read::Partial => told(Reading::Partial),
        Read::Whole(head, bytes) => told(Reading::Whole {
            bytes,
            framing: head.framing(),
            closes: head.closes().filter(|_| head.is_plain(limits)),
            head: &head,
        }),
        Read::Refused(refusal, bytes) => told(Reading::Refused(refusal, bytes)),
        Read::Other => told(Reading::Other),
    }
}

/// Where a chunked body that comes in these parts ends; none where it goes on after them.
///
/// # Errors
/// They are no chunks, or some that two readers could read differently.
pub fn end_of_chunks<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<usize>, NoChunks> {
    let mut chunks = Chunks::default();
    let mut end = 0;
    for part in parts {
        end += chunks.take(part).map_err(|()| NoChunks)?;
        if chunks.have_ended() {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// Bytes are no chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoChunks;
