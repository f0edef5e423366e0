//! Storing responses (RFC 9111 3), and how long they are then good for (4.2.1, RFC 5861).
//!
//! A rule's lifetime is for where the origin says nothing. What says `private` or `no-store`, what sets a cookie that no list
//! allows to drop, and what did not arrive as a whole is refused whatever the rule says.

use super::age::{corrected_initial_age, date};
use super::directives::CacheControl;
use super::{Choices, Exchange, Framing, LifetimeRule, Terms, heuristic, stale};
use crate::headers::list_items;
use crate::outcome::Reason;
use crate::stored::{Lifetime, LifetimeFrom};
use http::{HeaderMap, HeaderName, StatusCode, header};
use std::time::Duration;

/// For how long a 404 or 410 is kept where neither the origin nor the rule's `negative_ttl` says.
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(10);
/// For how long past its usefulness a response with a validator is kept, so that the origin can say that it still holds.
const VALIDATION_KEEP: Duration = Duration::from_hours(24);

/// Fields of an exchange about one client's credentials. Those that are for a proxy end here and are on no stored response.
const AUTHENTICATION: [HeaderName; 2] = [header::WWW_AUTHENTICATE, HeaderName::from_static("authentication-info")];

/// Request fields whose values are written down nowhere (row L13): what varies on them has no variants.
const SECRETS: [HeaderName; 2] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION];

/// The longest that a visitor's own page is kept, whatever the origin and the rule say: a working day, counted from the
/// fetch.
pub const SESSION_KEEP_MAX: Duration = Duration::from_hours(8);

/// For whom a response was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// For all who send the same of what it varies on: the rules for a shared cache hold.
    Everybodys,
    /// For one session alone: the rules for a private cache hold, as if it were that visitor's browser that keeps it.
    OneSessions,
}

impl Whose {
    /// The directives that count: `private` and `s-maxage` speak to shared caches (RFC 9111 5.2.2.7, 5.2.2.10), and so does
    /// the targeted fields (RFC 9213 3.1).
    fn obeys(self, response: &HeaderMap, choices: &Choices) -> CacheControl {
        match self {
            Whose::Everybodys => CacheControl::of(response, &choices.targeted),
            Whose::OneSessions => CacheControl { private: false, s_maxage: None, ..CacheControl::untargeted(response) },
        }
    }

    fn bounds(self, lifetime: Lifetime) -> Lifetime {
        match self {
            Whose::Everybodys => lifetime,
            Whose::OneSessions => Lifetime {
                fresh: lifetime.fresh.min(SESSION_KEEP_MAX),
                // Nobody would get the cookies that an answer sets which comes behind.
                stale_while_revalidate: Duration::ZERO,
                keep: lifetime.keep.min(SESSION_KEEP_MAX.saturating_sub(lifetime.initial_age)),
                ..lifetime
            },
        }
    }
}

/// How a response is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For how long it is good.
    pub lifetime: Lifetime,
    /// The request fields its variants differ by.
    pub vary: Vec<HeaderName>,
    /// Response fields that are not kept.
    pub omit: Vec<HeaderName>,
}

/// Whether and how a response is stored for whom it was fetched.
///
/// # Errors
/// Why it is not.
pub fn decide(exchange: &Exchange<'_>, terms: &Terms<'_>) -> Result<Plan, Reason> {
    is_whole(exchange)?;
    let (rule, whose) = (terms.lifetime, terms.whose);
    let directives = whose.obeys(exchange.response, terms.choices);
    let mut vary = may_be_reused(exchange, &directives, terms)?;
    vary.retain(|name| !terms.in_key.contains(name));
    let stated = stated_lifetime(exchange, &directives);
    if rule.statuses.as_ref().is_some_and(|statuses| !statuses.contains(&exchange.status)) {
        return Err(Reason::Status);
    }
    let guessed = || terms.choices.heuristics.then(|| heuristic::lifetime(exchange, &directives)).flatten();
    let lifetime = whose.bounds(lifetime(exchange, rule, &directives, stated, guessed)?);
    Ok(Plan { lifetime, vary, omit: directives.unkept_fields })
}

