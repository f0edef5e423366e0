//! Requests that the origin answers before their bodies have come whole.

use crate::stage::{Gate, Origin, Stage, find, in_time, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASS: &str = "store: { backend: memory }\nroutes: [{ name: all, match: \"/{*path}\", pass: true }]\n";

/// A stage before an origin with these keys that answers each request, with its connection's number, when the head has come, and reads
/// what comes behind a POST's only when the gate is open.
async fn before_a_hasty_origin(gate: &Gate, keys: &str) -> Stage {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, gate) = (door.local_addr().unwrap(), gate.clone());
    tokio::spawn(async move {
        for number in 1..10 {
            let (stream, _) = door.accept().await.unwrap();
            tokio::spawn(answer(stream, number, gate.clone()));
        }
    });
    Stage::before(Origin::open().await, &format!("origin: {{ url: \"http://{address}\", {keys} }}\n{PASS}"))
}

async fn answer(mut stream: TcpStream, number: u8, gate: Gate) {
    let mut heard = Vec::new();
    while let Some(head) = read_to(b"\r\n\r\n", &mut stream, &mut heard).await {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        if head.starts_with(b"POST ") {
            gate.pass().await;
            read_to(b"0\r\n\r\n", &mut stream, &mut heard).await;
        }
    }
}

/// What comes up to such an end; none where the connection ends before.
async fn read_to(end: &[u8], stream: &mut TcpStream, heard: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(place) = find(heard, end) {
            return Some(heard.drain(..place + end.len()).collect());
        }
        stream.read_buf(heard).await.ok().filter(|bytes| *bytes > 0)?;
    }
}

#[tokio::test]
async fn an_upload_that_was_answered_goes_on_and_holds_its_connection_until_it_is_over() {
    let (gate, keys) = (Gate::shut(), "connections: 1, connect_timeout: 200ms");
    let stage = before_a_hasty_origin(&gate, keys).await;
    let mut client = stage.client().await;
    client.send(request("POST", "/", &["transfer-encoding: chunked"]) + "1\r\na\r\n").await;
    client.response("POST").await.expect(200, "1");
    let early = stage.get("/").await;
    assert_eq!(early.status, 503, "{early:?}");
    early.cache_status(&["detail=overloaded"]);

    gate.open();
    client.send("1\r\nb\r\n0\r\n\r\n").await;
    let later = async {
        loop {
            let got = stage.get("/").await;
            if got.status != 503 {
                return got;
            }
        }
    };
    in_time("the connection is free", later).await.expect(200, "1");
    client.send(request("GET", "/", &[])).await;
    client.response("GET").await.expect(200, "1");
}

#[tokio::test]
async fn an_upload_that_was_answered_and_that_nobody_reads_is_given_up() {
    let (gate, keys) = (Gate::shut(), "connections: 1, connect_timeout: 30s, body_idle_timeout: 300ms");
    let stage = before_a_hasty_origin(&gate, keys).await;
    let mut client = stage.client().await;
    client.send(request("POST", "/", &["transfer-encoding: chunked"])).await;
    client.response("POST").await.expect(200, "1");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let sending = tokio::spawn(async move {
        // Far more than lies between the two; what it sends after the end is lost.
        for _ in 0..2_000 {
            client.send(&chunk).await;
        }
    });
    stage.get("/").await.expect(200, "2");
    in_time("the client's connection ends", sending).await.unwrap();
}
