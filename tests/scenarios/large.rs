//! Large contents, which the system sends by itself once they are asked for often: the same bytes as ever, however slowly they
//! are read, and whatever becomes of the page meanwhile (row R10).

use crate::coded::once_coded;
use crate::stage::{Client, Got, Stage, in_time, page, request};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

const FRONTS: [&str; 2] = ["on", "off"];
/// About as much as memory takes of one page.
const LARGE_BYTES: usize = 1_900_000;
/// So many of them are more than the system keeps for a client that does not read.
const LARGE_HITS: usize = 8;
const HTML: &str = "content-type: text/html; charset=utf-8";
const ALICE: &str = "Cookie: sessionid=alice";
const ROUTES: &str = r#"
cookies: { session: [sessionid] }
session_key: "0123456789abcdef0123456789abcdef"
routes:
  - { name: product, match: "/products/{product}", ttl: 30m, cache: products }
  - { name: plain, match: "/plain/{page}", ttl: 30m, cache: products, compression: false }
  - { name: account, match: "/account/", ttl: 1h, audience: session }
"#;

async fn with(front: &str, lines: &str) -> Stage {
    Stage::with(&format!("front: {front}\n{lines}\n{ROUTES}")).await
}

/// Digits, of which no part is like another, and which compress to half. Their spaces let no reader take them for a part of a head.
fn digits(seed: u64, bytes: usize) -> String {
    let mut state = seed | 1;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let _ = write!(text, "{:08x} ", state >> 32);
    }
    text.truncate(bytes);
    text
}

/// Has a page asked for so often that it gets a file, even in a place where another led.
async fn often(stage: &Stage, target: &str, fields: &[&str]) {
    for _ in 0..12 {
        stage.get_with(target, fields).await;
    }
}

fn get(target: &str) -> String {
    request("GET", target, &[])
}

/// The contents of the files in memory that this process has open.
fn contents_in_files() -> Vec<Vec<u8>> {
    let own = fs::read_dir("/proc/self/fd").expect("Linux").flatten().map(|entry| entry.path());
    let is_ours = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|name| name.to_string_lossy().starts_with("/memfd:vitrine-content"))
    };
    own.filter(is_ours).filter_map(|path| fs::read(path).ok()).collect()
}

fn is_in_a_file(content: &str) -> bool {
    contents_in_files().iter().any(|own| own == content.as_bytes())
}

/// An answer without what is another one each time.
fn shown(got: &Got) -> (u16, Vec<(String, String)>, Vec<u8>) {
    assert!(got.complete, "{:?}", got.fields);
    let mut fields = got.fields.clone();
    fields.retain(|(name, _)| name != "date" && name != "x-request-id");
    fields.sort();
    (got.status, fields, got.body.clone())
}

/// What comes back on one connection for a page and what is asked about it, after it was asked for several times.
async fn answers(stage: &Stage, target: &str, fields: &[&str]) -> Vec<(u16, Vec<(String, String)>, Vec<u8>)> {
    let mut client = stage.client().await;
    let condition = [fields, &["If-None-Match: *"]].concat();
    let asked = [
        ("GET", request("GET", target, fields)),
        ("GET", request("GET", target, fields)),
        ("HEAD", request("HEAD", target, fields)),
        ("GET", request("GET", target, fields)),
        ("GET", request("GET", target, &condition)),
        ("HEAD", request("HEAD", target, &condition)),
        ("GET", request("GET", target, &[fields, &["connection: close"]].concat())),
    ];
    client.send(asked.iter().map(|(_, bytes)| bytes.as_str()).collect::<String>()).await;
    let mut answers = Vec::new();
    for (method, _) in asked {
        let got = client.response(method).await;
        got.hit();
        answers.push(shown(&got));
    }
    assert!(client.bytes(1).await.is_empty(), "nothing stands behind what was asked for");
    answers
}

