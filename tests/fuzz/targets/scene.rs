//! What an input stands for: field lines, one on each line, and what is made of them. An input reads as a head does, so that the
//! corpus can be written and read by people; a line that could not be a field's is left out.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use vitrine::body::Body;
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::key::{CookieClasses, Globs, Key, Scheme, Target};
use vitrine::ledger::{Epoch, Stamp};
use vitrine::policy::directives::CacheControl;
use vitrine::policy::storing::Plan;
use vitrine::policy::{Choices, Exchange, Framing, LifetimeRule, Terms, Whose, vary};
use vitrine::respond;
use vitrine::stored::{
    Coded, FieldBlock, Lifetime, LifetimeFrom, Parts, RuleFingerprint, StoredBody, StoredResponse, VaryKey,
};
use vitrine::tags::Tags;

/// Noon of 24 November 2026.
pub(super) const NOON: Timestamp = Timestamp(1_795_521_600_000);
/// The rule that stored responses were fetched under.
pub(super) const RULE: RuleFingerprint = RuleFingerprint(7);
/// Longer than any lifetime, age or window (RFC 9111 1.2.2).
pub(super) const LONGEST: Duration = Duration::from_secs(1 << 31);

/// What a configuration chooses that says nothing.
static CAREFUL: LazyLock<Choices> = LazyLock::new(Choices::default);

/// The directives that count.
pub(super) fn directives_of(fields: &HeaderMap) -> CacheControl {
    CacheControl::of(fields, &CAREFUL.targeted)
}

/// Each line that is a field value, trimmed as it is when it comes from a socket.
pub(super) fn values(bytes: &[u8]) -> Vec<HeaderValue> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(|line| HeaderValue::from_bytes(line.trim_ascii()).ok()).take(50).collect()
}

/// These values under one name.
pub(super) fn under(name: &HeaderName, values: &[HeaderValue]) -> HeaderMap {
    values.iter().map(|value| (name.clone(), value.clone())).collect()
}

/// A head: `name: value` on each line, and `:name value` for what is no field.
pub(super) struct Head {
    pub(super) fields: HeaderMap,
    said: Vec<(String, String)>,
}

impl Head {
    pub(super) fn of(bytes: &[u8]) -> Head {
        let mut head = Head { fields: HeaderMap::new(), said: Vec::new() };
        for line in bytes.split(|byte| *byte == b'\n').take(50) {
            if let Some(said) = line.strip_prefix(b":") {
                let text = String::from_utf8_lossy(said);
                let (name, value) = text.split_once(' ').unwrap_or((&text, ""));
                head.said.push((name.into(), value.into()));
                continue;
            }
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = (&line[..at], line.get(at + 1..).unwrap_or_default());
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
                head.fields.append(name, value);
            }
        }
        head
    }

    /// What the input says beside its fields.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.said.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The same as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.said(name)?.trim().parse().ok()
    }
}

/// A rule that says nothing but perhaps a lifetime.
pub(super) fn rule(ttl_s: Option<u64>) -> LifetimeRule {
    LifetimeRule {
        ttl: ttl_s.map(Duration::from_secs),
        negative_ttl: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        statuses: None,
        override_origin: false,
        max_keep: Duration::from_hours(7 * 24),
    }
}

/// The cookie `seen` may be dropped, `sessionid` tells visitors apart. Made once: to make a set of names costs more than a run.
pub(super) fn cookies() -> &'static CookieClasses {
    static CLASSES: LazyLock<CookieClasses> = LazyLock::new(|| CookieClasses {
        session: globs(&["sessionid"]),
        personal: globs(&["basket*"]),
        key: globs(&["currency"]),
        drop: globs(&["seen"]),
        ..CookieClasses::default()
    });
    &CLASSES
}

pub(super) fn globs(names: &[&str]) -> Globs {
    Globs::new(names).unwrap_or_else(|error| panic!("{error}"))
}

/// What counts for a response that is everybody's.
pub(super) fn terms<'a>(lifetime: &'a LifetimeRule, cookies: &'a CookieClasses) -> Terms<'a> {
    Terms { lifetime, choices: &CAREFUL, cookies, whose: Whose::Everybodys, in_key: &[] }
}

/// An exchange at noon that took no time.
pub(super) fn exchange<'a>(status: StatusCode, request: &'a HeaderMap, response: &'a HeaderMap) -> Exchange<'a> {
    Exchange {
        request,
        status,
        response,
        framing: Framing::Chunked,
        requested: NOON,
        received: NOON,
        received_wall: NOON,
    }
}

/// What is stored by a plan.
pub(super) fn planned(exchange: &Exchange<'_>, plan: &Plan, body: &'static str) -> Option<StoredResponse> {
    let fields = FieldBlock::copy_of(exchange.response).ok()?;
    let vary = VaryKey::of(&plan.vary, |name| vary::normalised(exchange.request, name));
    let own = page(&HeaderMap::new(), body);
    Some(StoredResponse::of(Parts {
        status: exchange.status,
        etag: exchange.response.get(header::ETAG).cloned().unwrap_or_else(|| own.etag()),
        fields,
        vary,
        lifetime: plan.lifetime,
        ..own.to_parts()
    }))
}

/// A stored 200 with these fields, fresh for a minute from noon.
pub(super) fn page(fields: &HeaderMap, body: &'static str) -> StoredResponse {
    let target = Target { scheme: Scheme::Https, host: "shop.example".into(), path: "/products/1".into(), query: None };
    let body = StoredBody::whole(Bytes::from_static(body.as_bytes()));
    StoredResponse::of(Parts {
        cache: CacheName::Products,
        key: Key::new(&target, &[], None),
        vary: VaryKey::default(),
        generation: 11,
        status: StatusCode::OK,
        etag: fields.get(header::ETAG).cloned().unwrap_or_else(|| respond::etag_of_body(&body)),
        fields: FieldBlock::copy_of(fields).unwrap_or_default(),
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

/// Status, fields and content of a response that is there as a whole.
pub(super) fn read(response: Response<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let (head, body) = response.into_parts();
    let mut body = pin!(body.collect());
    match Future::poll(body.as_mut(), &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(body)) => (head.status, head.headers, body.to_bytes()),
        _ => panic!("a stored body is there"),
    }
}
