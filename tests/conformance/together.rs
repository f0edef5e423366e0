//! Several clients at once: what a fetch that is under way may bring to whom. Here it matters what happens within an exchange,
//! which no row can say.

use crate::stage::{Client, Gate, Got, Stage, head_only, page, request};

/// An exchange halfway: its leader has the head and the first byte of `one`, and the origin holds the rest back. Who comes
/// next and does not share it gets `two`.
struct Halfway {
    rest: Gate,
    leader: Client,
    head: Got,
}

async fn halfway(stage: &Stage, asks: &[&str], says: &[&str]) -> Halfway {
    let rest = Gate::shut();
    let head = head_only("200 OK", &[&["content-length: 3"], says].concat());
    stage.origin.says("/", [head.then("o").then_held_by(&rest).then("ne"), page("two", &["cache-control: no-store"])]);
    let mut leader = stage.client().await;
    leader.send(request("GET", "/", asks)).await;
    let head = leader.head().await.expect("a head");
    assert_eq!(leader.bytes(1).await, b"o");
    Halfway { rest, leader, head }
}

impl Halfway {
    /// Another client comes: its head, and its body when the origin has said everything.
    async fn joined_by(&mut self, stage: &Stage, asks: &[&str]) -> (Got, String) {
        let mut follower = stage.client().await;
        follower.send(request("GET", "/", asks)).await;
        let head = follower.head().await.expect("a head");
        self.rest.open();
        assert_eq!(self.leader.bytes(2).await, b"ne");
        (head, String::from_utf8(follower.bytes(3).await).expect("text"))
    }
}

#[tokio::test]
async fn who_shares_a_fetch_is_told_so_9211_2_6() {
    let stage = crate::open().await;
    let mut fill = halfway(&stage, &[], &["cache-control: max-age=60"]).await;
    fill.head.cache_status(&["fwd=uri-miss", "stored"]);
    let (head, body) = fill.joined_by(&stage, &[]).await;
    head.cache_status(&["fwd=uri-miss", "collapsed"]);
    assert_eq!((body.as_str(), stage.origin.asked().len()), ("one", 1));
}

#[tokio::test]
async fn who_asks_for_another_variant_does_not_share_9111_4_1() {
    let stage = crate::open().await;
    let mut fill = halfway(&stage, &["x-v: 1"], &["cache-control: max-age=60", "vary: x-v"]).await;
    let (_, body) = fill.joined_by(&stage, &["x-v: 2"]).await;
    assert_eq!((body.as_str(), stage.origin.asked().len()), ("two", 2));
}

#[tokio::test]
async fn what_is_private_or_not_to_be_stored_is_not_shared_9111_5_2_2() {
    for directive in ["private, max-age=60", "no-store", "no-cache"] {
        let stage = crate::open().await;
        let mut fill = halfway(&stage, &[], &[&format!("cache-control: {directive}")]).await;
        let (_, body) = fill.joined_by(&stage, &[]).await;
        assert_eq!((body.as_str(), stage.origin.asked().len()), ("two", 2), "{directive}");
    }
}

#[tokio::test]
async fn an_answer_to_credentials_is_not_shared_unless_that_is_allowed_9111_3_5() {
    let (one, other): (&[&str], &[&str]) = (&["authorization: Basic YTpi"], &["authorization: Basic Yzpk"]);
    for (leads, follows) in [(one, other), (one, &[]), (one, one)] {
        let stage = crate::open().await;
        let mut fill = halfway(&stage, leads, &["cache-control: max-age=60"]).await;
        let (_, body) = fill.joined_by(&stage, follows).await;
        assert_eq!((body.as_str(), stage.origin.asked().len()), ("two", 2), "{leads:?} {follows:?}");
    }
}

#[tokio::test]
async fn a_field_that_is_named_goes_to_the_leader_alone_9111_5_2_2() {
    for directive in ["private=\"x-a\"", "no-cache=\"x-a\""] {
        let stage = crate::open().await;
        let says = [&*format!("cache-control: max-age=60, {directive}"), "x-a: 1", "x-b: 2"];
        let mut fill = halfway(&stage, &[], &says).await;
        assert_eq!((fill.head.field("x-a"), fill.head.field("x-b")), (Some("1"), Some("2")), "{directive}");
        let (head, body) = fill.joined_by(&stage, &[]).await;
        assert_eq!((head.field("x-a"), head.field("x-b"), body.as_str()), (None, Some("2"), "one"), "{directive}");
    }
}
