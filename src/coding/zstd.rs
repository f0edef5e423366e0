//! Zstandard (RFC 8878).

/// Of 1 to 22. Smaller than gzip's usual level in no more time; what higher levels gain below 1 MiB is a percent, and 12 takes
/// ten times as long for a page of 16 KiB.
const LEVEL: i32 = 6;

/// The content, with its length in its head; none only if the library failed. The window is no larger than the content: a
/// reader of the web may refuse one of more than 8 MiB (RFC 9659).
pub(super) fn compressed(content: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(content, LEVEL).ok()
}
