//! What is done to the parts while they are read and purged.

use crate::parts::cluster::Cluster;
use crate::parts::dice::Dice;
use crate::parts::proxy::Proxy;
use crate::parts::redis::Server;
use crate::parts::sentinels::Set;
use crate::parts::wire::{Mode, Wire};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

/// A fault. How long it lasts is left to the dice: shorter than a lease and longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of a proxy, which starts again.
    ProxyKilled = 1,
    /// A proxy is stopped and runs on.
    ProxyStopped,
    /// `kill -9` of Redis, which starts again with what it had on disk.
    RedisKilled,
    /// Redis is stopped and runs on.
    RedisStopped,
    /// Everything in Redis is gone, and no connection lost.
    Flushed,
    /// Every connection to Redis is lost.
    ConnectionsKilled,
    /// What one proxy and Redis say to each other is delayed.
    WireHeld,
    /// Redis hears a proxy that does not hear Redis.
    WireDeaf,
    /// A proxy cannot reach Redis.
    WireCut,
    /// `kill -9` of the master, whose place a replica takes; it comes back as one.
    MasterKilled,
    /// The master is stopped, a replica takes its place, and it runs on.
    MasterStopped,
}

/// The Redis of a play, and what can be done to it.
pub(crate) trait Redis: Sync {
    /// How a proxy reaches it, and the wire in between if there is one.
    fn reach(&self) -> (String, Option<Wire>);

    /// Does something to it, or to one of the proxies, and returns when that is over.
    fn strike(&self, fault: Fault, proxies: &[Proxy], dice: &mut Dice);
}

/// One server that syncs what it answers.
pub(crate) struct One(Mutex<Server>);

/// Three masters with a replica each. Its master, to a fault, is the one that has the ledger.
pub(crate) struct Spread(Mutex<Cluster>);

/// A master, two replicas and three sentinels.
pub(crate) struct Watched(Mutex<Set>);

impl Fault {
    /// Those of one server.
    pub(crate) const ALL: [Fault; 9] = [
        Fault::ProxyKilled,
        Fault::ProxyStopped,
        Fault::RedisKilled,
        Fault::RedisStopped,
        Fault::Flushed,
        Fault::ConnectionsKilled,
        Fault::WireHeld,
        Fault::WireDeaf,
        Fault::WireCut,
    ];
    /// Those of a set with sentinels.
    pub(crate) const FAILOVERS: [Fault; 2] = [Fault::MasterKilled, Fault::MasterStopped];
}

/// How long a fault lasts: shorter than a lease of three seconds, or longer.
fn spell(dice: &mut Dice) -> Duration {
    Duration::from_millis(*dice.pick(&[50, 300, 1_000, 4_000]) + dice.below(300))
}

impl One {
    pub(crate) fn start() -> One {
        One(Mutex::new(Server::start(&["--appendonly", "yes", "--appendfsync", "always"])))
    }
}

impl Redis for One {
    fn reach(&self) -> (String, Option<Wire>) {
        let wire = Wire::to(self.0.lock().unwrap().port());
        (format!("redis://127.0.0.1:{}/0", wire.port()), Some(wire))
    }

    fn strike(&self, fault: Fault, proxies: &[Proxy], dice: &mut Dice) {
        let proxy = dice.pick(proxies);
        let spell = spell(dice);
        let redis = || self.0.lock().unwrap();
        match fault {
            Fault::ProxyKilled => {
                proxy.kill();
                sleep(spell);
                proxy.launch();
            }
            Fault::ProxyStopped => {
                proxy.pause();
                sleep(spell);
                proxy.resume();
            }
            Fault::RedisKilled => {
                redis().kill();
                sleep(spell);
                redis().restart();
            }
            Fault::RedisStopped => {
                redis().pause();
                sleep(spell);
                redis().resume();
            }
            Fault::Flushed => redis().run(&["FLUSHALL"]),
            Fault::ConnectionsKilled => {
                redis().run::<u64>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            }
            Fault::WireHeld => disturb(proxy.wire.as_ref(), Mode::Held, spell),
            Fault::WireDeaf => disturb(proxy.wire.as_ref(), Mode::Deaf, spell),
            Fault::WireCut => disturb(proxy.wire.as_ref(), Mode::Cut, spell),
            Fault::MasterKilled | Fault::MasterStopped => panic!("{fault:?} is for a set with sentinels"),
        }
    }
}

/// What the ledger's slot is found by.
const LEDGER: &str = "ecommerce:{ledger}:state";

impl Spread {
    pub(crate) fn start() -> Spread {
        Spread(Mutex::new(Cluster::start()))
    }
}

impl Redis for Spread {
    fn reach(&self) -> (String, Option<Wire>) {
        (self.0.lock().unwrap().url(), None)
    }

    fn strike(&self, fault: Fault, _: &[Proxy], _: &mut Dice) {
        let mut cluster = self.0.lock().unwrap();
        let old = cluster.owner(LEDGER).expect("the slot has an owner");
        assert_eq!(fault, Fault::MasterKilled, "the others are not for a cluster");
        cluster.kill(old);
        cluster.has_replaced(old, LEDGER);
        cluster.restart(old);
    }
}

impl Watched {
    pub(crate) fn start() -> Watched {
        Watched(Mutex::new(Set::start(None)))
    }
}

impl Redis for Watched {
    fn reach(&self) -> (String, Option<Wire>) {
        (self.0.lock().unwrap().url(), None)
    }

    fn strike(&self, fault: Fault, _: &[Proxy], _: &mut Dice) {
        let mut set = self.0.lock().unwrap();
        let old = set.master();
        match fault {
            Fault::MasterKilled => {
                set.kill(old);
                set.has_replaced(old);
                set.restart(old);
            }
            Fault::MasterStopped => {
                set.server(old).pause();
                set.has_replaced(old);
                set.server(old).resume();
            }
            other => panic!("{other:?} is for one server"),
        }
        // Another can only take its place again when it follows.
        set.is_whole();
    }
}

fn disturb(wire: Option<&Wire>, mode: Mode, spell: Duration) {
    let wire = wire.expect("each proxy has a wire");
    wire.set(mode);
    sleep(spell);
    wire.set(Mode::Whole);
}
