//! Log lines on their way out: a bounded buffer that any thread appends to, and one thread that writes it.
//!
//! Appending takes one lock, for the time of a copy, and never waits for the writing: a line for which there is no room is
//! dropped and counted. Buffers of each thread's own measured no better with two threads, and a connection whose task moves
//! from one to the other would lose the order of its lines. What is in the buffer goes out in one write, and the first line
//! waits a little for others, so that a busy proxy makes few system calls and wakes the thread seldom. A full disk or a stopped
//! reader of a pipe costs log lines, never a request.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that wait to be written, at most: some 15,000 lines, 60 ms of two cores that each answer 125,000
/// hits a second. The thread that writes them may have to wait so long for a processor.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the first line waits for others to be written with it: a wake-up and a write for each line would cost a hit as
/// much again as everything else.
const GATHER_TIME: Duration = Duration::from_millis(20);
/// Bytes that are written at once, however short they have waited. With a quarter of it the thread took half as much again of a
/// processor for each line.
const GATHER_BYTES: usize = 256 * 1024;
/// How long the end of the program waits for the last lines to be written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a spool's lines go.
pub(super) trait Target: Write + Send + 'static {
    /// Opens it again, after somebody has moved the file away.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target for io::Stdout {}
impl Target for io::Stderr {}

/// A log file, appended to.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
}

/// A log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file cannot be appended to.
    #[error("cannot open the log file {path}: {cause}; its folder must exist and be writable by vitrine's user")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Its thread could not be started.
    #[error("the log's thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<LogFile, OpenError> {
        let file = open(path).map_err(|cause| OpenError::File { path: path.into(), cause })?;
        Ok(LogFile { path: path.into(), file })
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Target for LogFile {
    /// Where the new file cannot be opened, lines go on to the old one.
    fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        Ok(())
    }
}

/// The sending side. Dropping it lets the thread write what is left and end, and does not wait for that.
pub(super) struct Spool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    closed: Condvar,
    lost: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    reopen: bool,
    closing: bool,
    closed: bool,
}

impl Spool {
    /// Starts the writing thread. `lost` counts lines that were dropped or could not be written.
    pub(super) fn start(target: impl Target, lost: Arc<AtomicU64>) -> io::Result<Spool> {
        let shared = Arc::new(Shared { state: Mutex::default(), filled: Condvar::new(), closed: Condvar::new(), lost });
        let of_writer = shared.clone();
        std::thread::Builder::new().name("log".into()).spawn(move || of_writer.write_all_to(target))?;
        Ok(Spool(shared))
    }

