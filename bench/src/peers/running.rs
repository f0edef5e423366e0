//! A server under measurement: its processes on core 0, what they cost and hold, and their end.

use super::told_to_end;
use crate::measure::{cpu, family, stat_fields};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START_MAX: Duration = Duration::from_mins(1);
/// For a server that is told to end, before it is made to.
const END_MAX: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// What a server says, in its folder.
const OUTPUT: &str = "output";
/// Where files are in memory.
const TMPFS: &str = "/dev/shm";

/// An address of loopback that is free now.
pub(super) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// A folder in memory for one server; where there is none, on disk.
pub(super) fn folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("vitrine-bench-");
    if Path::new(TMPFS).is_dir() { builder.tempdir_in(TMPFS) } else { builder.tempdir() }
}

/// What runs, and where.
pub(super) struct Plan {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Where it will listen; several where it serves each column at an address of its own.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) folder: TempDir,
}

/// A running server with all processes that it started; killed when dropped.
pub(super) struct Running {
    child: Child,
    addresses: Vec<SocketAddr>,
    folder: TempDir,
}

impl Running {
    /// Starts it on core 0.
    pub(super) fn launch(plan: Plan) -> io::Result<Running> {
        let out = plan.folder.path().join(OUTPUT);
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(&plan.program)
            .args(&plan.arguments)
            .current_dir(plan.folder.path())
            .stdout(File::create(&out)?)
            .stderr(File::options().append(true).open(&out)?)
            .spawn()?;
        Ok(Running { child, addresses: plan.addresses, folder: plan.folder })
    }

    /// Waits until it accepts connections.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while self.addresses.iter().any(|address| TcpStream::connect(address).is_err()) {
            if told_to_end() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > START_MAX {
                let said = std::fs::read_to_string(self.folder.path().join(OUTPUT)).unwrap_or_default();
                let how = ended.map_or("it does not listen".into(), |status| status.to_string());
                return Err(io::Error::other(format!("did not start, {how}: {said}")));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Where it serves this column.
    pub(super) fn address(&self, column: usize) -> SocketAddr {
        *self.addresses.get(column).unwrap_or(&self.addresses[0])
    }

    fn processes(&self) -> Vec<u32> {
        family(Path::new("/proc"), self.child.id())
    }

    /// CPU time of all threads of all its processes.
    pub(super) fn cpu(&self) -> io::Result<Duration> {
        self.processes().into_iter().map(cpu).sum()
    }

    /// Bytes of memory that its processes hold, what they share counted once.
    pub(super) fn memory(&self) -> io::Result<u64> {
        self.processes().into_iter().map(proportional).sum()
    }

    /// Bytes that its files take in memory.
    pub(super) fn files(&self) -> u64 {
        blocks(self.folder.path())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The whole family is known before any of it ends. Told first, because Squid has names in /dev/shm to remove.
        let family: Vec<Living> = self.processes().into_iter().filter_map(Living::of).collect();
        let first = &family[..family.len().min(1)];
        signal("-TERM", first);
        self.wait_for_the_end_of(first);
        signal("-KILL", &family);
        self.wait_for_the_end_of(&family);
    }
}

impl Running {
    fn wait_for_the_end_of(&mut self, family: &[Living]) {
        let begun = Instant::now();
        while begun.elapsed() < END_MAX {
            let _ = self.child.try_wait();
            if !family.iter().any(Living::lives) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// A process, told from a later one that is given its number by when it began.
#[derive(PartialEq, Eq)]
struct Living {
    process: u32,
    began: String,
}

impl Living {
    fn of(process: u32) -> Option<Living> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields = stat_fields(&stat)?;
        // A zombie has let go of everything; its parent has not looked yet.
        (*fields.first()? != "Z").then_some(Living { process, began: (*fields.get(19)?).to_owned() })
    }

    fn lives(&self) -> bool {
        Living::of(self.process).as_ref() == Some(self)
    }
}

/// Those that have ended already are passed over.
fn signal(which: &str, family: &[Living]) {
    let living: Vec<String> = family.iter().filter(|one| one.lives()).map(|one| one.process.to_string()).collect();
    if !living.is_empty() {
        let _ = Command::new("kill").arg(which).args(living).stderr(Stdio::null()).status();
    }
}

fn proportional(process: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    pss(&text).ok_or_else(|| io::Error::other("smaps_rollup cannot be read"))
}

fn pss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

fn blocks(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        // stat(2) counts in 512 bytes, whatever the file system's blocks are.
        bytes += metadata.blocks() * 512 + if metadata.is_dir() { blocks(&entry.path()) } else { 0 };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_the_proportional_line() {
        let text = "5500-7fff ---p 0 00:00 0 [rollup]\nRss:  9 kB\nPss:     1234 kB\nPss_Anon: 1 kB\n";
        assert_eq!(pss(text), Some(1234 * 1024));
        assert_eq!(pss("Rss: 9 kB"), None);
    }

    #[test]
    fn a_program_that_ends_is_told_with_what_it_said() {
        let plan = Plan {
            program: "sh".into(),
            arguments: vec!["-c".into(), "echo no such thing; exit 1".into()],
            addresses: vec![free_address().unwrap()],
            folder: folder().unwrap(),
        };
        let error = Running::launch(plan).unwrap().wait().unwrap_err().to_string();
        assert!(error.contains("did not start") && error.contains("no such thing"), "{error}");
    }

    #[test]
    fn nothing_that_a_server_started_outlives_it() {
        let address = free_address().unwrap();
        let (folder, port) = (folder().unwrap(), address.port());
        let script = format!("python3 -m http.server --bind 127.0.0.1 {port} & wait");
        let plan =
            Plan { program: "sh".into(), arguments: vec!["-c".into(), script], addresses: vec![address], folder };
        let mut running = Running::launch(plan).unwrap();
        running.wait().unwrap();
        assert!(running.processes().len() > 1);
        assert!(running.memory().unwrap() > 0 && running.cpu().unwrap() > Duration::ZERO);
        drop(running);
        assert!(TcpStream::connect(address).is_err());
    }
}
