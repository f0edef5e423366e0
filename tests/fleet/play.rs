//! The play: readers and editors at several proxies, while faults strike one after the other.

use crate::faults::{Fault, Redis};
use crate::history::{self, Event, Log, Order, Verdict};
use crate::parts::dice::Dice;
use crate::parts::proxy::Proxy;
use crate::proxy;
use crate::shop::Shop;
use crate::visitor::{Answer, Visitor};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const PROXIES: u8 = 3;
const READERS_EACH: u64 = 2;
/// Between two reads of one reader.
const READERS_PACE: Duration = Duration::from_millis(1);
/// After a purge that was not confirmed, or not answered: something is wrong, and asking on and on does not mend it.
const EDITORS_PAUSE: Duration = Duration::from_millis(10);
const EDITORS: u64 = 4;
const PAGES: usize = 60;
/// Editors and readers like some pages more: that is where they meet.
const POPULAR: u64 = 8;
/// For the parts to be well again after a fault.
const RECOVERY: Duration = Duration::from_secs(20);

/// How long it is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    /// Purges that are confirmed, at least.
    pub(crate) purges: u64,
    /// How often each fault strikes.
    pub(crate) rounds: u32,
    /// It ends then, whatever is missing.
    pub(crate) at_most: Duration,
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    pub(crate) confirmed: u64,
    pub(crate) unconfirmed: u64,
    pub(crate) reads: u64,
    pub(crate) hits: u64,
    /// Reads that failed at a proxy that was neither killed nor stopped, with what was going on.
    pub(crate) failed: Vec<String>,
    pub(crate) faults: Vec<(Fault, u32)>,
    pub(crate) confirmation: Vec<Duration>,
    pub(crate) is_whole: bool,
}

/// What all workers share.
struct Scene {
    shop: Arc<Shop>,
    proxies: Vec<Proxy>,
    order: Arc<Order>,
    ended: AtomicBool,
    fault: AtomicU8,
    confirmed: AtomicU64,
    unconfirmed: AtomicU64,
    reads: AtomicU64,
    hits: AtomicU64,
    failed: Mutex<Vec<String>>,
}

/// Plays it with this program.
pub(crate) fn play(program: &Path, redis: &dyn Redis, faults: &[Fault], length: Length) -> Report {
    let shop = Shop::open(PAGES);
    let start = |number| {
        let (url, wire) = redis.reach();
        proxy::start(program, number, &url, wire, shop.address)
    };
    let scene = Scene {
        proxies: (0..PROXIES).map(start).collect(),
        shop,
        order: Order::new(),
        ended: AtomicBool::new(false),
        fault: AtomicU8::new(0),
        confirmed: AtomicU64::new(0),
        unconfirmed: AtomicU64::new(0),
        reads: AtomicU64::new(0),
        hits: AtomicU64::new(0),
        failed: Mutex::default(),
    };
    let mut logs = Vec::new();
    let (mut struck, mut confirmation, mut is_whole) = (Vec::new(), Vec::new(), false);
    thread::scope(|workers| {
        let scene = &scene;
        let readers: Vec<_> = (0..u64::from(PROXIES) * READERS_EACH)
            .map(|number| workers.spawn(move || read(scene, number, length.seed + number)))
            .collect();
        let editors: Vec<_> =
            (0..EDITORS).map(|number| workers.spawn(move || edit(scene, length.seed + 100 + number))).collect();
        let end = End(&scene.ended);
        (struck, is_whole) = conduct(scene, redis, faults, length);
        drop(end);
        logs.extend(readers.into_iter().map(|reader| reader.join().unwrap()));
        for editor in editors {
            let (log, times) = editor.join().unwrap();
            logs.push(log);
            confirmation.extend(times);
        }
    });
    confirmation.sort_unstable();
    Report {
        verdict: history::judge(logs, PAGES),
        confirmed: scene.confirmed.into_inner(),
        unconfirmed: scene.unconfirmed.into_inner(),
        reads: scene.reads.into_inner(),
        hits: scene.hits.into_inner(),
        failed: scene.failed.into_inner().unwrap(),
        faults: struck,
        confirmation,
        is_whole,
    }
}

/// Ends the play, also when its conductor panics: the workers would go on for ever, and nobody would see why.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Lets each fault strike in turns, and what there is recover, until the play is long enough.
fn conduct(scene: &Scene, redis: &dyn Redis, faults: &[Fault], length: Length) -> (Vec<(Fault, u32)>, bool) {
    let start = Instant::now();
    let mut dice = Dice::new(length.seed + 1_000);
    let mut struck: Vec<(Fault, u32)> = faults.iter().map(|fault| (*fault, 0)).collect();
    recover(scene, start + length.at_most);
    for _ in 0..length.rounds {
        for (fault, times) in &mut struck {
            if start.elapsed() > length.at_most {
                return (struck, false);
            }
            scene.fault.store(*fault as u8, Ordering::SeqCst);
            redis.strike(*fault, &scene.proxies, &mut dice);
            recover(scene, start + length.at_most);
            scene.fault.store(0, Ordering::SeqCst);
            *times += 1;
        }
    }
    while scene.confirmed.load(Ordering::SeqCst) < length.purges && start.elapsed() < length.at_most {
        thread::sleep(Duration::from_millis(20));
    }
    (struck, scene.confirmed.load(Ordering::SeqCst) >= length.purges)
}

