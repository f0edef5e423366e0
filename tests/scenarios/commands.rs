//! The program itself: each command run as an operator runs it, against a `vitrine serve` of its own.

use crate::stage::process::{Process, run, vitrine};
use crate::stage::{Gate, in_time, page, request};

const ROUTES: &str = r#"
routes:
  - { name: home, match: "/", ttl: 5m, tags: [products] }
  - { name: product, match: "/products/{product}", ttl: 30m, cache: products, tags: ["product:{product}"] }
"#;

async fn process() -> Process {
    let process = Process::start(ROUTES).await;
    for target in ["/", "/products/a", "/products/b"] {
        process.origin.says(target, [page("old", &[]), page("new", &[])]);
    }
    process
}

#[tokio::test]
async fn purge_lets_go_and_says_what_and_dry_run_does_not() {
    let process = process().await;
    process.get("/products/a").await.expect(200, "old");
    process.command(&["purge", "--tag", "product:a", "--dry-run"]).await.succeeded();
    process.get("/products/a").await.expect(200, "old").hit();

    let purged = process.command(&["purge", "--tag", "product:a", "--json"]).await;
    assert_eq!(purged.succeeded().json()["confirmed"], true);
    process.get("/products/a").await.expect(200, "new");

    process.command(&["purge", "--prefix", "/products/"]).await.succeeded();
    process.get("/products/a").await.expect(200, "new").cache_status(&["fwd=miss"]);
    let ledger = process.command(&["ledger"]).await;
    assert!(ledger.succeeded().out.contains("product:a") && ledger.out.contains("/products/"), "{ledger:?}");
}

#[tokio::test]
async fn explain_says_what_is_stored_and_what_would_happen_and_why() {
    let process = process().await;
    let before = process.command(&["explain", "http://shop.example/products/a", "--json"]).await;
    assert!(before.succeeded().out.contains("not-stored"), "{before:?}");
    process.get("/products/a").await;
    let after = process.command(&["explain", "http://shop.example/products/a"]).await;
    for part in ["product", "product:a", "fresh", "origin    default"] {
        assert!(after.succeeded().out.contains(part), "{part:?} is not in {after:?}");
    }
    assert_eq!(process.origin.asked().len(), 1);
}

#[tokio::test]
async fn status_tells_what_is_stored_and_clear_lets_go_of_all_of_it() {
    let process = process().await;
    process.get("/products/a").await;
    process.get("/products/a").await.hit();
    let status = process.command(&["status"]).await;
    assert!(status.succeeded().out.contains("products"), "{status:?}");
    let metrics = metrics(&process).await;
    let hit = r#"vitrine_requests_total{cache="products",outcome="hit",reason="fresh",route="product"} 1"#;
    assert!(metrics.contains(hit), "{metrics}");
    process.command(&["status", "--json"]).await.succeeded().json();
    process.command(&["clear"]).await.succeeded();
    process.get("/products/a").await.expect(200, "new");
    let counted = r#"vitrine_purges_total{mode="hard",result="confirmed",source="admin"} 1"#;
    assert!(self::metrics(&process).await.contains(counted), "a clearing is a purge of all");
}

#[tokio::test]
async fn f1_a_shop_that_goes_and_comes_back_is_one_line_each_in_the_log_and_told_by_status() {
    let process = process().await;
    let up = process.command(&["status"]).await;
    let row = |out: &str| out.lines().find(|line| line.starts_with("default ")).map(str::to_string).expect("a row");
    let server = process.origin.address.to_string();
    assert!(row(&up.succeeded().out).contains(&server) && row(&up.out).contains(" up "), "{up:?}");
    process.origin.close().await;
    for _ in 0..9 {
        assert_eq!(process.get("/").await.status, 502);
    }
    let down = process.command(&["status"]).await;
    let trouble = format!("! the server {server} of the origin default is open: the origin cannot be reached");
    assert!(down.succeeded().out.contains(&trouble) && row(&down.out).contains(" open "), "{down:?}");
    process.origin.reopen().await;
    for _ in 0..2 {
        process.get("/unknown").await.expect(404, "the origin has no such page");
    }
    process.signal("TERM").await;
    let (_, log) = process.ended().await;
    let lines = |text: &str| log.lines().filter(|line| line.contains(text) && line.contains(&server)).count();
    assert_eq!(lines("the server is left alone until it answers again"), 1, "{log}");
    assert_eq!(lines("the server answers again"), 1, "{log}");
}

