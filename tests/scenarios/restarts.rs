//! What outlives the process: stored responses, their tags, and the ledger.

use crate::stage::{ROUTES, Stage, page};
use std::time::Duration;

async fn durable() -> Stage {
    Stage::with(&format!("store: {{ backend: sqlite }}\n{ROUTES}")).await
}

#[tokio::test]
async fn a_stored_page_is_a_hit_after_a_restart_with_its_age() {
    let stage = durable().await;
    stage.origin.says("/", [page("home", &["x-made: 1"])]);
    stage.get("/").await;
    stage.pass(Duration::from_mins(1));

    let stage = stage.restart().await;
    let hit = stage.get("/").await;
    hit.expect(200, "home").hit();
    assert_eq!((hit.field("age"), hit.field("x-made")), (Some("60"), Some("1")));
    assert_eq!(stage.origin.asked().len(), 1);
}

#[tokio::test]
async fn a_purge_holds_after_a_restart_and_tags_are_still_known() {
    let stage = durable().await;
    for target in ["/products/a", "/products/b"] {
        stage.origin.says(target, [page("old", &[]), page("new", &[])]);
        stage.get(target).await;
    }
    stage.purge("/products/a").await;

    let stage = stage.restart().await;
    stage.get("/products/a").await.expect(200, "new");
    stage.get("/products/b").await.expect(200, "old").hit();
    stage.purge_tag("product:b").await;
    stage.get("/products/b").await.expect(200, "new");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_put_aside_and_the_shop_is_up() {
    let stage = durable().await;
    stage.origin.says("/", [page("home", &[])]);
    stage.get("/").await;
    let file = stage.data.path().join("cache.db");
    let stage = stage.stopped(|| std::fs::write(&file, b"not a database at all, not even a little").unwrap()).await;

    stage.get("/").await.expect(200, "home").cache_status(&["fwd=uri-miss"]);
    let aside = std::fs::read_dir(stage.data.path()).unwrap().flatten();
    assert!(aside.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().contains("quarantine")));
}
