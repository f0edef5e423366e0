//! Cookies by class: which tell signed-in visitors apart, which make a request its visitor's own, which the shop's shared
//! pages depend on, and which it sets there without need.

use crate::headers::{Fields, text};
use globset::{Glob, GlobSet, GlobSetBuilder};
use http::{HeaderMap, HeaderValue, header};

/// The cookie that a form's hidden token belongs to, by Django's own name. A page with a form is of use only with it.
pub const FORM_TOKEN_COOKIE: &str = "csrftoken";

/// Names, exact or with `*` and `?`.
#[derive(Clone, Default)]
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

/// The names alone: what is made of them depends on nothing else.
impl std::fmt::Debug for Globs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.names.fmt(f)
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
#[derive(Clone, Debug)]
pub struct CookieClasses {
    /// See [`CookieClass::Session`].
    pub session: Globs,
    /// See [`CookieClass::Personal`].
    pub personal: Globs,
    /// See [`CookieClass::Key`].
    pub key: Globs,
    /// See [`CookieClass::Drop`].
    pub drop: Globs,
    /// The name of the cookie that form tokens belong to. Where these are spliced it is set anew for each visitor; elsewhere no page
    /// that sets it is for all, whatever the lists say.
    pub form_token: Box<str>,
    /// Whether form tokens are spliced.
    pub splices: bool,
}

impl Default for CookieClasses {
    fn default() -> CookieClasses {
        CookieClasses {
            session: Globs::default(),
            personal: Globs::default(),
            key: Globs::default(),
            drop: Globs::default(),
            form_token: FORM_TOKEN_COOKIE.into(),
            splices: false,
        }
    }
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
        } else if name == &*self.form_token {
            if self.splices { CookieClass::Drop } else { CookieClass::Unlisted }
        } else if self.drop.matches(name) {
            CookieClass::Drop
        } else {
            CookieClass::Unlisted
        }
    }

    /// Whether every cookie that a response sets may be dropped from it; one whose name cannot be told may not.
    pub fn may_drop_all(&self, response: &HeaderMap) -> bool {
        all_set(response, |name, _| self.class(name) == CookieClass::Drop)
    }

    /// The same of a visitor's own page, for which `sent` was asked: the form token's cookie may be set again, to what it was.
    /// A page with another token is of no use to whoever keeps the old cookie.
    pub fn may_drop_all_of_own(&self, response: &HeaderMap, sent: &HeaderMap) -> bool {
        let cookies = Cookies::of(sent).unwrap_or_default();
        all_set(response, |name, value| match self.class(name) {
            CookieClass::Session | CookieClass::Personal => false,
            _ if name == &*self.form_token => cookies.0.contains(&(name, value)),
            class => class == CookieClass::Drop,
        })
    }

    /// Whether a response sets a cookie that is a visitor's own: of a session, a personal one, or their form tokens'. One whose name
    /// cannot be told counts as none.
    pub fn sets_own(&self, response: &HeaderMap) -> bool {
        let mut set = response.get_all(header::SET_COOKIE).iter().filter_map(set_cookie);
        set.any(|(name, _)| {
            name == &*self.form_token || matches!(self.class(name), CookieClass::Session | CookieClass::Personal)
        })
    }
}

fn all_set(response: &HeaderMap, may: impl Fn(&str, &str) -> bool) -> bool {
    let mut lines = response.get_all(header::SET_COOKIE).iter();
    lines.all(|line| set_cookie(line).is_some_and(|(name, value)| may(name, value)))
        && !response.contains_key("set-cookie2")
}

/// Whether a response sets or deletes a cookie of these names. One whose name cannot be told counts as none.
pub fn sets_one_of(names: &Globs, response: &HeaderMap) -> bool {
    let mut set = response.get_all(header::SET_COOKIE).iter().filter_map(set_cookie);
    set.any(|(name, _)| names.matches(name))
}

