//! Under which settings both are asked. A switch of the policy gets a profile here, and the table of differences gets shorter by what
//! it makes equal.

use http_cache_semantics::CacheOptions;
use std::time::Duration;
use vitrine::policy::LifetimeRule;

/// Settings of both sides that mean the same.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// Their share of the time since the last modification (RFC 9111 4.2.2); ours has none yet.
    pub(crate) heuristic: f32,
    /// The rule's windows for stale use, in seconds.
    pub(crate) stale_s: u64,
}

pub(crate) const PROFILES: [Profile; 1] = [Profile { name: "without heuristics", heuristic: 0.0, stale_s: 1_000_000 }];

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

    pub(crate) fn options(&self) -> CacheOptions {
        CacheOptions { shared: true, cache_heuristic: self.heuristic, ..CacheOptions::default() }
    }
}
