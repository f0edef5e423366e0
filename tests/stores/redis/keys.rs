//! What an operator finds in the server.

use super::{names, open};
use crate::battery::{get, page, put_all};
use crate::parts::redis::Server;
use crate::samples::{key, lifetime, noise, response, shared, vary};
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::clock::{Clock, Timestamp};
use vitrine::crypto;
use vitrine::key::{Key, Scheme, Target};
use vitrine::store::redis::RedisStore;
use vitrine::store::{Store, VARIANTS_MAX};
use vitrine::stored::Parts;

const LARGE: usize = (1 << 20) + 1;

#[tokio::test]
async fn a_page_is_recognised_and_its_visitor_is_not() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    let target = Target {
        scheme: Scheme::Https,
        host: "shop.example".into(),
        path: "/account".into(),
        query: Some("token=t0ken".into()),
    };
    let own = Key::new(&target, &[("sessionid", "5ec4e7")], None);
    let account = response(CacheName::Sessions, "/account", "mine");
    put_all(&store, [shared(Parts { key: own.clone(), ..account })]).await;
    assert_eq!(names(&server), [format!("ecommerce:sessions:shop.example/account:{}", crypto::hex(&own.digest()))]);
}

#[tokio::test]
async fn everything_ends_with_the_last_of_its_variants() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    let keep = |hours, language| {
        let page = response(CacheName::Default, "/", noise(LARGE, hours));
        shared(Parts { lifetime: lifetime(Duration::from_hours(hours)), vary: vary(language), ..page })
    };
    let (short, long) = (keep(1, "de"), keep(5, "en"));
    put_all(&store, [long.clone(), short]).await;
    // To the nearest: a little time has passed, and a page's end bears its count.
    let hours = |name: &String| (server.run::<u64>(&["PTTL", name]) + 1_800_000) / 3_600_000;
    let keys = names(&server);
    let left: Vec<u64> = keys.iter().map(hours).collect();
    assert_eq!((keys.len(), left[0]), (3, 5), "{keys:?}");
    assert_eq!(left[1..].iter().sum::<u64>(), 1 + 5);
    store.remove(CacheName::Default, &long.key().to_key(), long.generation);
    store.flush().await.unwrap();
    let left: Vec<u64> = names(&server).iter().map(hours).collect();
    assert_eq!(left, [1, 1]);
}

#[tokio::test]
async fn a_variant_past_its_time_is_not_there_although_its_page_is() {
    let server = Server::start(&[]);
    let (store, hand) = open(&server);
    let keep = |hours, language| {
        let page = response(CacheName::Default, "/", language);
        shared(Parts { lifetime: lifetime(Duration::from_hours(hours)), vary: vary(language), ..page })
    };
    let (short, long) = (keep(1, "de"), keep(5, "en"));
    put_all(&store, [long.clone(), short.clone()]).await;
    hand.advance(Duration::from_mins(61));
    let found = get(&store, CacheName::Default, &short).await;
    assert_eq!((found.len(), found[0].generation), (1, long.generation));
}

#[tokio::test]
async fn a_large_body_is_kept_apart_and_goes_with_its_response() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    let large = |seed| shared(response(CacheName::Products, "/manual.pdf", noise(LARGE, seed)));
    let bodies = || names(&server).into_iter().filter(|name| name.contains(":body:")).count();
    let (old, new) = (large(1), large(2));
    put_all(&store, [old]).await;
    assert_eq!((names(&server).len(), bodies()), (2, 1));
    put_all(&store, [new.clone()]).await;
    assert_eq!((names(&server).len(), bodies()), (2, 1));
    assert_eq!(get(&store, CacheName::Products, &new).await[0].body, new.body);
    store.remove(CacheName::Products, &new.key().to_key(), new.generation);
    store.flush().await.unwrap();
    assert_eq!(names(&server), [""; 0]);
    put_all(&store, [large(3), shared(response(CacheName::Products, "/small", "x"))]).await;
    store.clear(Some(CacheName::Products)).await.unwrap();
    assert_eq!(names(&server), [""; 0]);
}

#[tokio::test]
async fn an_age_is_the_same_for_all_who_read() {
    let server = Server::start(&[]);
    let (here, here_hand) = open(&server);
    let (clock, hand) = Clock::held(Timestamp(crate::samples::START.0 - 86_400_000));
    hand.set_wall(crate::samples::START);
    let there = RedisStore::open(crate::backends::patient(&server), super::ROOMY, clock.clone());
    here_hand.advance(Duration::from_secs(90));
    hand.advance(Duration::from_secs(90));
    let put = page("/");
    put_all(&here, [put.clone()]).await;
    let read = &get(&there, CacheName::Default, &put).await[0];
    assert_eq!(read.lifetime().age(clock.now()), Duration::from_secs(90));
    hand.set_wall(Timestamp(0));
    let read = &get(&there, CacheName::Default, &put).await[0];
    assert_eq!(read.lifetime().age(clock.now()), Duration::ZERO);
}

#[tokio::test]
async fn two_shops_in_one_server_are_apart() {
    let server = Server::start(&[]);
    let (one, _) = open(&server);
    let mut settings = crate::backends::patient(&server);
    settings.prefix = "other*:".into();
    let (other, _) = super::open_with(settings);
    put_all(&one, [page("/")]).await;
    put_all(&other, [page("/")]).await;
    assert_eq!(other.census().await.unwrap()[0].entries, 1);
    other.clear(None).await.unwrap();
    assert!(other.get(CacheName::Default, &key("/")).await.unwrap().is_empty());
    assert_eq!(one.get(CacheName::Default, &key("/")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn several_proxies_at_one_page_keep_its_bounds() {
    let server = Server::start(&[]);
    let stores = [open(&server).0, open(&server).0];
    let variant = |n: usize, own: usize| {
        let value: &'static str = format!("v{}", n * (own + 1)).leak();
        shared(Parts { vary: vary(value), ..response(CacheName::Default, "/", value) })
    };
    for n in 0..120 {
        for (own, store) in stores.iter().enumerate() {
            let put = variant(n, own);
            store.put(put.clone());
            if n % 5 == 0 {
                store.remove(CacheName::Default, &put.key().to_key(), put.generation);
            }
        }
    }
    for store in &stores {
        store.flush().await.unwrap();
    }
    let found = stores[0].get(CacheName::Default, &key("/")).await.unwrap();
    assert_eq!(found.len(), VARIANTS_MAX);
    let differ: std::collections::HashSet<_> = found.iter().map(|variant| variant.vary.digest()).collect();
    assert_eq!(differ.len(), VARIANTS_MAX);
    // The census reads it there.
    let page = names(&server).remove(0);
    assert_eq!(server.run::<usize>(&["PEXPIRETIME", &page]) % 100, server.run::<usize>(&["HLEN", &page]));
}
