//! The play: all visitors walk at once, while a conductor ends proxies and starts them again.

use crate::parts::dice::Dice;
use crate::scene::{Cue, Gate, Length, Scene};
use crate::secrets::Ids;
use crate::setup::{Kept, Setup};
use crate::tally::{KINDS, Tally, add, get};
use crate::visitor::Visitor;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const VISITORS: usize = 200;
/// How often a proxy is ended on a walk, at least; on a long one, once for so many requests.
const RESTARTS: u64 = 3;
const RESTART_EVERY_MAX: u64 = 10_000;
/// Lines of a proxy's log that are told when something went wrong.
const COMPLAINTS_MAX: usize = 10;

/// What came of it.
pub(crate) struct Report {
    pub(crate) tally: Tally,
    pub(crate) took: Duration,
    /// What each proxy complained of.
    pub(crate) logs: Vec<String>,
}

/// Walks with this program.
pub(crate) fn walk(program: &Path, kept: Kept, length: Length) -> Report {
    let setup = Setup::start(program, kept);
    let mut dice = Dice::new(length.seed);
    let hands: Vec<_> = (0..VISITORS).map(|number| Visitor::hands(number, &mut dice)).collect();
    setup.shop.admit(hands.iter().flatten().map(|hand| &hand.customer));
    let (cues, heard) = channel();
    let scene = Arc::new(Scene {
        setup,
        length,
        ids: Ids::default(),
        tally: Tally::default(),
        gate: Gate::new(),
        start: Instant::now(),
        cues: Mutex::new(cues),
        restart_every: (length.requests / (RESTARTS + 1)).clamp(1, RESTART_EVERY_MAX),
    });
    let conductor = thread::spawn({
        let scene = scene.clone();
        move || conduct(&scene, &heard)
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut visitors = JoinSet::new();
        for (number, hands) in hands.into_iter().enumerate() {
            visitors.spawn(Visitor::new(&scene, number, hands).walk());
        }
        while let Some(left) = visitors.join_next().await {
            left.expect("a visitor came to no harm");
        }
    });
    drop(runtime);
    scene.cue(Cue::End);
    conductor.join().unwrap();
    let took = scene.start.elapsed();
    let scene = Arc::into_inner(scene).expect("all have left");
    let logs = scene.proxies().iter().map(|proxy| complaints(&proxy.log())).collect();
    Report { tally: scene.tally, took, logs }
}

fn complaints(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    lines[lines.len().saturating_sub(COMPLAINTS_MAX)..].join("\n")
}

/// Ends one proxy after the other, in turns as an operator does and as `kill -9` does.
fn conduct(scene: &Scene, cues: &Receiver<Cue>) {
    let proxies = scene.proxies();
    let restarts = cues.iter().take_while(|cue| *cue == Cue::Restart);
    for (number, _) in restarts.enumerate() {
        let proxy = &proxies[(number / 2 + number) % proxies.len()];
        if number % 2 == 0 {
            proxy.terminate();
        } else {
            proxy.kill();
        }
        proxy.launch();
        add(&scene.tally.restarts);
    }
}

impl Report {
    /// What was measured, for whoever runs it with `--no-capture`.
    pub(crate) fn tell(&self) {
        let tally = &self.tally;
        println!("{} requests of {VISITORS} visitors in {:.1?}", get(&tally.requests), self.took);
        let kinds: Vec<String> =
            KINDS.iter().zip(&tally.kinds).map(|(kind, count)| format!("{kind} {}", get(count))).collect();
        println!("  answers: {}", kinds.join(", "));
        println!(
            "  logins {}, logouts {}, changes {}, edits {}, own pages right after one {}, with an ended session {}",
            get(&tally.logins),
            get(&tally.logouts),
            get(&tally.changes),
            get(&tally.edits),
            get(&tally.after_change),
            get(&tally.ghosts),
        );
        println!("  restarts {}, changes unanswered {}", get(&tally.restarts), get(&tally.lost));
        for (what, share) in [("account pages", &tally.own), ("all pages of theirs", &tally.signed_in)] {
            println!("  signed-in visitors: {} {what}, {:.1} % from the cache", get(&share.all), share.per_cent());
        }
        println!("  foreign bytes {}, violations {}", get(&tally.foreign_bytes), get(&tally.violations));
    }
}