/// Name and value of a Set-Cookie line.
fn set_cookie(line: &HeaderValue) -> Option<(&str, &str)> {
    // Attributes may hold what is not ASCII; name and value of a cookie that is told apart do not.
    let pair = line.as_bytes().split(|byte| *byte == b';').next()?;
    let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
    Some((name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
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
    pub fn of(request: &'a impl Fields) -> Result<Cookies<'a>, CookieTrouble> {
        let mut cookies = Vec::new();
        for line in request.lines(&header::COOKIE) {
            let line = text(line).ok_or(CookieTrouble)?;
            cookies.extend(line.split(';').map(str::trim).filter(|pair| !pair.is_empty()).map(|pair| {
                // A pair without `=` is a value without a name to browsers, and to Django.
                let (name, value) = pair.split_once('=').unwrap_or(("", pair));
                (name.trim(), value.trim())
            }));
        }
        Ok(Cookies(cookies))
    }

    /// By class, each list in the order of names.
    pub fn sorted(&self, classes: &CookieClasses) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        for (name, value) in self.0.iter().copied() {
            let list = match classes.class(name) {
                CookieClass::Session => &mut sorted.session,
                CookieClass::Personal => &mut sorted.personal,
                CookieClass::Key => &mut sorted.key,
                CookieClass::Drop | CookieClass::Unlisted if name == &*classes.form_token => &mut sorted.form_token,
                CookieClass::Drop | CookieClass::Unlisted => continue,
            };
            list.push((name, value));
        }
        for list in [&mut sorted.session, &mut sorted.personal, &mut sorted.key, &mut sorted.form_token] {
            list.sort_unstable();
            list.dedup();
        }
        sorted
    }
}

/// Every value that a request gives to cookies of these names, in whatever form and how often it may stand there: for what
/// must not be missed. Quotes around a value are what some servers take off, and others do not.
pub fn all_values_of<'a>(names: &Globs, request: &'a HeaderMap) -> Vec<&'a str> {
    let mut values = Vec::new();
    let lines = request.get_all(header::COOKIE).iter();
    for pair in lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')) {
        let Some((name, value)) = std::str::from_utf8(pair).ok().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        if names.matches(name.trim()) {
            let value = value.trim();
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            values.extend([Some(value), unquoted].into_iter().flatten());
        }
    }
    values.sort_unstable();
    values.dedup();
    values
}

/// A request's cookies that count, by what they mean; each name and value once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted<'a> {
    /// See [`CookieClass::Session`].
    pub session: Vec<(&'a str, &'a str)>,
    /// See [`CookieClass::Personal`].
    pub personal: Vec<(&'a str, &'a str)>,
    /// See [`CookieClass::Key`].
    pub key: Vec<(&'a str, &'a str)>,
    /// See [`CookieClasses::form_token`]; where it is in none of the lists before.
    pub form_token: Vec<(&'a str, &'a str)>,
}

