//! The key of a request in `Cache-Status` (RFC 9211 2.7), for who shows the admin token: to others it would tell which cookies and
//! fields count (row L10).

use super::admit::{Wanted, admit};
use super::{Ask, Rules};
use crate::headers::CACHE_STATUS;
use crate::route::Rule;
use http::{HeaderMap, HeaderValue};

/// The key that a request is looked up by, in words; none where it asks for none or may not be shown it, or where it has none.
pub(super) fn of(rules: &Rules, rule: &Rule, ask: &Ask) -> Option<String> {
    if !rules.shows_admin_token(&ask.fields) {
        return None;
    }
    admit(rules, rule, ask.asked()).ok().map(|wanted| in_words(ask, &wanted))
}

fn in_words(ask: &Ask, wanted: &Wanted) -> String {
    let key = &wanted.key;
    let query = key.query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("{}://{}{}{query}", ask.target.scheme.as_str(), key.host(), key.path());
    let cookies = wanted.key_cookies().into_iter().map(|(name, value)| format!("cookie:{name}={value}"));
    let language = wanted.key_language().map(|language| format!("language:{language}"));
    let session = wanted.session.is_some().then(|| "session".to_string());
    [url].into_iter().chain(cookies).chain(language).chain(session).collect::<Vec<_>>().join(" ")
}

/// Adds it to our own member, which is the last one.
pub(super) fn tell(fields: &mut HeaderMap, key: &str) {
    let mut lines: Vec<HeaderValue> = fields.get_all(CACHE_STATUS).iter().cloned().collect();
    let Some(own) = lines.pop() else { return };
    let parameter = format!("; key=\"{}\"", as_sf_string(key));
    lines.push(HeaderValue::from_bytes(&[own.as_bytes(), parameter.as_bytes()].concat()).unwrap_or(own));
    fields.remove(CACHE_STATUS);
    for line in lines {
        fields.append(CACHE_STATUS, line);
    }
}

/// RFC 9651 3.3.3: visible ASCII and blanks, with quotes and backslashes escaped.
fn as_sf_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_of_our_own_member() {
        let mut fields = HeaderMap::new();
        for line in ["upstream; hit", "vitrine; hit; ttl=5"] {
            fields.append(CACHE_STATUS, HeaderValue::from_static(line));
        }
        tell(&mut fields, "http://a/b cookie:x=\"\\é\n");
        let lines: Vec<_> = fields.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(lines, ["upstream; hit", r#"vitrine; hit; ttl=5; key="http://a/b cookie:x=\"\\??""#]);
    }
}
