//! Cache-Control and CDN-Cache-Control: garbage makes a response less cacheable, never more.

use super::reading::{Member, members};
use super::scene::{Head, LONGEST, NOON, cookies, directives_of, exchange, rule, terms, under, values};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::time::Duration;
use vitrine::headers::CDN_CACHE_CONTROL;
use vitrine::policy::directives::CacheControl;
use vitrine::policy::storing;

/// Any Cache-Control lines.
pub(super) fn of_all(bytes: &[u8]) {
    let lines = values(bytes);
    let own = directives_of(&under(&header::CACHE_CONTROL, &lines));
    let read: Option<Vec<Vec<Member>>> = lines.iter().map(|line| members(line.to_str().ok()?)).collect();
    match read {
        None => assert!(own.garbled, "what is no list of directives is told: {lines:?}"),
        Some(read) => as_strict_as(&own, &read.concat()),
    }
    assert!(own.stated_lifetime().is_none_or(|fresh| fresh <= LONGEST));
    let upper: Vec<HeaderValue> =
        lines.iter().filter_map(|line| HeaderValue::from_bytes(&line.as_bytes().to_ascii_uppercase()).ok()).collect();
    assert_eq!(directives_of(&under(&header::CACHE_CONTROL, &upper)), own, "the case of names says nothing");
    more_says_less(&lines);
}

/// What a strict reading says, or less cacheable.
fn as_strict_as(own: &CacheControl, read: &[Member]) {
    let strict = strictly(read);
    if read.iter().all(|member| !member.is_odd) {
        assert_eq!(*own, strict, "{read:?}");
        return;
    }
    assert!(!own.garbled, "odd arguments are told by their directive alone: {read:?}");
    let vetoes = |of: &CacheControl| [of.no_store, of.private, of.no_cache, of.must_revalidate];
    assert!(vetoes(own).iter().zip(vetoes(&strict)).all(|(own, strict)| *own || !strict), "{read:?}");
    assert!(!own.public || strict.public, "{read:?}");
    assert!(!own.must_understand || strict.must_understand, "{read:?}");
    let seconds = |of: &CacheControl| [of.s_maxage, of.max_age, of.stale_while_revalidate, of.stale_if_error];
    for (own, strict) in seconds(own).iter().zip(seconds(&strict)) {
        assert!(*own <= strict && own.is_some() == strict.is_some(), "{read:?}");
    }
}

/// RFC 9111 5.2.2, with every doubt against storing; the first of several lifetimes counts.
fn strictly(read: &[Member]) -> CacheControl {
    let all = |name: &'static str| read.iter().filter(move |member| member.name == name);
    let bare = |name| all(name).any(|member| member.argument.is_none());
    let seconds = |name| all(name).next().map(|member| delta_seconds(member.argument.as_deref().unwrap_or_default()));
    let names = |member: &Member| -> Option<Vec<HeaderName>> {
        member.argument.as_ref()?.split(',').map(|name| name.trim().parse().ok()).collect()
    };
    let is_whole = |name| all(name).any(|member| names(member).is_none());
    let qualified = read.iter().filter(|member| member.name == "private" || member.name == "no-cache");
    CacheControl {
        s_maxage: seconds("s-maxage"),
        max_age: seconds("max-age"),
        no_store: all("no-store").next().is_some(),
        must_understand: bare("must-understand"),
        private: is_whole("private"),
        no_cache: is_whole("no-cache"),
        unkept_fields: qualified.filter_map(names).flatten().collect(),
        public: bare("public"),
        must_revalidate: all("must-revalidate").chain(all("proxy-revalidate")).next().is_some(),
        stale_while_revalidate: seconds("stale-while-revalidate"),
        stale_if_error: seconds("stale-if-error"),
        ..CacheControl::default()
    }
}

/// RFC 9111 1.2.2; what is no number is stale.
fn delta_seconds(text: &str) -> Duration {
    if text.is_empty() || text.bytes().any(|byte| !byte.is_ascii_digit()) {
        return Duration::ZERO;
    }
    Duration::from_secs(text.parse::<u128>().unwrap_or(u128::MAX).min(1 << 31) as u64)
}