/// Whether a response that is not stored for that reason may still be given to those who wait for it: it was made for nobody
/// in particular, and nothing in it says that it is somebody's own.
pub fn may_share_unstored(exchange: &Exchange<'_>, reason: Reason, terms: &Terms<'_>) -> bool {
    let for_all = Terms { whose: Whose::Everybodys, ..*terms };
    let directives = || for_all.whose.obeys(exchange.response, for_all.choices);
    matches!(reason, Reason::Status | Reason::NoLifetime | Reason::StaleOnArrival)
        && stale::is_failure(exchange.status)
        && may_be_reused(exchange, &directives(), &for_all).is_ok()
}

/// Only what is a whole answer, told by more than the end of a connection, can be kept as one (RFC 9111 3.3, rows S40, S41,
/// F4, F5). Content-Range means nothing but with a 206 or 416 (RFC 9110 14.4).
fn is_whole(exchange: &Exchange<'_>) -> Result<(), Reason> {
    let is_part = exchange.status.is_informational()
        || exchange.status == StatusCode::PARTIAL_CONTENT
        || exchange.status == StatusCode::NOT_MODIFIED;
    if is_part {
        return Err(Reason::Partial);
    }
    match exchange.framing {
        Framing::Contradictory => Err(Reason::BadFraming),
        Framing::UntilClose => Err(Reason::CloseDelimited),
        Framing::Length(_) | Framing::Chunked => Ok(()),
    }
}

/// Whether a response is for everybody for whom it was fetched, and who sends the same of the fields that are answered with.
fn may_be_reused(
    exchange: &Exchange<'_>,
    directives: &CacheControl,
    terms: &Terms<'_>,
) -> Result<Vec<HeaderName>, Reason> {
    let choices = terms.choices;
    // 5.2.2.3: who knows what the status asks of a cache overlooks `no-store`, who does not, stores nothing.
    if directives.must_understand && !is_understood(exchange.status) {
        return Err(Reason::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Err(Reason::NoStore);
    }
    if directives.private {
        return Err(Reason::Private);
    }
    let cookies_are_settled = match terms.whose {
        // What is a visitor's own is never everybody's, whoever asks for it.
        Whose::Everybodys if choices.set_cookie => !terms.cookies.sets_own(exchange.response),
        Whose::Everybodys => terms.cookies.may_drop_all(exchange.response),
        Whose::OneSessions => terms.cookies.may_drop_all_of_own(exchange.response, exchange.request),
    };
    if !cookies_are_settled {
        return Err(Reason::SetCookie);
    }
    // What answers one client's credentials is no other's, and what asks for them only by choice (row L1).
    let is_own = |name: &HeaderName| !choices.authorization || *name != header::WWW_AUTHENTICATE;
    if AUTHENTICATION.iter().any(|name| is_own(name) && exchange.response.contains_key(name)) {
        return Err(Reason::Authorization);
    }
    // 3.5: an answer to credentials is for others only where it says so.
    if exchange.request.contains_key(header::AUTHORIZATION) && !directives.shares_authorized() {
        return Err(Reason::Authorization);
    }
    let vary = vary_names(exchange)?;
    if vary.iter().any(|name| SECRETS.contains(name)) {
        return Err(Reason::Authorization);
    }
    if directives.garbled {
        return Err(Reason::BadCacheControl);
    }
    Ok(vary)
}

/// The final statuses whose rules for caches are kept here (RFC 9110 15, RFC 7725); 206 and 304 are never stored.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300..=303 | 307 | 308 | 400 | 404 | 405 | 410 | 414 | 451 | 500 | 501 | 502 | 503 | 504
    )
}

