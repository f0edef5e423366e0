//! Webhooks are signed, retried, kept in order, and kept across restarts.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::task::JoinHandle;

use crate::browser::Browser;
use crate::receiver::{Closed, Delivery, Receiver};
use crate::stage::{Folder, SECRET, open, shop, shop_telling};

fn verify(delivery: &Delivery) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(SECRET).unwrap());
    let signed = format!("{}.{}.{}", delivery.id, delivery.timestamp, delivery.body);
    let signature = delivery.signature.strip_prefix("v1,").unwrap();
    hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap();
}

/// Sets the price of the lamp; the answer comes when the webhook has arrived, or later.
fn price(browser: &Browser, price: &'static str) -> JoinHandle<()> {
    let mut browser = browser.clone();
    tokio::spawn(async move {
        let form = [("name", "Night Ferry Lamp"), ("price", price), ("description", "Lamp")];
        browser.redirected("/edit/product/night-ferry-lamp", &form).await;
    })
}

fn price_told(delivery: &Delivery) -> String {
    delivery.json()["data"]["price"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_webhook_is_signed() {
    let mut receiver = Receiver::new(&[]);
    let (_shop, browser) = shop_telling(receiver.address).await;
    price(&browser, "1").await.unwrap();
    let delivery = receiver.next().await;
    verify(&delivery);
    assert!(delivery.id.starts_with("msg_"));
    assert!(delivery.timestamp.parse::<u64>().unwrap() > 1_700_000_000);
    let told = delivery.json();
    assert!(told["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(told.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn refused_webhooks_come_again_as_they_were() {
    let mut receiver = Receiver::new(&[500, 302, 404]);
    let (_shop, mut browser) = shop_telling(receiver.address).await;
    let edit = price(&browser, "2");
    let first = receiver.next().await;
    for _ in 0..3 {
        let again = receiver.next().await;
        verify(&again);
        assert_eq!((&again.id, &again.body), (&first.id, &first.body));
    }
    edit.await.unwrap();
    browser.until("/stats", "\"waiting\":0").await;
    price(&browser, "3").await.unwrap();
    let next = receiver.next().await;
    assert_ne!(next.id, first.id);
    assert_eq!(price_told(&next), "3.00");
}

#[tokio::test]
async fn nothing_is_lost_or_reordered_while_nobody_listens() {
    let closed = Closed::new();
    let (_shop, mut browser) = shop_telling(closed.address()).await;
    let mut edits = Vec::new();
    for (waiting, cents) in ["1", "2", "3"].into_iter().enumerate() {
        edits.push(price(&browser, cents));
        browser.until("/stats", &format!("\"waiting\":{}", waiting + 1)).await;
    }
    assert!(browser.get("/edit/").await.body.contains("Webhooks waiting: 3"));
    // The page shows the new price although nobody could be told.
    assert!(browser.get("/products/night-ferry-lamp").await.body.contains("€3.00"));
    let mut receiver = closed.open(&[]);
    for price in ["1.00", "2.00", "3.00"] {
        assert_eq!(price_told(&receiver.next().await), price);
    }
    for edit in edits {
        edit.await.unwrap();
    }
    browser.until("/edit/", "Webhooks waiting: 0").await;
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_restart_keeps_what_was_not_delivered() {
    let folder = Folder::new();
    let mut refusing = Receiver::new(&[503; 1000]);
    let (shop, mut browser) = open(&folder.data(), Some(refusing.address)).await;
    let edits = [price(&browser, "4"), price(&browser, "4")];
    let refused = refusing.next().await;
    browser.until("/stats", "\"waiting\":2").await;
    for edit in edits {
        edit.abort();
    }
    shop.stop().await;

    let mut receiver = Receiver::new(&[]);
    let (_shop, mut browser) = open(&folder.data(), Some(receiver.address)).await;
    let delivered = receiver.next().await;
    assert_eq!((delivered.id, delivered.body), (refused.id, refused.body));
    receiver.next().await;
    browser.until("/stats", "\"waiting\":0").await;
}

#[tokio::test]
async fn without_a_receiver_webhooks_are_kept_and_nobody_waits() {
    let (_shop, mut browser) = shop().await;
    price(&browser, "5").await.unwrap();
    assert_eq!(browser.get("/stats").await.json()["outbox"]["waiting"], 1);
}
