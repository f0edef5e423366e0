//! `Accept-Language`, reduced to one of the shop's languages before it is sent or keyed.

/// The languages a shop speaks, the first being its default.
#[derive(Clone, Debug, Default)]
pub struct Languages {
    tags: Vec<Box<str>>,
    /// The cookie that holds the language a visitor has chosen.
    cookie: Box<str>,
}

impl Languages {
    /// The languages in the order of the configuration, as BCP 47 tags, and the name of the cookie that holds a visitor's choice.
    pub fn new(tags: Vec<Box<str>>, cookie: &str) -> Languages {
        Languages { tags, cookie: cookie.into() }
    }

    /// The cookie that holds a visitor's choice.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The language that a cookie says a visitor has chosen; none where it is another cookie, or no language of the shop's.
    pub fn chosen(&self, cookie: &str, value: &str) -> Option<&str> {
        if *cookie == *self.cookie { self.look_up(value) } else { None }
    }

    /// The languages, in their order.
    pub fn tags(&self) -> &[Box<str>] {
        &self.tags
    }

    /// Whether the shop says which languages it speaks; where it does not, `Accept-Language` goes through as it came.
    pub fn are_known(&self) -> bool {
        !self.tags.is_empty()
    }

    /// The language for a visitor's `Accept-Language`, by RFC 4647 lookup: the heaviest range that a language meets, also
    /// after its subtags were cut off one by one; the first language where none does. None where none are configured.
    pub fn reduce(&self, accept_language: Option<&str>) -> Option<&str> {
        let default = self.tags.first()?;
        let mut ranges = ranges(accept_language.unwrap_or_default());
        ranges.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let wanted = ranges.iter().filter(|(_, weight)| *weight > 0.0).find_map(|(range, _)| self.look_up(range));
        Some(wanted.unwrap_or(default))
    }

    fn look_up(&self, range: &str) -> Option<&str> {
        let mut range = range;
        loop {
            if let Some(own) = self.tags.iter().find(|own| own.eq_ignore_ascii_case(range)) {
                return Some(own);
            }
            range = &range[..range.rfind('-')?];
        }
    }
}

/// Ranges with their weights; what cannot be read weighs nothing.
fn ranges(field: &str) -> Vec<(&str, f32)> {
    field
        .split(',')
        .take(32)
        .map(|item| {
            let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
            (range.trim(), weight(parameters.trim()))
        })
        .collect()
}

fn weight(parameters: &str) -> f32 {
    let Some(value) = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q=")) else {
        return if parameters.is_empty() { 1.0 } else { 0.0 };
    };
    value.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_spellings_become_few_languages() {
        let languages = Languages::new(vec!["en".into(), "de".into(), "pt-BR".into()], "language");
        let table = [
            (None, "en"),
            (Some(""), "en"),
            (Some("de"), "de"),
            (Some("DE-at"), "de"),
            (Some("fr, de;q=0.5, en;q=0.8"), "en"),
            (Some("de;q=0, en;q=0.1"), "en"),
            (Some("pt-br"), "pt-BR"),
            (Some("fr"), "en"),
            (Some("*"), "en"),
            (Some("de;q=x"), "en"),
            (Some("de;q=NaN"), "en"),
        ];
        for (field, expected) in table {
            assert_eq!(languages.reduce(field), Some(expected), "{field:?}");
        }
        assert_eq!(Languages::default().reduce(Some("de")), None);
        for (cookie, value, expected) in [
            ("language", "de", Some("de")),
            ("language", "DE-at", Some("de")),
            ("language", "fr", None),
            ("language", "", None),
            ("currency", "de", None),
        ] {
            assert_eq!(languages.chosen(cookie, value), expected, "{cookie}={value}");
        }
    }
}
