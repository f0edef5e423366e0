//! Reload: a good file takes effect for the next request without losing cache or connections; a bad one changes nothing.

use crate::stage::{Stage, answer, in_time, page, request};
use std::time::Duration;

const LONG: &str = "store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1h }]\n";

#[tokio::test]
async fn a_good_file_takes_effect_when_it_is_saved_and_open_connections_stay() {
    let stage = Stage::with(LONG).await;
    stage.origin.says("/", [page("1", &["cache-control: max-age=600"]), page("2", &[])]);
    stage.origin.says("/passed", [page("1", &[]), page("2", &[])]);
    let mut client = stage.client().await;
    client.send(request("GET", "/", &[])).await;
    client.response("GET").await.expect(200, "1");

    let config = stage.config().replace("routes: [", "routes: [{ name: passed, match: /passed, pass: true }, ");
    stage.save(&config);
    in_time("the new file is in force", async {
        loop {
            client.send(request("GET", "/passed", &[])).await;
            if client.response("GET").await.all("cache-status").contains("rule-pass") {
                break;
            }
        }
    })
    .await;
    client.send(request("GET", "/", &[])).await;
    client.response("GET").await.expect(200, "1").hit();
}

#[tokio::test]
async fn a_bad_file_is_refused_with_all_its_mistakes_and_the_old_one_stays() {
    let stage = Stage::with(LONG).await;
    stage.origin.says("/", [page("1", &[])]);
    stage.get("/").await;

    stage.save(&stage.config().replace("ttl: 1h", "ttl: 5 minutes, cahce: products"));
    let refused = stage.app.reload().expect_err("two mistakes");
    let text = refused.to_string();
    for part in ["proxy.yaml:", "5 minutes", "cahce"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    stage.get("/").await.expect(200, "1").hit();
    let ready = stage.admin("/health/ready").await;
    assert!(ready.status == 200 && ready.text().contains("config"), "{ready:?}");
    assert!(stage.admin("/metrics").await.text().contains("\nvitrine_config_last_reload_success 0\n"));

    stage.save(stage.config());
    stage.app.reload().expect("the old file is good");
    assert!(stage.admin("/metrics").await.text().contains("\nvitrine_config_last_reload_success 1\n"));
}

#[tokio::test]
async fn a_file_that_was_gone_when_a_reload_was_asked_for_is_good_again_when_it_is_back() {
    let stage = Stage::with(LONG).await;
    std::fs::remove_file(stage.data.path().join("proxy.yaml")).expect("it is there");
    stage.app.reload().expect_err("there is no file");
    assert!(stage.admin("/metrics").await.text().contains("\nvitrine_config_last_reload_success 0\n"));
    stage.save(stage.config());
    in_time("the file is looked at again", async {
        while !stage.admin("/metrics").await.text().contains("\nvitrine_config_last_reload_success 1\n") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_only_a_restart_changes_is_told_until_the_file_says_what_is_running() {
    let stage = Stage::with(LONG).await;
    let moved = stage.config().replace(LONG, &format!("max_keep: 2d\n{LONG}"));
    for (config, expected) in
        [(&*moved, &["max_keep"][..]), (&moved.replace("ttl: 1h", "ttl: 2h"), &["max_keep"]), (stage.config(), &[])]
    {
        stage.save(config);
        assert_eq!(stage.app.reload().expect("a good file").needs_restart, expected, "{config}");
    }
}

#[tokio::test]
async fn a_rule_that_changed_makes_its_stored_pages_a_miss() {
    let stage = Stage::with(LONG).await;
    stage.origin.says("/", [page("1", &[]), page("2", &[])]);
    stage.get("/").await;
    stage.save(&stage.config().replace("ttl: 1h", "ttl: 1h, tags: [everything]"));
    stage.app.reload().expect("a good file");
    stage.get("/").await.expect(200, "2").cache_status(&["detail=rule-changed"]);
    stage.pass(Duration::from_secs(1));
    stage.purge_tag("everything").await;
    stage.get("/").await.cache_status(&["detail=invalidated"]);
}

#[tokio::test]
async fn what_could_not_be_stored_is_tried_again_by_new_rules() {
    let stage = Stage::with(LONG).await;
    let moved = || answer("302 Found", "moved", &["cache-control: max-age=600"]);
    stage.origin.says("/", [moved(), moved(), moved()]);
    stage.get("/").await;
    stage.get("/").await.cache_status(&["detail=known-unstorable"]);
    stage.save(&stage.config().replace("ttl: 1h", "ttl: 1h, statuses: [200, 302]"));
    stage.app.reload().expect("a good file");
    stage.get("/").await;
    stage.get("/").await.expect(302, "moved").hit();
}
