//! Webhooks as each sender signs and writes them: what they say is gone, and what is wrong with one costs nothing.

use crate::stage::{Got, NOON, ROUTES, Stage, page};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vitrine::crypto::{hex, hmac_sha256};

pub const SECRET: &str = "a secret that only the sender and vitrine know";
const OLD_SECRET: &str = "the secret that was in force until this week";
const BODY: &str = r#"{"id":7,"slug":"a"}"#;

/// How a sender writes an HMAC over what.
pub type Sign = fn(secret: &str, time: u64, body: &str) -> String;

/// One sender.
#[derive(Clone)]
pub struct Sender {
    pub path: &'static str,
    /// The field with the signature, and how it is made.
    pub signature: &'static str,
    pub sign: Sign,
    pub id_field: Option<&'static str>,
    /// The rest of the head.
    pub fields: &'static [&'static str],
    pub body: &'static str,
}

fn in_hex(secret: &str, _: u64, body: &str) -> String {
    hex(&hmac_sha256(secret.as_bytes(), &[body.as_bytes()]))
}

fn in_base64(secret: &str, _: u64, body: &str) -> String {
    STANDARD.encode(hmac_sha256(secret.as_bytes(), &[body.as_bytes()]))
}

fn as_stripe(secret: &str, time: u64, body: &str) -> String {
    let signed = format!("{time}.{body}");
    format!("t={time},v1={}", hex(&hmac_sha256(secret.as_bytes(), &[signed.as_bytes()])))
}

const GITHUB: Sender = Sender {
    path: "/webhooks/github",
    signature: "X-Hub-Signature-256",
    sign: |secret, time, body| format!("sha256={}", in_hex(secret, time, body)),
    id_field: Some("X-GitHub-Delivery"),
    fields: &["X-GitHub-Event: product"],
    body: BODY,
};
pub const SHOPIFY: Sender = Sender {
    path: "/webhooks/shopify",
    signature: "X-Shopify-Hmac-Sha256",
    sign: in_base64,
    id_field: Some("X-Shopify-Webhook-Id"),
    fields: &["X-Shopify-Topic: products/update", "X-Shopify-Shop-Domain: shop.myshopify.example"],
    body: BODY,
};
pub const WOO: Sender = Sender {
    path: "/webhooks/woo",
    signature: "X-WC-Webhook-Signature",
    sign: in_base64,
    id_field: Some("X-WC-Webhook-Delivery-ID"),
    fields: &["X-WC-Webhook-Topic: product.updated", "X-WC-Webhook-Resource: product"],
    body: BODY,
};
pub const STRIPE: Sender = Sender {
    path: "/webhooks/stripe",
    signature: "Stripe-Signature",
    sign: as_stripe,
    id_field: None,
    fields: &[],
    body: r#"{"id":"evt_1","type":"stripe.product","data":{"object":{"slug":"a"}}}"#,
};
const IN_HEX: Sender = Sender {
    path: "/webhooks/hex",
    signature: "X-Webhook-Signature",
    sign: in_hex,
    id_field: Some("X-Webhook-Id"),
    fields: &[],
    body: r#"{"type":"product","slug":"a"}"#,
};
const IN_BASE64: Sender = Sender {
    path: "/webhooks/base64",
    signature: "X-Erp-Mac",
    sign: in_base64,
    id_field: None,
    fields: &[],
    body: r#"{"what":{"happened":"product"},"of":{"slug":"a"}}"#,
};
const WITH_FIELDS: Sender = Sender {
    path: "/webhooks/fields",
    signature: "X-Pim-Signature",
    sign: in_hex,
    id_field: Some("X-Pim-Id"),
    fields: &["X-Pim-Event: product"],
    body: BODY,
};
const SENDERS: [Sender; 7] = [GITHUB, SHOPIFY, WOO, STRIPE, IN_HEX, IN_BASE64, WITH_FIELDS];

