//! Real vitrine processes, which a test kills, stops and starts again.

use super::wire::Wire;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

/// One proxy.
pub(crate) struct Proxy {
    pub(crate) number: u8,
    pub(crate) public: SocketAddr,
    /// None where Redis is reached without one.
    pub(crate) wire: Option<Wire>,
    program: PathBuf,
    folder: TempDir,
    process: Mutex<Option<Child>>,
    /// Grows whenever it is killed or stopped and when that is over: odd while it is out.
    outs: AtomicU64,
}

impl Proxy {
    /// Starts one that listens there, with the configuration that this makes for its `data_dir`. `wire`, where there is one, is
    /// what it reaches Redis by.
    pub(crate) fn start(
        program: &Path,
        number: u8,
        public: SocketAddr,
        wire: Option<Wire>,
        config: impl FnOnce(&Path) -> String,
    ) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let text = config(&folder.path().join("data"));
        std::fs::write(folder.path().join("proxy.yaml"), text).unwrap();
        let (process, outs) = (Mutex::new(None), AtomicU64::new(1));
        let proxy = Proxy { number, public, wire, program: program.into(), folder, process, outs };
        proxy.launch();
        proxy
    }

    /// Whether it is neither killed nor stopped, told by a number that is even then and changes with each time it was.
    pub(crate) fn outs(&self) -> u64 {
        self.outs.load(Ordering::SeqCst)
    }

    /// Starts it again, and waits until it listens.
    pub(crate) fn launch(&self) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--config").arg(self.folder.path().join("proxy.yaml"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let start = Instant::now();
        let listens = lines.by_ref().map_while(Result::ok).any(|line| line.contains("(admin)"));
        assert!(listens && start.elapsed() < DEADLINE, "vitrine did not start: {}", self.log());
        // What it says from now on has to go somewhere.
        thread::spawn(move || lines.for_each(drop));
        *self.process() = Some(child);
        self.outs.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&self) {
        self.outs.fetch_add(1, Ordering::SeqCst);
        if let Some(mut child) = self.process().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(&self) {
        self.outs.fetch_add(1, Ordering::SeqCst);
        self.signal("TERM");
        if let Some(mut child) = self.process().take() {
            child.wait().unwrap();
        }
    }

    /// Stops it from running, connections open.
    pub(crate) fn pause(&self) {
        self.outs.fetch_add(1, Ordering::SeqCst);
        self.signal("STOP");
    }

    /// Lets it run on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
        self.outs.fetch_add(1, Ordering::SeqCst);
    }

    /// What it wrote on standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        let id = self.process().as_ref().map(Child::id).expect("it runs");
        assert!(Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().unwrap().success());
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(mut child) = self.process().take() {
            // A test that failed may have ended it already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
