//! A real cluster for one test: three masters with a replica each on loopback, ended when it is dropped.

use super::redis::{Server, free_port};
use std::time::{Duration, Instant};

const MASTERS: usize = 3;
const NODE_TIMEOUT_MS: &str = "1000";
const SLOTS: usize = 16_384;
const DEADLINE: Duration = Duration::from_secs(30);

/// The cluster: its masters at first, and then a replica of each.
pub(crate) struct Cluster {
    nodes: Vec<Server>,
    buses: Vec<u16>,
}

impl Cluster {
    /// A cluster that has all slots, and whose replicas are in step.
    pub(crate) fn start() -> Cluster {
        let buses: Vec<u16> = (0..2 * MASTERS).map(|_| free_port()).collect();
        let nodes = buses.iter().map(|bus| node(*bus)).collect();
        let cluster = Cluster { nodes, buses };
        cluster.meet();
        for number in 0..MASTERS {
            let (first, last) = (number * SLOTS / MASTERS, (number + 1) * SLOTS / MASTERS - 1);
            cluster.nodes[number].run::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            cluster.nodes[number + MASTERS].run::<()>(&["CLUSTER", "REPLICATE", &cluster.id(number)]);
        }
        cluster.is_whole();
        cluster
    }

    /// Where to ask.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// A node.
    pub(crate) fn node(&self, number: usize) -> &Server {
        &self.nodes[number]
    }

    /// Its name in the cluster.
    pub(crate) fn id(&self, number: usize) -> String {
        self.nodes[number].run(&["CLUSTER", "MYID"])
    }

    /// The node that began as the replica of the other, or the other way round.
    pub(crate) fn partner(number: usize) -> usize {
        (number + MASTERS) % (2 * MASTERS)
    }

    /// The slot of a key.
    pub(crate) fn slot(&self, key: &str) -> u16 {
        self.running().next().expect("some node runs").run(&["CLUSTER", "KEYSLOT", key])
    }

    /// The master that has this key by its own word; none while there is none.
    pub(crate) fn owner(&self, key: &str) -> Option<usize> {
        let slot = self.slot(key);
        (0..self.nodes.len()).find(|number| {
            let node = &self.nodes[*number];
            node.is_started() && node.info("replication", "role") == "master" && has_slot(node, slot)
        })
    }

    /// Ends a node as `kill -9` does.
    pub(crate) fn kill(&mut self, number: usize) {
        self.nodes[number].kill();
    }

    /// Starts a node that was killed.
    pub(crate) fn restart(&mut self, number: usize) {
        self.nodes[number].restart();
    }

    /// The same for tests without a runtime.
    pub(crate) fn has_replaced(&self, old: usize, key: &str) -> usize {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(self.replaces(old, key))
    }

    /// Waits until another node than this one has the key.
    pub(crate) async fn replaces(&self, old: usize, key: &str) -> usize {
        let start = Instant::now();
        loop {
            match self.owner(key) {
                Some(new) if new != old => return new,
                _ => assert!(start.elapsed() < DEADLINE, "nobody took over from {old}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Moves a slot, and what is in it, to another master.
    pub(crate) fn move_slot(&self, slot: u16, from: usize, to: usize) {
        let (slot, ids) = (slot.to_string(), [self.id(from), self.id(to)]);
        self.nodes[to].run::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]);
        self.nodes[from].run::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]);
        let port = self.nodes[to].port().to_string();
        for key in self.nodes[from].run::<Vec<String>>(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]) {
            self.nodes[from].run::<()>(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"]);
        }
        for node in [to, from] {
            self.nodes[node].run::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[1]]);
        }
    }

    /// Waits until every node that runs finds the cluster well, and every replica has its master.
    fn is_whole(&self) {
        for node in self.running() {
            node.until("a cluster that is well", |own| {
                let info: String = own.run(&["CLUSTER", "INFO"]);
                let is_linked = own.info("replication", "role") == "master"
                    || own.info("replication", "master_link_status") == "up";
                info.contains("cluster_state:ok") && is_linked
            });
        }
    }

    fn running(&self) -> impl Iterator<Item = &Server> {
        self.nodes.iter().filter(|node| node.is_started())
    }

    fn meet(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            node.run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            let (port, bus) = (node.port().to_string(), self.buses[number].to_string());
            self.nodes[0].run::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        for node in &self.nodes {
            node.until("all nodes to be known", |own| {
                let known: String = own.run(&["CLUSTER", "NODES"]);
                known.lines().count() == 2 * MASTERS && !known.contains("handshake")
            });
        }
    }
}

fn node(bus: u16) -> Server {
    let bus = bus.to_string();
    let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-port", &bus];
    arguments.extend(["--cluster-node-timeout", NODE_TIMEOUT_MS, "--cluster-replica-validity-factor", "0"]);
    arguments.extend(["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]);
    Server::start(&arguments)
}

/// Whether it says that a slot is its own.
fn has_slot(node: &Server, slot: u16) -> bool {
    let Ok(nodes) = node.ask::<String>(&["CLUSTER", "NODES"]) else { return false };
    let Some(own) = nodes.lines().find(|line| line.contains("myself")) else { return false };
    own.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
    })
}