pub async fn stage() -> Stage {
    let secrets = format!("secrets: [\"{SECRET}\", \"{OLD_SECRET}\"]");
    let stage = Stage::with(&format!(
        r#"
store: {{ backend: sqlite }}
invalidation:
  webhooks:
    - {{ path: /webhooks/github, scheme: github, {secrets} }}
    - {{ path: /webhooks/shopify, scheme: shopify, {secrets} }}
    - {{ path: /webhooks/woo, scheme: woocommerce, {secrets} }}
    - {{ path: /webhooks/stripe, scheme: stripe, {secrets} }}
    - {{ path: /webhooks/hex, scheme: hmac-hex, {secrets} }}
    - {{ path: /webhooks/base64, scheme: hmac-base64, signature_field: X-Erp-Mac, id_field: none,
         event_at: what.happened, data_at: of, {secrets} }}
    - {{ path: /webhooks/fields, scheme: hmac-hex, signature_field: X-Pim-Signature, id_field: X-Pim-Id,
         event_field: X-Pim-Event, {secrets} }}
  events:
    product: {{ tags: ["product:{{slug}}"] }}
    products/update: {{ tags: ["product:{{slug}}"] }}
    product.updated: {{ tags: ["product:{{slug}}"] }}
    product.deleted: {{ tags: ["product:{{slug}}", "product:{{id}}"] }}
    stripe.product: {{ tags: ["product:{{object.slug}}"] }}
{ROUTES}"#
    ))
    .await;
    for target in ["/products/a", "/products/b", "/products/7"] {
        stage.origin.says(target, [page("old", &[]), page("new", &[]), page("newer", &[])]);
        stage.get(target).await.expect(200, "old");
    }
    stage
}

impl Sender {
    fn signed(&self, secret: &str, time: u64) -> String {
        (self.sign)(secret, time, self.body)
    }

    pub async fn send(&self, stage: &Stage, id: &str) -> Got {
        self.send_signed(stage, id, &self.signed(SECRET, NOON.as_secs())).await
    }

    pub async fn send_signed(&self, stage: &Stage, id: &str, signature: &str) -> Got {
        let id = self.id_field.map(|field| format!("{field}: {id}"));
        let signature = format!("{}: {signature}", self.signature);
        let fields = self.fields.iter().map(ToString::to_string).chain(id).chain([signature]);
        post(stage, self.path, &fields.collect::<Vec<_>>(), self.body).await
    }
}

