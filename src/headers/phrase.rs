//! What is said behind a response's status.

/// The reason phrase of a response of our own, where it is not the status' usual one: an extension that the listener writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase(Box<str>);

impl Phrase {
    /// A phrase; characters that may not stand in a status line are left out.
    pub fn new(text: impl AsRef<str>) -> Phrase {
        Phrase(text.as_ref().chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
