//! Tags in their many fields, Cache-Groups and Cache-Group-Invalidation: no tag is lost, and none that names a session leaves.

use super::scene::Head;
use http::HeaderMap;
use vitrine::headers::{CACHE_GROUP_INVALIDATION, CACHE_GROUPS};
use vitrine::key::SESSION_TAG;
use vitrine::policy::{groups as policy, invalidation};
use vitrine::tags::{Tag, Tags};

/// A response's head.
pub(super) fn groups(bytes: &[u8]) {
    let fields = Head::of(bytes).fields;
    if let Ok(tags) = policy::tags_of(&fields) {
        assert!(tags.iter().all(|tag| Tag::new(tag.as_str()).as_ref() == Ok(tag)));
        if let Ok(collected) = Tags::collect(tags.iter().cloned()) {
            assert!(tags.iter().all(|tag| collected.contains(tag.as_str())), "none is lost: {fields:?}");
            assert_eq!(Tags::parse(collected.as_str()), Ok(collected));
        }
        each_word_is_a_tag(&fields, &tags);
    }
    let mut sent = fields.clone();
    policy::strip_tag_fields(&mut sent);
    let mut again = sent.clone();
    policy::strip_tag_fields(&mut again);
    assert_eq!(again, sent);
    assert!(["surrogate-key", "cache-tag", "xkey"].iter().all(|name| !sent.contains_key(*name)));
    let mut groups = sent.get_all(CACHE_GROUPS).iter();
    assert!(!groups.any(|line| String::from_utf8_lossy(line.as_bytes()).contains(SESSION_TAG)), "{sent:?}");
    let let_go = invalidation::groups(&fields);
    assert!(let_go.iter().all(|tag| Tag::new(tag.as_str()).is_ok()));
    as_plain_strings(&fields, &let_go);
}

/// What stands in the shop's own fields, split as each of their writers does.
fn each_word_is_a_tag(fields: &HeaderMap, tags: &[Tag]) {
    for name in ["surrogate-key", "cache-tag", "xkey"] {
        for line in fields.get_all(name) {
            let words = line.to_str().unwrap().split(|c: char| c.is_whitespace() || c == ',');
            for word in words.filter(|word| !word.is_empty()) {
                assert!(tags.iter().any(|tag| tag.as_str() == word), "{word} of {name}");
            }
        }
    }
}

/// `"a", "b"` without escapes or parameters, read by hand (RFC 8941 3.1).
fn as_plain_strings(fields: &HeaderMap, let_go: &[Tag]) {
    let mut lines = fields.get_all(CACHE_GROUP_INVALIDATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return };
    let Ok(text) = line.to_str() else { return };
    let (mut groups, mut is_void) = (Vec::new(), false);
    for item in text.split(',') {
        // A token is no string, and then the field counts as absent.
        let item = item.trim_matches([' ', '\t']);
        if item.starts_with(|c: char| c.is_ascii_lowercase()) && item.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            is_void = true;
            continue;
        }
        let inner = item.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inner.filter(|inner| !inner.contains(['"', '\\']) && inner.bytes().all(|byte| byte >= b' ')) {
            // What is no tag has one that stands for it.
            Some(inner) => groups.push(Tag::new(inner).ok()),
            None => return,
        }
    }
    let expected = if is_void { Vec::new() } else { groups };
    assert_eq!(let_go.len(), expected.len(), "{text}");
    for (own, expected) in let_go.iter().zip(expected) {
        assert!(expected.map_or(own.as_str().starts_with("cache-group:"), |expected| *own == expected), "{own} {text}");
    }
}
