//! A content that the system sends by itself: a file in memory, whose pages go into a socket without being copied.
//!
//! It is written once and then sealed: what a socket has yet to send are the file's own pages, so that a change would change what
//! is on its way. Only Linux has them; elsewhere, and where the system refuses, there are none, and all is sent as bytes.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Of the files that the process may have open, what these may be: the others are its connections'.
const OPEN_SHARE: u64 = 8;

/// A content in a file of its own, which has no name and ends with this.
#[derive(Debug)]
pub struct MemoryFile {
    file: File,
    bytes: usize,
}

impl MemoryFile {
    /// A file with this content.
    ///
    /// # Errors
    /// The system has no such files, or has none left; or no memory.
    pub fn of(content: &[u8]) -> io::Result<MemoryFile> {
        let mut file = system::create()?;
        file.write_all(content)?;
        system::seal(&file)?;
        Ok(MemoryFile { file, bytes: content.len() })
    }

    /// Whether the system makes them and sends them.
    pub fn are_there() -> bool {
        let sent = || {
            let (near, _far) = UnixStream::pair()?;
            MemoryFile::of(b"x")?.send(&near, 0)
        };
        sent().is_ok()
    }

    /// How many of them there should be at most.
    pub fn count_max() -> u64 {
        system::open_max() / OPEN_SHARE
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Sends what stands behind the first `from` bytes, as much as the socket takes; tells how many bytes that was.
    ///
    /// # Errors
    /// As the system says it: [`ErrorKind::WouldBlock`] where a socket that does not wait takes nothing now. That nothing is left
    /// is one too.
    pub fn send(&self, socket: &impl AsFd, from: usize) -> io::Result<usize> {
        let left = self.bytes.saturating_sub(from);
        match system::send(socket, &self.file, from as u64, left)? {
            // Nobody can cut a sealed file short. If it were, nothing but the end of the connection could tell the client.
            0 => Err(ErrorKind::UnexpectedEof.into()),
            bytes => Ok(bytes),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    //! What Linux has for it.

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create, sendfile};
    use rustix::io::{Errno, retry_on_intr};
    use rustix::process::{Resource, getrlimit};
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;

    /// Shown where the process's files are listed; it names nothing.
    const NAME: &str = "vitrine-content";

    pub(super) fn create() -> io::Result<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let made = match memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL) {
            // Before Linux 6.3 none can be said to hold no program.
            Err(Errno::INVAL) => memfd_create(NAME, flags),
            made => made,
        };
        Ok(File::from(made?))
    }

    pub(super) fn seal(file: &File) -> io::Result<()> {
        // Not `WRITE`: it waits until nobody else holds any of the pages, a processor's own lists among them.
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE;
        Ok(fcntl_add_seals(file, seals)?)
    }

    pub(super) fn send(socket: &impl AsFd, file: &File, from: u64, bytes: usize) -> io::Result<usize> {
        // With a place of its own in each call: the file is sent to many at once, by several threads.
        Ok(retry_on_intr(|| sendfile(socket, file, Some(&mut { from }), bytes))?)
    }

    pub(super) fn open_max() -> u64 {
        getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Nothing.

    use std::fs::File;
    use std::io::{self, ErrorKind};
    use std::os::fd::AsFd;

    pub(super) fn create() -> io::Result<File> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn seal(_: &File) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn send(_: &impl AsFd, _: &File, _from: u64, _bytes: usize) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn open_max() -> u64 {
        0
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
