//! The regexes that purge clients put around tags, read back into tags. Pure.
//!
//! Only what Magento, FOSHttpCache and API Platform make of a list of tags is understood, and it must name whole tags: a
//! regex that would also match inside a longer tag is refused, so that `cat_p_1` never touches `cat_p_12`. One pass, no
//! backtracking, a bounded depth.

/// What may stand before a tag in the list that such a regex is matched with.
const STARTS: [&str; 4] = ["(^|,)", r"(^|\,)", "(,|^)", r"(\,|^)"];
/// What must stand behind it. The last is that of FOSHttpCache 1.
const ENDS: [&str; 5] = ["(,|$)", r"(\,|$)", "($|,)", r"($|\,)", "(,.+)?$"];
/// Brackets around brackets; clients need one.
const DEPTH_MAX: usize = 4;

/// What a regex of tags names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TagShape {
    /// `.*`: everything, tagged or not.
    Every,
    /// These tags, each as a whole.
    Tags(Vec<String>),
}

/// A regex is none that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a regex of tags is understood only as .*, as ((^|,)tag(,|$))|((^|,)other(,|$)), as (^|,)(tag|other)(,|$), or as \
     (tag|other)($|,)"
)]
pub(in crate::invalidate) struct BadTagShape;

/// Reads a regex of tags.
pub(super) fn read(regex: &str) -> Result<TagShape, BadTagShape> {
    if regex == ".*" {
        return Ok(TagShape::Every);
    }
    let (mut rest, mut tags) = (regex, Vec::new());
    alternatives(&mut rest, 0, &mut tags)?;
    if rest.is_empty() { Ok(TagShape::Tags(tags)) } else { Err(BadTagShape) }
}

fn alternatives(rest: &mut &str, depth: usize, tags: &mut Vec<String>) -> Result<(), BadTagShape> {
    loop {
        alternative(rest, depth, tags)?;
        if !eat(rest, "|") {
            return Ok(());
        }
    }
}

fn alternative(rest: &mut &str, depth: usize, tags: &mut Vec<String>) -> Result<(), BadTagShape> {
    if depth == DEPTH_MAX {
        return Err(BadTagShape);
    }
    if rest.starts_with("((") {
        eat(rest, "(");
        alternatives(rest, depth + 1, tags)?;
        return if eat(rest, ")") { Ok(()) } else { Err(BadTagShape) };
    }
    // API Platform names no start. A purge of a whole tag is what it means.
    let _ = STARTS.iter().any(|start| eat(rest, start));
    if eat(rest, "(") {
        tags.push(tag(rest)?);
        while eat(rest, "|") {
            tags.push(tag(rest)?);
        }
        if !eat(rest, ")") {
            return Err(BadTagShape);
        }
    } else {
        tags.push(tag(rest)?);
    }
    if ENDS.iter().any(|end| eat(rest, end)) { Ok(()) } else { Err(BadTagShape) }
}

/// One tag, up to what ends it. A dot stands for itself: clients that quote nothing mean it so, and a quantifier behind it
/// is refused.
fn tag(rest: &mut &str) -> Result<String, BadTagShape> {
    let mut tag = String::new();
    let mut chars = rest.char_indices();
    let end = loop {
        match chars.next() {
            None => break rest.len(),
            Some((at, '(' | ')' | '|')) => break at,
            Some((_, '\\')) => match chars.next() {
                Some((_, quoted)) if quoted.is_ascii_punctuation() => tag.push(quoted),
                _ => return Err(BadTagShape),
            },
            Some((_, '*' | '+' | '?' | '[' | ']' | '{' | '}' | '^' | '$')) => return Err(BadTagShape),
            Some((_, c)) => tag.push(c),
        }
    };
    *rest = &rest[end..];
    if tag.is_empty() { Err(BadTagShape) } else { Ok(tag) }
}

