//! RFC 9111 for a shared cache, and for one session's own pages. Pure: no tokio, no hyper, no store, no clock but the moment it
//! is handed, no log. One module for each section of the RFC; each answer is a value that carries what to do next and why.

pub mod age;
pub mod coding;
pub mod directives;
pub mod groups;
pub mod head;
mod heuristic;
pub mod invalidation;
pub mod likeness;
pub mod reuse;
pub mod stale;
pub mod storing;
pub mod validation;
pub mod vary;
pub mod wishes;

pub use coding::{CodingRule, MediaRange};
pub use reuse::Reuse;
pub use storing::{Plan, SESSION_KEEP_MAX, Whose};
pub use wishes::Wishes;

use crate::clock::Timestamp;
use crate::headers::CDN_CACHE_CONTROL;
use crate::key::CookieClasses;
use http::{HeaderMap, HeaderName, StatusCode};
use std::time::Duration;

/// What a rule says of lifetimes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifetimeRule {
    /// How long a response is fresh where the origin says nothing.
    pub ttl: Option<Duration>,
    /// The same for 404 and 410; none: `ttl` counts for them, at most ten seconds.
    pub negative_ttl: Option<Duration>,
    /// Where the response says nothing of it (RFC 5861 3).
    pub stale_while_revalidate: Option<Duration>,
    /// Where the response says nothing of it (RFC 5861 4).
    pub stale_if_error: Option<Duration>,
    /// The statuses that may be stored; none: any final status with an explicit lifetime (a path no rule matches).
    pub statuses: Option<Box<[StatusCode]>>,
    /// The rule's `ttl` counts even where the origin states another (never against `no-store` and `private`).
    pub override_origin: bool,
    /// No response is kept longer, whatever anybody says.
    pub max_keep: Duration,
}

/// What the RFCs leave to a cache, as the configuration chooses. The careful choice is the default: it is a shop's.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Where neither the origin nor the rule gives a lifetime, what was modified long ago is taken to last (RFC 9111 4.2.2).
    pub heuristics: bool,
    /// A response that sets cookies is stored, and sets them for everybody who gets it (RFC 9111 7.3).
    pub set_cookie: bool,
    /// What a request's Cache-Control asks for is done (RFC 9111 5.2.1).
    pub request_directives: bool,
    /// Requests with Authorization take part where the response allows it (RFC 9111 3.5); only on paths without a rule, whose
    /// fills bear it.
    pub authorization: bool,
    /// The fields that are obeyed in place of Cache-Control, in this order (RFC 9213 2).
    pub targeted: Box<[HeaderName]>,
}

impl Default for Choices {
    fn default() -> Choices {
        Choices {
            heuristics: false,
            set_cookie: false,
            request_directives: false,
            authorization: false,
            targeted: [CDN_CACHE_CONTROL].into(),
        }
    }
}

/// Under which terms a response was fetched.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What the rule says of lifetimes.
    pub lifetime: &'a LifetimeRule,
    /// What the configuration chooses.
    pub choices: &'a Choices,
    /// What cookies mean under the rule.
    pub cookies: &'a CookieClasses,
    /// For whom.
    pub whose: Whose,
    /// Request fields whose values, as they were sent, are in the key: Vary need not tell them apart again, and what is secret
    /// in them is written down nowhere else.
    pub in_key: &'a [HeaderName],
}

/// How the end of a response's body is told (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Content-Length.
    Length(u64),
    /// The chunked coding.
    Chunked,
    /// The end of the connection: cannot be told from a break.
    UntilClose,
    /// Content-Length beside Transfer-Encoding, or a coding that is not exactly `chunked`.
    Contradictory,
}

/// One exchange with the origin, as far as its head has come.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The request's fields as they were sent to the origin, not as the client had them.
    pub request: &'a HeaderMap,
    /// The final status.
    pub status: StatusCode,
    /// The response's fields as they came.
    pub response: &'a HeaderMap,
    /// How the body's end is told.
    pub framing: Framing,
    /// Steady time when the request was sent.
    pub requested: Timestamp,
    /// Steady time when the response's head had come.
    pub received: Timestamp,
    /// Wall time then, to hold beside the response's `Date`.
    pub received_wall: Timestamp,
}