/// Whatever lines come behind others, they lift no refusal but by must-understand, and change no lifetime but by s-maxage.
fn more_says_less(lines: &[HeaderValue]) {
    let storable = |lines: &[HeaderValue]| {
        let mut response = under(&header::CACHE_CONTROL, lines);
        response.insert(header::ETAG, HeaderValue::from_static("\"1\""));
        let request = HeaderMap::new();
        storing::decide(&exchange(StatusCode::OK, &request, &response), &terms(&rule(Some(60)), cookies())).ok()
    };
    for count in 0..lines.len() {
        let (fewer, more) = (storable(&lines[..count]), storable(&lines[..=count]));
        let told = directives_of(&under(&header::CACHE_CONTROL, &lines[..=count]));
        assert!(more.is_none() || fewer.is_some() || told.must_understand, "{lines:?}");
        if let (Some(fewer), Some(more)) = (fewer, more) {
            let before = directives_of(&under(&header::CACHE_CONTROL, &lines[..count]));
            let is_stated = before.stated_lifetime().is_some() && before.s_maxage == told.s_maxage;
            assert!(!is_stated || fewer.lifetime.fresh == more.lifetime.fresh, "{lines:?}");
            assert!(
                more.omit.starts_with(&fewer.omit) && more.lifetime.validate_always >= fewer.lifetime.validate_always
            );
        }
    }
}

/// CDN-Cache-Control lines beside others: they count alone, or not at all.
pub(super) fn targeted(bytes: &[u8]) {
    let head = Head::of(bytes);
    let own = directives_of(&head.fields);
    let mut without = head.fields.clone();
    without.remove(CDN_CACHE_CONTROL);
    if own.targeted {
        let alone: Vec<HeaderValue> = head.fields.get_all(CDN_CACHE_CONTROL).iter().cloned().collect();
        assert_eq!(own, directives_of(&under(&CDN_CACHE_CONTROL, &alone)), "it alone counts");
        assert!(own.stated_lifetime().is_none_or(|fresh| fresh <= LONGEST) && !own.garbled);
    } else {
        assert_eq!(own, directives_of(&without), "what is invalid does not count");
    }
    if let Some(simple) = simply(&head.fields) {
        assert_eq!(own, simple);
    }
    refused_as_told(&head.fields, &own);
}

/// The dictionary (RFC 8941 3.2) where its members are nothing but integers and booleans; none where it is more than that.
fn simply(fields: &HeaderMap) -> Option<CacheControl> {
    let lines: Option<Vec<&str>> = fields.get_all(CDN_CACHE_CONTROL).iter().map(|line| line.to_str().ok()).collect();
    let field = lines.filter(|lines| !lines.is_empty() && lines.iter().all(|line| !line.is_empty()))?.join(",");
    let mut own = CacheControl { targeted: true, ..CacheControl::default() };
    let mut last: Vec<(&str, &str)> = Vec::new();
    for member in field.split(',') {
        let (name, value) = member.trim_matches([' ', '\t']).split_once('=').unwrap_or((member.trim(), "?1"));
        let is_key = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c));
        let digits = value.strip_prefix('-').unwrap_or(value);
        let is_integer = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_key || !(is_integer || value == "?0" || value == "?1") {
            return None;
        }
        last.retain(|(own, _)| *own != name);
        last.push((name, value));
    }
    for (name, value) in last {
        let is_set = value == "?1";
        let is_flag = value.starts_with('?');
        let seconds = || Some(value.strip_prefix('-').map_or(delta_seconds(value), |_| Duration::ZERO));
        match name {
            "s-maxage" | "max-age" | "stale-while-revalidate" | "stale-if-error" if is_flag => return None,
            "s-maxage" => own.s_maxage = seconds(),
            "max-age" => own.max_age = seconds(),
            "stale-while-revalidate" => own.stale_while_revalidate = seconds(),
            "stale-if-error" => own.stale_if_error = seconds(),
            "no-store" | "must-understand" | "public" | "must-revalidate" | "proxy-revalidate" | "private"
            | "no-cache"
                if !is_flag =>
            {
                return None;
            }
            "no-store" => own.no_store = is_set,
            "must-understand" => own.must_understand = is_set,
            "public" => own.public = is_set,
            "must-revalidate" | "proxy-revalidate" => own.must_revalidate |= is_set,
            "private" => own.private = is_set,
            "no-cache" => own.no_cache = is_set,
            _ => {}
        }
    }
    Some(own)
}

/// What the directives forbid is not stored, whatever else is there.
fn refused_as_told(fields: &HeaderMap, own: &CacheControl) {
    let request = HeaderMap::new();
    let plan = storing::decide(&exchange(StatusCode::OK, &request, fields), &terms(&rule(Some(60)), cookies()));
    let Ok(plan) = plan else { return };
    assert!(!own.private && !own.garbled && (!own.no_store || own.must_understand), "{fields:?}");
    assert!(!own.no_cache || plan.lifetime.validate_always, "{fields:?}");
    assert!(own.stated_lifetime().is_none_or(|stated| stated == plan.lifetime.fresh), "{fields:?}");
    assert!(plan.lifetime.received == NOON && plan.omit == own.unkept_fields);
}
