//! Keys with Vary (RFC 9111 4.1).

use crate::clock::Timestamp;
use crate::headers::http_date;
use crate::outcome::Reason;
use crate::stored::{StoredResponse, VaryKey};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// The variant that a request selects; `value` gives its fields as they would be sent. Of several that match, the most recent
/// by its Date (RFC 9111 4); of those, one that was made for the codings that the client accepts before one for any, and what was
/// stored last before what was stored earlier: `variants` are the newest first.
///
/// # Errors
/// Nothing is stored, or nothing for these values.
pub fn select(
    variants: &[Arc<StoredResponse>],
    value: impl Fn(&HeaderName) -> Option<Bytes>,
) -> Result<&Arc<StoredResponse>, Reason> {
    // Variants of one page nearly always name the same fields: the request's are looked up and folded once for all of them.
    let mut own: Option<VaryKey> = None;
    let mut matching = variants.iter().filter(|stored| match &own {
        Some(known) if known.names_the_same(&stored.vary) => *known == stored.vary,
        _ if variants.len() == 1 => stored.vary.matches(&value),
        _ => *own.insert(stored.vary.with_values(&value)) == stored.vary,
    });
    let nothing = if variants.is_empty() { Reason::NotStored } else { Reason::VaryMismatch };
    let newest = matching.next().ok_or(nothing)?;
    // Nearly always there is no other, and no date to read.
    Ok(matching.fold(newest, |best, other| if rank(other) > rank(best) { other } else { best }))
}

fn rank(stored: &StoredResponse) -> (Option<Timestamp>, bool) {
    let is_coded = stored.vary.pairs().any(|(name, _)| name == header::ACCEPT_ENCODING);
    let date = stored.fields().get(&header::DATE);
    let date = date.and_then(|date| http_date(date.to_str().ok()?, stored.lifetime().received));
    (date, is_coded)
}

/// A request field in the form in which it is compared: lines joined, blanks around commas folded (but none within quoted
/// strings), languages in lower case; none where it is absent. Nothing else is folded: what the origin may have told apart,
/// empty list items included, are two values.
pub fn normalised(request: &HeaderMap, name: &HeaderName) -> Option<Bytes> {
    let lines = request.get_all(name);
    let mut out = Vec::with_capacity(lines.iter().map(|line| line.len() + 2).sum());
    for (count, line) in lines.iter().enumerate() {
        if count > 0 {
            out.extend_from_slice(b", ");
        }
        fold_into(&mut out, line.as_bytes());
    }
    if name == header::ACCEPT_LANGUAGE {
        out.make_ascii_lowercase();
    }
    request.contains_key(name).then(|| out.into())
}

fn fold_into(out: &mut Vec<u8>, line: &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    let items = line.split(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    });
    for (count, item) in items.enumerate() {
        if count > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(item.trim_ascii());
    }
}
