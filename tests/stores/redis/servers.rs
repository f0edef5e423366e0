//! Sentinels and clusters.

use super::{open_with, until};
use crate::battery::{get, page, put_all};
use crate::parts::redis::{Server, free_port};
use crate::samples::{key, noise, response, shared};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use vitrine::cache_name::CacheName;
use vitrine::store::redis::Settings;
use vitrine::store::{Queued, Store};

/// A sentinel that watches one master, ended when it is dropped.
struct Sentinel {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Sentinel {
    fn watching(master: &Server) -> Sentinel {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let file = folder.path().join("sentinel.conf");
        let monitor = format!("sentinel monitor shop 127.0.0.1 {} 1\n", master.port());
        std::fs::write(&file, format!("port {port}\nbind 127.0.0.1\nlogfile \"\"\n{monitor}")).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(file).arg("--sentinel").current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        Sentinel { port, process: command.spawn().unwrap(), _folder: folder }
    }

    fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(1))?;
        redis::cmd("SENTINEL").arg(words).query(&mut connection)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = (self.process.kill(), self.process.wait());
    }
}

#[tokio::test]
async fn a_new_master_is_found_and_the_pages_it_has_are_there() {
    let first = Server::start(&[]);
    let second = Server::start(&["--replicaof", &format!("127.0.0.1 {}", first.port())]);
    let sentinel = Sentinel::watching(&first);
    let url = format!("redis-sentinel://127.0.0.1:{}/shop/0", sentinel.port);
    let (store, _) = open_with(Settings::parse(&url, None).unwrap());
    until("stored", async || {
        store.put(page("/before")) == Queued::Accepted
            && store.flush().await.is_ok()
            && store.get(CacheName::Default, &key("/before")).await.is_ok_and(|found| found.len() == 1)
    })
    .await;
    until("the replica is known and has it", async || {
        let replicas: redis::RedisResult<Vec<redis::Value>> = sentinel.ask(&["REPLICAS", "shop"]);
        replicas.is_ok_and(|replicas| replicas.len() == 1) && !super::names(&second).is_empty()
    })
    .await;
    until("failed over", async || sentinel.ask::<()>(&["FAILOVER", "shop"]).is_ok()).await;
    until("the other is the master", async || {
        let role: redis::RedisResult<Vec<redis::Value>> = second.ask(&["ROLE"]);
        role.is_ok_and(|role| role.first() == Some(&redis::Value::BulkString(b"master".to_vec())))
    })
    .await;
    until("stored in the new master", async || {
        store.put(page("/after")) == Queued::Accepted
            && store.flush().await.is_ok()
            && super::names(&second).iter().any(|name| name.contains("/after"))
    })
    .await;
    until("read", async || {
        let both = [key("/before"), key("/after")];
        for key in &both {
            if store.get(CacheName::Default, key).await.is_ok_and(|found| found.len() == 1) {
                continue;
            }
            return false;
        }
        true
    })
    .await;
}

#[tokio::test]
async fn a_cluster_keeps_pages_on_all_its_masters() {
    // What the servers would take by themselves, 10000 above their own, may be another's.
    let buses = [free_port(), free_port()].map(|bus| bus.to_string());
    let own = |bus| ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", bus];
    let servers = buses.each_ref().map(|bus| Server::start(&own(bus)));
    for (server, slots) in servers.iter().zip([["0", "8191"], ["8192", "16383"]]) {
        let _: () = server.run(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
    }
    let _: () = servers[0].run(&["CLUSTER", "MEET", "127.0.0.1", &servers[1].port().to_string(), &buses[1]]);
    for server in &servers {
        until("one cluster", async || server.run::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")).await;
    }
    let mut settings = crate::backends::patient(&servers[0]);
    settings.servers =
        Settings::parse(&format!("redis-cluster://127.0.0.1:{}", servers[0].port()), None).unwrap().servers;
    let (store, _) = open_with(settings);
    let pages: Vec<_> = (0..40).map(|n| page(&format!("/{n}"))).collect();
    let large = (0..4).map(|n| shared(response(CacheName::Products, &format!("/{n}.pdf"), noise(2 << 20, n))));
    put_all(&store, pages.iter().cloned().chain(large)).await;
    let held = || servers.iter().map(|server| super::names(server).len()).collect::<Vec<_>>();
    assert!(held().iter().all(|held| *held > 5) && held().iter().sum::<usize>() == 48, "{:?}", held());
    assert_eq!(get(&store, CacheName::Products, &shared(response(CacheName::Products, "/1.pdf", ""))).await.len(), 1);
    for own in &pages {
        assert_eq!(get(&store, CacheName::Default, own).await[0].generation, own.generation);
    }
    let counted = store.census().await.unwrap();
    assert_eq!(counted.map(|cache| cache.entries), [40, 4, 0]);
    assert!(counted[1].bytes > 8 << 20);
    store.remove(CacheName::Default, &pages[0].key().to_key(), pages[0].generation);
    store.clear(Some(CacheName::Products)).await.unwrap();
    assert_eq!(held().iter().sum::<usize>(), 39);
    let found = store.redis();
    assert!(found.is_none_or(|found| found.memory_bytes.is_some()));
    assert_eq!((store.figures().errors, store.figures().trouble), (0, None));
}
