//! Values that are not what they should be: a miss each, and let go.

use super::{names, open};
use crate::battery::{get, page, put_all};
use crate::parts::redis::Server;
use crate::samples::{key, noise, response, shared};
use vitrine::cache_name::CacheName;
use vitrine::store::Store;
use vitrine::store::redis::RedisStore;

/// The one page there is: its key, its only field, and the value in that.
fn only(server: &Server) -> (String, String, Vec<u8>) {
    let name = names(server).remove(0);
    let mut all: Vec<(String, Vec<u8>)> = server.run(&["HGETALL", &name]);
    assert_eq!(all.len(), 1);
    let (field, value) = all.remove(0);
    (name, field, value)
}

fn write(server: &Server, name: &str, field: &str, value: &[u8]) {
    let mut set = redis::cmd("HSET");
    set.arg(name).arg(field).arg(value);
    set.exec(&mut server.connection()).unwrap();
}

/// Nothing is found under the URL, and after that nothing is there; so many were damaged.
async fn is_missed_and_let_go(server: &Server, store: &RedisStore, url: &str, damaged: u64) {
    assert!(store.get(CacheName::Default, &key(url)).await.unwrap().is_empty(), "{url}");
    store.flush().await.unwrap();
    assert_eq!(names(server), [""; 0], "{url}");
    let figures = store.figures();
    assert_eq!((figures.corrupt, figures.errors, figures.trouble), (damaged, 0, None), "{url}");
}

#[tokio::test]
async fn changed_bytes_are_told_wherever_they_are() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    put_all(&store, [page("/")]).await;
    let (name, field, value) = only(&server);
    let changes: Vec<Vec<u8>> = (0..value.len() * 8)
        .step_by(97)
        .map(|bit| {
            let mut changed = value.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            changed
        })
        .chain([
            Vec::new(),
            b"somebody else's".to_vec(),
            value[..value.len() - 1].to_vec(),
            [&value[..], b"x"].concat(),
        ])
        .collect();
    for (number, changed) in changes.into_iter().enumerate() {
        write(&server, &name, &field, &changed);
        is_missed_and_let_go(&server, &store, "/", number as u64 + 1).await;
    }
}

#[tokio::test]
async fn another_version_is_a_miss() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    put_all(&store, [page("/")]).await;
    let (name, field, mut value) = only(&server);
    value[4] = 2;
    write(&server, &name, &field, &value);
    is_missed_and_let_go(&server, &store, "/", 1).await;
}

#[tokio::test]
async fn the_whole_key_counts_and_the_cache() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    put_all(&store, [page("/other")]).await;
    let (other, field, value) = only(&server);
    put_all(&store, [page("/")]).await;
    let own = names(&server).into_iter().find(|name| *name != other).unwrap();
    let _: () = server.run(&["DEL", &own, &other]);
    write(&server, &own, &field, &value);
    is_missed_and_let_go(&server, &store, "/", 1).await;
    let sessions = own.replace(":default:", ":sessions:");
    write(&server, &sessions, &field, &value);
    assert!(store.get(CacheName::Sessions, &key("/")).await.unwrap().is_empty());
}

#[tokio::test]
async fn foreign_fields_and_foreign_kinds_of_values_go() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    put_all(&store, [page("/")]).await;
    let (name, ..) = only(&server);
    write(&server, &name, "a field", b"of somebody's");
    assert_eq!(store.get(CacheName::Default, &key("/")).await.unwrap().len(), 1);
    store.flush().await.unwrap();
    assert_eq!(only(&server).0, name);
    assert_eq!(store.figures().corrupt, 1);
    let _: () = server.run(&["SET", &name, "a text"]);
    is_missed_and_let_go(&server, &store, "/", 2).await;
    let _: () = server.run(&["SET", &name, "a text"]);
    assert!(store.census().await.unwrap()[0].entries <= 1);
    store.clear(None).await.unwrap();
}

#[tokio::test]
async fn a_body_that_the_server_let_go_is_a_miss_and_no_damage() {
    let server = Server::start(&[]);
    let (store, _) = open(&server);
    let large = shared(response(CacheName::Default, "/", noise(2 << 20, 1)));
    put_all(&store, [large.clone()]).await;
    let body = names(&server).into_iter().find(|name| name.contains(":body:")).unwrap();
    let _: () = server.run(&["DEL", &body]);
    is_missed_and_let_go(&server, &store, "/", 0).await;
    put_all(&store, [large.clone()]).await;
    let _: () = server.run(&["SETRANGE", &body, "77", "changed"]);
    is_missed_and_let_go(&server, &store, "/", 1).await;
    put_all(&store, [large.clone()]).await;
    assert_eq!(get(&store, CacheName::Default, &large).await.len(), 1);
}
