//! Tags in the fields of a response: `Surrogate-Key` and its kin, in the spelling of each shop's purge client, and
//! `Cache-Groups` (RFC 9875).

use crate::crypto;
use crate::headers::CACHE_GROUPS;
use crate::key::SESSION_TAG;
use crate::tags::{BadTag, Tag};
use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{List, ListEntry, Parser};

/// What the tag of a group begins with that is no tag itself.
const GROUP_TAG: &str = "cache-group:";

/// Whether a field holds tags that are between the shop and its caches, and not sent on to clients.
fn is_private(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "surrogate-key" | "cache-tag" | "xkey"
            // API Platform, Drupal
            | "cache-tags" | "purge-cache-tags" | "x-drupal-cache-tags"
            // FOSHttpCache, Magento
            | "x-cache-tags" | "x-magento-tags"
            // Shops that were behind Akamai, bunny or LiteSpeed
            | "edge-cache-tag" | "cdn-tag" | "x-litespeed-tag"
    )
}

/// All tags that a message's fields name. Blanks and commas both separate, whichever the field's own separator is: neither
/// can be part of a tag.
///
/// # Errors
/// One of them is no tag. Leaving it out would lose a purge.
pub fn tags_of(fields: &HeaderMap) -> Result<Vec<Tag>, BadTag> {
    let mut tags = texts_of(fields)?.into_iter().map(Tag::new).collect::<Result<Vec<_>, _>>()?;
    tags.extend(strings(fields, &CACHE_GROUPS).iter().filter_map(|group| tag_of_group(group)));
    Ok(tags)
}

/// The tag that a group is. A group is any text; where that is no tag its hash stands for it, in what bears it and in what lets go
/// of it alike. A tag has no host: an origin's invalidation of a group (RFC 9875 3) reaches those of the other hosts here too.
pub(super) fn tag_of_group(group: &str) -> Option<Tag> {
    let hashed = || Tag::new(&format!("{GROUP_TAG}{}", crypto::hex(&crypto::digest_128(group.as_bytes()))));
    Tag::new(group).or_else(|_| hashed()).ok()
}

/// Each tag's text as it stands in the fields that are between the shop and its caches.
fn texts_of(fields: &HeaderMap) -> Result<Vec<&str>, BadTag> {
    let mut texts = Vec::new();
    for (name, line) in fields.iter().filter(|(name, _)| is_private(name)) {
        let line = line.to_str().map_err(|_| BadTag::Character { tag: name.as_str().into() })?;
        texts.extend(line.split([' ', '\t', ',']).filter(|tag| !tag.is_empty()));
    }
    Ok(texts)
}

/// Takes away what is not sent on to clients; and groups that name a session, which nobody else is to know.
pub fn strip_tag_fields(fields: &mut HeaderMap) {
    let private: Vec<HeaderName> = fields.keys().filter(|name| is_private(name)).cloned().collect();
    for name in private {
        fields.remove(name);
    }
    let names_session =
        |line: &HeaderValue| line.as_bytes().windows(SESSION_TAG.len()).any(|at| at == SESSION_TAG.as_bytes());
    if fields.get_all(CACHE_GROUPS).iter().any(names_session) {
        fields.remove(CACHE_GROUPS);
    }
}

/// The strings of a structured list; none where the field is anything else: then it does not count (RFC 9875 2).
pub(super) fn strings(fields: &HeaderMap, name: &HeaderName) -> Vec<String> {
    if !fields.contains_key(name) {
        return Vec::new();
    }
    let lines: Option<Vec<&str>> = fields.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    let list = lines.and_then(|lines| Parser::new(&lines.join(", ")).parse::<List>().ok()).unwrap_or_default();
    let strings = list.iter().map(|entry| match entry {
        ListEntry::Item(item) => item.bare_item.as_string().map(|text| text.as_str().to_string()),
        ListEntry::InnerList(_) => None,
    });
    strings.collect::<Option<_>>().unwrap_or_default()
}
