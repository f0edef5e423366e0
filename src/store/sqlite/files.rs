//! The files: the database with its two companions, the lock beside it, the mark of damage, and the quarantine.
//!
//! A damaged file is renamed, never deleted and never mended: what is in it may still tell somebody what happened. One is
//! kept. Everything is readable by its owner alone, because stored pages may be personal.

use super::OpenError;
use crate::clock::Timestamp;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const OWNER_ONLY: u32 = 0o600;
/// What SQLite calls its companions.
const WAL: &str = "-wal";
const SHM: &str = "-shm";
const QUARANTINE: &str = ".quarantine-";

/// The files of one store, held by this process as long as this lives.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) database: PathBuf,
    /// Held, not read: the lock goes when it is closed, also by a kill.
    _lock: File,
}

impl Files {
    /// Takes the lock, so that no second process works on the same file: each would evict and number without the other.
    pub(super) fn claim(database: &Path) -> Result<Files, OpenError> {
        let path = beside(database, ".lock");
        let failed = |source| OpenError::Io { path: path.clone(), source };
        let lock = owner_only().create(true).write(true).truncate(false).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Files { database: database.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: database.into() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Makes the database file where there is none. SQLite gives its companions the same mode. A mode that somebody gave
    /// to a file that is there is left alone.
    pub(super) fn create(&self) -> io::Result<()> {
        owner_only().create(true).truncate(false).write(true).open(&self.database).map(drop)
    }

    /// Whether the last process found the file damaged, or left a write-ahead log that is none. Of such a log SQLite would
    /// take no notice, and what was committed to it, purges among it, would be gone without a word.
    pub(super) fn known_damage(&self) -> Option<&'static str> {
        if self.mark().exists() {
            return Some("it was found damaged while it was in use");
        }
        let log_is_sound = wal_is_sound(&beside(&self.database, WAL)).unwrap_or(true);
        (!log_is_sound).then_some("its write-ahead log is damaged")
    }

    /// Leaves a mark for the next start, through an fsync.
    pub(super) fn mark_damaged(&self) -> io::Result<()> {
        owner_only().create(true).write(true).truncate(true).open(self.mark())?.sync_all()
    }

    /// Puts the database and its companions aside, in place of what was put aside before, and takes the mark away.
    pub(super) fn quarantine(&self, now: Timestamp) -> io::Result<PathBuf> {
        self.forget_quarantined()?;
        let aside = beside(&self.database, &format!("{QUARANTINE}{}", now.as_secs()));
        for companion in [WAL, SHM, ""] {
            match fs::rename(beside(&self.database, companion), beside(&aside, companion)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // Last: killed in between, the next start begins again here.
        match fs::remove_file(self.mark()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(aside),
        }
    }

    fn forget_quarantined(&self) -> io::Result<()> {
        let Some((folder, name)) = self.database.parent().zip(self.database.file_name()) else { return Ok(()) };
        let prefix = [name.as_encoded_bytes(), QUARANTINE.as_bytes()].concat();
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(&prefix) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn mark(&self) -> PathBuf {
        beside(&self.database, ".damaged")
    }
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(OWNER_ONLY);
    options
}

/// The path with more at its end.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Whether a write-ahead log begins as one does: its magic number and the checksum of its header ("WAL File Format" in
/// SQLite's documentation). An absent one and an empty one are sound.
fn wal_is_sound(path: &Path) -> io::Result<bool> {
    let mut header = [0; 32];
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file?,
    };
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| wal_header_is_sound(&header)),
    }
}

fn wal_header_is_sound(header: &[u8; 32]) -> bool {
    let words = header.as_chunks::<4>().0;
    let word: fn([u8; 4]) -> u32 = match u32::from_be_bytes(words[0]) {
        0x377f_0682 => u32::from_le_bytes,
        0x377f_0683 => u32::from_be_bytes,
        _ => return false,
    };
    let (mut first, mut second) = (0_u32, 0_u32);
    for pair in words[..6].as_chunks::<2>().0 {
        first = first.wrapping_add(word(pair[0])).wrapping_add(second);
        second = second.wrapping_add(word(pair[1])).wrapping_add(first);
    }
    [first, second] == [u32::from_be_bytes(words[6]), u32::from_be_bytes(words[7])]
}