#[tokio::test]
async fn a_large_hit_is_the_same_with_a_file_without_one_and_by_the_long_way() {
    let content = digits(1, 100_000);
    let mut all = Vec::new();
    // With so little memory there is no room for files.
    for (front, memory) in [("on", "3MiB"), ("on", "256MiB"), ("off", "256MiB")] {
        let stage = with(front, &format!("store: {{ backend: memory, memory: {memory} }}")).await;
        stage.origin.says("/plain/a", [page(&content, &[HTML])]);
        often(&stage, "/plain/a", &[]).await;
        let answers = answers(&stage, "/plain/a", &[]).await;
        let sizes: Vec<_> = answers.iter().map(|(status, _, body)| (*status, body.len())).collect();
        let (whole, none) = ((200, content.len()), (200, 0));
        assert_eq!(sizes, [whole, whole, none, whole, (304, 0), (304, 0), whole], "{front} {memory}");
        assert!(answers.iter().all(|(_, _, body)| body.is_empty() || body == content.as_bytes()), "{front} {memory}");
        // Of a stage that is gone it may be there for a while.
        assert!(front == "off" || is_in_a_file(&content) == (memory == "256MiB"), "{front} {memory}");
        all.push(answers);
    }
    assert!(all[0] == all[1] && all[1] == all[2], "{all:?}");
}

#[tokio::test]
async fn a_large_hit_in_a_coding_is_the_same_with_the_front_and_without() {
    let content = digits(2, 300_000);
    let mut all = Vec::new();
    for front in FRONTS {
        let stage = with(front, "store: { backend: memory }").await;
        stage.origin.says("/products/a", [page(&content, &[HTML])]);
        often(&stage, "/products/a", &[]).await;
        let mut answers_in_all = answers(&stage, "/products/a", &[]).await;
        for coding in ["br", "zstd", "gzip"] {
            let accepts = format!("accept-encoding: {coding}");
            once_coded(&stage, "/products/a", &[&accepts]).await;
            often(&stage, "/products/a", &[&accepts]).await;
            let of_coding = answers(&stage, "/products/a", &[&accepts]).await;
            let (_, fields, coded) = &of_coding[0];
            assert!(
                fields.contains(&("content-encoding".into(), coding.into())) && coded.len() > 100_000,
                "{fields:?}"
            );
            assert!(front == "off" || contents_in_files().contains(coded), "{coding} has a file of its own");
            answers_in_all.extend(of_coding);
        }
        // Before it was coded, nothing was said of that it could be.
        all.push(answers_in_all.split_off(7));
    }
    assert!(all[0] == all[1]);
}

#[tokio::test]
async fn r10_a_reader_who_stops_and_reads_on_gets_all_of_it() {
    let content = digits(3, LARGE_BYTES);
    let stage = with("on", "store: { backend: memory }").await;
    stage.origin.says("/plain/a", [page(&content, &[])]);
    often(&stage, "/plain/a", &[]).await;
    let mut client = Client::narrow(stage.app.public_addresses()[0]).await;
    client.send(get("/plain/a").repeat(LARGE_HITS)).await;
    let mut first = client.head().await.expect("a head");
    // Another visitor is served meanwhile, by the same file.
    stage.get("/plain/a").await.expect(200, &content).hit();
    assert!(is_in_a_file(&content));
    client.body("GET", &mut first).await;
    first.expect(200, &content).hit();
    for _ in 1..LARGE_HITS {
        client.response("GET").await.expect(200, &content).hit();
    }
}

#[tokio::test]
async fn r10_a_reader_who_stops_for_good_is_dropped_and_told_of_as_cut() {
    let content = digits(4, LARGE_BYTES);
    let stage = with("on", "store: { backend: memory }\nlimits: { write_timeout: 300ms, connections: 1 }").await;
    let stage = stage.restarted_with(|config| config.replace("access: off", "access: \"${DATA}/access.log\"")).await;
    stage.origin.says("/plain/a", [page(&content, &[])]);
    often(&stage, "/plain/a", &[]).await;
    let mut client = Client::narrow(stage.app.public_addresses()[0]).await;
    client.send(get("/plain/a").repeat(LARGE_HITS)).await;
    let begun = client.head().await.expect("a head").field("content-length").map(str::to_string);
    assert_eq!(begun, Some(LARGE_BYTES.to_string()));
    assert!(is_in_a_file(&content));
    // Its place is free again only when it was dropped.
    stage.ask("HEAD", "/plain/a", &[]).await.hit();
    stage.app.stop().await;
    let log = fs::read_to_string(stage.data.path().join("access.log")).expect("it was written");
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let hits = lines.iter().filter(|line| line["outcome"] == "hit" && line["method"] == "GET");
    let (cut, whole): (Vec<_>, Vec<_>) = hits.partition(|line| line["cut"] == true);
    assert!(whole.len() > 1 && whole.iter().all(|line| line["bytes"] == LARGE_BYTES), "{log}");
    let [cut] = &cut[..] else { panic!("{log}") };
    assert!(cut["bytes"].as_u64().is_some_and(|bytes| bytes < LARGE_BYTES as u64), "{cut}");
}

