//! A real set for one test: a master, two replicas and three sentinels on loopback, ended when it is dropped.
//!
//! The sentinels look around more often than they usually do, so that a failover takes seconds and not a minute.

use super::redis::Server;
use std::time::{Duration, Instant};

/// What the sentinels call the master.
pub(crate) const NAME: &str = "shop";
const QUORUM: usize = 2;
const DOWN_AFTER_MS: u64 = 700;
const FAILOVER_TIMEOUT_MS: u64 = 3_000;
const DEADLINE: Duration = Duration::from_secs(30);
/// Sentinels make a former master a replica only after they have watched it for a while.
const WHOLE_DEADLINE: Duration = Duration::from_secs(90);

/// The set.
pub(crate) struct Set {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
    passwords: Option<Passwords>,
}

/// What the servers and the sentinels want to hear.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passwords {
    pub(crate) servers: &'static str,
    pub(crate) sentinels: &'static str,
}

impl Set {
    /// A set whose members all know each other.
    pub(crate) fn start(passwords: Option<Passwords>) -> Set {
        let mut arguments = vec!["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        if let Some(own) = passwords {
            arguments.extend(["--requirepass", own.servers, "--masterauth", own.servers]);
        }
        let servers: Vec<Server> = (0..3).map(|_| Server::start(&arguments)).collect();
        let port = servers[0].port();
        for replica in &servers[1..] {
            replica.run::<()>(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
        }
        for replica in &servers[1..] {
            replica.until("its master", |own| own.info("replication", "master_link_status") == "up");
        }
        let sentinels = (0..3).map(|_| watch(port, QUORUM, passwords)).collect();
        let set = Set { servers, sentinels, passwords };
        for sentinel in &set.sentinels {
            sentinel.until("all to be known", |own| {
                let known = |what: &str| own.run::<Vec<redis::Value>>(&["SENTINEL", what, NAME]).len();
                (known("SENTINELS"), known("REPLICAS")) == (2, 2)
                    && own.ask::<String>(&["SENTINEL", "CKQUORUM", NAME]).is_ok()
            });
        }
        set
    }

    /// Where to ask for the master; without passwords.
    pub(crate) fn url(&self) -> String {
        format!("redis-sentinel://{}/{NAME}/0", hosts(&self.sentinels))
    }

    /// The same, with a sentinel of somebody else's before these.
    pub(crate) fn url_with(&self, other: &Server) -> String {
        format!("redis-sentinel://127.0.0.1:{},{}/{NAME}/0", other.port(), hosts(&self.sentinels))
    }

    /// The server that the first sentinel says is the master.
    pub(crate) fn master(&self) -> usize {
        let (_, port): (String, u16) = self.sentinels[0].run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        self.servers.iter().position(|server| server.port() == port).expect("the master is one of ours")
    }

    /// A server.
    pub(crate) fn server(&self, number: usize) -> &Server {
        &self.servers[number]
    }

    /// All that are not this one.
    pub(crate) fn others(&self, number: usize) -> impl Iterator<Item = &Server> {
        self.servers.iter().enumerate().filter(move |(own, _)| *own != number).map(|(_, server)| server)
    }

    /// The sentinels.
    pub(crate) fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// Ends a server as `kill -9` does.
    pub(crate) fn kill(&mut self, number: usize) {
        self.servers[number].kill();
    }

    /// Waits until all sentinels name another master than this one, it says so itself, and the other server follows it.
    pub(crate) async fn replaces(&self, old: usize) -> usize {
        let start = Instant::now();
        loop {
            let new = self.master();
            let port = self.servers[new].port();
            if new != old && self.sentinels.iter().all(|own| names(own, port)) && self.is_followed(new) {
                return new;
            }
            assert!(start.elapsed() < DEADLINE, "no failover: {}", self.sentinels[0].log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The same for tests without a runtime.
    pub(crate) fn has_replaced(&self, old: usize) -> usize {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(self.replaces(old))
    }

    /// Starts a server again that was killed.
    pub(crate) fn restart(&mut self, number: usize) {
        self.servers[number].restart();
    }

    /// Waits until both others follow the master.
    pub(crate) fn is_whole(&self) {
        let start = Instant::now();
        // Asked anew each time: while one comes back, sentinels that are late may replace the master once more.
        while self.servers[self.master()].info("replication", "connected_slaves") != "2" {
            assert!(start.elapsed() < WHOLE_DEADLINE, "still waiting for both replicas: {}", self.sentinels[0].log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Another sentinel, that knows none of the others and believes this server to be the master.
    pub(crate) fn stray(&self, server: &Server) -> Server {
        watch(server.port(), 1, self.passwords)
    }

    fn is_followed(&self, master: usize) -> bool {
        let server = &self.servers[master];
        server.info("replication", "role") == "master" && server.info("replication", "connected_slaves") != "0"
    }
}

fn names(sentinel: &Server, port: u16) -> bool {
    let (_, named): (String, u16) = sentinel.run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
    named == port
}

fn hosts(servers: &[Server]) -> String {
    let hosts: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    hosts.join(",")
}

fn watch(port: u16, quorum: usize, passwords: Option<Passwords>) -> Server {
    let mut lines = vec![
        format!("sentinel monitor {NAME} 127.0.0.1 {port} {quorum}"),
        format!("sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}"),
        format!("sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}"),
        format!("sentinel parallel-syncs {NAME} 2"),
    ];
    if let Some(own) = passwords {
        lines.push(format!("sentinel auth-pass {NAME} {}", own.servers));
        lines.push(format!("sentinel sentinel-pass {}", own.sentinels));
    }
    let sentinel = Server::sentinel(&lines, passwords.map(|own| own.sentinels));
    sentinel.run::<()>(&["SENTINEL", "DEBUG", "INFO-PERIOD", "300", "ASK-PERIOD", "200", "PUBLISH-PERIOD", "200"]);
    sentinel
}
