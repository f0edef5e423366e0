//! What holds of the policy whatever the fields, times and rules are.

use super::exchanges::{NOON, RULE, cookies, directives_of, exchange, rule, stored, terms};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::headers::{AcceptedCodings, CACHE_GROUP_INVALIDATION, CACHE_GROUPS, CDN_CACHE_CONTROL};
use vitrine::key::{Cookies, Key, Scheme, Target, all_values_of};
use vitrine::ledger::{Epoch, Stamp, Standing, Trust};
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::policy::validation::Told;
use vitrine::policy::{
    Exchange, LifetimeRule, Reuse, Wishes, age, groups, invalidation, reuse, stale, storing, validation, vary,
};
use vitrine::respond;
use vitrine::stored::{FieldBlock, Lifetime, Parts, StoredBody, StoredResponse, VaryKey};

/// Longer than any age (RFC 9111 1.2.2).
const LONGEST: Duration = Duration::from_secs(1 << 31);
const HIT: Outcome = Outcome::new(Kind::Hit, Reason::Fresh);
const TEXTS: [&str; 24] = [
    "max-age=60",
    "max-age=0",
    "s-maxage=30",
    "max-age=2147483648",
    "max-age=60, stale-while-revalidate=10",
    "max-age=5, stale-if-error=600",
    "must-revalidate",
    "no-cache",
    "no-store",
    "private",
    "private=\"x-a\"",
    "public",
    "must-understand, no-store",
    "\"1\"",
    "W/\"1\"",
    "Tue, 24 Nov 2026 12:00:00 GMT",
    "Tue, 24 Nov 2026 11:00:00 GMT",
    "Tuesday, 24-Nov-26 13:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "30",
    "99999999999999999999",
    "accept, accept-language",
    "*",
    "seen=1",
];

