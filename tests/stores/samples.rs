//! Stored responses to put in, plain ones and arbitrary ones.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::Timestamp;
use vitrine::coding::Coding;
use vitrine::csrf::CookieForm;
use vitrine::key::{Key, Scheme, Target};
use vitrine::ledger::{Epoch, Stamp};
use vitrine::stored::{
    Coded, CodedForm, FieldBlock, Lifetime, LifetimeFrom, Packed, Parts, Piece, RuleFingerprint, StoredBody,
    StoredResponse, VaryKey,
};
use vitrine::tags::{Tag, Tags};

/// When the held clocks of these tests begin.
pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

/// The key of a path, with a query where the text has one.
pub(crate) fn key(url: &str) -> Key {
    let text = Target::parse(url).unwrap();
    let host = text.host.unwrap_or_else(|| "shop.example".into());
    let target = Target { scheme: Scheme::Https, host, path: text.path, query: text.query };
    Key::new(&target, &[], None)
}

/// A plain response under that URL, each time of a new generation.
pub(crate) fn response(cache: CacheName, url: &str, body: impl Into<Bytes>) -> Parts {
    static GENERATION: AtomicU64 = AtomicU64::new(1);
    let mut fields = HeaderMap::new();
    fields.append("content-type", HeaderValue::from_static("text/html"));
    Parts {
        cache,
        key: key(url),
        vary: VaryKey::default(),
        generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        status: StatusCode::OK,
        fields: FieldBlock::copy_of(&fields).unwrap(),
        body: StoredBody::whole(body.into()),
        form_cookie: None,
        coded: Coded::No,
        etag: HeaderValue::from_static("\"1\""),
        lifetime: lifetime(Duration::from_hours(24)),
        stamp: Stamp::of(Epoch(1), 0),
        tags: tags(&["route:test"]),
        route: "test".into(),
        rule: RuleFingerprint(7),
        origin_time: Duration::from_millis(40),
    }
}

pub(crate) fn lifetime(keep: Duration) -> Lifetime {
    Lifetime {
        received: START,
        initial_age: Duration::ZERO,
        fresh: Duration::from_mins(5),
        stale_while_revalidate: Duration::from_secs(10),
        stale_if_error: Duration::from_secs(20),
        keep,
        from: LifetimeFrom::Rule,
        validate_always: false,
    }
}

pub(crate) fn tags(texts: &[&str]) -> Tags {
    Tags::collect(texts.iter().map(|text| Tag::new(text).unwrap())).unwrap()
}

/// A Vary key of one field.
pub(crate) fn vary(value: &'static str) -> VaryKey {
    VaryKey::of(&[HeaderName::from_static("accept-language")], |_| Some(Bytes::from_static(value.as_bytes())))
}

/// Everything that is stored of a response; two are the same where this is.
pub(crate) fn told(response: &StoredResponse) -> String {
    // Destructured, so that a new field cannot be forgotten here.
    let Parts {
        cache,
        key,
        vary,
        generation,
        status,
        fields,
        body,
        form_cookie,
        coded,
        etag,
        lifetime,
        stamp,
        tags,
        route,
        rule,
        origin_time,
    } = response.to_parts();
    format!(
        "{cache} {:?} {vary:?} {generation} {status} {fields:?} {body:?} {form_cookie:?} {coded:?} {etag:?} {lifetime:?} {stamp:?} {tags:?} {route} \
         {rule:?} {origin_time:?}",
        key.as_bytes()
    )
}

