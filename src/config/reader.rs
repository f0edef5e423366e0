//! Reads sections of the tree, and collects every mistake on the way: a value that is wrong is told and replaced by its
//! default, so that one run shows all of them.

use super::environment::expand;
use super::mistake::Mistake;
use super::tree::{Entry, Node, Place, Value};
use super::units::{self, DURATION_FORM, SIZE_FORM};
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

/// What all sections share.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Path,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    mistakes: RefCell<Vec<Mistake>>,
}

/// A text, the key it stands under, and its place.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "it is the text, beside where it stands")]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) key: String,
    pub(super) place: Place,
}

/// A map of keys.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    path: String,
    place: Place,
    entries: &'a [Entry],
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, environment: &'a dyn Fn(&str) -> Option<String>) -> Reader<'a> {
        Reader { file, environment, mistakes: RefCell::default() }
    }

    /// Notes a mistake.
    pub(super) fn tell(&self, place: Place, key: &str, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake {
            file: self.file.into(),
            line: place.line,
            column: place.column,
            key: key.into(),
            message: message.into(),
        });
    }

    /// All mistakes, in the order of the file.
    pub(super) fn mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        mistakes
    }

    /// A node as a map.
    pub(super) fn section(&'a self, node: &'a Node, path: impl Into<String>) -> Section<'a> {
        let path = path.into();
        let entries = if let Value::Map(entries) = &node.value {
            entries.as_slice()
        } else {
            self.tell(node.place, &path, format!("{} is not a map; write keys with their values", shown(node)));
            &[]
        };
        Section { reader: self, path, place: node.place, entries, known: RefCell::default() }
    }

    fn text(&self, node: &Node, key: String) -> Option<Text> {
        let Value::Scalar(raw) = &node.value else {
            self.tell(node.place, &key, format!("{} is not a single value", shown(node)));
            return None;
        };
        match expand(raw, self.environment) {
            Ok(text) => Some(Text { text, key, place: node.place }),
            Err(message) => {
                self.tell(node.place, &key, message);
                None
            }
        }
    }

    /// Notes that a text is not what it should be.
    pub(super) fn refuse(&self, text: &Text, problem: impl std::fmt::Display) {
        self.tell(text.place, &text.key, format!("{:?} {problem}", text.text));
    }
}

fn shown(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "nothing",
        Value::Scalar(_) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}

impl<'a> Section<'a> {
    /// What the section is called, for messages.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }

    /// Whether a key is there, with a value.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// The place of a key; of the section where it is not there.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.place, |entry| entry.node.place)
    }

    fn entry(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (!matches!(entry.node.value, Value::Null)).then_some(&entry.node)
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<Text> {
        self.reader.text(self.entry(key)?, self.path(key))
    }

    /// A text that is read by `parse`; what it cannot read is told with the form that it takes.
    pub(super) fn parsed<T>(&self, key: &'static str, form: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(key)?;
        let parsed = parse(&text.text);
        if parsed.is_none() {
            self.reader.refuse(&text, format!("is not {form}"));
        }
        parsed
    }

    /// A duration.
    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        self.parsed(key, &format!("a duration; write {DURATION_FORM}"), units::duration)
    }

    /// A size in bytes.
    pub(super) fn size(&self, key: &'static str) -> Option<u64> {
        self.parsed(key, &format!("a size; write {SIZE_FORM}"), units::size)
    }

    /// A whole number that is at least 1.
    pub(super) fn count(&self, key: &'static str) -> Option<usize> {
        self.parsed(key, "a whole number of at least 1", |text| text.parse().ok().filter(|count| *count > 0))
    }

    /// `true` or `false`.
    pub(super) fn bool(&self, key: &'static str) -> Option<bool> {
        self.parsed(key, "true or false", |text| text.parse().ok())
    }

    /// Whether what stands at a key is a list.
    pub(super) fn is_list(&self, key: &'static str) -> bool {
        self.entry(key).is_some_and(|node| matches!(node.value, Value::List(_)))
    }

    /// Whether what stands at a key is a map.
    pub(super) fn is_map(&self, key: &'static str) -> bool {
        self.entry(key).is_some_and(|node| matches!(node.value, Value::Map(_)))
    }

    /// A list of texts; none where the key is not there.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Text>> {
        let items = self.items(key)?;
        Some(items.into_iter().filter_map(|(node, path)| self.reader.text(node, path)).collect())
    }

    /// A list of maps.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let items = self.items(key).unwrap_or_default();
        items.into_iter().map(|(node, path)| self.reader.section(node, path)).collect()
    }

    fn items(&self, key: &'static str) -> Option<Vec<(&'a Node, String)>> {
        let node = self.entry(key)?;
        let path = self.path(key);
        if let Value::List(items) = &node.value {
            return Some(items.iter().enumerate().map(|(at, item)| (item, format!("{path}[{at}]"))).collect());
        }
        self.reader.tell(node.place, &path, format!("{} is not a list; write [a, b]", shown(node)));
        Some(Vec::new())
    }

    /// A map below this one; an empty one where the key is not there.
    pub(super) fn below(&self, key: &'static str) -> Section<'a> {
        match self.entry(key) {
            Some(node) => self.reader.section(node, self.path(key)),
            None => Section {
                reader: self.reader,
                path: self.path(key),
                place: self.place,
                entries: &[],
                known: RefCell::default(),
            },
        }
    }

    /// All entries of a section whose keys are free, each as a map.
    pub(super) fn named_sections(&self) -> Vec<(String, Section<'a>)> {
        let section = |entry: &'a Entry| (entry.key.clone(), self.reader.section(&entry.node, self.path(&entry.key)));
        self.entries.iter().map(section).collect()
    }

    /// Tells the keys that nobody asked for. To be called when all were.
    pub(super) fn finish(&self) {
        let asked = self.known.borrow();
        let mut known: Vec<&str> = Vec::with_capacity(asked.len());
        for key in asked.iter() {
            if !known.contains(key) {
                known.push(key);
            }
        }
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("is not a key that is known here; known are {}", known.join(", "));
            self.reader.tell(entry.key_place, &self.path(&entry.key), message);
        }
    }

    /// Notes a mistake at a key.
    pub(super) fn tell(&self, key: &str, message: impl Into<String>) {
        self.reader.tell(self.place_of(key), &self.path(key), message);
    }

    /// Notes that a text is not what it should be.
    pub(super) fn refuse(&self, text: &Text, problem: impl std::fmt::Display) {
        self.reader.refuse(text, problem);
    }
}
