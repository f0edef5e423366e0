//! The inbox: what senders sent, what became of it, and what can be carried out again.

use crate::senders::{SECRET, SHOPIFY, STRIPE, Sender, WOO, post, stage};
use crate::stage::process::Process;
use crate::stage::{Client, Got, ROUTES, Stage, page};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;
use vitrine::crypto::hmac_sha256;

const CREATED: Sender = Sender { fields: &["X-Shopify-Topic: products/create"], ..SHOPIFY };

async fn deliveries(stage: &Stage, query: &str) -> Vec<Value> {
    let got = stage.admin(&format!("/api/v1/deliveries{query}")).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let answer: Value = serde_json::from_str(&got.text()).unwrap();
    answer["deliveries"].as_array().unwrap().clone()
}

async fn order(stage: &Stage, order: &Value) -> Got {
    let (address, body) = (stage.app.admin_address(), order.to_string());
    let mut client = Client::connect(address).await;
    client
        .send(format!(
            "POST /api/v1/purge HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    client.response("POST").await
}

fn seen(delivery: &Value) -> [&str; 4] {
    ["scheme", "id", "event", "verdict"].map(|name| delivery[name].as_str().unwrap_or("-"))
}

#[tokio::test]
async fn each_delivery_is_kept_with_what_became_of_it() {
    let stage = stage().await;
    SHOPIFY.send(&stage, "1").await;
    STRIPE.send(&stage, "").await;
    CREATED.send(&stage, "2").await;
    Sender { body: "not json", ..WOO }.send(&stage, "3").await;
    SHOPIFY.send_signed(&stage, "4", "nonsense").await;
    post(&stage, SHOPIFY.path, &[], "{}").await;
    post(&stage, WOO.path, &[], "webhook_id=12").await;
    let all = deliveries(&stage, "").await;
    let told: Vec<_> = all.iter().map(seen).collect();
    assert_eq!(
        told,
        [
            ["shopify", "-", "-", "bad-signature"],
            ["shopify", "4", "products/update", "bad-signature"],
            ["woocommerce", "3", "product.updated", "malformed"],
            ["shopify", "2", "products/create", "unknown-event"],
            ["stripe", "evt_1", "stripe.product", "accepted"],
            ["shopify", "1", "products/update", "accepted"],
        ],
        "the newest first, and no ping among them"
    );
    assert_eq!(all[5]["answer"]["purged"][0]["scope"], "tag product:a");
    assert_eq!(all[1]["answer"]["message"], "x-shopify-hmac-sha256 does not hold");
    assert_eq!(all[5]["time"], "2026-11-24T12:00:00.000Z");
    let bodies: Vec<_> = all.iter().map(|own| own["body_bytes"].as_u64()).collect();
    assert_eq!(bodies, [None, None, Some(8), Some(19), Some(69), Some(19)], "strangers' bodies are not kept");
    let one = deliveries(&stage, "?number=1").await;
    assert_eq!(one[0]["body"], SHOPIFY.body);
    assert!(!format!("{all:?}{one:?}").contains(SECRET));
    assert_eq!(deliveries(&stage, "?limit=2").await, all[..2]);
}

#[tokio::test]
async fn what_was_signed_is_kept_through_a_restart_and_for_three_days() {
    let stage = stage().await;
    SHOPIFY.send(&stage, "1").await;
    SHOPIFY.send_signed(&stage, "2", "nonsense").await;
    let stage = stage.restart().await;
    assert_eq!(deliveries(&stage, "").await.iter().map(seen).collect::<Vec<_>>().len(), 1);
    assert_eq!(deliveries(&stage, "?number=1").await[0]["body"], SHOPIFY.body);
    stage.pass(Duration::from_hours(73));
    // The first sweep comes with the start.
    let stage = stage.restart().await;
    crate::stage::in_time("the inbox is swept", async {
        while !deliveries(&stage, "").await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn with_nothing_behind_memory_it_is_kept_until_a_restart() {
    let secrets = format!("secret: \"{SECRET}\"");
    let stage = Stage::with(&format!(
        "store: {{ backend: memory }}\ninvalidation: {{ webhooks: [{{ path: /webhooks/shopify, scheme: shopify, {secrets} }}] }}\n"
    ))
    .await;
    SHOPIFY.send(&stage, "1").await;
    assert_eq!(deliveries(&stage, "?number=1").await[0]["body"], SHOPIFY.body);
    let stage = stage.restart().await;
    assert!(deliveries(&stage, "").await.is_empty());
}

#[tokio::test]
async fn a_repeat_is_counted_and_takes_no_place() {
    let stage = stage().await;
    for _ in 0..3 {
        SHOPIFY.send(&stage, "1").await;
    }
    for _ in 0..3 {
        Sender { body: "not json", ..SHOPIFY }.send(&stage, "1").await;
    }
    let all = deliveries(&stage, "").await;
    let told: Vec<_> = all.iter().map(|own| (own["verdict"].as_str().unwrap(), own["repeats"].as_u64())).collect();
    assert_eq!(told, [("malformed", Some(2)), ("accepted", Some(2))]);
}

#[tokio::test]
async fn an_event_that_no_rule_spoke_of_is_carried_out_when_one_does() {
    let stage = stage().await;
    assert!(CREATED.send(&stage, "1").await.text().contains(r#""matched_rule":false"#));
    let refused = order(&stage, &json!({ "delivery": 1 })).await;
    assert!(refused.status == 400 && refused.text().contains(r#"speaks of \"products/create\""#), "{}", refused.text());
    stage.save(&stage.config().replace("products/update:", "products/create:"));
    stage.app.reload().unwrap();
    let dry = order(&stage, &json!({ "delivery": 1, "dry_run": true })).await;
    assert!(dry.status == 200 && dry.text().contains("tag product:a"), "{}", dry.text());
    stage.get("/products/a").await.expect(200, "old").hit();
    assert_eq!(deliveries(&stage, "").await[0]["replayed"], json!(null));
    let got = order(&stage, &json!({ "delivery": 1 })).await;
    assert!(got.status == 200 && got.text().contains(r#""confirmed":true"#), "{}", got.text());
    stage.get("/products/a").await.expect(200, "new");
    stage.get("/products/b").await.expect(200, "old").hit();
    assert_eq!(deliveries(&stage, "").await[0]["replayed"], "2026-11-24T12:00:00.000Z");
    let ledger: Value = serde_json::from_str(&stage.admin("/api/v1/ledger").await.text()).unwrap();
    let record = &ledger["records"][0];
    assert_eq!(
        (&record["source"], &record["reason"]),
        (&json!("admin"), &json!("products/create 1, delivery 1 again"))
    );
}

#[tokio::test]
async fn an_event_that_no_rule_spoke_of_is_taken_when_it_is_sent_again_after_one_does() {
    let stage = stage().await;
    for _ in 0..3 {
        assert!(CREATED.send(&stage, "1").await.text().contains(r#""matched_rule":false"#));
    }
    stage.save(&stage.config().replace("products/update:", "products/create:"));
    stage.app.reload().unwrap();
    let taken = CREATED.send(&stage, "1").await.text();
    assert!(taken.contains("tag product:a"), "{taken}");
    stage.get("/products/a").await.expect(200, "new");
    // From here on it is known, also where its rule is taken away again.
    stage.save(stage.config());
    stage.app.reload().unwrap();
    assert_eq!(CREATED.send(&stage, "1").await.text(), taken);
    stage.get("/products/a").await.expect(200, "new").hit();
    let all = deliveries(&stage, "").await;
    let told: Vec<_> = all.iter().map(|own| (own["verdict"].as_str().unwrap(), own["repeats"].as_u64())).collect();
    assert_eq!(told, [("accepted", Some(1)), ("unknown-event", Some(2))]);
}

#[tokio::test]
async fn what_was_not_signed_is_never_carried_out() {
    let stage = stage().await;
    SHOPIFY.send_signed(&stage, "1", "nonsense").await;
    for (number, expected) in [(1, "was not signed as it should be"), (2, "no delivery 2 is kept")] {
        let refused = order(&stage, &json!({ "delivery": number })).await;
        assert!(refused.status == 400 && refused.text().contains(expected), "{}", refused.text());
    }
    stage.get("/products/a").await.expect(200, "old").hit();
}

#[tokio::test]
async fn strangers_fill_nothing() {
    let stage = stage().await;
    SHOPIFY.send(&stage, "1").await;
    for n in 0..120 {
        SHOPIFY.send_signed(&stage, &n.to_string(), "nonsense").await;
    }
    let all = deliveries(&stage, "?limit=2000").await;
    assert_eq!((all.len(), &all[100]["verdict"]), (101, &json!("accepted")));
}

#[tokio::test]
async fn a_command_shows_deliveries_and_carries_one_out() {
    let config = format!(
        "invalidation:\n  webhooks: [{{ path: /webhooks/shopify, scheme: shopify, secret: \"{SECRET}\" }}]\n  \
         events: {{ products/update: {{ tags: [\"product:{{slug}}\"] }} }}\n{ROUTES}"
    );
    let process = Process::start(&config).await;
    process.origin.says("/products/a", [page("old", &[]), page("new", &[]), page("newer", &[])]);
    process.get("/products/a").await.expect(200, "old");
    let (body, mac) = (SHOPIFY.body, STANDARD.encode(hmac_sha256(SECRET.as_bytes(), &[SHOPIFY.body.as_bytes()])));
    let mut client = Client::connect(process.public).await;
    client
        .send(format!(
            "POST /webhooks/shopify HTTP/1.1\r\nHost: shop.example\r\nX-Shopify-Topic: products/update\r\n\
             X-Shopify-Webhook-Id: 1\r\nX-Shopify-Hmac-Sha256: {mac}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    assert_eq!(client.response("POST").await.status, 200);
    process.get("/products/a").await.expect(200, "new");
    let listed = process.command(&["ledger", "--deliveries"]).await;
    assert!(listed.succeeded().out.contains("products/update 1  accepted: tag product:a"), "{listed:?}");
    let shown = process.command(&["ledger", "--delivery", "1"]).await;
    assert!(shown.succeeded().out.contains(body), "{shown:?}");
    assert_eq!(process.command(&["ledger", "--delivery", "1", "--json"]).await.succeeded().json()["body"], body);
    assert!(process.command(&["purge", "--delivery", "1"]).await.succeeded().out.contains("purged"));
    process.get("/products/a").await.expect(200, "newer");
    let missing = process.command(&["purge", "--delivery", "2"]).await;
    assert!(missing.code == Some(1) && missing.err.contains("no delivery 2 is kept"), "{missing:?}");
}
