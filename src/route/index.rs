//! Which rules can match a path at all, so that a thousand of them cost a request no more than a few: a tree of the fixed segments
//! that patterns begin with. It decides nothing. What it hands out is tried, and the first rule in the configuration's order
//! stays the one.

use super::Pattern;
use std::collections::BTreeMap;

/// The places of rules by the fixed segments that their patterns begin with.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Of the rules that fix no more segments than lead here, ascending.
    here: Vec<usize>,
    below: BTreeMap<Box<str>, Index>,
}

impl Index {
    /// An index of rules in their order; one without a pattern matches every path.
    pub(super) fn of<'a>(patterns: impl Iterator<Item = Option<&'a Pattern>>) -> Index {
        let mut root = Index::default();
        for (place, pattern) in patterns.enumerate() {
            let mut node = &mut root;
            for segment in pattern.into_iter().flat_map(Pattern::fixed_segments) {
                node = node.below.entry(segment.into()).or_default();
            }
            node.here.push(place);
        }
        root
    }

    /// The lowest place for which `matches` has an answer, and that. It is asked only about rules whose fixed segments the path
    /// begins with.
    pub(super) fn first<T>(&self, path: &str, matches: impl Fn(usize) -> Option<T>) -> Option<(usize, T)> {
        let mut found: Option<(usize, T)> = None;
        let mut segments = path.strip_prefix('/').into_iter().flat_map(|rest| rest.split('/'));
        let mut next = Some(self);
        while let Some(node) = next {
            let until = found.as_ref().map_or(usize::MAX, |(place, _)| *place);
            let earlier = node.here.iter().take_while(|place| **place < until);
            let better = earlier.copied().find_map(|place| Some((place, matches(place)?)));
            found = better.or(found);
            next = segments.next().and_then(|segment| node.below.get(segment));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    /// Few different segments, so that paths meet patterns.
    fn pattern() -> impl Strategy<Value = Option<Pattern>> {
        let segment = prop_oneof![
            4 => "[ab]{0,2}",
            1 => Just("{}".to_string()),
            1 => Just("a{}".to_string()),
        ];
        let segments = proptest::collection::vec(segment, 0..4);
        (segments, any::<bool>(), 0..12).prop_map(|(segments, rest, number)| {
            let named =
                segments.iter().enumerate().map(|(at, text)| format!("/{}", text.replace("{}", &format!("{{n{at}}}"))));
            let text = named.collect::<String>() + if rest || segments.is_empty() { "/{*rest}" } else { "" };
            // Some rules have none.
            (number > 0).then(|| Pattern::parse(&text).unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_first_rule_in_order_is_the_one_that_a_look_at_all_of_them_finds(
            patterns in proptest::collection::vec((pattern(), any::<bool>()), 0..24),
            path in "(/[ab]{0,2}){1,4}|\\*",
        ) {
            let index = Index::of(patterns.iter().map(|(pattern, _)| pattern.as_ref()));
            // A rule may refuse for its host or method whatever the path is.
            let matches = |place: usize| {
                let (pattern, accepts) = &patterns[place];
                pattern.as_ref().is_none_or(|pattern| pattern.matches(&path).is_some()).then_some(()).filter(|()| *accepts)
            };
            let expected = (0..patterns.len()).find_map(|place| Some((place, matches(place)?)));
            prop_assert_eq!(index.first(&path, matches), expected);
        }
    }

    #[test]
    fn rules_for_other_paths_are_not_asked() {
        let texts: Vec<String> = (0..1_000).map(|number| format!("/shop/section-{number}/{{page}}")).collect();
        let patterns: Vec<Pattern> = texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        let index = Index::of(patterns.iter().map(Some));
        let asked = Cell::new(0);
        let found = index.first("/shop/section-999/lamp", |place| {
            asked.set(asked.get() + 1);
            patterns[place].matches("/shop/section-999/lamp")
        });
        assert_eq!(found.map(|(place, _)| place), Some(999));
        assert_eq!(asked.get(), 1);
    }
}
