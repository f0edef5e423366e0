//! What both say of an exchange.

use crate::cases::{Case, NOON, Validation};
use crate::difference::{Aspect, Found};
use crate::profiles::Profile;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_cache_semantics::{AfterResponse, BeforeRequest, CachePolicy};
use std::time::{Duration, SystemTime};
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::key::{CookieClasses, Globs, Key, Scheme, Target};
use vitrine::ledger::{Epoch, Stamp, Standing, Trust};
use vitrine::outcome::Reason;
use vitrine::policy::validation::Told;
use vitrine::policy::{Choices, Exchange, Framing, LifetimeRule, Reuse, Terms, Whose, Wishes};
use vitrine::policy::{reuse, storing, validation, vary};
use vitrine::stored::{Coded, FieldBlock, Parts, RuleFingerprint, StoredBody, StoredResponse, VaryKey};
use vitrine::tags::Tags;

const RULE: RuleFingerprint = RuleFingerprint(7);
/// Seconds after the response was received.
const MOMENTS: [u64; 8] = [0, 1, 29, 30, 59, 60, 3_600, 90_000];
/// When a 304 is told.
const TOLD: Timestamp = Timestamp(NOON.0 + 60_000);

/// Everything in which we and they differ.
pub(crate) fn compared(case: &Case, profile: &Profile) -> Vec<Found> {
    let theirs = their_policy(case, profile);
    let ours = stored(case, profile);
    let mut found = Vec::new();
    let reason = ours.as_ref().err().copied();
    tell(&mut found, Aspect::Stored, ours.is_ok(), theirs.is_storable(), reason);
    let (Ok(ours), true) = (ours, theirs.is_storable()) else { return found };
    let sent = asked(case, &case.request);
    for moment in MOMENTS {
        let now = NOON.plus(Duration::from_secs(moment));
        let wall = now.to_system_time();
        let reused = reuse::decide(&ours, Trust::Whole, Standing::Valid, RULE, &Wishes::NONE, now);
        let lifetime = ours.lifetime();
        // The more careful is who takes a response for older.
        let (own, their) = (lifetime.age(now).as_secs(), theirs.age(wall).as_secs());
        tell(&mut found, Aspect::Age, own < their, own > their, None);
        let fresh = matches!(theirs.before_request(&sent, wall), BeforeRequest::Fresh(_));
        // What Vary keeps from any use is looked at by itself.
        let is_for_all = !case.response.contains_key(header::VARY);
        if is_for_all {
            tell(&mut found, Aspect::Fresh, reused == Reuse::Serve, fresh, None);
        }
        let left = if lifetime.validate_always { 0 } else { u64::try_from(lifetime.ttl_ms(now)).unwrap_or(0) / 1000 };
        let their_left = theirs.time_to_live(wall).as_secs();
        tell(&mut found, Aspect::TimeLeft, left > their_left, left < their_left, None);
        if is_for_all && theirs.is_stale(wall) && !lifetime.is_fresh(now) {
            let may = lifetime.stale_if_error > Duration::ZERO;
            tell(&mut found, Aspect::Stale, may, stale_for_the_asking(&theirs, case, wall), None);
        }
    }
    let own = ours.vary.matches(|name| vary::normalised(&case.later, name));
    let matches = match theirs.before_request(&asked(case, &case.later), NOON.to_system_time()) {
        BeforeRequest::Fresh(_) => true,
        BeforeRequest::Stale { matches, .. } => matches,
    };
    tell(&mut found, Aspect::Vary, own, matches, None);
    found
}

/// Whether they serve what is stale to who takes it however stale.
fn stale_for_the_asking(theirs: &CachePolicy, case: &Case, wall: SystemTime) -> bool {
    let mut request = asked(case, &case.request);
    request.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-stale"));
    matches!(theirs.before_request(&request, wall), BeforeRequest::Fresh(_))
}

