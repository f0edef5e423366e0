//! Whole exchanges: what is stored is used as long as its own fields say and no longer; and what a 304 makes of it.

use super::scene::{Head, LONGEST, NOON, RULE, cookies, directives_of, exchange, page, planned, rule, terms};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::headers::is_hop_by_hop;
use vitrine::ledger::{Epoch, Stamp, Standing, Trust};
use vitrine::policy::validation::Told;
use vitrine::policy::{Exchange, Framing, LifetimeRule, Reuse, Wishes, reuse, stale, storing, validation};
use vitrine::stored::StoredResponse;

/// The rule that an input names.
fn rule_of(head: &Head) -> LifetimeRule {
    let seconds = |name| head.number(name).map(Duration::from_secs);
    LifetimeRule {
        stale_while_revalidate: seconds("while"),
        stale_if_error: seconds("error"),
        override_origin: head.said("override").is_some(),
        ..rule(head.number("ttl").map(|ttl| ttl.min(1 << 31)))
    }
}

/// A response's head, with `:status`, `:ttl`, `:while`, `:error` and `:override` before it.
pub(super) fn stored(bytes: &[u8]) {
    let head = Head::of(bytes);
    let status = head.number("status").and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let request = HeaderMap::new();
    let (rule, cookies) = (rule_of(&head), cookies());
    let own = exchange(status.unwrap_or(StatusCode::OK), &request, &head.fields);
    let Ok(plan) = storing::decide(&own, &terms(&rule, cookies)) else { return };
    let lifetime = plan.lifetime;
    assert!(lifetime.fresh <= LONGEST.max(rule.ttl.unwrap_or_default()) || head.fields.contains_key(header::EXPIRES));
    assert!(lifetime.keep <= rule.max_keep && lifetime.initial_age <= LONGEST);
    assert!(![StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED].contains(&own.status));
    let directives = directives_of(&head.fields);
    if directives.must_revalidate || directives.proxy_revalidate || directives.s_maxage.is_some() || directives.no_cache
    {
        assert_eq!((lifetime.stale_while_revalidate, lifetime.stale_if_error), (Duration::ZERO, Duration::ZERO));
    }
    let Some(stored) = planned(&own, &plan, "0123456789") else { return };
    used_within_its_time(&stored);
    let mut vetoed = head.fields.clone();
    vetoed.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    let vetoed = exchange(own.status, &request, &vetoed);
    assert!(directives.targeted || storing::decide(&vetoed, &terms(&rule, cookies)).is_err());
}

/// At the edges of each window: what is served is what may be.
fn used_within_its_time(stored: &StoredResponse) {
    let own = stored.lifetime();
    let edges = [own.fresh, own.fresh + own.stale_while_revalidate, own.fresh + own.stale_if_error, own.keep];
    let moments =
        edges.iter().map(|edge| edge.saturating_sub(own.initial_age)).chain([own.keep, Duration::ZERO, LONGEST]);
    let mut ages = Vec::new();
    for at in moments {
        for around in [at.saturating_sub(Duration::from_millis(1)), at, at + Duration::from_millis(1)] {
            let now = NOON.plus(around);
            let (age, staleness) = (own.age(now), own.staleness(now));
            ages.push((now, age));
            match reuse::decide(stored, Trust::Whole, Standing::Valid, RULE, &Wishes::NONE, now) {
                Reuse::Serve => assert!(age < own.fresh && around < own.keep && !own.validate_always),
                Reuse::ServeStale(_) => {
                    assert!(age >= own.fresh && staleness <= own.stale_while_revalidate && around < own.keep);
                }
                Reuse::Validate(_) | Reuse::Fetch(_) | Reuse::Pass(_) => {}
            }
            if stale::may_answer_failure(stored, Standing::Valid, RULE, now) {
                assert!(staleness <= own.stale_if_error && around < own.keep && !own.validate_always);
            }
        }
    }
    ages.sort_unstable();
    assert!(ages.windows(2).all(|pair| pair[0].1 <= pair[1].1), "ages only grow");
}

/// The head that is stored, an empty line, and that of a 304.
pub(super) fn freshened(bytes: &[u8]) {
    let at = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let (first, told) = (Head::of(&bytes[..at]), Head::of(bytes.get(at + 2..).unwrap_or_default()));
    let (rule, cookies, request) = (rule_of(&first), cookies(), HeaderMap::new());
    let own = page(&first.fields, "0123456789");
    let later = NOON.plus(Duration::from_hours(1));
    let exchange = Exchange {
        requested: later,
        received: later,
        received_wall: later,
        ..exchange(StatusCode::NOT_MODIFIED, &request, &told.fields)
    };
    let stamp = Stamp::of(Epoch(1), 9);
    let terms = terms(&rule, cookies);
    let fresh = Told { exchange: &exchange, terms: &terms, tags: Vec::new(), stamp, generation: 12 };
    let Ok(fresh) = validation::freshen(&own, fresh) else { return };
    let kept = fresh.fields().to_map();
    assert_eq!((&fresh.body, fresh.status, fresh.stamp), (&own.body, own.status, stamp));
    replaced(&first.fields, &told.fields, &kept, fresh.lifetime().received);
    // What is stored now judged on its own is fresh for no longer.
    let again = Exchange { status: fresh.status, response: &kept, framing: Framing::Chunked, ..exchange };
    let alone = storing::decide(&again, &terms).ok().map(|plan| plan.lifetime);
    let lifetime = fresh.lifetime();
    let omitted = directives_of(&kept).unkept_fields;
    if omitted.is_empty() && !told.fields.contains_key(header::CONNECTION) {
        let alone = alone.unwrap_or_else(|| panic!("what was freshened may be stored: {kept:?}"));
        assert_eq!(lifetime, alone, "{kept:?}");
    }
    used_later(&fresh, later);
}

/// RFC 9111 3.2: each field is the stored one's or the 304's as a whole, and some are never the 304's.
fn replaced(own: &HeaderMap, told: &HeaderMap, kept: &HeaderMap, received: Timestamp) {
    let own_only = [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_RANGE];
    let values = |map: &HeaderMap, name: &HeaderName| map.get_all(name).iter().cloned().collect::<Vec<_>>();
    assert!(!kept.contains_key(header::SET_COOKIE), "no cookie gets into what is shared");
    for name in kept.keys().filter(|name| !is_hop_by_hop(name)) {
        let (now, before, new) = (values(kept, name), values(own, name), values(told, name));
        if own_only.contains(name) {
            assert_eq!(now, before, "{name}");
        } else if *name == header::DATE && new.is_empty() {
            let date = httpdate::fmt_http_date(received.to_system_time());
            assert_eq!(now, [HeaderValue::try_from(date).unwrap()]);
        } else {
            assert!(now == new || now == before, "{name}");
        }
    }
    // A hop's fields in what is stored were taken away before it was stored.
    let hops = |map: &HeaderMap| map.keys().filter(|name| is_hop_by_hop(name)).cloned().collect::<Vec<_>>();
    assert!(hops(kept).iter().all(|name| hops(own).contains(name)), "{kept:?}");
}

fn used_later(fresh: &StoredResponse, from: Timestamp) {
    let own = fresh.lifetime();
    let now = from.plus(own.fresh.saturating_sub(own.initial_age));
    assert_ne!(reuse::decide(fresh, Trust::Whole, Standing::Valid, RULE, &Wishes::NONE, now), Reuse::Serve);
    assert_ne!(
        reuse::decide(fresh, Trust::Whole, Standing::Valid, RULE, &Wishes::NONE, now.plus(LONGEST)),
        Reuse::Serve
    );
}