#[tokio::test]
async fn what_is_half_sent_when_its_page_is_purged_comes_whole_and_the_next_is_new() {
    for front in FRONTS {
        let (old, new) = (digits(5, LARGE_BYTES), digits(6, LARGE_BYTES));
        let stage = with(front, "store: { backend: memory }").await;
        stage.origin.says("/plain/a", [page(&old, &[])]);
        often(&stage, "/plain/a", &[]).await;
        let mut client = Client::narrow(stage.app.public_addresses()[0]).await;
        client.send(get("/plain/a").repeat(LARGE_HITS)).await;
        let mut half = client.head().await.expect("a head");
        stage.origin.says("/plain/a", [page(&new, &[])]);
        stage.purge("/plain/a").await;
        often(&stage, "/plain/a", &[]).await;
        stage.get("/plain/a").await.expect(200, &new).hit();
        assert!(front == "off" || is_in_a_file(&new));
        client.body("GET", &mut half).await;
        half.expect(200, &old).hit();
        // What the system had no room for was not begun before the purge.
        let mut contents = Vec::new();
        for _ in 1..LARGE_HITS {
            let got = client.response("GET").await;
            assert!(got.complete);
            contents.push(got.text());
        }
        let first_new = contents.iter().position(|content| *content == new).expect("one came after the purge");
        assert!(contents[..first_new].iter().all(|content| *content == old), "{front}");
        assert!(contents[first_new..].iter().all(|content| *content == new), "{front}");
    }
}

#[tokio::test]
async fn a_sessions_own_page_is_in_no_file() {
    let (own, shared) = (digits(7, 100_000), digits(8, 100_000));
    let stage = with("on", "store: { backend: memory }").await;
    stage.origin.says("/account/", [page(&own, &[])]);
    stage.origin.says("/plain/a", [page(&shared, &[])]);
    for _ in 0..12 {
        stage.get_with("/account/", &[ALICE]).await.expect(200, &own);
        stage.get("/plain/a").await.expect(200, &shared);
    }
    stage.get_with("/account/", &[ALICE]).await.hit();
    assert!(is_in_a_file(&shared) && !is_in_a_file(&own));
}

async fn clear(stage: &Stage) {
    let address = stage.app.admin_address();
    let mut client = Client::connect(address).await;
    let json = "Content-Type: application/json\r\nContent-Length: 2";
    client.send(format!("POST /api/v1/clear HTTP/1.1\r\nHost: {address}\r\n{json}\r\n\r\n{{}}")).await;
    let got = client.response("POST").await;
    assert_eq!(got.status, 200, "{got:?}");
}

#[tokio::test]
async fn what_is_half_sent_when_all_is_cleared_comes_whole_from_its_file() {
    let content = digits(9, LARGE_BYTES);
    let stage = with("on", "store: { backend: memory }").await;
    stage.origin.says("/plain/a", [page(&content, &[])]);
    in_time("a file is half sent that nobody keeps", async {
        loop {
            often(&stage, "/plain/a", &[]).await;
            assert!(is_in_a_file(&content));
            let mut client = Client::narrow(stage.app.public_addresses()[0]).await;
            client.send(get("/plain/a").repeat(LARGE_HITS)).await;
            let mut half = client.head().await.expect("a head");
            clear(&stage).await;
            let is_sent_from_it = is_in_a_file(&content);
            client.body("GET", &mut half).await;
            half.expect(200, &content).hit();
            drop(client);
            while is_in_a_file(&content) {
                tokio::task::yield_now().await;
            }
            // Else it had been taken whole in between, and the next was fetched anew.
            if is_sent_from_it {
                return;
            }
        }
    })
    .await;
}
