//! Which query parameters count.
//!
//! A query is split on `&` only (K6); order and repetition stay as they came (K7); the query that is sent to the origin on a
//! shared fill is the one that is keyed.

use super::Globs;

/// Parameters that the shop's pages do not depend on, by name or glob.
#[derive(Clone, Debug, Default)]
pub struct QueryRules {
    /// Names that are left out of the key, and of what the origin is asked on a shared fill.
    pub ignore: Globs,
}

impl QueryRules {
    /// What counts of a query; none where the URL had no `?`, or nothing but ignored parameters stood behind it.
    pub fn keep(&self, query: Option<&str>) -> Option<Box<str>> {
        let query = query?;
        if !query.split('&').any(|parameter| self.ignores(parameter)) {
            return Some(query.into());
        }
        let kept: Vec<&str> = query.split('&').filter(|parameter| !self.ignores(parameter)).collect();
        (!kept.is_empty()).then(|| kept.join("&").into())
    }

    /// A parameter is ignored by its raw name; one that could hide another behind a `;` or `%26` never is.
    fn ignores(&self, parameter: &str) -> bool {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        let hides_another = parameter.contains(';') || parameter.to_ascii_lowercase().contains("%26");
        !hides_another && self.ignore.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_of_a_query() {
        let rules = QueryRules { ignore: Globs::new(&["utm_*", "gclid"]).unwrap() };
        let table = [
            (None, None),
            (Some(""), Some("")),
            (Some("page=2"), Some("page=2")),
            (Some("utm_source=a"), None),
            (Some("utm_source=a&page=2&gclid=x&page=3"), Some("page=2&page=3")),
            (Some("b&a&a"), Some("b&a&a")),
            // K6: what an ignored name could smuggle is kept.
            (Some("utm_content=1;callback=evil"), Some("utm_content=1;callback=evil")),
            (Some("utm_content=1%26callback=evil"), Some("utm_content=1%26callback=evil")),
            // Names are raw: another spelling is another parameter.
            (Some("utm%5fsource=a"), Some("utm%5fsource=a")),
        ];
        for (query, kept) in table {
            assert_eq!(rules.keep(query).as_deref(), kept, "{query:?}");
        }
    }
}