/// Whatever a field's value can hold.
fn any_value() -> impl Strategy<Value = HeaderValue> {
    let bytes =
        prop_oneof![5 => 0x20..0x7f_u8, 1 => Just(b'\t'), 1 => Just(b'"'), 1 => Just(b','), 1 => 0x80..=0xff_u8];
    vec(bytes, 0..60).prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

/// A response's fields: some that are understood, in any combination, with values that belong there or not.
fn any_fields() -> impl Strategy<Value = HeaderMap> {
    let names = prop::sample::select(vec![
        header::CACHE_CONTROL,
        header::CACHE_CONTROL,
        CDN_CACHE_CONTROL,
        header::EXPIRES,
        header::DATE,
        header::AGE,
        header::ETAG,
        header::LAST_MODIFIED,
        header::VARY,
        header::SET_COOKIE,
        header::CONTENT_ENCODING,
        header::PRAGMA,
    ]);
    let text = prop::sample::select(TEXTS.to_vec()).prop_map(HeaderValue::from_static);
    vec((names, prop_oneof![8 => text, 1 => any_value()]), 0..8).prop_map(HeaderMap::from_iter)
}

fn any_rule() -> impl Strategy<Value = LifetimeRule> {
    let seconds = || option::of((0..1_000_000_u64).prop_map(Duration::from_secs));
    let keep = (0..u64::from(u32::MAX)).prop_map(Duration::from_secs);
    (seconds(), seconds(), seconds(), seconds(), any::<bool>(), keep).prop_map(
        |(ttl, negative_ttl, stale_while_revalidate, stale_if_error, override_origin, max_keep)| LifetimeRule {
            ttl,
            negative_ttl,
            stale_while_revalidate,
            stale_if_error,
            statuses: None,
            override_origin,
            max_keep,
        },
    )
}

/// What is stored of such an exchange, received then.
fn kept(status: u16, fields: &HeaderMap, rule: &LifetimeRule, took_ms: u64) -> Option<StoredResponse> {
    let request = HeaderMap::new();
    let received = Timestamp(NOON.0 + took_ms);
    let own = Exchange { received, received_wall: received, ..exchange(status, &request, fields) };
    let plan = storing::decide(&own, &terms(rule, &cookies())).ok()?;
    Some(with(&plan.lifetime, fields))
}

fn with(lifetime: &Lifetime, fields: &HeaderMap) -> StoredResponse {
    let own = stored(&[], "0123456789");
    StoredResponse::of(Parts {
        etag: fields.get(header::ETAG).cloned().unwrap_or_else(|| own.etag()),
        fields: FieldBlock::copy_of(fields).unwrap(),
        lifetime: *lifetime,
        ..own.to_parts()
    })
}

/// Moments around each end of a lifetime, and any other.
fn moments(own: &Lifetime, any: u64) -> Vec<Timestamp> {
    let ends = [own.fresh, own.fresh + own.stale_while_revalidate, own.fresh + own.stale_if_error];
    let ends = ends.iter().map(|end| end.saturating_sub(own.initial_age)).chain([own.keep, Duration::from_millis(any)]);
    let mut all: Vec<Timestamp> = ends
        .flat_map(|end| [end.saturating_sub(Duration::from_millis(1)), end, end + Duration::from_millis(1)])
        .map(|after| own.received.plus(after))
        .collect();
    all.sort_unstable();
    all
}

proptest! {
    #[test]
    fn nothing_is_fresh_at_its_lifetime_or_stale_outside_of_its_windows(
        status in 200..600_u16,
        fields in any_fields(),
        rule in any_rule(),
        took_ms in 0..100_000_u64,
        any in any::<u32>(),
    ) {
        let Some(stored) = kept(status, &fields, &rule, took_ms) else { return Ok(()) };
        let own = stored.lifetime();
        for now in moments(&own, any.into()) {
            let (age, staleness) = (own.age(now), own.staleness(now));
            prop_assert!(own.is_fresh(now) == (age < own.fresh), "{own:?} {now:?}");
            match reuse::decide(&stored, Trust::Whole, Standing::Valid, RULE, &Wishes::NONE, now) {
                Reuse::Serve => prop_assert!(age < own.fresh && !own.validate_always),
                Reuse::ServeStale(_) => prop_assert!(staleness <= own.stale_while_revalidate && !own.validate_always),
                Reuse::Validate(_) | Reuse::Fetch(_) | Reuse::Pass(_) => {}
            }
            let soft = reuse::decide(&stored, Trust::Whole, Standing::Soft, RULE, &Wishes::NONE, now);
            prop_assert_ne!(soft, Reuse::Serve, "not after a soft purge");
            let unsure = reuse::decide(&stored, Trust::Revalidate, Standing::Valid, RULE, &Wishes::NONE, now);
            prop_assert!(!matches!(unsure, Reuse::Serve | Reuse::ServeStale(_)), "not while nobody vouches for it");
            if stale::may_answer_failure(&stored, Standing::Valid, RULE, now) {
                prop_assert!(staleness <= own.stale_if_error && now < own.keep_until() && !own.validate_always);
            }
        }
    }

    #[test]
    fn a_veto_is_a_veto(status in 200..600_u16, mut fields in any_fields(), rule in any_rule(), veto in 0..3_usize) {
        let directives = directives_of(&fields);
        let (name, value) = [("cache-control", "private"), ("set-cookie", "sessionid=1"), ("vary", "*")][veto];
        fields.append(name, HeaderValue::from_static(value));
        prop_assert!(kept(status, &fields, &rule, 0).is_none() || (directives.targeted && name == "cache-control"));
    }

    #[test]
    fn ages_grow_with_time_and_start_where_the_fields_say(
        fields in any_fields(),
        took_ms in 0..u64::from(u32::MAX),
        skew_ms in any::<u32>(),
        later in vec(any::<u64>(), 2..6),
    ) {
        let request = HeaderMap::new();
        let received = Timestamp(NOON.0 + took_ms);
        let received_wall = Timestamp(NOON.0 + u64::from(skew_ms));
        let own = Exchange { received, received_wall, ..exchange(200, &request, &fields) };
        let initial_age = age::corrected_initial_age(&own);
        prop_assert!(initial_age >= Duration::from_millis(took_ms).min(LONGEST) && initial_age <= LONGEST);
        let lifetime = Lifetime { received, initial_age, ..stored(&[], "x").lifetime() };
        let mut later: Vec<Timestamp> = later.into_iter().map(Timestamp).collect();
        later.sort_unstable();
        let ages: Vec<Duration> = later.iter().map(|now| lifetime.age(*now)).collect();
        prop_assert!(ages.is_sorted() && ages[0] >= initial_age);
        prop_assert!(later.iter().rev().map(|now| lifetime.ttl_ms(*now)).is_sorted());
    }

    #[test]
    fn lifetimes_and_ages_saturate(
        number in "0{0,5}[1-9][0-9]{0,40}",
        directive in prop::sample::select(vec!["max-age", "s-maxage"]),
    ) {
        let expected = number.parse::<u128>().map_or(1 << 31, |number| number.min(1 << 31));
        let expected = Duration::from_secs(u64::try_from(expected).unwrap());
        let line = HeaderValue::try_from(format!("{directive}={number}")).unwrap();
        let told = directives_of(&HeaderMap::from_iter([(header::CACHE_CONTROL, line.clone())])).stated_lifetime();
        prop_assert_eq!(told, Some(expected));
        let aged = HeaderMap::from_iter([(header::AGE, HeaderValue::try_from(&number).unwrap())]);
        prop_assert_eq!(age::corrected_initial_age(&exchange(200, &HeaderMap::new(), &aged)), expected);
        // A structured integer has up to 15 digits; with more the field is none.
        let targeted = directives_of(&HeaderMap::from_iter([(CDN_CACHE_CONTROL, line)]));
        prop_assert_eq!(targeted.stated_lifetime(), (number.len() <= 15).then_some(expected));
    }

    #[test]
    fn a_304_makes_nothing_fresher_than_what_it_leaves_says(
        first in any_fields(), told in any_fields(), rule in any_rule(),
    ) {
        let request = HeaderMap::new();
        let later = NOON.plus(Duration::from_hours(1));
        let own = with(&stored(&[], "x").lifetime(), &first);
        let exchange =
            Exchange { requested: later, received: later, received_wall: later, ..exchange(304, &request, &told) };
        let stamp = Stamp::of(Epoch(1), 9);
        let cookies = cookies();
        let terms = terms(&rule, &cookies);
        let told = Told { exchange: &exchange, terms: &terms, tags: Vec::new(), stamp, generation: 2 };
        let fresh = validation::freshen(&own, told);
        let Ok(fresh) = fresh else { return Ok(()) };
        let left = fresh.fields().to_map();
        let alone = Exchange { status: fresh.status, response: &left, ..exchange };
        let plan = storing::decide(&alone, &terms);
        prop_assert_eq!(plan.map(|plan| plan.lifetime), Ok(fresh.lifetime()));
        prop_assert!(!left.contains_key(header::SET_COOKIE) && fresh.body == own.body && fresh.stamp == stamp);
    }

    #[test]
    fn vary_and_keys_match_from_both_sides(
        names in vec(prop::sample::select(vec!["accept", "accept-language", "x-a"]), 0..4),
        one in vec((prop::sample::select(vec!["accept", "accept-language", "x-a"]), any_value()), 0..4),
        other in vec((prop::sample::select(vec!["accept", "accept-language", "x-a"]), any_value()), 0..4),
        same in any::<bool>(),
    ) {
        let map = |lines: &[(&'static str, HeaderValue)]| {
            let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.clone()));
            lines.collect::<HeaderMap>()
        };
        let (one, other) = (map(&one), map(if same { &one } else { &other }));
        let names: Vec<HeaderName> = names.iter().map(|name| HeaderName::from_static(name)).collect();
        let key = |request: &HeaderMap| VaryKey::of(&names, |name| vary::normalised(request, name));
        let matches = |key: &VaryKey, request: &HeaderMap| key.matches(|name| vary::normalised(request, name));
        prop_assert_eq!(matches(&key(&one), &other), matches(&key(&other), &one));
        prop_assert_eq!(matches(&key(&one), &other), key(&one) == key(&other));
        prop_assert!(matches(&key(&one), &one) && (!same || matches(&key(&one), &other)));
    }

    #[test]
    fn among_variants_of_any_names_a_request_selects_what_matches_it_and_was_stored_last(
        made_for in vec((vec(prop::sample::select(vec!["accept", "x-a"]), 0..3), vec(("accept|x-a", "[ab]"), 0..3)), 0..9),
        asked in vec(("accept|x-a", "[ab]"), 0..3),
    ) {
        let map = |lines: &[(String, String)]| {
            let lines = lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            lines.collect::<HeaderMap>()
        };
        let variants: Vec<Arc<StoredResponse>> = (0..).zip(&made_for).map(|(generation, (names, lines))| {
            let (names, request) = (names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>(), map(lines));
            let vary = VaryKey::of(&names, |name| vary::normalised(&request, name));
            Arc::new(StoredResponse::of(Parts { vary, generation, ..stored(&[], "").to_parts() }))
        }).collect();
        let request = map(&asked);
        let as_sent = |name: &HeaderName| vary::normalised(&request, name);
        let first = variants.iter().find(|variant| variant.vary.matches(as_sent));
        let selected = vary::select(&variants, as_sent).ok();
        prop_assert_eq!(selected.map(|selected| selected.generation), first.map(|first| first.generation));
    }

    #[test]
    fn keys_are_the_same_only_for_the_same(
        one in any_key_parts(), other in any_key_parts(),
    ) {
        let key = |(host, path, query, cookies, language): &KeyParts| {
            let query = query.as_deref().map(Into::into);
            let target = Target { scheme: Scheme::Https, host: (**host).into(), path: (**path).into(), query };
            let cookies: Vec<(&str, &str)> = cookies.iter().map(|(name, value)| (&**name, &**value)).collect();
            Key::new(&target, &cookies, language.as_deref())
        };
        prop_assert_eq!(key(&one) == key(&other), one == other);
        prop_assert_eq!(key(&one), key(&one));
        prop_assert_eq!(Key::from_bytes(key(&one).as_bytes()), Some(key(&one)));
    }

    #[test]
    fn if_none_match_beats_if_modified_since(
        tag in prop::sample::select(vec!["\"1\"", "W/\"1\"", "\"2\"", "*", "odd", ""]),
        since in prop_oneof![prop::sample::select(TEXTS.to_vec()).prop_map(HeaderValue::from_static), any_value()],
    ) {
        let page = stored(&[("etag", "\"1\""), ("last-modified", TEXTS[15])], "0123456789");
        let ask = |request: &HeaderMap| respond::stored(&page, None, &Method::GET, request, &HIT, NOON).status();
        let alone = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tag))]);
        let mut both = alone.clone();
        both.insert(header::IF_MODIFIED_SINCE, since);
        prop_assert_eq!(ask(&both), ask(&alone));
        let named = ["\"1\"", "W/\"1\"", "*"].contains(&tag);
        prop_assert_eq!(ask(&both), if named { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    }

    #[test]
    fn a_range_is_what_lies_between(first in 0..30_usize, length in 1..30_usize, total in 1..20_usize) {
        let text: Vec<u8> = (0..total).map(|at| b'a' + u8::try_from(at).unwrap()).collect();
        let body = StoredBody::whole(Bytes::from(text.clone()));
        let page = StoredResponse::of(Parts { body, ..stored(&[], "").to_parts() });
        let line = HeaderValue::try_from(format!("bytes={first}-{}", first + length - 1)).unwrap();
        let request = HeaderMap::from_iter([(header::RANGE, line)]);
        let (head, body) = respond::stored(&page, None, &Method::GET, &request, &HIT, NOON).into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
        if first >= total {
            prop_assert_eq!((head.status, bytes.len()), (StatusCode::RANGE_NOT_SATISFIABLE, 0));
        } else {
            prop_assert_eq!(head.status, StatusCode::PARTIAL_CONTENT);
            prop_assert_eq!(&bytes[..], &text[first..total.min(first + length)]);
        }
    }

    #[test]
    fn any_bytes_of_a_field_can_be_read(values in vec(any_value(), 0..4), any in any_value()) {
        let under = |name: &HeaderName| {
            let lines = values.iter().map(|value| (name.clone(), value.clone()));
            lines.collect::<HeaderMap>()
        };
        let of_lifetimes = [header::CACHE_CONTROL, CDN_CACHE_CONTROL, header::EXPIRES, header::DATE, header::AGE];
        for name in of_lifetimes.into_iter().chain([header::VARY]) {
            let fields = under(&name);
            let _ = (directives_of(&fields), age::date(&fields, &name, NOON), kept(200, &fields, &rule(Some(5)), 0));
        }
        for name in [HeaderName::from_static("surrogate-key"), CACHE_GROUPS, CACHE_GROUP_INVALIDATION] {
            let fields = under(&name);
            let _ = (groups::tags_of(&fields), invalidation::groups(&fields));
        }
        let classes = cookies();
        for name in [header::COOKIE, header::SET_COOKIE] {
            let fields = under(&name);
            let _ = (Cookies::of(&fields).map(|cookies| cookies.sorted(&classes)), classes.may_drop_all(&fields));
            let _ = all_values_of(&classes.session, &fields);
        }
        let page = stored(&[("etag", "\"1\"")], "0123456789");
        let conditions = [header::IF_NONE_MATCH, header::IF_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE];
        for name in conditions.into_iter().chain([header::RANGE, header::ACCEPT_ENCODING]) {
            let mut fields = under(&name);
            let _ = (AcceptedCodings::of(&fields), respond::stored(&page, None, &Method::GET, &fields, &HIT, NOON));
            fields.insert(header::RANGE, any.clone());
            let _ = respond::stored(&page, None, &Method::GET, &fields, &HIT, NOON);
        }
    }
}

type KeyParts = (String, String, Option<String>, Vec<(String, String)>, Option<String>);

/// Parts out of few letters, so that some are equal, and borders could be mistaken.
fn any_key_parts() -> impl Strategy<Value = KeyParts> {
    let cookies = vec(("[ab]{1,2}", "[abcl=; ]{0,2}"), 0..3);
    ("[ab]{1,2}", "/[ab?]{0,2}", option::of("[ab]{0,2}"), cookies, option::of("[al]{0,2}"))
}
