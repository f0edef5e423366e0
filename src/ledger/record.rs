//! What one invalidation is.

use super::Scope;
use crate::clock::Timestamp;
use std::time::Duration;

/// A place in the ledger; the first record has 1, and 0 is before everything.
pub type Position = u64;

/// What becomes of the stored responses that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// They are gone.
    Hard,
    /// They are stale.
    Soft,
}

impl Mode {
    /// The word in answers, logs and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Hard => "hard",
            Mode::Soft => "soft",
        }
    }

    /// The mode of that word.
    pub fn parse(word: &str) -> Option<Mode> {
        [Mode::Hard, Mode::Soft].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// Who asked for an invalidation; the `source` label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A `PURGE` request.
    Purge,
    /// A signed webhook.
    Webhook,
    /// The admin API, and so the commands.
    Admin,
    /// An unsafe method through the proxy (RFC 9111 4.4).
    UnsafeMethod,
    /// `Cache-Group-Invalidation` on an answer to an unsafe method (RFC 9875 3).
    CacheGroup,
    /// A session that began, ended or changed something (basket, profile).
    Session,
    /// Samples of a route's pages that differ.
    Guard,
}

impl Source {
    /// All sources, in the order of their index.
    pub const ALL: [Source; 7] = [
        Source::Purge,
        Source::Webhook,
        Source::Admin,
        Source::UnsafeMethod,
        Source::CacheGroup,
        Source::Session,
        Source::Guard,
    ];

    /// The word in the audit log and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Purge => "purge",
            Source::Webhook => "webhook",
            Source::Admin => "admin",
            Source::UnsafeMethod => "unsafe-method",
            Source::CacheGroup => "cache-group",
            Source::Session => "session",
            Source::Guard => "guard",
        }
    }

    /// The source of that word.
    pub fn parse(word: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// What is asked of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// Which stored responses.
    pub scope: Scope,
    /// Gone or stale.
    pub mode: Mode,
    /// For how long after it fetches of what matches are served but not kept (a lagging replica may still say the old).
    pub settle: Duration,
    /// Who asked.
    pub source: Source,
    /// Why, in the asker's words or ours: a webhook's event and id, a person's note; at most 200 bytes are kept.
    pub reason: Box<str>,
}

impl Invalidation {
    /// When its settle time ends that begins at `now`.
    pub(super) fn settle_until(&self, now: Timestamp) -> Timestamp {
        if self.settle.is_zero() { Timestamp::default() } else { now.plus(self.settle) }
    }
}

/// One invalidation as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place.
    pub position: Position,
    /// When it was taken in, by the wall's clock.
    pub time: Timestamp,
    /// What was asked.
    pub invalidation: Invalidation,
}

impl Record {
    /// A record of what was asked, with as much of its reason as is kept.
    pub(super) fn new(position: Position, time: Timestamp, mut invalidation: Invalidation) -> Record {
        let kept = invalidation.reason.floor_char_boundary(super::REASON_BYTES_MAX);
        invalidation.reason = invalidation.reason[..kept].into();
        Record { position, time, invalidation }
    }
}
