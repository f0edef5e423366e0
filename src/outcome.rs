//! How a request was answered, and why: one value that decides `Cache-Status` (RFC 9211), the access log, the metrics and
//! what `explain` says. Every "no" has a name here, and the name is the same everywhere.

use std::fmt;

/// What became of a request; the `outcome` label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Answered from a fresh stored response.
    Hit,
    /// Answered from a stale stored response.
    Stale,
    /// A stored response was validated with the origin and served.
    Revalidated,
    /// Shared the fetch that another request had begun.
    Collapsed,
    /// Fetched from the origin, cacheable or found not to be.
    Miss,
    /// Never a matter for the cache: passed to the origin.
    Bypass,
    /// Answered by vitrine itself because something failed or was refused.
    Error,
}

impl Kind {
    /// All kinds, in the order of their index.
    pub const ALL: [Kind; 7] =
        [Kind::Hit, Kind::Stale, Kind::Revalidated, Kind::Collapsed, Kind::Miss, Kind::Bypass, Kind::Error];

    /// The metric label and log value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Hit => "hit",
            Kind::Stale => "stale",
            Kind::Revalidated => "revalidated",
            Kind::Collapsed => "collapsed",
            Kind::Miss => "miss",
            Kind::Bypass => "bypass",
            Kind::Error => "error",
        }
    }
}

/// The `fwd` parameter of RFC 9211 section 2.2: why the request went to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fwd {
    /// The cache was told not to handle this request.
    Bypass,
    /// The method is not one a cache answers.
    Method,
    /// Nothing stored under this key.
    UriMiss,
    /// Something stored, but for other values of the fields that Vary names.
    VaryMiss,
    /// Something stored that may no longer be used.
    Miss,
    /// The request's own fields asked for it.
    Request,
    /// What is stored is stale.
    Stale,
}

impl Fwd {
    /// The token of RFC 9211.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fwd::Bypass => "bypass",
            Fwd::Method => "method",
            Fwd::UriMiss => "uri-miss",
            Fwd::VaryMiss => "vary-miss",
            Fwd::Miss => "miss",
            Fwd::Request => "request",
            Fwd::Stale => "stale",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Why a request was answered as it was, or why a response was not stored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// All reasons, in the order of their index.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)+];

            /// The word in `Cache-Status` details, logs, metrics and `explain`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$name => $text,)+
                }
            }
        }
    };
}

