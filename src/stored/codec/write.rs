//! Numbers and blocks of bytes, little-endian, each block with its length before it.

/// Collects the bytes of one stored response's `meta`.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// A writer that leaves room at the start.
    pub(super) fn after(room: usize) -> Writer {
        let mut bytes = Vec::with_capacity(1024);
        bytes.resize(room, 0);
        Writer(bytes)
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// How many follow. Eight bytes for each count and length: no value is too long to be told.
    pub(super) fn count(&mut self, count: usize) {
        self.u64(count as u64);
    }

    pub(super) fn block(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
