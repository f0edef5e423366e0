//! Passwords, users, encryption.

use super::{open_with, until, usual};
use crate::battery::{get, page, put_all};
use crate::parts::redis::{Server, free_port};
use crate::samples::{key, noise, response, shared};
use std::path::Path;
use std::process::Command;
use vitrine::cache_name::CacheName;
use vitrine::store::Store;
use vitrine::store::redis::{RedisStore, Secret, Settings, Tls};

/// The trouble, when it has these words. The secret is in none of what can be seen.
async fn told(store: &RedisStore, words: &str, secret: &str) {
    until(words, async || {
        let answer = store.get(CacheName::Default, &key("/")).await;
        let seen = format!("{answer:?} {store:?} {:?} {:?}", store.figures(), store.redis());
        assert!(!seen.contains(secret), "{seen}");
        store.figures().trouble.is_some_and(|trouble| trouble.contains(words))
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let server = Server::start(&["--requirepass", "the-right-one"]);
    let mut settings = usual(&server);
    let (store, _) = open_with(settings.clone());
    told(&store, "does not accept the user or password", "the-right-one").await;
    settings.password = Secret::new("a-wrong-one");
    let (store, _) = open_with(settings.clone());
    told(&store, "does not accept the user or password", "a-wrong-one").await;
    // The operator makes it the right one.
    let _: () = server.run(&["CONFIG", "SET", "requirepass", "a-wrong-one"]);
    until("accepted", async || store.get(CacheName::Default, &key("/")).await.is_ok()).await;
    settings.password = Secret::new("the-right-one");
    let (store, _) = open_with(settings);
    told(&store, "does not accept the user or password", "the-right-one").await;
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_sent_makes_no_secret_known() {
    let server = Server::start(&["--rename-command", "AUTH", "", "--rename-command", "HELLO", ""]);
    let mut settings = usual(&server);
    settings.password = Secret::new("the-secret");
    let (store, _) = open_with(settings);
    told(&store, "127.0.0.1", "the-secret").await;
}

#[tokio::test]
async fn a_user_of_few_rights_is_enough_and_too_few_are_told() {
    let server = Server::start(&[]);
    let rights = "~ecommerce:* +@read +@write +@connection +@scripting +info +wait +time +config|get -@dangerous +info \
                  +config|get";
    let mut grant = vec!["ACL", "SETUSER", "vitrine", "on", ">users-secret"];
    grant.extend(rights.split_whitespace());
    let _: () = server.run(&grant);
    let mut settings = crate::backends::patient(&server);
    (settings.username, settings.password) = (Some("vitrine".into()), Secret::new("users-secret"));
    let (store, _) = open_with(settings.clone());
    let large = shared(response(CacheName::Default, "/large", noise(2 << 20, 1)));
    put_all(&store, [page("/"), large.clone()]).await;
    assert_eq!(get(&store, CacheName::Default, &large).await.len(), 1);
    assert_eq!(store.census().await.unwrap()[0].entries, 2);
    store.clear(None).await.unwrap();
    until("looked at", async || store.redis().is_some()).await;
    let _: () = server.run(&["ACL", "SETUSER", "vitrine", "-info", "-config|get"]);
    let (curious, _) = open_with(settings);
    until("told nothing", async || curious.redis().is_some_and(|found| found.version.is_none())).await;
    let _: () = server.run(&["ACL", "SETUSER", "vitrine", "-hgetall"]);
    told(&store, "deploy/redis.conf", "users-secret").await;
}

#[tokio::test]
async fn encrypted_and_only_with_whom_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ours", "other"] {
        authority(folder.path(), name);
    }
    certificate(folder.path(), "ours");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let port = free_port();
    let server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &at("server.crt"),
        "--tls-key-file",
        &at("server.key"),
        "--tls-ca-cert-file",
        &at("ours.crt"),
        "--tls-auth-clients",
        "no",
    ]);
    let settings = |ca: &str, host: &str| {
        let patient = crate::backends::patient(&server);
        let mut settings = Settings::parse(&format!("rediss://{host}:{port}"), None).unwrap();
        settings.tls = Some(Tls::trusting(&folder.path().join(ca)).unwrap());
        (settings.read_timeout, settings.write_timeout) = (patient.read_timeout, patient.write_timeout);
        settings
    };
    let (store, _) = open_with(settings("ours.crt", "localhost"));
    let large = shared(response(CacheName::Default, "/", noise(3 << 20, 1)));
    put_all(&store, [large.clone()]).await;
    assert_eq!(get(&store, CacheName::Default, &large).await[0].body, large.body);
    assert_eq!(store.census().await.unwrap()[0].entries, 1);
    let (stranger, _) = open_with(settings("other.crt", "localhost"));
    told(&stranger, "no encrypted connection", "BEGIN CERTIFICATE").await;
    let (misnamed, _) = open_with(settings("ours.crt", "127.0.0.1"));
    told(&misnamed, "no encrypted connection", "BEGIN CERTIFICATE").await;
}

fn authority(folder: &Path, name: &str) {
    let (key, crt, subject) = (format!("{name}.key"), format!("{name}.crt"), format!("/CN={name}"));
    let mut words =
        vec!["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"];
    words.extend(["-subj", &subject, "-keyout", &key, "-out", &crt]);
    openssl(folder, &words);
}

fn certificate(folder: &Path, authority: &str) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let mut words =
        vec!["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"];
    words.extend(["-keyout", "server.key", "-out", "server.csr"]);
    openssl(folder, &words);
    let (key, crt) = (format!("{authority}.key"), format!("{authority}.crt"));
    let mut words = vec!["x509", "-req", "-in", "server.csr", "-CA", &crt, "-CAkey", &key, "-CAcreateserial"];
    words.extend(["-days", "9", "-extfile", "names", "-out", "server.crt"]);
    openssl(folder, &words);
}

fn openssl(folder: &Path, words: &[&str]) {
    let done = Command::new("openssl").args(words).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}