pub async fn post(stage: &Stage, path: &str, fields: &[String], body: &str) -> Got {
    let mut client = stage.client().await;
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let length = body.len();
    client
        .send(format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\n{fields}Content-Length: {length}\r\n\r\n{body}"))
        .await;
    client.response("POST").await
}

async fn nothing_is_lost(stage: &Stage, name: &str) {
    for target in ["/products/a", "/products/b", "/products/7"] {
        let got = stage.get(target).await;
        assert_eq!(got.text(), "old", "{name}: {target}");
        got.hit();
    }
}

#[tokio::test]
async fn each_senders_event_lets_go_of_what_its_rule_names_and_of_nothing_else() {
    for sender in SENDERS {
        let stage = stage().await;
        let got = sender.send(&stage, "1").await;
        assert_eq!(got.status, 200, "{}: {}", sender.path, got.text());
        assert!(got.text().contains("tag product:a"), "{}: {}", sender.path, got.text());
        stage.get("/products/a").await.expect(200, "new");
        stage.get("/products/b").await.expect(200, "old").hit();
    }
}

#[tokio::test]
async fn what_is_not_signed_as_its_sender_does_is_refused_and_nothing_is_lost() {
    let stage = stage().await;
    for sender in SENDERS {
        let good = sender.signed(SECRET, NOON.as_secs());
        let of_other_body = (sender.sign)(SECRET, NOON.as_secs(), "{}");
        let of_other_key = sender.signed("a secret that nobody was ever told", NOON.as_secs());
        for wrong in ["", "nonsense", &good[..good.len() - 4], &format!("{good}00"), &of_other_body, &of_other_key] {
            let got = sender.send_signed(&stage, "1", wrong).await;
            assert_eq!(got.status, 401, "{} {wrong}: {}", sender.path, got.text());
            let told = got.text();
            assert!(told.contains(&sender.signature.to_lowercase()) && !told.contains(SECRET), "{told}");
        }
    }
    nothing_is_lost(&stage, "after all of them").await;
}

#[tokio::test]
async fn a_field_that_is_missing_is_named() {
    let stage = stage().await;
    for sender in SENDERS {
        let got = post(&stage, sender.path, &[], sender.body).await;
        assert_eq!(got.status, 401, "{}", sender.path);
        assert!(got.text().contains("must stand there once"), "{}: {}", sender.path, got.text());
    }
    nothing_is_lost(&stage, "after all of them").await;
}

#[tokio::test]
async fn c6_the_secret_before_is_good_as_long_as_it_is_configured() {
    for sender in SENDERS {
        let stage = stage().await;
        let got = sender.send_signed(&stage, "1", &sender.signed(OLD_SECRET, NOON.as_secs())).await;
        assert_eq!(got.status, 200, "{}", sender.path);
        stage.get("/products/a").await.expect(200, "new");
    }
}

#[tokio::test]
async fn a_repeated_delivery_is_answered_as_the_first_time_and_purges_nothing_also_after_a_restart() {
    // Without ids nothing tells a repeat from another change of the same product.
    for sender in SENDERS.into_iter().filter(|sender| sender.path != IN_BASE64.path) {
        let stage = stage().await;
        let first = sender.send(&stage, "1").await.text();
        stage.get("/products/a").await.expect(200, "new");
        assert_eq!(sender.send(&stage, "1").await.text(), first, "{}", sender.path);
        let stage = stage.restart().await;
        assert_eq!(sender.send(&stage, "1").await.text(), first, "{}", sender.path);
        stage.get("/products/a").await.expect(200, "new").hit();
    }
}

#[tokio::test]
async fn a_sender_without_ids_purges_each_time() {
    let stage = stage().await;
    IN_BASE64.send(&stage, "").await;
    stage.get("/products/a").await.expect(200, "new");
    assert_eq!(IN_BASE64.send(&stage, "").await.status, 200);
    stage.get("/products/a").await.expect(200, "newer");
}

#[tokio::test]
async fn an_id_that_is_not_signed_keeps_no_other_delivery_from_being_taken() {
    let stage = stage().await;
    // Whoever has an old delivery sends it again under an id that is still to come.
    let other = Sender { body: r#"{"id":7,"slug":"b"}"#, ..SHOPIFY };
    assert_eq!(other.send(&stage, "2").await.status, 200);
    assert_eq!(SHOPIFY.send(&stage, "2").await.status, 200);
    stage.get("/products/a").await.expect(200, "new");
}

#[tokio::test]
async fn stripes_time_is_signed_and_must_be_of_now_and_any_of_its_signatures_counts() {
    let stage = stage().await;
    for time in [NOON.as_secs() - 301, NOON.as_secs() + 301] {
        let got = STRIPE.send_signed(&stage, "", &STRIPE.signed(SECRET, time)).await;
        assert!(got.status == 401 && got.text().contains("more than five minutes from now"), "{}", got.text());
    }
    let moved = STRIPE
        .signed(SECRET, NOON.as_secs() - 301)
        .replace(&(NOON.as_secs() - 301).to_string(), &NOON.as_secs().to_string());
    assert_eq!(STRIPE.send_signed(&stage, "", &moved).await.status, 401);
    let in_another_version = STRIPE.signed(SECRET, NOON.as_secs()).replace("v1=", "v0=");
    assert_eq!(STRIPE.send_signed(&stage, "", &in_another_version).await.status, 401);
    nothing_is_lost(&stage, "stripe").await;
    let several = STRIPE.signed(SECRET, NOON.as_secs() - 300).replace(",v1=", &format!(",v1={},v1=", "0".repeat(64)));
    assert_eq!(STRIPE.send_signed(&stage, "", &several).await.status, 200);
    stage.get("/products/a").await.expect(200, "new");
}

#[tokio::test]
async fn woocommerces_unsigned_form_is_answered_with_200_and_does_nothing() {
    let stage = stage().await;
    let form = ["Content-Type: application/x-www-form-urlencoded".to_string()];
    let got = post(&stage, WOO.path, &form, "webhook_id=12").await;
    assert_eq!((got.status, got.text().trim()), (200, r#"{"ping":true,"status":"ok"}"#));
    for (path, body) in
        [(WOO.path, "webhook_id=12&topic=product.updated"), (WOO.path, BODY), (SHOPIFY.path, "webhook_id=12")]
    {
        assert_eq!(post(&stage, path, &form, body).await.status, 401, "{path} {body}");
    }
    // A form beside a signature is a delivery, and no good one.
    let signed = Sender { body: "webhook_id=12", ..WOO };
    assert_eq!(signed.send(&stage, "1").await.status, 400);
    nothing_is_lost(&stage, "woo").await;
    let ledger: serde_json::Value = serde_json::from_str(&stage.admin("/api/v1/ledger").await.text()).unwrap();
    assert_eq!(ledger["records"], serde_json::json!([]));
    let metrics = stage.admin("/metrics").await.text();
    assert!(metrics.contains(r#"vitrine_webhook_deliveries_total{result="ping"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_deletion_that_says_an_id_alone_lets_go_by_it() {
    let stage = stage().await;
    let deleted = Sender { fields: &["X-WC-Webhook-Topic: product.deleted"], body: r#"{"id":7}"#, ..WOO };
    let got = deleted.send(&stage, "1").await;
    assert!(got.status == 200 && got.text().contains("has no value for it"), "{}", got.text());
    stage.get("/products/7").await.expect(200, "new");
    stage.get("/products/a").await.expect(200, "old").hit();
}

#[tokio::test]
async fn what_a_sender_says_and_nobody_understands_gets_a_clear_answer_and_costs_nothing() {
    let stage = stage().await;
    let table: [(Sender, u16, &str); 5] = [
        (Sender { body: "payload=%7B%7D", ..GITHUB }, 400, "choose application/json"),
        (Sender { fields: &["X-GitHub-Event: ping"], ..GITHUB }, 200, "\"matched_rule\":false"),
        (Sender { body: r#"{"type":"stripe.product"}"#, ..STRIPE }, 400, r#"has no \"id\""#),
        (Sender { body: r#"{"id":"evt_1"}"#, ..STRIPE }, 400, r#"has no \"type\" that is a text"#),
        (Sender { body: r#"{"what":7}"#, ..IN_BASE64 }, 400, r#"has no \"what.happened\" that is a text"#),
    ];
    for (sender, status, part) in table {
        let got = sender.send(&stage, "1").await;
        assert!(got.status == status && got.text().contains(part), "{}: {}", sender.path, got.text());
    }
    nothing_is_lost(&stage, "after all of them").await;
}

#[tokio::test]
async fn a_payload_may_be_as_large_as_the_senders_are() {
    let stage = stage().await;
    let with = |bytes: usize| {
        let body = format!(r#"{{"slug":"a","body_html":"{}"}}"#, "x".repeat(bytes));
        let fields = vec![
            "X-Shopify-Topic: products/update".to_string(),
            "X-Shopify-Webhook-Id: 1".to_string(),
            format!("X-Shopify-Hmac-Sha256: {}", in_base64(SECRET, 0, &body)),
        ];
        (fields, body)
    };
    let (fields, body) = with(1024 * 1024);
    let got = post(&stage, SHOPIFY.path, &fields, &body).await;
    assert!(got.status == 413 && got.text().contains("more than 1024 KiB"), "{}", got.text());
    nothing_is_lost(&stage, "too large").await;
    let (fields, body) = with(500 * 1024);
    assert_eq!(post(&stage, SHOPIFY.path, &fields, &body).await.status, 200);
    stage.get("/products/a").await.expect(200, "new");
}