fn eat(rest: &mut &str, text: &str) -> bool {
    match rest.strip_prefix(text) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_clients_make_of_a_list_of_tags_is_read_back() {
        let table: &[(&str, &[&str])] = &[
            // Magento
            ("((^|,)cat_p_1(,|$))", &["cat_p_1"]),
            ("((^|,)cat_p_1(,|$))|((^|,)cat_c_3(,|$))", &["cat_p_1", "cat_c_3"]),
            ("(^|,)cms.block(,|$)", &["cms.block"]),
            // FOSHttpCache 2 and 1
            ("(^|,)(tag1|tag2)(,|$)", &["tag1", "tag2"]),
            (r"(^|,)(a\.b|c\-d|e\:f)(,|$)", &["a.b", "c-d", "e:f"]),
            ("(tag1|tag2)(,.+)?$", &["tag1", "tag2"]),
            // API Platform, now and before
            (r"(/foo)($|\,)", &["/foo"]),
            (r"(/foo|/bar)($|\,)", &["/foo", "/bar"]),
            (r"(^|\,)/foo($|\,)", &["/foo"]),
            (r"((^|\,)/foo($|\,))|((^|\,)/bar($|\,))", &["/foo", "/bar"]),
            (r"(/foos/1\?page\=2)($|\,)", &["/foos/1?page=2"]),
        ];
        for (regex, tags) in table {
            let tags = tags.iter().map(ToString::to_string).collect();
            assert_eq!(read(regex), Ok(TagShape::Tags(tags)), "{regex}");
        }
        assert_eq!(read(".*"), Ok(TagShape::Every));
    }

    #[test]
    fn what_would_match_more_than_whole_tags_is_refused() {
        for regex in [
            "",
            "cat_p_1",
            "(^|,)cat_p_1",
            "(cat_p_1|cat_p_2)",
            "((^|,)cat_p_1(,|$)",
            "((^|,)cat_p_1(,|$)))",
            "((^|,)cat_p_1(,|$))|",
            "|((^|,)cat_p_1(,|$))",
            "((^|,)cat_p_.*(,|$))",
            "((^|,)cat_p_[0-9]+(,|$))",
            "((^|,)cat_p_1?(,|$))",
            r"((^|,)cat_p_\d(,|$))",
            r"((^|,)cat\",
            "(^|,)()(,|$)",
            "(^|,)(a|)(,|$)",
            "(^|,)(,|$)",
            ".+",
            ".*|((^|,)a(,|$))",
            "(?i)((^|,)a(,|$))",
            "^a$",
        ] {
            assert_eq!(read(regex), Err(BadTagShape), "{regex}");
        }
        let deep = format!("{}(^|,)a(,|$){}", "(".repeat(10_000), ")".repeat(10_000));
        assert_eq!(read(&deep), Err(BadTagShape));
    }

    /// As PHP's `preg_quote` does it.
    fn quoted(tag: &str) -> String {
        tag.chars().flat_map(|c| (".:-#?=/".contains(c) && c != '/').then_some('\\').into_iter().chain([c])).collect()
    }

    proptest! {
        #[test]
        fn whatever_tags_a_client_names_are_read_back(tags in prop::collection::vec("[a-z0-9_:./-]{1,9}", 1..6)) {
            let magento: Vec<String> = tags.iter().map(|tag| format!("((^|,){tag}(,|$))")).collect();
            let quoted: Vec<String> = tags.iter().map(|tag| quoted(tag)).collect();
            let fos = format!("(^|,)({})(,|$)", quoted.join("|"));
            let api_platform = format!(r"({})($|\,)", quoted.join("|"));
            for regex in [magento.join("|"), fos, api_platform] {
                prop_assert_eq!(read(&regex), Ok(TagShape::Tags(tags.clone())), "{}", regex);
            }
        }

        #[test]
        fn nothing_makes_it_panic(regex in r"[(|)^,$\\.*+?a_é]{0,40}") {
            let _ = read(&regex);
        }
    }
}