/// What the origin states: `s-maxage`, `max-age`, or Expires less Date (4.2.1). An Expires that cannot be read is in the past.
fn stated_lifetime(exchange: &Exchange<'_>, directives: &CacheControl) -> Option<Duration> {
    if directives.stated_lifetime().is_some() || directives.targeted {
        return directives.stated_lifetime();
    }
    if !exchange.response.contains_key(header::EXPIRES) {
        return None;
    }
    let now = exchange.received_wall;
    let made = date(exchange.response, &header::DATE, now).unwrap_or(now);
    let expires = date(exchange.response, &header::EXPIRES, now);
    Some(expires.map_or(Duration::ZERO, |expires| expires.since(made)))
}

fn lifetime(
    exchange: &Exchange<'_>,
    rule: &LifetimeRule,
    directives: &CacheControl,
    stated: Option<Duration>,
    guessed: impl Fn() -> Option<Duration>,
) -> Result<Lifetime, Reason> {
    let of_rule = rule_lifetime(exchange.status, rule);
    let of_origin = stated.map(|fresh| (fresh, LifetimeFrom::Origin));
    let (fresh, from) = if rule.override_origin { of_rule.or(of_origin) } else { of_origin.or(of_rule) }
        .or_else(|| guessed().map(|fresh| (fresh, LifetimeFrom::Heuristic)))
        // `no-cache` alone is a statement: keep what may be kept without a lifetime (3), and ask each time.
        .or_else(|| {
            let may_be_kept = directives.public || heuristic::is_cacheable_by_default(exchange.status);
            (directives.no_cache && may_be_kept).then_some((Duration::ZERO, LifetimeFrom::Origin))
        })
        .ok_or(Reason::NoLifetime)?;
    let validate_always = directives.no_cache && (!rule.override_origin || of_rule.is_none());
    let has_validator = [header::ETAG, header::LAST_MODIFIED].iter().any(|name| exchange.response.contains_key(name));
    let initial_age = corrected_initial_age(exchange);
    let stale_while_revalidate =
        stale::window(directives, directives.stale_while_revalidate, rule.stale_while_revalidate);
    let stale_if_error = stale::window(directives, directives.stale_if_error, rule.stale_if_error);
    let useful = fresh + stale_while_revalidate.max(stale_if_error);
    if validate_always && !has_validator {
        return Err(Reason::NoCache);
    }
    if initial_age >= useful && !has_validator {
        return Err(Reason::StaleOnArrival);
    }
    let keep = useful.saturating_sub(initial_age) + if has_validator { VALIDATION_KEEP } else { Duration::ZERO };
    Ok(Lifetime {
        received: exchange.received,
        initial_age,
        fresh,
        stale_while_revalidate,
        stale_if_error,
        keep: keep.min(rule.max_keep),
        from,
        validate_always,
    })
}

fn rule_lifetime(status: StatusCode, rule: &LifetimeRule) -> Option<(Duration, LifetimeFrom)> {
    if status == StatusCode::NOT_FOUND || status == StatusCode::GONE {
        let otherwise = rule.ttl.map(|ttl| ttl.min(NEGATIVE_TTL_MAX));
        return rule.negative_ttl.or(otherwise).map(|ttl| (ttl, LifetimeFrom::RuleNegative));
    }
    rule.ttl.map(|ttl| (ttl, LifetimeFrom::Rule))
}

/// The names in Vary (4.1); and Accept-Encoding for what is encoded, whether it says so or not (row K17). A `*`, or what is
/// no list of names, is matched by no request.
fn vary_names(exchange: &Exchange<'_>) -> Result<Vec<HeaderName>, Reason> {
    let is_readable = exchange.response.get_all(header::VARY).iter().all(|line| line.to_str().is_ok());
    let listed = list_items(exchange.response, &header::VARY).map(|name| match name.parse() {
        Ok(name) if name != "*" => Ok(name),
        _ => Err(Reason::VaryStar),
    });
    let mut names: Vec<HeaderName> = listed.collect::<Result<_, _>>()?;
    if !is_readable {
        return Err(Reason::VaryStar);
    }
    if exchange.response.contains_key(header::CONTENT_ENCODING) && !names.contains(&header::ACCEPT_ENCODING) {
        names.push(header::ACCEPT_ENCODING);
    }
    Ok(names)
}