/// Whether a list holds each name once.
///
/// # Errors
/// One stands there twice with two values: servers differ in which one counts.
pub fn each_once(cookies: &[(&str, &str)]) -> Result<(), CookieTrouble> {
    if cookies.windows(2).any(|pair| pair[0].0 == pair[1].0) { Err(CookieTrouble) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> CookieClasses {
        CookieClasses {
            session: Globs::new(&["sessionid"]).unwrap(),
            personal: Globs::new(&["messages", "basket*"]).unwrap(),
            key: Globs::new(&["currency"]).unwrap(),
            drop: Globs::new(&["csrf*", "messages"]).unwrap(),
            splices: true,
            ..CookieClasses::default()
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
        let unspliced = CookieClasses { splices: false, ..classes() };
        assert!(!unspliced.may_drop_all(&fields("set-cookie", &["csrftoken=a"])), "whatever a list says");
        let renamed = CookieClasses { form_token: "token".into(), ..unspliced };
        assert!(renamed.may_drop_all(&fields("set-cookie", &["csrftoken=a"])));
        assert!(!renamed.may_drop_all(&fields("set-cookie", &["token=a"])));
    }

    #[test]
    fn several_cookie_lines_are_one_list_and_doubt_is_told() {
        let two = fields("cookie", &["a=1; currency=EUR", "sessionid=x"]);
        let cookies = Cookies::of(&two).unwrap();
        let sorted = cookies.sorted(&classes());
        assert_eq!((sorted.session, sorted.key), (vec![("sessionid", "x")], vec![("currency", "EUR")]));
        for (line, expected) in [
            ("currency=EUR; currency=USD", Err(CookieTrouble)),
            ("currency=EUR; other=1; currency=EUR", Ok(())),
            ("currency=; currency=EUR", Err(CookieTrouble)),
        ] {
            let request = fields("cookie", &[line]);
            assert_eq!(each_once(&Cookies::of(&request).unwrap().sorted(&classes()).key), expected, "{line}");
        }
    }

    #[test]
    fn no_value_of_a_session_is_missed() {
        let names = Globs::new(&["sessionid"]).unwrap();
        let mut request = fields("cookie", &["sessionid=a; sessionid=\"b\"", "x=1;sessionid = c ;"]);
        request.append("cookie", HeaderValue::from_bytes(b"odd=\xff; sessionid=d").unwrap());
        assert_eq!(all_values_of(&names, &request), ["\"b\"", "a", "b", "c", "d"]);
        assert_eq!(Cookies::of(&request).map(|cookies| cookies.0.len()), Err(CookieTrouble));
    }

    #[test]
    fn a_form_token_is_told_apart_wherever_it_is_listed() {
        let request = fields("cookie", &["csrftoken=t; a=b; basket=3"]);
        let cookies = Cookies::of(&request).unwrap();
        let unlisted = CookieClasses { drop: Globs::default(), ..classes() };
        for own in [classes(), unlisted] {
            assert_eq!(cookies.sorted(&own).form_token, [("csrftoken", "t")]);
        }
        let personal = CookieClasses { personal: Globs::new(&["csrf*"]).unwrap(), ..classes() };
        let sorted = cookies.sorted(&personal);
        assert_eq!((sorted.personal, sorted.form_token), (vec![("csrftoken", "t")], vec![]));
    }

    #[test]
    fn an_own_page_may_set_its_form_token_to_what_it_was() {
        let sent = fields("cookie", &["csrftoken=t; sessionid=s"]);
        let table: &[(&[&'static str], bool)] = &[
            (&["csrftoken=t; Path=/"], true),
            (&["csrftoken=u"], false),
            (&["csrftoken="], false),
            (&["sessionid=s"], false),
            (&["messages=; Max-Age=0"], false),
            (&["unknown=a"], false),
        ];
        for (lines, expected) in table {
            assert_eq!(classes().may_drop_all_of_own(&fields("set-cookie", lines), &sent), *expected, "{lines:?}");
        }
        assert!(!classes().may_drop_all_of_own(&fields("set-cookie", &["csrftoken=t"]), &HeaderMap::new()));
    }

    #[test]
    fn a_session_that_is_touched_is_seen_among_others_and_odd_ones() {
        let names = Globs::new(&["sessionid", "wordpress_logged_in_*"]).unwrap();
        let mut set = fields("set-cookie", &["a=b", "sessionid=; Max-Age=0; Comment=x"]);
        assert!(sets_one_of(&names, &set));
        set = fields("set-cookie", &["wordpress_logged_in_5f=x", "=odd", "odd"]);
        assert!(sets_one_of(&names, &set));
        assert!(!sets_one_of(&names, &fields("set-cookie", &["xsessionid=1", "SESSIONID=1", "sessionid"])));
        let mut beyond = HeaderMap::new();
        beyond.append("set-cookie", HeaderValue::from_bytes(b"sessionid=1; Comment=\xe9").unwrap());
        assert!(sets_one_of(&names, &beyond));
    }
}
