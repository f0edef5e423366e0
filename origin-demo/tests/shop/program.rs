//! The binary itself: it says where it listens, and leaves when asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::stage::Folder;

fn program(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_origin-demo"))
        .args(arguments)
        .env_remove("VITRINE_WEBHOOK_SECRET")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn it_opens_says_where_and_closes_at_a_signal() {
    let folder = Folder::new();
    let data = folder.data();
    let data = data.to_str().unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut shop = program(&["--listen", "127.0.0.1:0", "--data", data]);
        let mut line = String::new();
        BufReader::new(shop.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("origin-demo: listening on http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.1 200 OK"));
        Command::new("kill").args([signal, &shop.id().to_string()]).status().unwrap();
        assert!(shop.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn it_explains_a_mistake_and_opens_nothing() {
    let shop = program(&["--webhook-url", "http://127.0.0.1:1/"]).wait_with_output().unwrap();
    assert_eq!(shop.status.code(), Some(2));
    assert!(String::from_utf8(shop.stderr).unwrap().contains("write whsec_ followed by base64"));
}

#[test]
fn it_tells_when_it_cannot_open() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let shop = program(&["--listen", &address, "--data", ":memory:"]).wait_with_output().unwrap();
    assert_eq!(shop.status.code(), Some(1));
    assert!(String::from_utf8(shop.stderr).unwrap().contains("cannot listen on"));
}
