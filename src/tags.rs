//! Tags: what a stored response was made from, and what a purge can name.
//!
//! A tag is 1 to 128 bytes of visible ASCII or UTF-8 without blanks and commas, compared byte by byte (RFC 9875 2.1: case
//! counts). A response bears at most 1,024 of them; one that bears more is not stored at all, because dropping a tag would
//! lose a purge.

use std::fmt;
use std::sync::Arc;

/// Bytes in one tag, at most.
pub const TAG_BYTES_MAX: usize = 128;
/// Tags on one response, at most. A list page of Magento or Drupal bears some hundreds. The origin's head bounds their bytes, and
/// what is stored counts them; this bounds what each stored response costs beside: the rows in SQLite, and the look-ups when the
/// ledger has changed.
pub const TAGS_MAX: usize = 1_024;

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// A tag of that text.
    ///
    /// # Errors
    /// What is wrong with it, in words for the person who sent it.
    pub fn new(text: &str) -> Result<Tag, BadTag> {
        check(text)?;
        Ok(Tag(text.into()))
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), BadTag> {
    if text.is_empty() {
        return Err(BadTag::Empty);
    }
    if text.len() > TAG_BYTES_MAX {
        return Err(BadTag::TooLong { bytes: text.len() });
    }
    let is_sound = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    if text.bytes().all(is_sound) || !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',') {
        return Ok(());
    }
    Err(BadTag::Character { tag: text.into() })
}

impl std::borrow::Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTag {
    /// Nothing between two separators, or an empty value.
    #[error("a tag is empty")]
    Empty,
    /// Longer than [`TAG_BYTES_MAX`].
    #[error("a tag has {bytes} bytes; at most {TAG_BYTES_MAX} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A blank, a comma or a control character.
    #[error("the tag {tag:?} holds a blank, a comma or a control character")]
    Character {
        /// The tag as it came.
        tag: Box<str>,
    },
    /// More than [`TAGS_MAX`] on one response.
    #[error("more than {TAGS_MAX} tags")]
    TooMany,
}

/// The tags of one response: sorted, each once, in one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Box<str>);

impl Tags {
    /// Collects tags; order and repetition do not matter.
    ///
    /// # Errors
    /// [`BadTag::TooMany`].
    pub fn collect(tags: impl IntoIterator<Item = Tag>) -> Result<Tags, BadTag> {
        let mut all: Vec<Tag> = tags.into_iter().collect();
        all.sort();
        all.dedup();
        if all.len() > TAGS_MAX {
            return Err(BadTag::TooMany);
        }
        Ok(Tags(all.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ").into()))
    }

    /// Each tag's text, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|tag| !tag.is_empty())
    }

    /// All of them, each on its own.
    pub fn to_vec(&self) -> Vec<Tag> {
        self.iter().map(|tag| Tag(tag.into())).collect()
    }

    /// Whether `tag` is among them.
    pub fn contains(&self, tag: &str) -> bool {
        self.iter().any(|own| own == tag)
    }

    /// All tags, separated by single blanks: the stored form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the stored form back.
    ///
    /// # Errors
    /// What no [`Tags::collect`] would have made.
    pub fn parse(stored: &str) -> Result<Tags, BadTag> {
        let (mut count, mut last) = (0, "");
        let mut in_order = true;
        for tag in stored.split(' ').filter(|_| !stored.is_empty()) {
            check(tag)?;
            in_order &= last < tag;
            (count, last) = (count + 1, tag);
        }
        if count > TAGS_MAX {
            return Err(BadTag::TooMany);
        }
        // What was stored is in order, and stands in one allocation.
        if in_order { Ok(Tags(stored.into())) } else { Tags::collect(stored.split(' ').map(|tag| Tag(tag.into()))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        Tag::new(text).unwrap()
    }

    #[test]
    fn tags_are_a_sorted_set_that_survives_its_stored_form() {
        let tags = Tags::collect([tag("b"), tag("a"), tag("b")]).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Tags::parse(tags.as_str()), Ok(tags));
    }

    #[test]
    fn what_is_no_tag_is_refused_with_its_reason() {
        assert_eq!(Tag::new(""), Err(BadTag::Empty));
        assert_eq!(Tag::new(&"x".repeat(129)), Err(BadTag::TooLong { bytes: 129 }));
        for text in ["a b", "a,b", "a\nb", "a\0"] {
            assert!(matches!(Tag::new(text), Err(BadTag::Character { .. })), "{text:?}");
        }
    }

    #[test]
    fn too_many_tags_are_an_error_and_never_a_shorter_list() {
        let tags = |count| Tags::collect((0..count).map(|n| tag(&format!("cat_p_{n}"))));
        let most = tags(1_024).unwrap();
        assert_eq!(Tags::parse(most.as_str()), Ok(most));
        assert_eq!(tags(1_025), Err(BadTag::TooMany));
    }
}
