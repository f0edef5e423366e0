//! Files of large contents that are asked for again and again, so that the system sends them without copying: see [`MemoryFile`].
//!
//! They decide nothing. Whoever asks has found a stored response in memory, and that it may be served, and holds its content; what they
//! get here is the same bytes in another form, or nothing. A stored response that is gone asks for nothing any more, and its files
//! give way when others need the room.

use crate::body::MemoryFile;
use crate::coding::Coding;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Contents of fewer bytes are sent about as fast by copying them, and are not worth being held twice.
pub const FILE_BYTES_MIN: usize = 96 * 1024;
/// Bytes of all files together.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Of the bytes of the memory tier, the part that files may have beside it.
const MEMORY_SHARE: u64 = 8;
/// How many of the largest contents there is room for: larger ones get no file.
const LARGEST_IN_ALL: u64 = 8;
/// Memory is given in pages.
const PAGE_BYTES: u64 = 4096;
/// A file costs as much as many answers: where more contents go round than there is room for, it would hardly be used before it gave
/// way. So contents share places, of which there are as many as files of their size, over this.
const PLACES_SHARE: u64 = 4;
/// How much more often than the others in its place a content is asked for, before it gets a file.
const ASKED_MIN: u64 = 4;
/// The bits of a place that count; the others tell whom it counts for.
const COUNT: u64 = 0b111;

/// A content of a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FileKey {
    /// It names one stored response, whose content never changes.
    generation: u64,
    coding: Option<Coding>,
    /// What was compressed anew after memory had let go of it may be of another length.
    bytes: usize,
}

impl FileKey {
    /// A number for it, to tell whom a place counts for.
    fn mark(&self) -> u64 {
        let form = self.coding.map_or(0, |coding| coding.index() as u64 + 1);
        // An odd factor spreads generations, which are counted, over the high bits (2^64 over the golden ratio).
        (self.generation ^ (form << 62)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// The files that are kept.
pub struct Files {
    cache: Cache<FileKey, Arc<MemoryFile>, ByPages>,
    /// In each place the mark of a content, and by how much it leads.
    leaders: Box<[AtomicU64]>,
    bytes_max: u64,
    largest_bytes: u64,
    make: fn(&[u8]) -> io::Result<MemoryFile>,
}

impl Files {
    /// Files beside a memory tier of so many bytes; none where the system has none.
    pub fn new(memory_bytes_max: u64) -> Files {
        let count_max = if MemoryFile::are_there() { MemoryFile::count_max() } else { 0 };
        Files::made_by(MemoryFile::of, memory_bytes_max, count_max)
    }

    fn made_by(make: fn(&[u8]) -> io::Result<MemoryFile>, memory_bytes_max: u64, count_max: u64) -> Files {
        // None of them is smaller than the smallest, so that a bound of their bytes is one of their number.
        let bytes_of_all = count_max.saturating_mul(FILE_BYTES_MIN as u64);
        let bytes_max = (memory_bytes_max / MEMORY_SHARE).min(BYTES_MAX).min(bytes_of_all);
        let largest_bytes = bytes_max / LARGEST_IN_ALL;
        let options = OptionsBuilder::new()
            // In shares there would be no room for eight of the largest.
            .shards(1)
            .weight_capacity(bytes_max)
            .estimated_items_capacity(usize::try_from(bytes_max).unwrap_or(usize::MAX) / FILE_BYTES_MIN)
            .build();
        // The builder fails only where one of the two capacities was not given.
        let options = options.unwrap_or_else(|error| unreachable!("{error}"));
        let cache = Cache::with_options(options, ByPages, DefaultHashBuilder::default(), DefaultLifecycle::default());
        let leaders = (0..places(bytes_max, FILE_BYTES_MIN)).map(|_| AtomicU64::new(0)).collect();
        Files { cache, leaders, bytes_max, largest_bytes, make }
    }

    /// A file of this content, which is that of the response of this generation in this coding, where it is worth one.
    pub fn of(&self, generation: u64, coding: Option<Coding>, content: &[u8]) -> Option<Arc<MemoryFile>> {
        let bytes = content.len();
        if bytes < FILE_BYTES_MIN || bytes as u64 > self.largest_bytes {
            return None;
        }
        let key = FileKey { generation, coding, bytes };
        self.cache.get(&key).or_else(|| self.is_asked_often(&key).then(|| self.made(key, content)).flatten())
    }

    /// Lets go of all. What is being sent is sent to its end.
    pub fn clear(&self) {
        self.cache.clear();
    }

    /// Counts that a content was asked for (a vote of the majority, by Boyer and Moore). Two threads at once may lose a count.
    fn is_asked_often(&self, key: &FileKey) -> bool {
        let mark = key.mark();
        // Its high half, as a part of all places.
        let place = ((mark >> 32) * places(self.bytes_max, key.bytes)) >> 32;
        let Some(place) = usize::try_from(place).ok().and_then(|place| self.leaders.get(place)) else { return false };
        let (own, held) = (mark & !COUNT, place.load(Ordering::Relaxed));
        let (leader, count) = match (held & !COUNT, held & COUNT) {
            (leader, count) if leader == own => (own, (count + 1).min(ASKED_MIN)),
            (_, 0) => (own, 1),
            (leader, count) => (leader, count - 1),
        };
        place.store(leader | count, Ordering::Relaxed);
        leader == own && count == ASKED_MIN
    }

    fn made(&self, key: FileKey, content: &[u8]) -> Option<Arc<MemoryFile>> {
        match (self.make)(content) {
            Ok(file) => {
                let file = Arc::new(file);
                self.cache.insert(key, file.clone());
                Some(file)
            }
            Err(error) => {
                tracing::debug!(%error, "a large content is sent by copying it");
                None
            }
        }
    }
}

/// How many places contents of so many bytes share.
fn places(bytes_max: u64, bytes: usize) -> u64 {
    bytes_max / PLACES_SHARE / bytes as u64
}

#[derive(Clone, Debug)]
struct ByPages;

impl Weighter<FileKey, Arc<MemoryFile>> for ByPages {
    fn weight(&self, _: &FileKey, file: &Arc<MemoryFile>) -> u64 {
        (file.len() as u64).next_multiple_of(PAGE_BYTES)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
