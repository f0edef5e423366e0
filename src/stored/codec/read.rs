//! Reads what [`super::write`] wrote, and trusts none of it: no length is believed before that many bytes are there.

use super::Undecodable;

/// What is left of one stored response's `meta`. The `what` of each verb is the word in the error.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, Undecodable> {
        self.array(what).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Undecodable> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Undecodable> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Undecodable> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// How many follow, where each takes at least `bytes_min`: a count that the rest cannot hold is refused here, before
    /// anybody makes room for it.
    pub(super) fn count(&mut self, bytes_min: usize, what: &'static str) -> Result<usize, Undecodable> {
        let room = self.0.len().saturating_sub(8) / bytes_min;
        let count = usize::try_from(self.u64(what)?).ok();
        count.filter(|count| *count <= room).ok_or(Undecodable::Malformed(what))
    }

    pub(super) fn block(&mut self, what: &'static str) -> Result<&'a [u8], Undecodable> {
        let length = self.count(1, what)?;
        let (block, rest) = self.0.split_at_checked(length).ok_or(Undecodable::Malformed(what))?;
        self.0 = rest;
        Ok(block)
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, Undecodable> {
        std::str::from_utf8(self.block(what)?).map_err(|_| Undecodable::Malformed(what))
    }

    /// Whether nothing is left.
    pub(super) fn end(&self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Undecodable> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or(Undecodable::Malformed(what))?;
        self.0 = rest;
        Ok(*array)
    }
}
