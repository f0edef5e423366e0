//! Cache directives of responses: Cache-Control (RFC 9111 5.2.2), and targeted fields (RFC 9213), of which the first that is
//! there and valid alone counts. Whatever cannot be read makes a response less cacheable, never more: a veto that is hidden by a
//! quote that does not end, or by a blank or semicolon in place of a comma, leaves a field that is garbled as a whole.

use crate::headers::{list_items, unquoted};
use http::{HeaderMap, HeaderName, header};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use std::time::Duration;

/// Delta seconds saturate here (RFC 9111 1.2.2).
const SECONDS_MAX: u64 = 1 << 31;

/// The directives of a response that a shared cache obeys.
#[expect(clippy::struct_excessive_bools, reason = "each is a directive that is there or not")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// `s-maxage`; the first of several. A value that cannot be read is zero: stale.
    pub s_maxage: Option<Duration>,
    /// `max-age`, in the same way.
    pub max_age: Option<Duration>,
    /// `no-store`.
    pub no_store: bool,
    /// `must-understand` (5.2.2.3): `no-store` counts only for those who do not know the status.
    pub must_understand: bool,
    /// `private` without names.
    pub private: bool,
    /// `no-cache` without names.
    pub no_cache: bool,
    /// Fields that `private="…"` and `no-cache="…"` name: the response is kept, they are not.
    pub unkept_fields: Vec<HeaderName>,
    /// `public`.
    pub public: bool,
    /// `must-revalidate`.
    pub must_revalidate: bool,
    /// `proxy-revalidate`; `s-maxage` implies it.
    pub proxy_revalidate: bool,
    /// `stale-while-revalidate` (RFC 5861 3).
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 4).
    pub stale_if_error: Option<Duration>,
    /// The field is there, but holds what is no list of directives.
    pub garbled: bool,
    /// They stand in a targeted field: `Expires` does not count either.
    pub targeted: bool,
}

impl CacheControl {
    /// Reads the directives that count for us: those of the first targeted field that is there and valid, else Cache-Control.
    pub fn of(response: &HeaderMap, targeted: &[HeaderName]) -> CacheControl {
        let of_targeted = targeted.iter().find_map(|name| in_targeted(response, name));
        of_targeted.unwrap_or_else(|| CacheControl::untargeted(response))
    }

