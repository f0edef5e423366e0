//! Signed webhooks: what the shop says changed is gone, and nothing else is.

use crate::stage::{Got, NOON, ROUTES, Stage, page};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vitrine::crypto::hmac_sha256;

const KEY: &[u8] = b"a key of thirty-two bytes, or so";
const OLD_KEY: &[u8] = b"the key that was in use till now";

async fn stage() -> Stage {
    let (key, old) = (STANDARD.encode(KEY), STANDARD.encode(OLD_KEY));
    let stage = Stage::with(&format!(
        r#"
store: {{ backend: sqlite }}
invalidation:
  webhooks:
    - {{ path: /webhooks/shop, scheme: standard-webhooks, secrets: ["whsec_{key}", "whsec_{old}"] }}
    - {{ path: /webhooks/off, scheme: standard-webhooks, secret: "" }}
  events:
    product.updated: {{ tags: ["product:{{slug}}"] }}
{ROUTES}"#
    ))
    .await;
    for target in ["/products/a", "/products/b"] {
        stage.origin.says(target, [page("old", &[]), page("new", &[])]);
        stage.get(target).await.expect(200, "old");
    }
    stage
}

struct Delivery<'a> {
    path: &'a str,
    id: &'a str,
    time: u64,
    key: &'a [u8],
    body: &'a str,
}

const UPDATED: Delivery<'_> = Delivery {
    path: "/webhooks/shop",
    id: "msg_1",
    time: NOON.as_secs(),
    key: KEY,
    body: r#"{"type":"product.updated","data":{"slug":"a"}}"#,
};

impl Delivery<'_> {
    fn signature(&self) -> String {
        let signed = format!("{}.{}.{}", self.id, self.time, self.body);
        format!("v1,{}", STANDARD.encode(hmac_sha256(self.key, &[signed.as_bytes()])))
    }

    async fn send(&self, stage: &Stage) -> Got {
        self.send_signed(stage, &self.signature()).await
    }

    async fn send_signed(&self, stage: &Stage, signature: &str) -> Got {
        let Delivery { path, id, time, body, .. } = self;
        let mut client = stage.client().await;
        client
            .send(format!(
                "POST {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nwebhook-id: {id}\r\n\
                 webhook-timestamp: {time}\r\nwebhook-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        client.response("POST").await
    }
}

#[tokio::test]
async fn a_signed_event_lets_go_of_what_its_rule_names_and_of_nothing_else() {
    let stage = stage().await;
    let got = UPDATED.send(&stage).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert!(got.text().contains("product:a") && got.text().contains("\"confirmed\":true"), "{}", got.text());
    stage.get("/products/a").await.expect(200, "new");
    stage.get("/products/b").await.expect(200, "old").hit();
    assert_eq!(stage.origin.times_asked("/webhooks/shop"), 0);
}

#[tokio::test]
async fn a_repeated_id_is_answered_as_the_first_time_and_purges_nothing_also_after_a_restart() {
    let stage = stage().await;
    let first = UPDATED.send(&stage).await.text();
    stage.get("/products/a").await.expect(200, "new");
    assert_eq!(UPDATED.send(&stage).await.text(), first);
    let stage = stage.restart().await;
    assert_eq!(UPDATED.send(&stage).await.text(), first);
    stage.get("/products/a").await.expect(200, "new").hit();
}

#[tokio::test]
async fn each_key_in_use_is_good() {
    let stage = stage().await;
    assert_eq!(Delivery { key: OLD_KEY, ..UPDATED }.send(&stage).await.status, 200);
    stage.get("/products/a").await.expect(200, "new");
}

#[tokio::test]
async fn what_is_not_signed_as_it_should_be_is_refused_and_nothing_is_lost() {
    let stage = stage().await;
    let good = UPDATED.signature();
    assert_eq!(UPDATED.send_signed(&stage, "").await.status, 401);
    assert_eq!(UPDATED.send_signed(&stage, &good[..good.len() - 4]).await.status, 401);
    assert_eq!(UPDATED.send_signed(&stage, &good.replace("v1,", "v1a,")).await.status, 401);
    assert_eq!(Delivery { id: "msg_2", ..UPDATED }.send_signed(&stage, &good).await.status, 401);
    assert_eq!(Delivery { key: b"a key that nobody has ever given out", ..UPDATED }.send(&stage).await.status, 401);
    for time in [NOON.as_secs() - 301, NOON.as_secs() + 301] {
        assert_eq!(Delivery { time, ..UPDATED }.send(&stage).await.status, 401, "{time}");
    }
    let other = Delivery { body: r#"{"type":"product.updated","data":{"slug":"b"}}"#, ..UPDATED };
    assert_eq!(other.send_signed(&stage, &good).await.status, 401);
    stage.get("/products/a").await.expect(200, "old").hit();
    stage.get("/products/b").await.expect(200, "old").hit();
}

#[tokio::test]
async fn what_cannot_be_understood_gets_a_clear_answer_and_costs_nothing() {
    let stage = stage().await;
    let with = |id, body| Delivery { id, body, ..UPDATED };
    assert_eq!(with("m1", "not json").send(&stage).await.status, 400);
    assert_eq!(with("m2", r#"{"type":"order.placed","data":{}}"#).send(&stage).await.status, 200);
    let without = with("m4", r#"{"type":"product.updated","data":{"name":"a"}}"#).send(&stage).await;
    assert!(without.status == 200 && without.text().contains("the event's data has no value for it"), "{without:?}");
    let large = "x".repeat(100 * 1024);
    assert_eq!(with("m3", &large).send(&stage).await.status, 413);
    assert_eq!(Delivery { path: "/webhooks/off", ..UPDATED }.send(&stage).await.status, 404);
    assert_eq!(stage.ask("GET", "/webhooks/shop", &[]).await.status, 405);
    stage.get("/products/a").await.expect(200, "old").hit();
    assert_eq!(stage.origin.asked().len(), 2);
}
