//! Under which settings both are asked. A switch of the policy gets a profile here, and the table of differences gets shorter by what
//! it makes equal.

use http_cache_semantics::CacheOptions;
use std::time::Duration;
use vitrine::policy::{Choices, LifetimeRule};

/// Settings of both sides that mean the same.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// Whether a lifetime is guessed where none is stated: a tenth of the time since the last modification (RFC 9111 4.2.2).
    pub(crate) heuristics: bool,
    /// The rule's windows for stale use, in seconds.
    pub(crate) stale_s: u64,
}

pub(crate) const PROFILES: [Profile; 2] = [
    Profile { name: "without heuristics", heuristics: false, stale_s: 1_000_000 },
    Profile { name: "with heuristics", heuristics: true, stale_s: 1_000_000 },
];

impl Profile {
    /// A rule that says nothing of lifetimes, and bounds nothing.
    pub(crate) fn rule(&self) -> LifetimeRule {
        LifetimeRule {
            ttl: None,
            negative_ttl: None,
            stale_while_revalidate: Some(Duration::from_secs(self.stale_s)),
            stale_if_error: Some(Duration::from_secs(self.stale_s)),
            statuses: None,
            override_origin: false,
            max_keep: Duration::MAX,
        }
    }

    /// What is chosen: heuristics, and all else as a shop has it.
    pub(crate) fn choices(&self) -> Choices {
        Choices { heuristics: self.heuristics, ..Choices::default() }
    }

    pub(crate) fn options(&self) -> CacheOptions {
        let cache_heuristic = if self.heuristics { 0.1 } else { 0.0 };
        CacheOptions { shared: true, cache_heuristic, ..CacheOptions::default() }
    }
}
