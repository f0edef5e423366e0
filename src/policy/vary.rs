//! Keys with Vary (RFC 9111 4.1).

use crate::outcome::Reason;
use crate::stored::StoredResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// The variant that a request selects, the newest of those that match; `value` gives its fields as they would be sent.
///
/// # Errors
/// Nothing is stored, or nothing for these values.
pub fn select(
    variants: &[Arc<StoredResponse>],
    value: impl Fn(&HeaderName) -> Option<Bytes>,
) -> Result<&Arc<StoredResponse>, Reason> {
    let matching = variants.iter().find(|stored| stored.vary.matches(&value));
    matching.ok_or(if variants.is_empty() { Reason::NotStored } else { Reason::VaryMismatch })
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
