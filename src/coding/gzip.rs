//! gzip (RFC 1952), whole, and in parts for whoever puts a page together.

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use std::io::{Read, Write};

/// Of 1 to 9, and gzip's own usual one: higher ones take longer and gain nothing on pages.
const LEVEL: u32 = 6;

/// The content; none only if the library failed.
pub(super) fn compressed(content: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 4), Compression::new(LEVEL));
    encoder.write_all(content).ok()?;
    encoder.finish().ok()
}

/// What a gzip of our own making holds; none where it is not one. Not for what comes from elsewhere: nothing bounds its size.
pub fn gunzipped(coded: &[u8]) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    GzDecoder::new(coded).read_to_end(&mut read).is_ok().then_some(read)
}

/// The CRC-32 of bytes that stand in several places.
pub fn crc32<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut crc = Crc::new();
    for part in parts {
        crc.update(part);
    }
    crc.sum()
}

/// A deflate stream (RFC 1951) that is written piece by piece. What it cannot do is told as none, and then it is of no more use.
pub struct Deflate(Compress);

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate(Compress::new(Compression::new(LEVEL), false))
    }
}

impl Deflate {
    /// Takes bytes, and writes what it will of them.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
        self.give(bytes, FlushCompress::None, out)
    }

    /// Writes all that it was given, up to a whole number of bytes.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.give(&[], FlushCompress::Sync, out)
    }

    /// Goes on as if it had written these bytes: for the compressor alone.
    pub fn pretend(&mut self, bytes: &[u8]) -> Option<()> {
        self.0.set_dictionary(bytes).ok().map(|_| ())
    }

    /// Writes the rest, and the stream's end.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Option<()> {
        self.give(&[], FlushCompress::Finish, out)
    }

    /// Gives bytes to the compressor until it has taken and, when flushed, given back all.
    fn give(&mut self, mut bytes: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> Option<()> {
        const ROOM_BYTES: usize = 16 * 1024;
        loop {
            out.reserve(ROOM_BYTES);
            let before = self.0.total_in();
            let status = self.0.compress_vec(bytes, out, flush).ok()?;
            bytes = &bytes[usize::try_from(self.0.total_in() - before).ok()?..];
            let has_room = out.len() < out.capacity();
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => bytes.is_empty() && has_room,
            };
            if is_done {
                return Some(());
            }
        }
    }
}