/// Waits until purges are confirmed again, at most until the play ends.
fn recover(scene: &Scene, end: Instant) {
    let (start, before) = (Instant::now(), scene.confirmed.load(Ordering::SeqCst));
    while scene.confirmed.load(Ordering::SeqCst) < before + 20 && Instant::now() < end {
        assert!(start.elapsed() < RECOVERY, "nothing is confirmed any more: {}", scene.proxies[0].log());
        thread::sleep(Duration::from_millis(5));
    }
}

fn page(scene: &Scene, dice: &mut Dice) -> u32 {
    let of = if dice.below(2) == 0 { POPULAR } else { scene.shop.pages() as u64 };
    u32::try_from(dice.below(of)).unwrap()
}

/// Reads page after page from one proxy.
fn read(scene: &Scene, number: u64, seed: u64) -> Log {
    let proxy = &scene.proxies[usize::try_from(number).unwrap() % scene.proxies.len()];
    let (mut dice, mut log) = (Dice::new(seed), Log::new(&scene.order));
    let mut visitor = Visitor::of(proxy.public);
    let mut known_outs = proxy.outs();
    while !scene.ended.load(Ordering::SeqCst) {
        let (page, outs) = (page(scene, &mut dice), proxy.outs());
        match look(&mut visitor, page, proxy, &mut log) {
            Ok(answer) => {
                scene.reads.fetch_add(1, Ordering::Relaxed);
                scene.hits.fetch_add(u64::from(answer.cache_status.contains("; hit")), Ordering::Relaxed);
            }
            Err(what) if outs % 2 == 0 && outs == proxy.outs() && outs == known_outs => {
                let fault = scene.fault.load(Ordering::SeqCst);
                scene.failed.lock().unwrap().push(format!("fault {fault}, proxy {}: {what}", proxy.number));
            }
            Err(_) => {}
        }
        // The proxies and Redis have the same two cores; and where nobody is there, its place is not to be hammered.
        thread::sleep(if outs % 2 == 1 { Duration::from_millis(5) } else { READERS_PACE });
        known_outs = outs;
    }
    log
}

/// Reads a page, and notes what was read; or tells what came instead.
fn look(visitor: &mut Visitor, page: u32, proxy: &Proxy, log: &mut Log) -> Result<Answer, String> {
    let ticket = log.ticket();
    let answer = visitor.read(page).ok_or("no answer")?;
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.cache_status));
    }
    let version = answer.body.split(' ').next().and_then(|version| version.parse().ok());
    log.note(ticket, Event::Read { page, version: version.expect("a version"), proxy: proxy.number });
    Ok(answer)
}

/// Edits page after page, and purges each at one of the proxies.
fn edit(scene: &Scene, seed: u64) -> (Log, Vec<Duration>) {
    let (mut dice, mut log, mut times) = (Dice::new(seed), Log::new(&scene.order), Vec::new());
    let mut visitors: Vec<Visitor> = scene.proxies.iter().map(|proxy| Visitor::of(proxy.public)).collect();
    while !scene.ended.load(Ordering::SeqCst) {
        let page = page(scene, &mut dice);
        let at = usize::try_from(dice.below(visitors.len() as u64)).unwrap();
        let version = scene.shop.edit(page);
        let (by_tag, wait_seconds) = (dice.below(2) == 0, if dice.below(20) == 0 { 0 } else { 10 });
        let start = Instant::now();
        let Some(answer) = visitors[at].purge(page, by_tag, wait_seconds) else {
            thread::sleep(EDITORS_PAUSE);
            continue;
        };
        let ticket = log.ticket();
        if answer.status == 200 && answer.body.contains("\"confirmed\":true") {
            log.note(ticket, Event::Confirmed { page, version });
            scene.confirmed.fetch_add(1, Ordering::SeqCst);
            times.push(start.elapsed());
            // Whoever is told so looks at once, everywhere.
            for (visitor, proxy) in visitors.iter_mut().zip(&scene.proxies) {
                if proxy.outs() % 2 == 0 {
                    // Whether there was an answer is the readers' affair.
                    let _ = look(visitor, page, proxy, &mut log);
                }
            }
        } else {
            let fault = scene.fault.load(Ordering::SeqCst);
            log.note(ticket, Event::Unconfirmed { page, version, fault });
            scene.unconfirmed.fetch_add(1, Ordering::SeqCst);
            thread::sleep(EDITORS_PAUSE);
        }
    }
    (log, times)
}
