//! Comma-separated lists over any number of field lines (RFC 9110 5.6.1), with quoted strings kept whole.

use http::{HeaderMap, HeaderName};

/// The items of a list field over all its lines, trimmed, without empty ones. Lines that are not ASCII have no items: what
/// garbage means is for the caller, who can compare with the presence of the field.
pub fn list_items<'a>(fields: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    fields.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(split).filter(|item| !item.is_empty())
}

/// Splits one line at the commas outside quoted strings.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = comma(text);
        rest = end.map(|at| &text[at + 1..]);
        Some(text[..end.unwrap_or(text.len())].trim_matches([' ', '\t']))
    })
}

fn comma(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The text of a quoted string, or the token as it stands (RFC 9110 5.6.4); none for a quote that does not end.
pub fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_string()) };
    let inner = inner.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return None,
            _ => {
                out.push(character);
                escaped = false;
            }
        }
    }
    (!escaped).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn lists_span_lines_and_quotes_hide_commas() {
        let mut fields = HeaderMap::new();
        for line in ["a, b=\"x,y\\\"z\" ,, ", "c"] {
            fields.append("list", HeaderValue::from_static(line));
        }
        let items: Vec<_> = list_items(&fields, &HeaderName::from_static("list")).collect();
        assert_eq!(items, ["a", "b=\"x,y\\\"z\"", "c"]);
    }

    #[test]
    fn quoted_strings_are_read_or_refused() {
        assert_eq!(unquoted("\"a\\\"b\"").as_deref(), Some("a\"b"));
        assert_eq!(unquoted("a").as_deref(), Some("a"));
        for text in ["\"", "\"a", "\"a\\\"", "\"a\"b\""] {
            assert_eq!(unquoted(text), None, "{text}");
        }
    }
}