/// The same of a 304.
pub(crate) fn compared_304(validation: &Validation, profile: &Profile) -> Vec<Found> {
    let case = Case {
        method: Method::GET,
        request: HeaderMap::new(),
        status: StatusCode::OK,
        response: validation.stored.clone(),
        later: HeaderMap::new(),
    };
    let mut found = Vec::new();
    let Ok(own) = stored(&case, profile) else { return found };
    let theirs = their_policy(&case, profile);
    let told = answered(StatusCode::NOT_MODIFIED, &validation.told);
    let theirs = match theirs.after_response(&asked(&case, &case.request), &told, TOLD.to_system_time()) {
        AfterResponse::NotModified(policy, _) if policy.is_storable() => Some(policy),
        AfterResponse::NotModified(..) | AfterResponse::Modified(..) => None,
    };
    let exchange = Exchange {
        status: StatusCode::NOT_MODIFIED,
        requested: TOLD,
        received: TOLD,
        received_wall: TOLD,
        ..exchange(&case.request, &validation.told)
    };
    let (rule, choices, cookies) = (profile.rule(), profile.choices(), cookies());
    let terms = terms(&rule, &choices, &cookies);
    let ours = validation::freshen(
        &own,
        Told { exchange: &exchange, terms: &terms, tags: Vec::new(), stamp: own.stamp, generation: 2 },
    );
    tell(&mut found, Aspect::Updated, ours.is_ok(), theirs.is_some(), ours.as_ref().err().copied());
    if let (Ok(ours), Some(theirs)) = (ours, theirs) {
        for moment in MOMENTS {
            let now = TOLD.plus(Duration::from_secs(moment));
            let lifetime = ours.lifetime();
            let left =
                if lifetime.validate_always { 0 } else { u64::try_from(lifetime.ttl_ms(now)).unwrap_or(0) / 1000 };
            let their_left = theirs.time_to_live(now.to_system_time()).as_secs();
            tell(&mut found, Aspect::TimeLeftAfter304, left > their_left, left < their_left, None);
        }
    }
    found
}

fn tell(found: &mut Vec<Found>, aspect: Aspect, ours: bool, theirs: bool, reason: Option<Reason>) {
    if ours != theirs {
        found.push(Found { aspect, we_are_stricter: theirs, reason });
    }
}

fn their_policy(case: &Case, profile: &Profile) -> CachePolicy {
    let response = answered(case.status, &case.response);
    CachePolicy::new_options(&asked(case, &case.request), &response, NOON.to_system_time(), profile.options())
}

fn asked(case: &Case, fields: &HeaderMap) -> Request<()> {
    let mut request = Request::builder().method(&case.method).uri("https://shop.example/products/1").body(()).unwrap();
    *request.headers_mut() = fields.clone();
    request
}

fn answered(status: StatusCode, fields: &HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = fields.clone();
    response
}

/// What we store, or why not. Which requests are a matter for the cache, `proxy/admit.rs` says: GET and HEAD without credentials,
/// of which a HEAD only reads.
fn stored(case: &Case, profile: &Profile) -> Result<StoredResponse, Reason> {
    if case.method != Method::GET {
        return Err(Reason::Method);
    }
    if case.request.contains_key(header::AUTHORIZATION) {
        return Err(Reason::Authorization);
    }
    let (rule, choices, cookies) = (profile.rule(), profile.choices(), cookies());
    let exchange = Exchange { status: case.status, ..exchange(&case.request, &case.response) };
    let plan = storing::decide(&exchange, &terms(&rule, &choices, &cookies))?;
    let target = Target { scheme: Scheme::Https, host: "shop.example".into(), path: "/products/1".into(), query: None };
    Ok(StoredResponse::of(Parts {
        cache: CacheName::Products,
        key: Key::new(&target, &[], None),
        vary: VaryKey::of(&plan.vary, |name| vary::normalised(&case.request, name)),
        generation: 1,
        status: case.status,
        fields: FieldBlock::copy_of(&case.response).unwrap(),
        body: StoredBody::whole(Bytes::from_static(b"0123456789")),
        form_cookie: None,
        coded: Coded::No,
        etag: case.response.get(header::ETAG).cloned().unwrap_or(HeaderValue::from_static("\"ours\"")),
        lifetime: plan.lifetime,
        stamp: Stamp::of(Epoch(1), 5),
        tags: Tags::default(),
        route: "product".into(),
        rule: RULE,
        origin_time: Duration::ZERO,
    }))
}

fn exchange<'a>(request: &'a HeaderMap, response: &'a HeaderMap) -> Exchange<'a> {
    Exchange {
        request,
        status: StatusCode::OK,
        response,
        framing: Framing::Chunked,
        requested: NOON,
        received: NOON,
        received_wall: NOON,
    }
}

/// The cookie `seen` may be dropped.
fn cookies() -> CookieClasses {
    CookieClasses { drop: Globs::new(&["seen"]).unwrap(), ..CookieClasses::default() }
}

fn terms<'a>(lifetime: &'a LifetimeRule, choices: &'a Choices, cookies: &'a CookieClasses) -> Terms<'a> {
    Terms { lifetime, choices, cookies, whose: Whose::Everybodys, in_key: &[] }
}