/// Any response that could be stored.
pub(crate) fn any_response() -> impl Strategy<Value = Parts> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let names = (0..3_usize, "[a-z0-9/]{0,40}", proptest::option::of("[a-z=&]{0,20}"), "[a-zéß-]{0,12}", 100..1000_u16);
    let lists = (
        vec(("[a-z-]{1,12}", vec(prop_oneof![32..127_u8, 128..=255_u8], 0..30)), 0..8),
        vec(("[a-z-]{1,12}", proptest::option::of(vec(33..127_u8, 0..12))), 0..4),
        vec("[a-z:0-9]{1,20}", 0..6),
        (vec(proptest::option::weighted(0.8, vec(any::<u8>(), 0..300)), 0..6), any::<bool>(), any_coded()),
    );
    (numbers, names, lists, any_lifetime(), any::<u32>(), "[ -~]{0,20}").prop_map(
        |(numbers, names, lists, lifetime, origin_us, etag)| {
            let (generation, epoch, position, rule, _) = numbers;
            let (cache, path, query, route, status) = names;
            let (fields, vary, tags, (pieces, has_cookie, coded)) = lists;
            let has_tokens = pieces.contains(&None);
            let pieces =
                pieces.into_iter().map(|piece| piece.map_or(Piece::Token, |piece| Piece::Shared(piece.into())));
            let body = StoredBody::of_pieces(pieces.collect());
            // A page with tokens has places for them in gzip, and no other forms.
            let packed = Packed { body: body.clone(), checksum: origin_us, factor: 7, length: 8 };
            let coded = match coded {
                Coded::Made(forms) if has_tokens && !forms.is_empty() => {
                    Coded::Made([CodedForm::Packed(packed)].into())
                }
                coded => coded,
            };
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(&value).unwrap());
            }
            let names: Vec<HeaderName> = vary.iter().map(|(name, _)| HeaderName::try_from(name).unwrap()).collect();
            let value = |name: &HeaderName| vary.iter().find(|(own, _)| own == name.as_str()).unwrap().1.clone();
            let target = Target {
                scheme: Scheme::Http,
                host: "shop.example:8080".into(),
                path: format!("/{path}").into(),
                query: query.map(Into::into),
            };
            Parts {
                cache: CacheName::ALL[cache],
                key: Key::new(&target, &[("currency", "EUR")], Some("bn")),
                vary: VaryKey::of(&names, |name| value(name).map(Bytes::from)),
                generation,
                status: StatusCode::from_u16(status).unwrap(),
                fields: FieldBlock::copy_of(&map).unwrap(),
                body,
                coded,
                form_cookie: (has_cookie || has_tokens).then(|| CookieForm::usual("csrftoken")),
                etag: HeaderValue::try_from(etag).unwrap(),
                lifetime,
                stamp: Stamp::of(Epoch(epoch), position),
                tags: Tags::collect(tags.iter().map(|tag| Tag::new(tag).unwrap())).unwrap(),
                route: route.into(),
                rule: RuleFingerprint(rule),
                origin_time: Duration::from_micros(origin_us.into()),
            }
        },
    )
}

/// None, awaited, or each coding once at most.
fn any_coded() -> impl Strategy<Value = Coded> {
    let form = |coding| move |bytes: Option<Vec<u8>>| bytes.map(|bytes| CodedForm::Whole(coding, bytes.into()));
    let bytes = || proptest::option::of(vec(any::<u8>(), 0..200));
    let forms = Coding::ALL.map(|coding| bytes().prop_map(form(coding)));
    let made = forms.prop_map(|forms| Coded::Made(forms.into_iter().flatten().collect()));
    prop_oneof![Just(Coded::No), Just(Coded::Awaited), made]
}

fn any_lifetime() -> impl Strategy<Value = Lifetime> {
    // Whole milliseconds, as they are kept.
    let duration = || any::<u64>().prop_map(Duration::from_millis);
    let durations = (duration(), duration(), duration(), duration(), duration());
    (any::<u64>(), durations, 0..3_u8, any::<bool>()).prop_map(|(received, durations, from, validate_always)| {
        let (initial_age, fresh, stale_while_revalidate, stale_if_error, keep) = durations;
        Lifetime {
            received: Timestamp(received),
            initial_age,
            fresh,
            stale_while_revalidate,
            stale_if_error,
            keep,
            from: match from {
                0 => LifetimeFrom::Origin,
                1 => LifetimeFrom::Rule,
                _ => LifetimeFrom::RuleNegative,
            },
            validate_always,
        }
    })
}

/// Bytes that do not compress and do not repeat, others for each seed.
pub(crate) fn noise(length: usize, seed: u64) -> Bytes {
    let mut state = seed * 2 + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect::<Vec<u8>>().into()
}

/// The same, shared.
pub(crate) fn shared(parts: Parts) -> Arc<StoredResponse> {
    Arc::new(StoredResponse::of(parts))
}
