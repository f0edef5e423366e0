//! The file as a tree of texts with their places. The only module that knows YAML.
//!
//! Nothing is interpreted here: a scalar is its text, so that `${NAME}` may stand for any kind of value, and every mistake
//! further up can be told with its place, all of them at once.

use super::mistake::Mistake;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;
use std::fmt;
use std::path::Path;

/// Bytes of a file, at most (row C11).
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Nodes of a file, aliases expanded, at most: a thousand routes have some ten thousand.
const NODES_MAX: usize = 100_000;
/// How deep a file may nest.
const DEPTH_MAX: usize = 32;

/// Where something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) node: Node,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<(Node, String), Vec<Mistake>> {
    let fail = |message: String| vec![Mistake::of_file(path, message)];
    let metadata = std::fs::metadata(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
    if metadata.is_dir() {
        return Err(fail("is a directory; name the file itself".into()));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(fail(format!("has {} bytes; at most 1 MiB is read", metadata.len())));
    }
    let bytes = std::fs::read(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| fail("is not UTF-8 text".into()))?;
    let tree = parse(path, &text)?;
    Ok((tree, text))
}

fn parse(path: &Path, text: &str) -> Result<Node, Vec<Mistake>> {
    let options = serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_yaml::budget! { max_nodes: NODES_MAX, max_depth: DEPTH_MAX },
    };
    match serde_yaml::from_str_with_options::<Spanned<Value>>(text, options) {
        Ok(spanned) if matches!(spanned.value, Value::Null) => {
            Err(vec![Mistake::of_file(path, "is empty; it needs at least: origin: { url: \"http://127.0.0.1:9000\" }")])
        }
        Ok(spanned) => Ok(node(spanned)),
        Err(error) => {
            let (line, column) =
                error.location().map(|location| (location.line(), location.column())).unwrap_or_default();
            let (key, message) = in_words(error.without_snippet());
            Err(vec![Mistake { file: path.into(), line, column, key, message }])
        }
    }
}

/// The key and what is wrong with it: the library speaks to programmers, and of its own options.
fn in_words(error: &serde_yaml::Error) -> (String, String) {
    use serde_yaml::Error;
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => in_words(error),
        Error::DuplicateMappingKey { key, .. } => {
            (key.clone().unwrap_or_default(), "stands there twice; write it once, with everything it is to hold".into())
        }
        Error::MultipleDocuments { .. } => {
            (String::new(), "a second document begins here; write everything in one, without a line ---".into())
        }
        Error::Budget { .. } => (String::new(), too_much()),
        other => {
            // The first line says what is wrong; what follows, and the end of the first, repeat the place.
            let message = other.to_string();
            let line = message.lines().next().unwrap_or_default();
            let what = line.rsplit_once(" at line ").map_or(line, |(what, _)| what);
            // The parser's own bound, which it comes to while it looks ahead.
            let is_deep = what.contains("recursion limit");
            (String::new(), if is_deep { too_much() } else { format!("is not YAML: {what}") })
        }
    }
}

fn too_much() -> String {
    format!(
        "the file comes to more than {NODES_MAX} values, or nests deeper than {DEPTH_MAX}; aliases count as often as they are \
         used: write fewer of them"
    )
}

fn node(spanned: Spanned<Value>) -> Node {
    let place = Place { line: spanned.referenced.line(), column: spanned.referenced.column() };
    Node { place, value: spanned.value }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Value>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map: Vec<Entry> = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<Value>, Spanned<Value>>()? {
            let key = node(key);
            let Value::Scalar(text) = key.value else { return Err(A::Error::custom("a key must be a text")) };
            map.push(Entry { key: text, key_place: key.place, node: node(value) });
        }
        Ok(Value::Map(map))
    }
}
