//! The program as it runs for a shop: visitors on several lanes, each a thread with sockets of its own.

use crate::stage::process::{Process, run, vitrine};
use crate::stage::{Client, Gate, page, request};

const TWO: &str = "threads: 2\nstore: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", ttl: 1h }]\n";
/// Connections: that all of them are on one lane is as likely as never.
const MANY: usize = 48;

async fn clients(process: &Process) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(Client::connect(process.public).await);
    }
    clients
}

#[tokio::test]
async fn a_second_one_on_the_same_address_is_told_so_and_the_first_keeps_every_visitor() {
    let process = Process::start(TWO).await;
    process.origin.says("/", [page("home", &[])]);
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("proxy.yaml");
    let config = format!(
        "listen: [{{ address: \"{}\" }}]\nadmin: {{ address: \"127.0.0.1:0\" }}\norigin: {{ url: \"http://127.0.0.1:9\" }}\n\
         data_dir: {:?}\n{TWO}",
        process.public,
        data.path()
    );
    std::fs::write(&file, config).unwrap();
    let second = run(vitrine(&["serve", "--config", &file.to_string_lossy()])).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains(&format!("cannot listen on {}", process.public)), "{second:?}");
    for mut client in clients(&process).await {
        client.send(request("GET", "/", &[])).await;
        client.response("GET").await.expect(200, "home");
    }
}

#[tokio::test]
async fn what_is_under_way_on_any_lane_is_answered_when_the_process_is_told_to_end() {
    let process = Process::start(TWO).await;
    let gate = Gate::shut();
    let mut clients = clients(&process).await;
    for (number, client) in clients.iter_mut().enumerate() {
        let target = format!("/slow/{number}");
        process.origin.says(&target, [page("slow", &[]).held_by(&gate)]);
        client.send(request("GET", &target, &[])).await;
    }
    gate.reached_by(MANY).await;
    process.signal("TERM").await;
    gate.open();
    for client in &mut clients {
        client.response("GET").await.expect(200, "slow");
    }
    assert_eq!(process.ended().await.0, Some(0));
}

#[tokio::test]
async fn a_purge_on_one_lane_holds_on_all_when_it_is_answered() {
    let process = Process::start(TWO).await;
    process.origin.says("/", [page("old", &[]), page("new", &[])]);
    let mut clients = clients(&process).await;
    for body in ["old", "new"] {
        for client in &mut clients {
            client.send(request("GET", "/", &[])).await;
            client.response("GET").await.expect(200, body);
        }
        clients[0].send(request("PURGE", "/", &[])).await;
        assert_eq!(clients[0].response("PURGE").await.status, 200);
    }
    assert_eq!(process.origin.asked().len(), 2, "and all lanes share what is fetched");
}