reasons! {
    // Answered from the cache.
    /// A stored response, fresh (RFC 9111 4.2).
    Fresh = "fresh",
    /// Stale, within `stale-while-revalidate` (RFC 5861 3).
    StaleWhileRevalidate = "stale-while-revalidate",
    /// Stale, because the origin failed (RFC 5861 4).
    StaleIfError = "stale-if-error",
    /// Stale, and the request puts up with that (RFC 9111 5.2.1.2).
    MaxStale = "max-stale",
    /// Stale, because the origin had not answered when patience was over (`stale_after`).
    StaleIfSlow = "stale-if-slow",
    /// The origin said 304 (RFC 9111 4.3.3).
    Validated = "validated",

    // Passed without a look at the cache.
    /// A method other than GET and HEAD.
    Method = "method",
    /// The rule says `pass`.
    RulePass = "rule-pass",
    /// The request bears a session and the rule is for anonymous visitors.
    CookieSession = "cookie-session",
    /// The request bears a cookie that makes it its visitor's own.
    CookiePersonal = "cookie-personal",
    /// The rule is for signed-in visitors' own pages, and the request bears no session.
    NoSession = "no-session",
    /// The rule is for signed-in visitors' own pages, and there is no key to hash their sessions with.
    NoSessionKey = "no-session-key",
    /// A script asks for a part of a page (HTMX, `X-Requested-With`), and the rule does not tell that apart.
    PartOfPage = "part-of-page",
    /// The request bears Authorization, or the response speaks of a client's credentials.
    Authorization = "authorization",
    /// A GET or HEAD with a body.
    RequestBody = "request-body",
    /// The path could be another one's alias: encoded unreserved characters, dot or empty segments.
    PathAlias = "path-alias",
    /// The request bears If-Match or If-Unmodified-Since, which only the origin may judge (RFC 9111 4.3.2).
    Precondition = "precondition",
    /// A range of something that is not stored.
    Range = "range",
    /// HEAD of something that is not stored.
    Head = "head",
    /// The request's Cache-Control says `no-store` (RFC 9111 5.2.1.5).
    RequestNoStore = "request-no-store",
    /// Upgrade to another protocol.
    Upgrade = "upgrade",
    /// A response to this request turned out not to be storable a short time ago.
    KnownUnstorable = "known-unstorable",
    /// What was fetched for it was invalidated each time before it came.
    Overtaken = "overtaken",
    /// The cookies cannot be read without doubt.
    CookieUnclear = "cookie-unclear",
    /// The rule's pages are sampled before they are kept, and no sample was alike yet.
    GuardUnproven = "guard-unproven",
    /// Two anonymous fetches under the rule were found to differ: nothing of it is kept or served from the cache.
    GuardDiffers = "guard-differs",

    // Fetched although the cache was asked.
    /// Nothing is stored under this key.
    NotStored = "not-stored",
    /// What is stored was made for other values of the fields that Vary names.
    VaryMismatch = "vary-mismatch",
    /// A hard purge matches what is stored.
    Invalidated = "invalidated",
    /// A soft purge matches what is stored.
    SoftInvalidated = "soft-invalidated",
    /// Stored under another epoch of the ledger, or before what the ledger remembers.
    LedgerUnknown = "ledger-unknown",
    /// Stored by another proxy after records of the shared ledger that this one has yet to read.
    LedgerBehind = "ledger-behind",
    /// This proxy is cut off from the shared ledger and cannot know what was purged.
    Isolated = "isolated",
    /// The rule has changed since it was stored.
    RuleChanged = "rule-changed",
    /// The request's Cache-Control asks for a fresher one (RFC 9111 5.2.1).
    RequestDirective = "request-directive",
    /// Stale, and no longer good for anything without the origin.
    Stale = "stale",
    /// Stored with `no-cache`: validated at each use.
    NoCache = "no-cache",
    /// The store did not answer in time or is broken.
    StoreUnavailable = "store-unavailable",

    // Not stored.
    /// The response may be stored and was.
    Stored = "stored",
    /// `no-store` (RFC 9111 5.2.2.5).
    NoStore = "no-store",
    /// `private` (RFC 9111 5.2.2.7).
    Private = "private",
    /// The status is not among the rule's.
    Status = "status",
    /// Sets a cookie that no list allows to drop.
    SetCookie = "set-cookie",
    /// `Vary: *`.
    VaryStar = "vary-star",
    /// Neither the origin nor the rule gives a lifetime.
    NoLifetime = "no-lifetime",
    /// Stale on arrival, without a validator.
    StaleOnArrival = "stale-on-arrival",
    /// Cache-Control cannot be read.
    BadCacheControl = "bad-cache-control",
    /// Larger than what is kept.
    TooLarge = "too-large",
    /// The body ended short, or was reset.
    Incomplete = "incomplete",
    /// The body's end is told by the connection's end alone.
    CloseDelimited = "close-delimited",
    /// Content-Length beside Transfer-Encoding, or a coding we do not know.
    BadFraming = "bad-framing",
    /// A 206 or another answer that is a part.
    Partial = "partial",
    /// A tag that is no tag, or more tags than are kept.
    BadTags = "bad-tags",
    /// Invalidated while it was being fetched.
    InvalidatedInFlight = "invalidated-in-flight",
    /// Fetched within a purge's settle time.
    Settling = "settling",
    /// A form token in the page is not of the secret that it was fetched with: it was made for somebody else.
    FormTokenForeign = "form-token-foreign",
    /// The page shows the secret itself that its form tokens are made of.
    FormTokenBare = "form-token-bare",
    /// More form tokens in a page than are spliced.
    FormTokenLimit = "form-token-limit",
    /// A page that may have form tokens came in a content coding, although none was asked for.
    FormTokenCoded = "form-token-coded",
    /// More is kept for this session than may be, or for more sessions.
    SessionQuota = "session-quota",
    /// More variants of one URL than are kept.
    TooManyVariants = "too-many-variants",
    /// The fetch was for one visitor.
    NotShared = "not-shared",

    // Refused or failed, or nobody else's matter.
    /// An OPTIONS that may be forwarded no further (RFC 9110 7.6.2).
    MaxForwards = "max-forwards",
    /// The request is malformed.
    BadRequest = "bad-request",
    /// The request wanted what is stored or nothing (RFC 9111 5.2.1.7), and nothing that may be used is.
    OnlyIfCached = "only-if-cached",
    /// The client left before the answer.
    ClientGone = "client-gone",
    /// The host is not one of ours.
    Misdirected = "misdirected",
    /// A limit of vitrine's own was reached.
    Overloaded = "overloaded",
    /// The origin could not be reached.
    OriginUnreachable = "origin-unreachable",
    /// No server of the origin is up, and another request is finding out whether that still holds.
    OriginDown = "origin-down",
    /// The origin took too long.
    OriginTimeout = "origin-timeout",
    /// The origin answered with something that is not HTTP, or broke off.
    OriginBroken = "origin-broken",
    /// A mistake of vitrine's own.
    Internal = "internal",
}

