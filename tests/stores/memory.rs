//! The hot tier: what the battery for stores does not ask of it.

use crate::samples::{key, noise, response, shared, tags, vary};
use http::HeaderValue;
use std::sync::{Arc, Barrier};
use vitrine::cache_name::CacheName;
use vitrine::coding::Coding;
use vitrine::store::{MemoryTier, Queued, VARIANTS_MAX};
use vitrine::stored::{Coded, CodedForm, Parts, StoredResponse};

const MIB: u64 = 1 << 20;

fn tier() -> MemoryTier {
    MemoryTier::new(64 * MIB, [32 * MIB, 16 * MIB, 16 * MIB])
}

fn variant(value: &'static str) -> Arc<StoredResponse> {
    shared(Parts { vary: vary(value), ..response(CacheName::Default, "/", value) })
}

#[test]
fn variants_that_come_at_once_all_stay() {
    const VALUES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for _ in 0..200 {
        let (tier, barrier) = (tier(), Barrier::new(VALUES.len()));
        std::thread::scope(|scope| {
            for value in VALUES {
                let (tier, barrier) = (&tier, &barrier);
                scope.spawn(move || {
                    let own = variant(value);
                    barrier.wait();
                    tier.insert(own)
                });
            }
        });
        assert_eq!(tier.get(CacheName::Default, &key("/")).unwrap().len(), VALUES.len());
        assert_eq!(tier.figures()[0].entries, 8);
    }
}

#[test]
fn what_was_read_from_the_store_never_takes_the_place_of_what_is_here() {
    let tier = tier();
    let (old, new) = (variant("de"), variant("de"));
    tier.insert(new.clone());
    tier.promote(old);
    tier.promote(variant("en"));
    let kept = tier.get(CacheName::Default, &key("/")).unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().any(|variant| Arc::ptr_eq(variant, &new)));
}

#[test]
fn one_cache_never_takes_the_room_of_another() {
    let tier = tier();
    tier.insert(shared(response(CacheName::Sessions, "/account", "mine")));
    for n in 0..200 {
        tier.insert(shared(response(CacheName::Default, &format!("/{n}"), noise(500_000, n))));
    }
    assert!(tier.get(CacheName::Sessions, &key("/account")).is_some());
    let [default, ..] = tier.figures();
    assert!(default.bytes <= default.bytes_max, "{default:?}");
    assert_eq!(default.entries + default.evictions, 200);
}

#[test]
fn many_large_variants_of_one_page_do_not_empty_the_cache() {
    let tier = tier();
    let largest = usize::try_from(tier.object_bytes_max(CacheName::Default)).unwrap() - 2000;
    for n in 0..VARIANTS_MAX as u64 {
        let value: &'static str = format!("v{n}").leak();
        let page = response(CacheName::Default, "/", noise(largest, n));
        assert_eq!(tier.insert(shared(Parts { vary: vary(value), ..page })), Queued::Accepted);
        assert_eq!(tier.get(CacheName::Default, &key("/")).unwrap()[0].vary, vary(value));
    }
    let [default, ..] = tier.figures();
    assert_eq!(default.entries, tier.get(CacheName::Default, &key("/")).unwrap().len() as u64);
    assert!(default.bytes <= default.bytes_max / 2, "{default:?}");
}

#[test]
fn the_largest_object_fits_and_one_more_byte_is_told() {
    let tier = tier();
    let max = usize::try_from(tier.object_bytes_max(CacheName::Default)).unwrap();
    let head = shared(response(CacheName::Default, "/", "x")).weight() - 1;
    assert_eq!(tier.insert(shared(response(CacheName::Default, "/", noise(max - head, 1)))), Queued::Accepted);
    assert!(tier.get(CacheName::Default, &key("/")).is_some());
    assert_eq!(tier.insert(shared(response(CacheName::Default, "/b", noise(max - head + 1, 1)))), Queued::TooLarge);
}

