//! Where a request goes and what of it is in the key: URLs and hosts, queries, cookies.

use super::scene::{Head, cookies as classes, globs};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use std::sync::LazyLock;
use vitrine::key::{Cookies, Key, QueryRules, Scheme, Target, all_values_of, each_once, sets_one_of};
use vitrine::policy::invalidation;

/// A URL as people write it; the same as a request's target and as a redirect's.
pub(super) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(read) = Target::parse(&text) {
        let query = read.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        for scheme in [Scheme::Http, Scheme::Https] {
            let host = read.host.as_ref().map(|host| format!("{}://{host}", scheme.as_str())).unwrap_or_default();
            let again = Target::parse(&format!("{host}{}{query}", read.path)).unwrap();
            assert_eq!((&again.path, &again.query), (&read.path, &read.query), "{text}");
            let is_default = |host: &str| host.ends_with(":80") || host.ends_with(":443");
            let host = read.host.clone().filter(|host| !is_default(host));
            assert!(host.is_none() || again.host == host, "{text}");
        }
        assert!(read.host.is_none_or(|host| !host.is_empty() && *host == *host.to_ascii_lowercase()));
        assert!(read.path.starts_with('/') && !read.path.contains(['#', '?']) && read.path.is_ascii());
    }
    let (uri, host) = text.split_once('\n').unwrap_or((&text, "shop.example"));
    requested(uri, host);
    redirected(&text);
}

/// A request line's target, with a Host field.
fn requested(uri: &str, host: &str) {
    let (Ok(uri), Ok(host)) = (uri.parse::<Uri>(), HeaderValue::from_str(host)) else { return };
    let Ok(mut request) = Request::builder().uri(uri).header(header::HOST, host).body(()) else { return };
    let Ok(target) = Target::of(&request, Scheme::Https) else { return };
    *request.headers_mut() = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(&target.host).unwrap())]);
    *request.uri_mut() = target.path_and_query().parse().unwrap();
    let again = Target::of(&request, Scheme::Https).unwrap();
    assert_eq!(again, target, "what is sent on is what was judged");
    *request.uri_mut() = target.to_string().parse().unwrap();
    assert_eq!(Target::of(&request, Scheme::Https).unwrap(), target, "in absolute form too");
    let key = Key::new(&target, &[], None);
    assert_eq!((key.host(), key.path(), key.query()), (&*target.host, &*target.path, target.query.as_deref()));
    assert_eq!(Key::from_bytes(key.as_bytes()), Some(key));
    let by_hand = Target::parse(&target.to_string()).unwrap();
    assert_eq!((by_hand.host, by_hand.path, by_hand.query), (Some(target.host), target.path, target.query));
}

/// A Location lets nothing go but of the host that it came from, and never what is no path.
fn redirected(reference: &str) {
    let own = Target { scheme: Scheme::Https, host: "shop.example".into(), path: "/a/b".into(), query: None };
    let names_other = Target::parse(reference).is_ok_and(|url| url.host.is_some_and(|host| host != own.host));
    let Ok(reference) = HeaderValue::from_str(reference) else { return };
    let fields = HeaderMap::from_iter([(header::LOCATION, reference.clone()), (header::CONTENT_LOCATION, reference)]);
    let let_go = invalidation::targets(&Method::POST, &own, Some((StatusCode::CREATED, &fields)), false);
    assert!((1..=2).contains(&let_go.len()) && (!names_other || let_go.len() == 1), "{fields:?}");
    for url in let_go {
        assert!(url.host.as_deref() == Some("shop.example") && url.path.starts_with('/'), "{fields:?}");
        assert!(!url.path.split('/').any(|segment| segment == ".." || segment == "."), "{fields:?}");
    }
}

static RULES: LazyLock<QueryRules> = LazyLock::new(|| QueryRules { ignore: globs(&["utm_*", "gclid", "f?clid"]) });
static ALL_IGNORED: LazyLock<QueryRules> = LazyLock::new(|| QueryRules { ignore: globs(&["*"]) });

