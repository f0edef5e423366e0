//! `${NAME}` and `${NAME:-default}` in values. Expanded after the file was parsed, so that no value can bring in YAML of its
//! own; `$$` is a dollar sign.

/// A text with its variables replaced.
///
/// # Errors
/// What is wrong: a variable that is not set, or braces that do not close.
pub(super) fn expand(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (inner, after) = after.split_once('}').ok_or("${ has no closing brace; write $$ for a dollar sign")?;
            out.push_str(&value(inner, environment)?);
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn value(inner: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(format!("${{{inner}}} does not name a variable; write ${{NAME}} or ${{NAME:-default}}"));
    }
    // As in a shell: an empty variable is replaced by the default too.
    let set = environment(name).filter(|value| !value.is_empty() || default.is_none());
    set.or_else(|| default.map(str::to_string))
        .ok_or_else(|| format!("the environment variable {name} is not set; set it, or write ${{{name}:-default}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_or_told() {
        let environment = |name: &str| match name {
            "HOST" => Some("shop".to_string()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let expand = |text| expand(text, &environment);
        for (text, expected) in [
            ("plain", "plain"),
            ("http://${HOST}:80", "http://shop:80"),
            ("${NONE:-a}${HOST:-b}", "ashop"),
            ("${NONE:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""),
            ("a$$b$c", "a$b$c"),
            ("$${HOST}", "${HOST}"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(expand("${NONE}").unwrap_err().contains("NONE is not set"));
        assert!(expand("${HOST").unwrap_err().contains("closing brace"));
        assert!(expand("${}").unwrap_err().contains("does not name"));
        assert!(expand("${a b}").unwrap_err().contains("does not name"));
    }
}
