//! Keys with Vary (RFC 9111 4.1).

use crate::outcome::Reason;
use crate::stored::StoredResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// The variant that a request selects; `value` gives its fields as they would be sent. Of several that match, one that was
/// made for the codings that the client accepts is better than one for any, and a newer one than an older; `variants` are
/// the newest first.
///
/// # Errors
/// Nothing is stored, or nothing for these values.
pub fn select(
    variants: &[Arc<StoredResponse>],
    value: impl Fn(&HeaderName) -> Option<Bytes>,
) -> Result<&Arc<StoredResponse>, Reason> {
    let mut matching = variants.iter().filter(|stored| stored.vary.matches(&value)).peekable();
    let newest = matching.peek().copied();
    let is_coded =
        |stored: &&Arc<StoredResponse>| stored.vary.pairs().iter().any(|(name, _)| name == header::ACCEPT_ENCODING);
    matching.find(is_coded).or(newest).ok_or(if variants.is_empty() { Reason::NotStored } else { Reason::VaryMismatch })
}

/// A request field in the form in which it is compared: lines joined, blanks around commas folded, languages in lower case;
/// none where it is absent.
pub fn normalised(request: &HeaderMap, name: &HeaderName) -> Option<Bytes> {
    let mut lines = request.get_all(name).iter().peekable();
    lines.peek()?;
    let mut out = Vec::new();
    for line in lines {
        for item in line.as_bytes().split(|byte| *byte == b',') {
            let item = item.trim_ascii();
            if !item.is_empty() {
                if !out.is_empty() {
                    out.extend_from_slice(b", ");
                }
                out.extend_from_slice(item);
            }
        }
    }
    if name == header::ACCEPT_LANGUAGE {
        out.make_ascii_lowercase();
    }
    Some(out.into())
}