async fn metrics(process: &Process) -> String {
    let mut admin = crate::stage::Client::connect(process.admin).await;
    admin.send(format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", process.admin)).await;
    admin.response("GET").await.text()
}

#[tokio::test]
async fn warm_fetches_what_a_list_names() {
    let process = process().await;
    let list = process.data.path().join("urls.txt");
    std::fs::write(&list, "http://shop.example/\nhttp://shop.example/products/a\n# a comment\n").expect("writable");
    let base = format!("http://{}", process.public);
    let warmed = process.command(&["warm", "--list", &list.to_string_lossy(), "--base", &base]).await;
    warmed.succeeded();
    process.get("/").await.expect(200, "old").hit();
    process.get("/products/a").await.expect(200, "old").hit();
}

#[tokio::test]
async fn a_path_alone_is_warmed_for_the_first_host_that_is_configured() {
    let process =
        Process::start(&format!("hosts: [shop.example, other.example]\nstore: {{ backend: memory }}\n{ROUTES}")).await;
    process.origin.says("/products/a", [page("old", &[])]);
    let list = process.data.path().join("urls.txt");
    std::fs::write(&list, "/products/a\n").expect("writable");
    // The public address is any free port, so it has to be named.
    let told = std::fs::read_to_string(process.file()).expect("text");
    let told = told.replace("address: 127.0.0.1:0 }]", &format!("address: \"{}\" }}]", process.public));
    std::fs::write(process.file(), told).expect("writable");
    process.command(&["warm", "--list", &list.to_string_lossy()]).await.succeeded();
    process.get("/products/a").await.hit();
}

#[tokio::test]
async fn check_shows_the_rules_or_every_mistake_with_its_place() {
    let data = tempfile::tempdir().expect("a directory");
    let file = data.path().join("proxy.yaml");
    let check = async || run(vitrine(&["check", "--config", &file.to_string_lossy()])).await;

    std::fs::write(&file, format!("origin: {{ url: \"http://127.0.0.1:9\" }}\n{ROUTES}")).expect("writable");
    let good = check().await;
    assert!(good.succeeded().out.contains("/products/{product}"), "{good:?}");

    std::fs::write(
        &file,
        "origin: { url: \"http://127.0.0.1:9\" }\nroutes:\n  - { name: a, match: products, ttl: soon }\n",
    )
    .expect("writable");
    let bad = check().await;
    assert_eq!(bad.code, Some(1));
    for part in ["proxy.yaml:3:", "soon", "slash"] {
        assert!(bad.err.contains(part), "{part:?} is not in {bad:?}");
    }
}

#[tokio::test]
async fn w7_check_names_the_routes_that_a_changed_file_shares_more_widely() {
    let data = tempfile::tempdir().expect("a directory");
    let (old, new) = (data.path().join("old.yaml"), data.path().join("new.yaml"));
    let write = |file: &std::path::Path, rules: [&str; 4]| {
        let names = ["kept", "own", "shared", "checkout"];
        let rules =
            names.iter().zip(rules).map(|(name, rule)| format!("  - {{ name: {name}, match: \"/{name}\", {rule} }}\n"));
        let text = format!("origin: {{ url: \"http://127.0.0.1:9\" }}\nroutes:\n{}", rules.collect::<String>());
        std::fs::write(file, text).expect("writable");
    };
    write(&old, ["ttl: 1m", "pass: true", "audience: session", "pass: true"]);
    write(&new, ["ttl: 1h", "audience: session", "audience: session, without_session: anonymous", "pass: true"]);
    let check = async |against: &std::path::Path, file: &std::path::Path, more: &[&str]| {
        let (against, file) = (against.to_string_lossy(), file.to_string_lossy());
        run(vitrine(&[&["check", "--against", &against, "--config", &file], more].concat())).await
    };
    let told = check(&old, &new, &[]).await;
    let named: Vec<_> = told.succeeded().out.lines().filter(|line| line.starts_with("newly cacheable")).collect();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named[0].ends_with(": own") && named[1].ends_with(": shared"), "{named:?}");
    let back: serde_json::Value = serde_json::from_str(&check(&new, &old, &["--json"]).await.succeeded().out).unwrap();
    assert_eq!(back["newly_cacheable"], serde_json::json!([]));
    let nothing = check(&data.path().join("none.yaml"), &new, &[]).await;
    assert!(nothing.code == Some(1) && nothing.err.contains("none.yaml"), "{nothing:?}");
}

