//! How many stored responses a scope matches, by index.

use crate::backends::Sqlite;
use crate::battery::put_all;
use crate::samples::{response, shared, tags};
use vitrine::cache_name::CacheName;
use vitrine::ledger::Scope;
use vitrine::store::Store;
use vitrine::stored::Parts;
use vitrine::tags::Tag;

fn url(host: Option<&str>, path: &str, query: Option<&str>) -> Scope {
    Scope::Url { host: host.map(Into::into), path: path.into(), query: query.map(Into::into) }
}

fn tag(text: &str) -> Scope {
    Scope::Tag(Tag::new(text).unwrap())
}

#[tokio::test]
async fn every_scope_that_an_index_tells() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder).store;
    let page = |cache, url, own: &[&str]| shared(Parts { tags: tags(own), ..response(cache, url, "x") });
    put_all(
        &*store,
        [
            page(CacheName::Default, "/a", &["products", "home"]),
            page(CacheName::Default, "/a?", &["products"]),
            page(CacheName::Default, "/a?x=1", &["products"]),
            page(CacheName::Products, "http://other.example/a?x=1", &["product:7"]),
            page(CacheName::Sessions, "/a/b", &["home"]),
        ],
    )
    .await;
    let table = [
        (Scope::All, Some(5)),
        (Scope::Cache(CacheName::Default), Some(3)),
        (tag("products"), Some(3)),
        (tag("home"), Some(2)),
        (tag("Home"), Some(0)),
        (url(None, "/a", None), Some(4)),
        (url(Some("shop.example"), "/a", None), Some(3)),
        (url(None, "/a", Some("x=1")), Some(2)),
        (url(None, "/a", Some("")), Some(1)),
        (url(Some("other.example"), "/a", Some("x=1")), Some(1)),
        (url(Some("other.example"), "/a", Some("")), Some(0)),
        (Scope::Prefix { host: None, path: "/a".into() }, None),
        (Scope::Pattern { host: None, glob: "/a*".into() }, None),
    ];
    for (scope, expected) in table {
        assert_eq!(store.count(&scope).await.unwrap(), expected, "{scope:?}");
    }
}

#[tokio::test]
async fn more_than_a_thousand_are_not_counted_so_that_a_purge_costs_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder).store;
    let page = |n: usize| {
        let url = format!("/{n}");
        shared(Parts { tags: tags(&["many"]), ..response(CacheName::Default, &url, "x") })
    };
    put_all(&*store, (0..1_000).map(page)).await;
    assert_eq!(store.count(&tag("many")).await.unwrap(), Some(1_000));
    put_all(&*store, [page(1_000)]).await;
    assert_eq!(store.count(&tag("many")).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_gone_is_counted_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder).store;
    let page = |own: &[&str]| shared(Parts { tags: tags(own), ..response(CacheName::Default, "/a", "x") });
    let successor = page(&["b", "c"]);
    put_all(&*store, [page(&["a", "b"]), successor.clone()]).await;
    let counted = async || {
        let mut all = Vec::new();
        for scope in [tag("a"), tag("b"), tag("c"), url(None, "/a", None)] {
            all.push(store.count(&scope).await.unwrap().unwrap());
        }
        all
    };
    assert_eq!(counted().await, [0, 1, 1, 1]);
    store.remove(CacheName::Default, &successor.key().to_key(), successor.generation);
    store.flush().await.unwrap();
    assert_eq!(counted().await, [0; 4]);
}