/// What the process holds now.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_response_weighs_what_it_takes() {
    const COUNT: usize = 20_000;
    const BODY_BYTES: usize = 2048;
    // Beside other tests in one process, what these take would be counted.
    if std::env::var_os("NEXTEST").is_none() {
        return;
    }
    let tier = MemoryTier::new(256 * MIB, [256 * MIB, 0, 0]);
    let before = resident_bytes();
    for n in 0..COUNT {
        let page = Parts {
            etag: HeaderValue::from_static("\"v-00000000000000000000000000000000\""),
            tags: tags(&["products", "route:list"]),
            ..response(CacheName::Default, &format!("/products/{n}"), noise(BODY_BYTES, n as u64))
        };
        let page = shared(page);
        tier.insert(page.clone());
        // As if it had been served: what is shared with an answer is counted.
        drop((page.fields().to_map(), page.body.clone()));
    }
    let took = (resident_bytes() - before) / COUNT - BODY_BYTES;
    let weighed = usize::try_from(tier.figures()[0].bytes).unwrap() / COUNT - BODY_BYTES;
    assert_eq!(tier.figures()[0].entries, COUNT as u64);
    assert!(took.abs_diff(weighed) <= took / 6, "{took} bytes beside the body, weighed as {weighed}");
    assert!(took <= 660, "{took} bytes beside the body");
}

#[test]
fn counts_agree_with_what_is_there_after_any_order_of_changes() {
    let tier = MemoryTier::new(MIB, [MIB, 0, 0]);
    let mut generations = Vec::new();
    for n in 0..3_000_u64 {
        let value = ["de", "en", "bn"][usize::try_from(n % 3).unwrap()];
        let page = response(CacheName::Default, &format!("/{}", n * 7 % 400), noise(2_000, n));
        let page = shared(Parts { vary: vary(value), ..page });
        generations.push((page.key().to_key(), page.generation));
        tier.insert(page);
        if n % 5 == 0 {
            let (key, generation) = &generations[usize::try_from(n / 2).unwrap()];
            tier.remove(CacheName::Default, key, *generation);
        }
    }
    let there = |n| tier.get(CacheName::Default, &key(&format!("/{n}"))).map_or(0, |variants| variants.len() as u64);
    let [figures, ..] = tier.figures();
    assert_eq!(figures.entries, (0..400).map(there).sum::<u64>());
    assert!(figures.entries > 100 && figures.evictions > 100, "{figures:?}");
    tier.clear(None);
    assert_eq!((tier.figures()[0].entries, tier.figures()[0].bytes), (0, 0));
}

#[test]
fn a_response_takes_its_own_place_and_no_others() {
    let tier = tier();
    let (first, second) = (variant("de"), variant("en"));
    for own in [&first, &second] {
        tier.insert(own.clone());
    }
    let coded = |own: &StoredResponse| {
        let form = CodedForm::Whole(Coding::Gzip, noise(5_000, 7));
        shared(Parts { coded: Coded::Made([form].into()), ..own.to_parts() })
    };
    let before = tier.figures()[0];
    let own = coded(&first);
    assert!(tier.replace(own.clone()));
    let kept = tier.get(CacheName::Default, &key("/")).unwrap();
    assert!(Arc::ptr_eq(&kept[1], &own) && Arc::ptr_eq(&kept[0], &second), "in its own place");
    let after = tier.figures()[0];
    assert_eq!((after.entries, after.evictions), (2, 0));
    assert!(after.bytes >= before.bytes + 5_000, "{} and {}", before.bytes, after.bytes);
    let newer = variant("de");
    tier.insert(newer.clone());
    assert!(!tier.replace(coded(&first)), "another has taken its place");
    assert!(Arc::ptr_eq(&tier.get(CacheName::Default, &key("/")).unwrap()[0], &newer));
    tier.remove(CacheName::Default, &key("/"), newer.generation);
    assert!(tier.replace(coded(&newer)), "nothing speaks against it");
    assert_eq!(tier.get(CacheName::Default, &key("/")).unwrap().len(), 1, "and what was let go does not come back");
    tier.clear(None);
    assert!(tier.replace(coded(&second)) && tier.get(CacheName::Default, &key("/")).is_none());
    let huge = CodedForm::Whole(Coding::Gzip, noise(3 << 20, 9));
    tier.insert(second.clone());
    assert!(tier.replace(shared(Parts { coded: Coded::Made([huge].into()), ..second.to_parts() })));
    assert!(Arc::ptr_eq(&tier.get(CacheName::Default, &key("/")).unwrap()[0], &second), "there is no room for that");
}
