//! Globs over raw paths: `*` within a segment, `**` across segments, `?` one character but no slash; everything else stands
//! for itself. The whole path must match.
//!
//! An automaton of its own rather than a file-name library's: those take `**` for `*` unless it fills a segment (and so lose
//! a purge of `/shoe**`), give brackets and braces a meaning, and compile each pattern to tens of kilobytes. All states are
//! followed at once, so the time is bounded by path length times pattern length, whatever both hold; nothing is allocated.

/// Bytes of a pattern or prefix, at most: the states of one automaton fit an array on the stack.
pub const SHAPE_BYTES_MAX: usize = 1024;

/// One bit for each place in a pattern, and one for its end.
const WORDS: usize = SHAPE_BYTES_MAX / 64 + 1;

/// A compiled glob.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    /// What stands before the first wildcard: most paths are told apart here.
    start: Box<str>,
    rest: Box<[Token]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Within,
    /// `**`
    Across,
    /// Before a `**` between two slashes: it may be left out with the slash behind it, so that `/a/**/b` takes `/a/b`.
    MaybeSegments,
}

impl Glob {
    /// The glob of a text; none where it is longer than [`SHAPE_BYTES_MAX`].
    pub(super) fn new(text: &str) -> Option<Glob> {
        if text.len() > SHAPE_BYTES_MAX {
            return None;
        }
        let (start, rest) = text.split_at(text.find(['*', '?']).unwrap_or(text.len()));
        Some(Glob { start: start.into(), rest: tokens(rest, start.ends_with('/')) })
    }

    /// Whether it matches the whole path.
    pub(super) fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix(&*self.start) else { return false };
        let mut states = States::default();
        self.enter(&mut states, 0);
        for c in path.chars() {
            let mut next = States::default();
            for at in states.iter() {
                match self.rest.get(at) {
                    Some(Token::Char(own)) if *own == c => self.enter(&mut next, at + 1),
                    Some(Token::One) if c != '/' => self.enter(&mut next, at + 1),
                    Some(Token::Within) if c != '/' => self.enter(&mut next, at),
                    Some(Token::Across) => self.enter(&mut next, at),
                    _ => {}
                }
            }
            if next.is_empty() {
                return false;
            }
            states = next;
        }
        states.contains(self.rest.len())
    }

    /// Adds a state and those that are reached from it without a character.
    fn enter(&self, states: &mut States, mut at: usize) {
        while !states.contains(at) {
            states.insert(at);
            match self.rest.get(at) {
                Some(Token::Within | Token::Across) => {}
                // Past this token, the `**` and the slash.
                Some(Token::MaybeSegments) => self.enter(states, at + 3),
                _ => return,
            }
            at += 1;
        }
    }
}

fn tokens(text: &str, mut after_slash: bool) -> Box<[Token]> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let stars = rest.len() - rest.trim_start_matches('*').len();
        rest = &rest[stars.max(c.len_utf8())..];
        if stars > 1 && after_slash && rest.starts_with('/') {
            tokens.push(Token::MaybeSegments);
        }
        tokens.push(match (stars, c) {
            (0, '?') => Token::One,
            (0, c) => Token::Char(c),
            (1, _) => Token::Within,
            _ => Token::Across,
        });
        after_slash = c == '/';
    }
    tokens.into()
}

/// A set of places in a pattern.
#[derive(Clone, Copy, Default)]
struct States([u64; WORDS]);

impl States {
    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = *bits;
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(word * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(glob: &str, path: &str) -> bool {
        Glob::new(glob).unwrap().matches(path)
    }

    #[test]
    fn what_a_pattern_takes() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("/a", &["/a"], &["/", "/a/", "/ab", "/A"]),
            ("/a/*", &["/a/", "/a/b", "/a/b.css"], &["/a", "/a/b/", "/a/b/c"]),
            ("/*/b", &["/a/b", "//b"], &["/b", "/a/c/b"]),
            ("/a?c", &["/abc", "/a*c"], &["/ac", "/a/c", "/abbc"]),
            ("/**", &["/", "/a", "/a/b/"], &[""]),
            ("/a/**", &["/a/", "/a/b", "/a/b/c"], &["/a", "/ab"]),
            ("/a/**/b", &["/a/b", "/a/x/b", "/a/x/y/b"], &["/ab", "/a/xb", "/a/b/x"]),
            ("/shoe**", &["/shoe", "/shoes/red", "/shoe-1/x"], &["/sho", "/a/shoe"]),
            ("/**.jpg", &["/.jpg", "/a/b.jpg"], &["/a.jpg/b"]),
            ("/a/***/b", &["/a/b", "/a/x/y/b"], &["/ab"]),
            ("/[ab]{c,d}\\*", &["/[ab]{c,d}\\", "/[ab]{c,d}\\x"], &["/ac", "/a*"]),
            ("/*.*-*", &["/a.b-c", "/.-"], &["/a-b.c", "/a.b/-c"]),
        ];
        for (glob, taken, left) in table {
            for path in *taken {
                assert!(matches(glob, path), "{glob} takes {path}");
            }
            for path in *left {
                assert!(!matches(glob, path), "{glob} leaves {path}");
            }
        }
    }

    #[test]
    fn the_longest_pattern_fits_and_a_longer_one_is_none() {
        let glob = format!("/{}", "?".repeat(SHAPE_BYTES_MAX - 1));
        assert!(matches(&glob, &format!("/{}", "x".repeat(SHAPE_BYTES_MAX - 1))));
        assert!(!matches(&glob, &format!("/{}", "x".repeat(SHAPE_BYTES_MAX))));
        assert!(matches(&"/**".repeat(SHAPE_BYTES_MAX / 3), &"/".repeat(SHAPE_BYTES_MAX / 3)));
        assert!(Glob::new(&format!("{glob}?")).is_none());
    }

    /// The same by trying every way, as one would explain it.
    fn naive(glob: &[char], path: &[char], after_slash: bool) -> bool {
        let stars = glob.iter().take_while(|c| **c == '*').count();
        let rest = &glob[stars..];
        match (stars, glob.first(), path.first()) {
            (0, None, _) => path.is_empty(),
            (0, Some('?'), Some(c)) => *c != '/' && naive(&glob[1..], &path[1..], false),
            (0, Some(own), Some(c)) => own == c && naive(&glob[1..], &path[1..], *c == '/'),
            (0, Some(_), None) => false,
            _ => {
                let nothing = stars > 1 && after_slash && rest.first() == Some(&'/') && naive(&rest[1..], path, true);
                let ends = (0..=path.len()).take_while(|end| stars > 1 || !path[..*end].contains(&'/'));
                nothing || ends.into_iter().any(|end| naive(rest, &path[end..], false))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn it_takes_what_trying_every_way_takes(glob in "/([ab/?*]|\\*\\*|/\\*\\*/){0,6}", path in "/[ab/]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&glob, &path), naive(&chars(&glob), &chars(&path), false));
        }
    }
}