    /// Whether a response that is stale may not be used without the origin (5.2.2.2, 5.2.2.8, 5.2.2.10).
    pub fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.s_maxage.is_some() || self.no_cache
    }

    /// Whether an answer to a request with Authorization may be reused for others (3.5): `proxy-revalidate` alone allows nothing.
    pub fn shares_authorized(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.is_some()
    }

    /// The lifetime that is stated outright; `s-maxage` wins.
    pub fn stated_lifetime(&self) -> Option<Duration> {
        self.s_maxage.or(self.max_age)
    }

    /// Those of Cache-Control alone.
    pub(super) fn untargeted(response: &HeaderMap) -> CacheControl {
        let mut own = CacheControl::default();
        let lines = response.get_all(header::CACHE_CONTROL);
        own.garbled = lines.iter().any(|line| line.to_str().is_err());
        for item in list_items(response, &header::CACHE_CONTROL) {
            let (name, argument) = item.split_once('=').map_or((item, None), |(name, value)| (name, Some(value)));
            own.garbled |= !is_token(name.trim_end()) || !argument.is_none_or(is_argument);
            // No blank may stand around the equals sign: then the argument counts as none.
            let is_apart = name.ends_with([' ', '\t']) || argument.is_some_and(|text| text.starts_with([' ', '\t']));
            own.take(name.trim_end(), if is_apart { Some("") } else { argument });
        }
        own
    }

    fn take(&mut self, name: &str, argument: Option<&str>) {
        let has_argument = argument.is_some();
        // A quoted string that does not end is no argument.
        let argument = argument.and_then(unquoted);
        // What cannot be read is stale.
        let seconds = || Some(argument.as_deref().and_then(delta_seconds).unwrap_or_default());
        match name.to_ascii_lowercase().as_str() {
            "s-maxage" => self.s_maxage = self.s_maxage.or_else(seconds),
            "max-age" => self.max_age = self.max_age.or_else(seconds),
            "stale-while-revalidate" => self.stale_while_revalidate = self.stale_while_revalidate.or_else(seconds),
            "stale-if-error" => self.stale_if_error = self.stale_if_error.or_else(seconds),
            "no-store" => self.no_store = true,
            // These two allow something, so that they count only as they are written.
            "must-understand" => self.must_understand |= !has_argument,
            "public" => self.public |= !has_argument,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "private" => self.private |= !self.leaves_out(argument.as_deref()),
            "no-cache" => self.no_cache |= !self.leaves_out(argument.as_deref()),
            _ => {}
        }
    }

    /// Takes the names that a qualified directive lists; false where it lists none that can be read.
    fn leaves_out(&mut self, argument: Option<&str>) -> bool {
        let Some(names) = argument else { return false };
        let names: Result<Vec<HeaderName>, _> = names.split(',').map(|name| name.trim().parse()).collect();
        match names {
            Ok(names) if !names.is_empty() => {
                self.unkept_fields.extend(names);
                true
            }
            _ => false,
        }
    }

    /// One member of a targeted field; none where it is of a type that its directive does not have.
    fn take_targeted(&mut self, name: &str, value: Option<&BareItem>) -> Option<()> {
        match name {
            "s-maxage" => self.s_maxage = Some(integer(value)?),
            "max-age" => self.max_age = Some(integer(value)?),
            "stale-while-revalidate" => self.stale_while_revalidate = Some(integer(value)?),
            "stale-if-error" => self.stale_if_error = Some(integer(value)?),
            "no-store" => self.no_store = value?.as_boolean()?,
            "must-understand" => self.must_understand = value?.as_boolean()?,
            "public" => self.public = value?.as_boolean()?,
            "must-revalidate" => self.must_revalidate = value?.as_boolean()?,
            "proxy-revalidate" => self.proxy_revalidate = value?.as_boolean()?,
            "private" => self.private = self.is_unqualified(value?)?,
            "no-cache" => self.no_cache = self.is_unqualified(value?)?,
            _ => {}
        }
        Some(())
    }

    fn is_unqualified(&mut self, value: &BareItem) -> Option<bool> {
        match value {
            BareItem::Boolean(set) => Some(*set),
            BareItem::String(names) => Some(!self.leaves_out(Some(names.as_str()))),
            _ => None,
        }
    }
}

/// RFC 9110 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether it can stand behind an equals sign without hiding anything: a token, a quoted string that ends, or nothing.
fn is_argument(text: &str) -> bool {
    let text = text.trim_start();
    if text.starts_with('"') { unquoted(text).is_some() } else { text.is_empty() || is_token(text) }
}

/// Digits only; saturating.
pub(super) fn delta_seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(SECONDS_MAX).min(SECONDS_MAX)))
}

/// RFC 9213 2.1: a structured dictionary; empty or invalid, it does not count at all.
fn in_targeted(response: &HeaderMap, name: &HeaderName) -> Option<CacheControl> {
    let lines: Option<Vec<&str>> = response.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    let field = lines.filter(|lines| !lines.is_empty())?.join(", ");
    let members = Parser::new(&field).parse::<Dictionary>().ok().filter(|members| !members.is_empty())?;
    let mut own = CacheControl { targeted: true, ..CacheControl::default() };
    for (name, member) in &members {
        let value = match member {
            ListEntry::Item(item) => Some(&item.bare_item),
            ListEntry::InnerList(_) => None,
        };
        own.take_targeted(name.as_str(), value)?;
    }
    Some(own)
}

fn integer(value: Option<&BareItem>) -> Option<Duration> {
    let seconds = i64::from(value?.as_integer()?);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(SECONDS_MAX)))
}