/// A query: nothing is kept that was not there, and what is kept is kept again.
pub(super) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let rules = if text.starts_with("all") { &ALL_IGNORED } else { &RULES };
    let kept = rules.keep(Some(&text));
    assert_eq!(kept.as_deref().map_or(Some(None), |kept| Some(rules.keep(Some(kept)))), Some(kept.clone()), "{text}");
    let all: Vec<&str> = text.split('&').collect();
    let mut left = all.iter();
    for parameter in kept.as_deref().map(|kept| kept.split('&')).into_iter().flatten() {
        assert!(left.any(|own| *own == parameter), "in their order: {text}");
    }
    let kept: Vec<&str> = kept.as_deref().map(|kept| kept.split('&').collect()).unwrap_or_default();
    for parameter in
        all.iter().filter(|parameter| parameter.contains(';') || parameter.to_ascii_uppercase().contains("%26"))
    {
        assert!(kept.contains(parameter), "what hides another is kept: {text}");
    }
    assert!(all.iter().filter(|own| kept.contains(own)).count() == kept.len(), "each as often as it came: {text}");
}

/// A request's and a response's cookies: however they are written, no session's is missed.
pub(super) fn cookies(bytes: &[u8]) {
    let (fields, classes) = (Head::of(bytes).fields, classes());
    let every = all_values_of(&classes.session, &fields);
    if let Ok(read) = Cookies::of(&fields) {
        let sorted = read.sorted(classes);
        assert!(sorted.session.iter().all(|(_, value)| every.contains(value)), "{fields:?}");
        let joined: Vec<&str> = fields.get_all(header::COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        let one = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&joined.join("; ")).unwrap())]);
        assert_eq!(Cookies::of(&one).unwrap().sorted(classes), sorted, "one line or many");
        let mut turned: Vec<&str> = joined.iter().flat_map(|line| line.split(';')).collect();
        turned.reverse();
        let turned = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&turned.join(";")).unwrap())]);
        assert_eq!(Cookies::of(&turned).unwrap().sorted(classes), sorted, "in any order");
        for list in [&sorted.session, &sorted.personal, &sorted.key, &sorted.form_token] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]));
            let names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
            assert_eq!(each_once(list).is_ok(), names.windows(2).all(|pair| pair[0] != pair[1]));
        }
        keyed_apart(&sorted.key);
    }
    set_by_others(&fields);
}

/// Two lists of cookies have one key only where they are one list.
fn keyed_apart(cookies: &[(&str, &str)]) {
    let target = Target { scheme: Scheme::Https, host: "a".into(), path: "/".into(), query: None };
    let key = Key::new(&target, cookies, None);
    for end in 0..cookies.len() {
        assert_ne!(Key::new(&target, &cookies[..end], None), key);
    }
    let text = cookies.iter().map(|(name, value)| [name, "=", value].concat()).collect::<Vec<_>>().join("; ");
    assert!(cookies.is_empty() || Key::new(&target, &[("currency", &text)], None) != key);
    assert_ne!(Key::new(&target, cookies, Some("c")), key);
}

/// Each Set-Cookie more makes less of a response.
fn set_by_others(fields: &HeaderMap) {
    let (classes, sessions) = (classes(), &classes().session);
    let lines: Vec<HeaderValue> = fields.get_all(header::SET_COOKIE).iter().cloned().collect();
    let of = |lines: &[HeaderValue]| lines.iter().map(|line| (header::SET_COOKIE, line.clone())).collect::<HeaderMap>();
    let is_seen = |line: &HeaderValue| {
        let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        std::str::from_utf8(pair).is_ok_and(|pair| pair.split_once('=').is_some_and(|(name, _)| name.trim() == "seen"))
    };
    assert_eq!(classes.may_drop_all(&of(&lines)), lines.iter().all(is_seen), "only what is listed: {lines:?}");
    let mut second = of(&lines);
    second.insert("set-cookie2", HeaderValue::from_static("seen=1"));
    assert!(!classes.may_drop_all(&second) && !classes.may_drop_all_of_own(&second, fields));
    for end in 0..lines.len() {
        let (fewer, more) = (of(&lines[..end]), of(&lines[..=end]));
        assert!(classes.may_drop_all(&fewer) || !classes.may_drop_all(&more), "{lines:?}");
        assert!(classes.may_drop_all_of_own(&fewer, fields) || !classes.may_drop_all_of_own(&more, fields));
        assert!(sets_one_of(sessions, &more) >= sets_one_of(sessions, &fewer));
        assert!(!sets_one_of(sessions, &more) || !classes.may_drop_all(&more), "no session's is dropped: {lines:?}");
    }
}
