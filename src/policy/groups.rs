//! Tags in the fields of a response: `Surrogate-Key`, `Cache-Tag`, `xkey`, and `Cache-Groups` (RFC 9875).

use crate::headers::{CACHE_GROUPS, CACHE_TAG, SURROGATE_KEY, XKEY};
use crate::tags::{BadTag, Tag};
use http::{HeaderMap, HeaderName};
use sfv::{List, ListEntry, Parser};

/// Tag fields that are between the shop and its caches, and not sent on to clients.
const PRIVATE_FIELDS: [HeaderName; 3] = [SURROGATE_KEY, CACHE_TAG, XKEY];

/// All tags that a message's fields name. Blanks and commas both separate, whichever the field's own separator is: neither
/// can be part of a tag.
///
/// # Errors
/// One of them is no tag. Leaving it out would lose a purge.
pub fn tags_of(fields: &HeaderMap) -> Result<Vec<Tag>, BadTag> {
    let mut tags = Vec::new();
    for name in &PRIVATE_FIELDS {
        for line in fields.get_all(name) {
            let line = line.to_str().map_err(|_| BadTag::Character { tag: name.as_str().into() })?;
            for tag in line.split([' ', '\t', ',']).filter(|tag| !tag.is_empty()) {
                tags.push(Tag::new(tag)?);
            }
        }
    }
    for group in strings(fields, &CACHE_GROUPS) {
        tags.push(Tag::new(&group)?);
    }
    Ok(tags)
}

/// Takes away what is not sent on to clients.
pub fn strip_tag_fields(fields: &mut HeaderMap) {
    for name in &PRIVATE_FIELDS {
        fields.remove(name);
    }
}

/// The strings of a structured list; none where the field is anything else: then it does not count (RFC 9875 2).
pub(super) fn strings(fields: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines: Option<Vec<&str>> = fields.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    let list = lines.and_then(|lines| Parser::new(&lines.join(", ")).parse::<List>().ok()).unwrap_or_default();
    let strings = list.iter().map(|entry| match entry {
        ListEntry::Item(item) => item.bare_item.as_string().map(|text| text.as_str().to_string()),
        ListEntry::InnerList(_) => None,
    });
    strings.collect::<Option<_>>().unwrap_or_default()
}
