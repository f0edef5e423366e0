//! What every store does. The battery knows no backend; each function is handed the one to try.

use crate::backends::Fixture;
use crate::samples::{any_response, key, lifetime, noise, response, shared, told, vary};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::coding::Coding;
use vitrine::store::{Queued, Store, VARIANTS_MAX};
use vitrine::stored::{Coded, CodedForm, Parts, StoredResponse};

/// Opens a store whose caches have these sizes.
pub(crate) type Open = fn([u64; 3]) -> Fixture;

const ROOMY: [u64; 3] = [64 << 20; 3];

/// Stamps the battery out for one backend.
#[macro_export]
macro_rules! battery {
    ($name:ident, $open:ident) => {
        $crate::battery!($name, $open:
            every_field_survives, a_response_takes_its_own_place_with_more_to_it, what_was_never_put_is_not_there_and_no_error, a_successor_takes_the_place,
            variants_are_kept_apart_newest_first, the_oldest_of_too_many_variants_gives_way,
            exactly_the_named_generation_is_removed, caches_are_apart, one_cache_is_cleared_or_all,
            what_comes_after_a_clear_stays, a_full_cache_lets_go_and_holds_its_size, what_is_too_large_is_told,
            figures_tell_what_is_there);
    };
    ($name:ident, $open:ident: $($behaviour:ident),+) => {
        mod $name {
            $(#[tokio::test]
            async fn $behaviour() {
                $crate::battery::$behaviour($crate::backends::$open).await;
            })+
        }
    };
}

pub(crate) async fn every_field_survives(open: Open) {
    let fixture = open(ROOMY);
    let store = &*fixture.store;
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let any = any_response().new_tree(&mut runner).unwrap().current();
        let put = shared(Parts { lifetime: lifetime(Duration::from_hours(1)), ..any });
        put_all(store, [put.clone()]).await;
        let got = get(store, put.cache, &put).await;
        assert_eq!(told(&got[0]), told(&put));
    }
}

/// Coded forms come behind: the same generation, once more.
pub(crate) async fn a_response_takes_its_own_place_with_more_to_it(open: Open) {
    let fixture = open(ROOMY);
    let store = &*fixture.store;
    let plain = shared(response(CacheName::Default, "/a", noise(20_000, 1)));
    let forms = [(Coding::Brotli, 3_000), (Coding::Zstd, 0), (Coding::Gzip, 4_000)];
    let forms = forms.map(|(coding, bytes)| CodedForm::Whole(coding, noise(bytes, 2)));
    let coded = shared(Parts { coded: Coded::Made(forms.into()), ..plain.to_parts() });
    put_all(store, [plain.clone(), page("/b")]).await;
    let before = store.figures().caches[CacheName::Default.index()];
    put_all(store, [coded.clone()]).await;
    let got = get(store, CacheName::Default, &plain).await;
    assert_eq!(got.iter().map(|one| told(one)).collect::<Vec<_>>(), [told(&coded)]);
    let after = store.figures().caches[CacheName::Default.index()];
    assert!(after.entries == before.entries && after.bytes >= before.bytes + 7_000, "{before:?} {after:?}");
    store.remove(CacheName::Default, &plain.key().to_key(), plain.generation);
    store.flush().await.unwrap();
    assert!(get(store, CacheName::Default, &plain).await.is_empty(), "it is the same response");
}

pub(crate) async fn what_was_never_put_is_not_there_and_no_error(open: Open) {
    let fixture = open(ROOMY);
    put_all(&*fixture.store, [page("/a")]).await;
    for other in ["/b", "/a?", "/a?x=1", "http://other.example/a", "/A"] {
        assert!(fixture.store.get(CacheName::Default, &key(other)).await.unwrap().is_empty(), "{other}");
    }
}

pub(crate) async fn a_successor_takes_the_place(open: Open) {
    let fixture = open(ROOMY);
    let (old, new) = (page("/a"), page("/a"));
    put_all(&*fixture.store, [old, new.clone()]).await;
    assert_eq!(generations(&get(&*fixture.store, CacheName::Default, &new).await), [new.generation]);
    assert_eq!(fixture.store.figures().caches[0].entries, 1);
}

pub(crate) async fn variants_are_kept_apart_newest_first(open: Open) {
    let fixture = open(ROOMY);
    let [de, en, bn] = ["de", "en", "bn"].map(variant);
    let newer_de = variant("de");
    put_all(&*fixture.store, [de, en.clone(), bn.clone(), newer_de.clone()]).await;
    let got = get(&*fixture.store, CacheName::Default, &en).await;
    assert_eq!(generations(&got), [newer_de.generation, bn.generation, en.generation]);
}

pub(crate) async fn the_oldest_of_too_many_variants_gives_way(open: Open) {
    let fixture = open(ROOMY);
    let many: Vec<_> = (0..VARIANTS_MAX + 3).map(|n| variant(format!("v{n}").leak())).collect();
    put_all(&*fixture.store, many.clone()).await;
    let got = get(&*fixture.store, CacheName::Default, &many[0]).await;
    let newest_first: Vec<u64> = many.iter().rev().take(VARIANTS_MAX).map(|variant| variant.generation).collect();
    assert_eq!(generations(&got), newest_first);
    assert_eq!(fixture.store.figures().caches[0].entries, VARIANTS_MAX as u64);
}

