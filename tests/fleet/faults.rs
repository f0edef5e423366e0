//! What is done to the parts while they are read and purged.

use crate::dice::Dice;
use crate::proxy::Proxy;
use crate::redis_server::Server;
use crate::wire::{Mode, Wire};
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
}

impl Fault {
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

    /// Does it, and returns when it is over.
    pub(crate) fn strike(self, proxies: &[Proxy], redis: &Mutex<Server>, dice: &mut Dice) {
        let proxy = dice.pick(proxies);
        // A lease runs for three seconds.
        let spell = Duration::from_millis(*dice.pick(&[50, 300, 1_000, 4_000]) + dice.below(300));
        match self {
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
                redis.lock().unwrap().kill();
                sleep(spell);
                redis.lock().unwrap().restart();
            }
            Fault::RedisStopped => {
                redis.lock().unwrap().pause();
                sleep(spell);
                redis.lock().unwrap().resume();
            }
            Fault::Flushed => redis.lock().unwrap().run(&["FLUSHALL"]),
            Fault::ConnectionsKilled => {
                redis.lock().unwrap().run::<u64>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            }
            Fault::WireHeld => disturb(proxy.wire.as_ref(), Mode::Held, spell),
            Fault::WireDeaf => disturb(proxy.wire.as_ref(), Mode::Deaf, spell),
            Fault::WireCut => disturb(proxy.wire.as_ref(), Mode::Cut, spell),
        }
    }
}

fn disturb(wire: Option<&Wire>, mode: Mode, spell: Duration) {
    let wire = wire.expect("each proxy has a wire");
    wire.set(mode);
    sleep(spell);
    wire.set(Mode::Whole);
}
