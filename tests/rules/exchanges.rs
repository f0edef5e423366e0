//! What the tables of policy and respond are made of: fields, rules, exchanges with the origin, stored responses.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::sync::LazyLock;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::key::{CookieClasses, Globs, Key, Scheme, Target};
use vitrine::ledger::{Epoch, Stamp};
use vitrine::outcome::Reason;
use vitrine::policy::storing::{self, Plan};
use vitrine::policy::{Choices, Exchange, Framing, LifetimeRule, Terms, Whose};
use vitrine::respond;
use vitrine::stored::{
    Coded, FieldBlock, Lifetime, LifetimeFrom, Parts, RuleFingerprint, StoredBody, StoredResponse, VaryKey,
};
use vitrine::tags::Tags;

/// Noon of 24 November 2026.
pub(crate) const NOON: Timestamp = Timestamp(1_795_521_600_000);
/// The rule that stored responses were fetched under.
pub(crate) const RULE: RuleFingerprint = RuleFingerprint(7);

/// What a shop's configuration chooses that says nothing.
pub(crate) static CAREFUL: LazyLock<Choices> = LazyLock::new(Choices::default);

/// Some field lines.
pub(crate) type Lines<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn fields(lines: Lines<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

/// A rule that says nothing but perhaps a lifetime.
pub(crate) fn rule(ttl: Option<u64>) -> LifetimeRule {
    LifetimeRule {
        ttl: ttl.map(Duration::from_secs),
        negative_ttl: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        statuses: None,
        override_origin: false,
        max_keep: Duration::from_hours(7 * 24),
    }
}

/// The cookie `seen` may be dropped, `sessionid` tells visitors apart.
pub(crate) fn cookies() -> CookieClasses {
    CookieClasses {
        session: Globs::new(&["sessionid"]).unwrap(),
        drop: Globs::new(&["seen"]).unwrap(),
        ..CookieClasses::default()
    }
}

/// An exchange at noon that took no time.
pub(crate) fn exchange<'a>(status: u16, request: &'a HeaderMap, response: &'a HeaderMap) -> Exchange<'a> {
    Exchange {
        request,
        status: StatusCode::from_u16(status).unwrap(),
        response,
        framing: Framing::Chunked,
        requested: NOON,
        received: NOON,
        received_wall: NOON,
    }
}

pub(crate) fn decide(status: u16, lines: Lines<'_>, rule: &LifetimeRule) -> Result<Plan, Reason> {
    storing::decide(&exchange(status, &HeaderMap::new(), &fields(lines)), &terms(rule, &cookies()))
}

/// What counts for a response that is everybody's.
pub(crate) fn terms<'a>(lifetime: &'a LifetimeRule, cookies: &'a CookieClasses) -> Terms<'a> {
    Terms { lifetime, choices: &CAREFUL, cookies, whose: Whose::Everybodys, in_key: &[] }
}

/// A 200 with these fields and this body, fresh for a minute from noon.
pub(crate) fn stored(lines: Lines<'_>, body: &str) -> StoredResponse {
    let target = Target { scheme: Scheme::Https, host: "shop.example".into(), path: "/products/1".into(), query: None };
    let (fields, body) = (fields(lines), StoredBody::whole(body.to_string().into()));
    StoredResponse::of(Parts {
        cache: CacheName::Products,
        key: Key::new(&target, &[], None),
        vary: VaryKey::default(),
        generation: 11,
        status: StatusCode::OK,
        etag: fields.get(header::ETAG).cloned().unwrap_or_else(|| respond::etag_of_body(&body)),
        fields: FieldBlock::copy_of(&fields).unwrap(),
        body,
        form_cookie: None,
        coded: Coded::No,
        lifetime: Lifetime {
            received: NOON,
            initial_age: Duration::ZERO,
            fresh: Duration::from_mins(1),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            keep: Duration::from_hours(1),
            from: LifetimeFrom::Origin,
            validate_always: false,
        },
        stamp: Stamp::of(Epoch(1), 5),
        tags: Tags::default(),
        route: "product".into(),
        rule: RULE,
        origin_time: Duration::from_millis(40),
    })
}