    /// Hands over whole lines.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut state = self.0.lock();
        if state.closing || state.waiting.len() + lines.len() > WAITING_BYTES_MAX {
            drop(state);
            self.0.lose(lines);
            return;
        }
        let before = state.waiting.len();
        state.waiting.extend_from_slice(lines);
        let after = state.waiting.len();
        drop(state);
        if before == 0 || (before < GATHER_BYTES && after >= GATHER_BYTES) {
            self.0.filled.notify_one();
        }
    }

    /// Opens the file again before the next line.
    pub(super) fn reopen(&self) {
        self.0.lock().reopen = true;
        self.0.filled.notify_one();
    }

    /// Writes what is left and waits for it, for at most [`CLOSE_TIMEOUT`]: a writer that hangs in its target is left
    /// behind and ends with the process. Lines handed over later are lost.
    pub(super) fn close(&self) {
        let mut state = self.0.lock();
        state.closing = true;
        self.0.filled.notify_one();
        drop(self.0.closed.wait_timeout_while(state, CLOSE_TIMEOUT, |state| !state.closed));
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.filled.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens under this lock, and a buffer of lines has no invariant to lose.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, lines: &[u8]) {
        let count = lines.split_inclusive(|byte| *byte == b'\n').count() as u64;
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    fn write_all_to(&self, mut target: impl Target) {
        let mut lines = Vec::new();
        loop {
            let (reopen, closing) = self.take(&mut lines);
            if reopen && let Err(cause) = target.reopen() {
                tracing::warn!(%cause, "the log file could not be opened again; lines go on to the old one");
            }
            if target.write_all(&lines).and_then(|()| target.flush()).is_err() {
                self.lose(&lines);
            }
            lines.clear();
            // What a burst needed is given back.
            lines.shrink_to(2 * GATHER_BYTES);
            if closing {
                self.lock().closed = true;
                self.closed.notify_all();
                return;
            }
        }
    }

    /// Waits for something to do, then a little for more, and takes all lines there are.
    fn take(&self, lines: &mut Vec<u8>) -> (bool, bool) {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.reopen && !state.closing;
        let few = |state: &mut State| state.waiting.len() < GATHER_BYTES && !state.reopen && !state.closing;
        let state = self.filled.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.filled.wait_timeout_while(state, GATHER_TIME, few);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.waiting, lines);
        (std::mem::take(&mut state.reopen), state.closing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Waits at each write until it is allowed to go on.
    struct Gate {
        entered: mpsc::Sender<Vec<u8>>,
        go_on: mpsc::Receiver<io::Result<()>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.entered.send(bytes.to_vec()).unwrap();
            self.go_on.recv().unwrap().map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Target for Gate {}

    fn gate() -> (Gate, mpsc::Receiver<Vec<u8>>, mpsc::Sender<io::Result<()>>) {
        let ((entered, written), (allow, go_on)) = (mpsc::channel(), mpsc::channel());
        (Gate { entered, go_on }, written, allow)
    }

    #[test]
    fn a_target_that_hangs_costs_lines_and_never_a_wait() {
        let (gate, written, allow) = gate();
        let lost = Arc::new(AtomicU64::new(0));
        let spool = Spool::start(gate, lost.clone()).unwrap();
        spool.push(b"first\n");
        assert_eq!(written.recv().unwrap(), b"first\n");
        // The writer hangs now. What fits waits, the rest is lost, and no push blocks.
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        for _ in 0..WAITING_BYTES_MAX / line.len() + 6 {
            spool.push(&line);
        }
        assert_eq!(lost.load(Ordering::Relaxed), 6);
        allow.send(Ok(())).unwrap();
        assert_eq!(written.recv().unwrap().len(), WAITING_BYTES_MAX);
        allow.send(Ok(())).unwrap();
        spool.close();
        assert!(written.recv().is_err(), "the thread has ended");
    }

    #[test]
    fn a_failed_write_is_counted_line_by_line() {
        let (gate, written, allow) = gate();
        let lost = Arc::new(AtomicU64::new(0));
        let spool = Spool::start(gate, lost.clone()).unwrap();
        allow.send(Err(io::Error::other("disk full"))).unwrap();
        spool.push(b"a\nb\n");
        written.recv().unwrap();
        spool.close();
        assert_eq!(lost.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_moved_file_is_opened_again_and_the_end_writes_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let spool = Spool::start(LogFile::open(&path).unwrap(), Arc::default()).unwrap();
        spool.push(b"one\n");
        let moved = folder.path().join("access.log.1");
        std::fs::rename(&path, &moved).unwrap();
        spool.reopen();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while !path.exists() {
            assert!(std::time::Instant::now() < deadline, "the file was not opened again");
            std::thread::yield_now();
        }
        spool.push(b"two\n");
        spool.close();
        // A line just before may be in either file; none is lost, and what comes after is in the new one.
        let old = std::fs::read_to_string(&moved).unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        assert_eq!(old + &new, "one\ntwo\n");
        assert!(new.ends_with("two\n"));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let error = LogFile::open(Path::new("/nowhere/access.log")).err().unwrap().to_string();
        assert!(error.starts_with("cannot open the log file /nowhere/access.log: "), "{error}");
    }
}
