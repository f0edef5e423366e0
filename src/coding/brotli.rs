//! Brotli (RFC 7932).

use brotli::enc::BrotliEncoderParams;
use brotli::enc::backward_references::BrotliEncoderMode;

/// Of 0 to 11. A tenth smaller than gzip's usual level for three to four times its time; from 7 on a page of 16 KiB takes ten
/// times as long for half a percent.
const QUALITY: i32 = 5;

/// The content; none only if the library failed.
pub(super) fn compressed(content: &[u8]) -> Option<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: QUALITY,
        size_hint: content.len(),
        mode: BrotliEncoderMode::BROTLI_MODE_TEXT,
        ..BrotliEncoderParams::default()
    };
    let mut coded = Vec::with_capacity(content.len() / 4);
    brotli::BrotliCompress(&mut &*content, &mut coded, &params).ok()?;
    Some(coded)
}
