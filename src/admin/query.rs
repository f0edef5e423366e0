//! Parameters of a request's query: each known, each at most once, percent-decoded once.

use super::Refusal;
use http::StatusCode;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// What was asked, by name.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<&'static str, String>);

impl Query {
    /// Reads a query in which only these names may stand: a misspelt one must not pass for an absent one.
    pub(super) fn read(query: Option<&str>, known: &[&'static str]) -> Result<Query, Refusal> {
        let mut values = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = known.iter().find(|own| **own == name) else {
                return Err(bad(format!("{name:?} is no parameter here; known are {}", known.join(", "))));
            };
            if values.insert(*name, decoded(name, value)?).is_some() {
                return Err(bad(format!("{name} is given twice")));
            }
        }
        Ok(Query(values))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A whole number; absent means `default`, and more than `max` means `max`.
    pub(super) fn take_number(&mut self, name: &str, default: u64, max: u64) -> Result<u64, Refusal> {
        let Some(text) = self.take(name) else { return Ok(default) };
        let number: u64 = text.parse().map_err(|_| bad(format!("{name}={text:?} is no whole number")))?;
        Ok(number.min(max))
    }
}

fn decoded(name: &str, value: &str) -> Result<String, Refusal> {
    let spaced = value.replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8();
    text.map(String::from).map_err(|_| bad(format!("the value of {name} is not UTF-8")))
}

fn bad(detail: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_default_and_a_ceiling() {
        let number = |query| Query::read(Some(query), &["limit"]).unwrap().take_number("limit", 7, 100);
        assert_eq!((number(""), number("limit=20"), number("limit=9999")), (Ok(7), Ok(20), Ok(100)));
        for query in ["limit=", "limit=-1", "limit=1.5", "limit=99999999999999999999999"] {
            assert!(number(query).is_err(), "{query}");
        }
    }

    #[test]
    fn values_are_decoded_or_refused() {
        let value = |query| Query::read(Some(query), &["a"]).map(|mut query| query.take("a"));
        assert_eq!(value("a=x+y%2Bz%2525").unwrap().as_deref(), Some("x y+z%25"));
        assert!(value("a=%ff").is_err());
        assert!(value("A=1").is_err());
    }
}