#[tokio::test]
async fn exit_codes_and_errors_name_the_thing_the_place_and_the_remedy() {
    let usage = run(vitrine(&["purge", "--nonsense"])).await;
    assert_eq!(usage.code, Some(2), "{usage:?}");
    let data = tempfile::tempdir().expect("a directory");
    let file = data.path().join("proxy.yaml");
    let missing = run(vitrine(&["status", "--config", &file.to_string_lossy()])).await;
    assert!(missing.code == Some(1) && missing.err.contains("proxy.yaml"), "{missing:?}");
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    std::fs::write(&file, format!("origin: {{ url: \"http://127.0.0.1:9\" }}\nadmin: {{ address: \"{free}\" }}\n"))
        .expect("writable");
    let nobody = run(vitrine(&["status", "--config", &file.to_string_lossy()])).await;
    assert!(nobody.code == Some(1) && nobody.err.contains("vitrine serve"), "{nobody:?}");
}

#[tokio::test]
async fn f27_sigterm_lets_requests_under_way_end_and_exits_with_0() {
    let process = process().await;
    let gate = Gate::shut();
    process.origin.says("/slow", [page("whole", &[]).held_by(&gate)]);
    let mut client = crate::stage::Client::connect(process.public).await;
    client.send(request("GET", "/slow", &[])).await;
    gate.reached_by(1).await;
    process.signal("TERM").await;
    in_time("vitrine accepts no more", async {
        while tokio::net::TcpStream::connect(process.public).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.open();
    client.response("GET").await.expect(200, "whole");
    assert_eq!(process.ended().await.0, Some(0));
}

#[tokio::test]
async fn an_open_tunnel_does_not_keep_the_process_from_ending() {
    let process =
        Process::start("limits: { drain_timeout: 200ms }\nroutes: [{ name: socket, match: \"/socket\", pass: true }]")
            .await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\nhello";
    process.origin.says("/socket", [crate::stage::raw(switch).then_held_by(&Gate::shut())]);
    let mut client = crate::stage::Client::connect(process.public).await;
    client.send(request("GET", "/socket", &["Connection: Upgrade", "Upgrade: echo"])).await;
    assert_eq!(client.head().await.expect("a head").status, 101);
    assert_eq!(client.bytes(5).await, b"hello");
    process.signal("TERM").await;
    assert_eq!(process.ended().await.0, Some(0));
}

#[tokio::test]
async fn a_second_proxy_on_the_same_data_is_refused_with_the_reason() {
    let process = process().await;
    let file = process.data.path().join("second.yaml");
    let config = format!(
        "listen: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: 127.0.0.1:0 }}\norigin: {{ url: \"http://{}\" }}\n\
         data_dir: {:?}\n",
        process.origin.address,
        process.data.path()
    );
    std::fs::write(&file, config).expect("writable");
    let second = run(vitrine(&["serve", "--config", &file.to_string_lossy()])).await;
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("cache.db"), "{second:?}");
    process.get("/").await.expect(200, "old");
}

#[tokio::test]
async fn an_acknowledged_purge_survives_kill_9() {
    let process = process().await;
    process.get("/products/a").await.expect(200, "old");
    process.command(&["purge", "--url", "http://shop.example/products/a"]).await.succeeded();
    process.signal("KILL").await;
    let process = process.restarted().await;
    process.get("/products/a").await.expect(200, "new");
}

#[tokio::test]
async fn completions_and_the_manual_page_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(vitrine(&["completions", shell])).await;
        for command in ["serve", "check", "status", "clear", "warm", "purge", "explain", "ledger"] {
            assert!(script.succeeded().out.contains(command), "{shell} {command}");
        }
    }
    assert!(run(vitrine(&["man"])).await.succeeded().out.contains("purge"));
}
