//! Cache directives of requests (RFC 9111 5.2.1): what a client wishes of the cache, where the configuration lets it. What
//! cannot be read asks for more of the origin, never for less.

use super::directives::delta_seconds;
use crate::clock::Timestamp;
use crate::headers::{Fields, list_items, unquoted};
use crate::stored::Lifetime;
use http::header;
use std::time::Duration;

/// What a request wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// `max-age`: no response that is older.
    pub max_age: Option<Duration>,
    /// `min-fresh`: none that is not fresh for so long.
    pub min_fresh: Option<Duration>,
    /// `max-stale`: one that has been stale for so long will do; without a value, one that is ever so stale.
    pub max_stale: Option<Duration>,
    /// `no-cache`: none that was not validated.
    pub no_cache: bool,
    /// `no-store`.
    pub no_store: bool,
    /// `only-if-cached`: one that is stored, or 504.
    pub only_if_cached: bool,
}

impl Wishes {
    /// Whatever the cache decides.
    pub const NONE: Wishes = Wishes {
        max_age: None,
        min_fresh: None,
        max_stale: None,
        no_cache: false,
        no_store: false,
        only_if_cached: false,
    };

    /// Reads what a request wishes. `Pragma: no-cache` counts where there is no Cache-Control (5.4).
    pub fn of(request: &impl Fields) -> Wishes {
        let mut wishes = Wishes::NONE;
        if !request.has(&header::CACHE_CONTROL) {
            wishes.no_cache = list_items(request, &header::PRAGMA).any(|item| item.eq_ignore_ascii_case("no-cache"));
            return wishes;
        }
        for item in list_items(request, &header::CACHE_CONTROL) {
            let (name, argument) = item.split_once('=').map_or((item, None), |(name, value)| (name, Some(value)));
            // No blank may stand around the equals sign: then the argument counts as none that can be read.
            let is_apart = name.ends_with([' ', '\t']) || argument.is_some_and(|text| text.starts_with([' ', '\t']));
            wishes.take(name.trim_end(), if is_apart { Some("") } else { argument });
        }
        wishes
    }

    fn take(&mut self, name: &str, argument: Option<&str>) {
        let seconds = || argument.and_then(unquoted).and_then(|text| delta_seconds(&text));
        match name.to_ascii_lowercase().as_str() {
            "max-age" => self.max_age = self.max_age.or_else(|| seconds().or(Some(Duration::ZERO))),
            "min-fresh" => self.min_fresh = self.min_fresh.or_else(|| seconds().or(Some(Duration::MAX))),
            "max-stale" if argument.is_none() => self.max_stale = self.max_stale.or(Some(Duration::MAX)),
            "max-stale" => self.max_stale = self.max_stale.or_else(seconds),
            "no-cache" => self.no_cache = true,
            "no-store" => self.no_store = true,
            "only-if-cached" => self.only_if_cached = true,
            _ => {}
        }
    }

    /// Whether a response of that age may answer at all, without the origin.
    pub(super) fn allows(&self, lifetime: &Lifetime, now: Timestamp) -> bool {
        !self.no_cache && self.max_age.is_none_or(|max_age| lifetime.age(now) <= max_age)
    }

    /// Whether it is fresh for as long as is wished.
    pub(super) fn finds_fresh_enough(&self, lifetime: &Lifetime, now: Timestamp) -> bool {
        self.min_fresh.is_none_or(|min_fresh| lifetime.age(now).saturating_add(min_fresh) <= lifetime.fresh)
    }
}