impl Reason {
    /// The RFC 9211 reason for going to the origin, where this reason is one.
    pub const fn fwd(self) -> Option<Fwd> {
        Some(match self {
            Reason::Method => Fwd::Method,
            Reason::RulePass
            | Reason::CookieSession
            | Reason::CookiePersonal
            | Reason::CookieUnclear
            | Reason::NoSession
            | Reason::NoSessionKey
            | Reason::PathAlias
            | Reason::GuardUnproven
            | Reason::GuardDiffers
            | Reason::Upgrade
            | Reason::KnownUnstorable
            | Reason::Overtaken => Fwd::Bypass,
            Reason::Authorization
            | Reason::RequestBody
            | Reason::Precondition
            | Reason::Range
            | Reason::Head
            | Reason::PartOfPage
            | Reason::RequestNoStore
            | Reason::RequestDirective => Fwd::Request,
            Reason::NotStored | Reason::StoreUnavailable => Fwd::UriMiss,
            Reason::VaryMismatch => Fwd::VaryMiss,
            Reason::Invalidated | Reason::LedgerUnknown | Reason::LedgerBehind | Reason::RuleChanged => Fwd::Miss,
            Reason::SoftInvalidated | Reason::Stale | Reason::NoCache | Reason::Isolated | Reason::Validated => {
                Fwd::Stale
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How one request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What became of it.
    pub kind: Kind,
    /// Why.
    pub reason: Reason,
    /// Why the request went to the origin, where it did.
    pub fwd: Option<Fwd>,
    /// The status the origin answered with, where it did.
    pub fwd_status: Option<u16>,
    /// Seconds of freshness left, below zero when stale; known where a stored response was used or made.
    pub ttl_secs: Option<i64>,
    /// Whether the origin's response is being kept: [`Reason::Stored`], or why not. None where the cache never came to it.
    pub storing: Option<Reason>,
    /// Whether the fetch was shared with another request.
    pub collapsed: bool,
}

impl Outcome {
    /// An outcome of that kind and reason, with nothing else known yet.
    pub const fn new(kind: Kind, reason: Reason) -> Outcome {
        Outcome { kind, reason, fwd: reason.fwd(), fwd_status: None, ttl_secs: None, storing: None, collapsed: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
