//! A place in a payload.

use serde_json::Value;

/// Names from the payload's top, with dots between: `data.object`. Without any it is the payload itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Box<[Box<str>]>);

impl Place {
    /// Reads a place; none where a name between dots is missing.
    pub fn parse(text: &str) -> Option<Place> {
        let names = || text.split('.');
        names().all(|name| !name.is_empty()).then(|| Place(names().map(Box::from).collect()))
    }

    /// One name of ours.
    pub(super) fn of(name: &str) -> Place {
        Place([name.into()].into())
    }

    fn value<'a>(&self, payload: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(payload, |value, name| value.get(&**name))
    }

    pub(super) fn value_or_null<'a>(&self, payload: &'a Value) -> &'a Value {
        self.value(payload).unwrap_or(&Value::Null)
    }

    pub(super) fn text<'a>(&self, payload: &'a Value) -> Option<&'a str> {
        self.value(payload).and_then(Value::as_str)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_are_found_from_the_top() {
        let payload = json!({"a": {"b": "c"}, "d": 7});
        let text = |place: &str| Place::parse(place).unwrap().text(&payload).map(str::to_string);
        assert_eq!(text("a.b").as_deref(), Some("c"));
        for place in ["a", "d", "b", "a.b.c", "a.c"] {
            assert_eq!(text(place), None, "{place}");
        }
        assert_eq!(Place::default().value_or_null(&payload), &payload);
        assert_eq!(Place::parse("a.b").unwrap().to_string(), "a.b");
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
