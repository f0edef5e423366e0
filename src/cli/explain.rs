//! `vitrine explain`.

use super::client::{Client, read, target};
use super::show::{plain, size};
use super::{Explain, Failure};
use crate::admin::{Explanation, GuardShown, KeyShown, StoredShown};
use std::fmt::Write as _;
use std::io::Write as _;

pub(super) async fn run(client: &Client, host: &str, explain: &Explain, json: bool) -> Result<(), Failure> {
    let url = if explain.url.starts_with('/') { format!("http://{host}{}", explain.url) } else { explain.url.clone() };
    let parameters = [
        ("url", Some(url.as_str())),
        ("cookie", explain.cookie.as_deref()),
        ("accept_language", explain.accept_language.as_deref()),
    ];
    let answer = client.get(&target("/api/v1/explain", &parameters)).await?;
    let text = if json { format!("{answer}\n") } else { shown(&read(answer)?) };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn shown(explanation: &Explanation) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{name:<9} {}", plain(value));
    };
    let verdict = &explanation.verdict;
    line("url", &explanation.url);
    line("route", &format!("{} (cache {}, for {})", explanation.route, explanation.cache, explanation.audience));
    line("origin", &explanation.origin);
    line("key", &explanation.key.as_ref().map_or_else(|| "none: the cache is not asked".into(), key_shown));
    line("tags", &explanation.tags.join(" "));
    if explanation.stored.is_empty() {
        line("stored", "nothing");
    }
    for stored in &explanation.stored {
        let mark = if stored.selected { "" } else { " (for other requests)" };
        line("stored", &format!("{}{mark}", stored_shown(stored)));
        line("", &format!("tags {}", stored.tags.join(" ")));
    }
    if let Some(guard) = &explanation.guard {
        line("guard", &guard_shown(guard));
        for place in &guard.places {
            line("", &format!("{}: {} | {}", place.place, place.first, place.second));
        }
    }
    line("verdict", &format!("{} ({}): {}", verdict.outcome, verdict.reason, verdict.because));
    out
}

fn key_shown(key: &KeyShown) -> String {
    let query = key.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let mut text = format!("{}://{}{}{query}", key.scheme, key.host, key.path);
    for (name, value) in &key.cookies {
        let _ = write!(text, " cookie {name}={value}");
    }
    if let Some(language) = &key.language {
        let _ = write!(text, " language {language}");
    }
    text
}

fn guard_shown(guard: &GuardShown) -> String {
    let mut text = guard.standing.clone();
    for (words, value) in [(" since ", &guard.since), (": two fetches differ of ", &guard.url), (": ", &guard.failed)] {
        if let Some(value) = value {
            let _ = write!(text, "{words}{value}");
        }
    }
    text
}

fn stored_shown(stored: &StoredShown) -> String {
    let mut text = format!(
        "{}, {}{}, age {}, {} by the {}, {} at ledger position {}",
        stored.status,
        size(stored.body_bytes),
        content_shown(stored),
        seconds(stored.age_ms),
        freshness(stored.ttl_ms),
        stored.lifetime_from,
        stored.standing,
        stored.stamp,
    );
    for (name, value) in &stored.vary {
        let _ = write!(text, ", vary {name}={}", value.as_deref().unwrap_or("(absent)"));
    }
    text
}

/// What is to be known of a body beside its size.
fn content_shown(stored: &StoredShown) -> String {
    let coded = stored.coded.iter().map(|(coding, bytes)| format!("{} in {coding}", size(*bytes))).collect::<Vec<_>>();
    let mut text = if coded.is_empty() { String::new() } else { format!(" ({})", coded.join(", ")) };
    if let Some(tokens) = stored.form_tokens {
        let _ = write!(text, ", with {tokens} form tokens of each visitor's own");
    }
    text
}

fn freshness(ttl_ms: i64) -> String {
    let words = if ttl_ms > 0 { "fresh for" } else { "stale for" };
    format!("{words} {}", seconds(ttl_ms.unsigned_abs()))
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{PlaceShown, Verdict};

    #[test]
    fn an_explanation_reads_from_url_to_verdict() {
        let stored = StoredShown {
            status: 200,
            body_bytes: 2_048,
            form_tokens: Some(3),
            coded: vec![("br".into(), 900), ("gzip".into(), 1_024)],
            etag: "\"x\"".into(),
            vary: vec![("accept-encoding".into(), Some("gzip".into())), ("x-a".into(), None)],
            selected: true,
            age_ms: 61_250,
            ttl_ms: -1_250,
            lifetime_from: "rule".into(),
            stale_while_revalidate_ms: 0,
            stale_if_error_ms: 0,
            stamp: 7,
            standing: "valid".into(),
            tags: vec!["route:home".into(), "products".into()],
        };
        let explanation = Explanation {
            url: "http://shop.example/?a=1".into(),
            route: "home".into(),
            origin: "search".into(),
            cache: "default".into(),
            audience: "anonymous".into(),
            key: Some(KeyShown {
                scheme: "http".into(),
                host: "shop.example".into(),
                path: "/".into(),
                query: Some("a=1".into()),
                cookies: vec![("currency".into(), "EUR\u{1b}[2J".into())],
                language: Some("en".into()),
            }),
            tags: vec!["route:home".into()],
            stored: vec![stored],
            guard: Some(GuardShown {
                standing: "suspect".into(),
                since: Some("2026-11-28T12:00:00.000Z".into()),
                failed: None,
                url: Some("http://shop.example/".into()),
                places: vec![PlaceShown {
                    place: "line 1, column 7".into(),
                    line: Some(1),
                    column: Some(7),
                    first: "hello alice".into(),
                    second: "hello bob".into(),
                }],
            }),
            verdict: Verdict { outcome: "miss".into(), reason: "stale".into(), because: "it is stale".into() },
        };
        assert_eq!(
            shown(&explanation),
            "url       http://shop.example/?a=1\n\
             route     home (cache default, for anonymous)\n\
             origin    search\n\
             key       http://shop.example/?a=1 cookie currency=EUR\u{fffd}[2J language en\n\
             tags      route:home\n\
             stored    200, 2.0 KiB (900 B in br, 1.0 KiB in gzip), with 3 form tokens of each visitor's own, age 61.2 s, stale for 1.2 s by the rule, valid at ledger position 7, \
             vary accept-encoding=gzip, vary x-a=(absent)\n\
             \u{20}         tags route:home products\n\
             guard     suspect since 2026-11-28T12:00:00.000Z: two fetches differ of http://shop.example/\n\
             \u{20}         line 1, column 7: hello alice | hello bob\n\
             verdict   miss (stale): it is stale\n"
        );
    }
}