pub(crate) async fn exactly_the_named_generation_is_removed(open: Open) {
    let fixture = open(ROOMY);
    let store = &*fixture.store;
    let (old, other, new) = (variant("de"), variant("en"), variant("de"));
    put_all(store, [old.clone(), other.clone(), new.clone()]).await;
    store.remove(CacheName::Default, &old.key().to_key(), old.generation);
    store.flush().await.unwrap();
    assert_eq!(get(store, CacheName::Default, &old).await.len(), 2);
    store.remove(CacheName::Default, &new.key().to_key(), new.generation);
    store.flush().await.unwrap();
    assert_eq!(generations(&get(store, CacheName::Default, &old).await), [other.generation]);
    store.remove(CacheName::Default, &other.key().to_key(), other.generation);
    store.flush().await.unwrap();
    let [figures, ..] = store.figures().caches;
    assert_eq!((figures.entries, figures.bytes), (0, 0));
}

pub(crate) async fn caches_are_apart(open: Open) {
    let fixture = open(ROOMY);
    let all = CacheName::ALL.map(|cache| shared(response(cache, "/a", "a")));
    put_all(&*fixture.store, all.clone()).await;
    for own in all {
        assert_eq!(generations(&get(&*fixture.store, own.cache, &own).await), [own.generation]);
    }
}

pub(crate) async fn one_cache_is_cleared_or_all(open: Open) {
    let fixture = open(ROOMY);
    let store = &*fixture.store;
    let pages = |cache| (0..1_200).map(move |n| shared(response(cache, &format!("/{n}"), "page")));
    put_all(store, CacheName::ALL.into_iter().flat_map(pages)).await;
    store.clear(Some(CacheName::Products)).await.unwrap();
    assert_eq!(store.figures().caches.map(|cache| cache.entries), [1_200, 0, 1_200]);
    assert!(store.get(CacheName::Products, &key("/7")).await.unwrap().is_empty());
    store.clear(None).await.unwrap();
    assert_eq!(store.figures().caches.map(|cache| (cache.entries, cache.bytes)), [(0, 0); 3]);
    assert!(store.get(CacheName::Sessions, &key("/7")).await.unwrap().is_empty());
}

pub(crate) async fn what_comes_after_a_clear_stays(open: Open) {
    let fixture = open(ROOMY);
    put_all(&*fixture.store, (0..1_200).map(|n| page(&format!("/{n}")))).await;
    let (before, after) = (page("/before"), page("/after"));
    assert_eq!(fixture.store.put(before.clone()), Queued::Accepted);
    let cleared = fixture.store.clear(None);
    // It comes while the clearing is under way, or may.
    put_all(&*fixture.store, [after.clone()]).await;
    cleared.await.unwrap();
    assert!(get(&*fixture.store, CacheName::Default, &before).await.is_empty());
    assert_eq!(get(&*fixture.store, CacheName::Default, &after).await.len(), 1);
    assert_eq!(fixture.store.figures().caches[0].entries, 1);
}

pub(crate) async fn a_full_cache_lets_go_and_holds_its_size(open: Open) {
    const SIZE: u64 = 4 << 20;
    let fixture = open([SIZE, 64 << 20, SIZE]);
    put_all(&*fixture.store, [shared(response(CacheName::Products, "/p", "p"))]).await;
    for round in 0..20 {
        let pages = (0..50).map(|n| shared(response(CacheName::Default, &format!("/{round}/{n}"), noise(20_000, n))));
        put_all(&*fixture.store, pages).await;
        let [default, ..] = fixture.store.figures().caches;
        assert!(default.bytes <= SIZE, "{default:?}");
        assert_eq!(default.entries + default.evictions, (round + 1) * 50);
    }
    let [default, products, _] = fixture.store.figures().caches;
    assert!(default.bytes > SIZE / 2, "{default:?}");
    assert_eq!((products.entries, products.evictions), (1, 0));
}

pub(crate) async fn what_is_too_large_is_told(open: Open) {
    let fixture = open([1 << 20, 1 << 20, 1 << 20]);
    let large = shared(response(CacheName::Default, "/large", noise(2 << 20, 1)));
    assert_eq!(fixture.store.put(large.clone()), Queued::TooLarge);
    fixture.store.flush().await.unwrap();
    assert!(get(&*fixture.store, CacheName::Default, &large).await.is_empty());
}

pub(crate) async fn figures_tell_what_is_there(open: Open) {
    let fixture = open(ROOMY);
    put_all(&*fixture.store, (0..10).map(|n| shared(response(CacheName::Sessions, &format!("/{n}"), noise(5_000, n)))))
        .await;
    let figures = fixture.store.figures();
    let [_, _, sessions] = figures.caches;
    assert_eq!((sessions.entries, sessions.evictions, sessions.bytes_max), (10, 0, 64 << 20));
    assert!((50_000..70_000).contains(&sessions.bytes), "{sessions:?}");
    assert_eq!((figures.dropped, figures.errors, figures.corrupt, figures.queued_bytes), (0, 0, 0, 0));
    assert_eq!(figures.trouble, None);
}

/// Puts them in, and waits until they are.
pub(crate) async fn put_all(store: &dyn Store, responses: impl IntoIterator<Item = Arc<StoredResponse>>) {
    for response in responses {
        assert_eq!(store.put(response), Queued::Accepted);
    }
    store.flush().await.unwrap();
}

pub(crate) async fn get(store: &dyn Store, cache: CacheName, like: &StoredResponse) -> Vec<Arc<StoredResponse>> {
    store.get(cache, &like.key().to_key()).await.unwrap()
}

pub(crate) fn page(url: &str) -> Arc<StoredResponse> {
    shared(response(CacheName::Default, url, "a page"))
}

fn variant(value: &'static str) -> Arc<StoredResponse> {
    shared(Parts { vary: vary(value), ..response(CacheName::Default, "/", value) })
}

fn generations(responses: &[Arc<StoredResponse>]) -> Vec<u64> {
    responses.iter().map(|response| response.generation).collect()
}
