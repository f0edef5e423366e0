//! Cookies by class: which tell signed-in visitors apart, which make a request its visitor's own, which the shop's shared
//! pages depend on, and which it sets there without need.

use globset::{Glob, GlobSet, GlobSetBuilder};
use http::{HeaderMap, HeaderValue, header};

/// Names, exact or with `*` and `?`.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    set: GlobSet,
    names: Box<[Box<str>]>,
}

impl Globs {
    /// The set of these names and globs.
    ///
    /// # Errors
    /// What is wrong with the first one that cannot be read.
    pub fn new<S: AsRef<str>>(globs: &[S]) -> Result<Globs, String> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(Glob::new(glob.as_ref()).map_err(|error| error.kind().to_string())?);
        }
        let set = set.build().map_err(|error| error.to_string())?;
        Ok(Globs { set, names: globs.iter().map(|glob| glob.as_ref().into()).collect() })
    }

    /// The names and globs, in their order.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Whether one of them matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        !self.set.is_empty() && self.set.is_match(name)
    }
}

/// What a cookie means to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CookieClass {
    /// Tells signed-in visitors apart.
    Session,
    /// Makes a request that visitor's own.
    Personal,
    /// Sent to the origin on shared fills, and part of the key.
    Key,
    /// Set by the shop on shared pages; they are stored without it.
    Drop,
    /// In no list.
    Unlisted,
}

/// The four lists of `cookies` in `proxy.yaml`. A name in several is what the most careful of them says.
#[derive(Clone, Debug, Default)]
pub struct CookieClasses {
    /// See [`CookieClass::Session`].
    pub session: Globs,
    /// See [`CookieClass::Personal`].
    pub personal: Globs,
    /// See [`CookieClass::Key`].
    pub key: Globs,
    /// See [`CookieClass::Drop`].
    pub drop: Globs,
}

impl CookieClasses {
    /// The class of a cookie.
    pub fn class(&self, name: &str) -> CookieClass {
        if self.session.matches(name) {
            CookieClass::Session
        } else if self.personal.matches(name) {
            CookieClass::Personal
        } else if self.key.matches(name) {
            CookieClass::Key
        } else if self.drop.matches(name) {
            CookieClass::Drop
        } else {
            CookieClass::Unlisted
        }
    }

    /// Whether every cookie that a response sets may be dropped from it; one whose name cannot be told may not.
    pub fn may_drop_all(&self, response: &HeaderMap) -> bool {
        response
            .get_all(header::SET_COOKIE)
            .iter()
            .all(|line| set_cookie_name(line).is_some_and(|name| self.class(name) == CookieClass::Drop))
            && !response.contains_key("set-cookie2")
    }
}

fn set_cookie_name(line: &HeaderValue) -> Option<&str> {
    let pair = line.to_str().ok()?.split(';').next()?;
    let (name, _) = pair.split_once('=')?;
    Some(name.trim()).filter(|name| !name.is_empty())
}

/// The cookies of a request, in their order, over all its Cookie lines.
#[derive(Clone, Debug, Default)]
pub struct Cookies<'a>(Vec<(&'a str, &'a str)>);

/// The cookies cannot be read without doubt; the request is passed, so that nobody's page depends on the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieTrouble;

impl<'a> Cookies<'a> {
    /// Reads all Cookie lines. Values stay raw, quotes included.
    ///
    /// # Errors
    /// Bytes outside ASCII, and a key cookie that stands there twice, are for the caller to treat as unclear.
    pub fn of(request: &'a HeaderMap) -> Result<Cookies<'a>, CookieTrouble> {
        let mut cookies = Vec::new();
        for line in request.get_all(header::COOKIE) {
            let line = line.to_str().map_err(|_| CookieTrouble)?;
            cookies.extend(line.split(';').map(str::trim).filter(|pair| !pair.is_empty()).map(|pair| {
                // A pair without `=` is a value without a name to browsers, and to Django.
                let (name, value) = pair.split_once('=').unwrap_or(("", pair));
                (name.trim(), value.trim())
            }));
        }
        Ok(Cookies(cookies))
    }

    /// Whether one of them is of that class.
    pub fn any(&self, classes: &CookieClasses, class: CookieClass) -> bool {
        self.0.iter().any(|(name, _)| classes.class(name) == class)
    }

    /// The key cookies, sorted by name.
    ///
    /// # Errors
    /// One stands there twice with two values: servers differ in which one counts.
    pub fn key_cookies(&self, classes: &CookieClasses) -> Result<Vec<(&'a str, &'a str)>, CookieTrouble> {
        let mut kept: Vec<_> =
            self.0.iter().copied().filter(|(name, _)| classes.class(name) == CookieClass::Key).collect();
        kept.sort_unstable();
        kept.dedup();
        if kept.windows(2).any(|pair| pair[0].0 == pair[1].0) { Err(CookieTrouble) } else { Ok(kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> CookieClasses {
        CookieClasses {
            session: Globs::new(&["sessionid"]).unwrap(),
            personal: Globs::new(&["messages", "basket*"]).unwrap(),
            key: Globs::new(&["currency"]).unwrap(),
            drop: Globs::new(&["csrftoken", "messages"]).unwrap(),
        }
    }

    fn fields(name: &'static str, lines: &[&'static str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(name, HeaderValue::from_static(line));
        }
        map
    }

    #[test]
    fn a_name_in_two_lists_is_what_the_more_careful_says() {
        assert_eq!(classes().class("messages"), CookieClass::Personal);
        assert_eq!(classes().class("basket_open"), CookieClass::Personal);
        assert_eq!(classes().class("SESSIONID"), CookieClass::Unlisted);
    }

    #[test]
    fn only_listed_cookies_may_be_dropped() {
        let table: &[(&[&'static str], bool)] = &[
            (&[], true),
            (&["csrftoken=a; Path=/"], true),
            (&["csrftoken=a", "sessionid=b"], false),
            (&["unknown=a"], false),
            (&["csrftoken"], false),
            (&["=a"], false),
        ];
        for (lines, expected) in table {
            assert_eq!(classes().may_drop_all(&fields("set-cookie", lines)), *expected, "{lines:?}");
        }
        assert!(!classes().may_drop_all(&fields("set-cookie2", &["csrftoken=a"])));
    }

    #[test]
    fn several_cookie_lines_are_one_list_and_doubt_is_told() {
        let two = fields("cookie", &["a=1; currency=EUR", "sessionid=x"]);
        let cookies = Cookies::of(&two).unwrap();
        assert!(cookies.any(&classes(), CookieClass::Session));
        assert_eq!(cookies.key_cookies(&classes()), Ok(vec![("currency", "EUR")]));
        let doubtful = fields("cookie", &["currency=EUR; currency=USD"]);
        assert_eq!(Cookies::of(&doubtful).unwrap().key_cookies(&classes()), Err(CookieTrouble));
    }
}
