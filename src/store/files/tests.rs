use super::*;
use std::cell::Cell;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Weak;
use std::thread;

const MIB: u64 = 1024 * 1024;
/// Of 32 MiB an eighth.
const LARGEST: usize = 4 * 1024 * 1024;

thread_local! {
    static MADE: Cell<usize> = const { Cell::new(0) };
}

fn counted(content: &[u8]) -> io::Result<MemoryFile> {
    MADE.set(MADE.get() + 1);
    MemoryFile::of(content)
}

fn files(memory_mib: u64) -> Files {
    Files::made_by(counted, memory_mib * MIB, u64::MAX)
}

fn content(seed: u64, bytes: usize) -> Vec<u8> {
    (0..bytes as u64).map(|at| (at.wrapping_mul(seed + 7) % 251) as u8).collect()
}

/// What it sends.
fn sent(file: &MemoryFile) -> Vec<u8> {
    let (near, mut far) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut from = 0;
            while from < file.len() {
                from += file.send(&near, from).unwrap();
            }
        });
        let mut got = Vec::new();
        far.read_to_end(&mut got).unwrap();
        got
    })
}

#[test]
fn a_content_that_is_asked_for_often_gets_one_file_of_its_own_bytes() {
    let files = files(256);
    let content = content(1, FILE_BYTES_MIN);
    assert!((1..ASKED_MIN).all(|_| files.of(1, None, &content).is_none()));
    let file = files.of(1, None, &content).expect("it is asked for often");
    assert_eq!(sent(&file), content);
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&file, &files.of(1, None, &content).expect("it is kept")));
    }
    assert_eq!(MADE.get(), 1);
}

#[test]
fn each_content_has_a_file_of_its_own_whatever_it_has_in_common_with_another() {
    let files = files(256);
    let kinds = [
        (1, None, FILE_BYTES_MIN),
        (2, None, FILE_BYTES_MIN),
        (1, Some(Coding::Brotli), FILE_BYTES_MIN),
        (1, Some(Coding::Gzip), FILE_BYTES_MIN),
        (1, Some(Coding::Gzip), FILE_BYTES_MIN + 1),
    ];
    for _ in 0..2 {
        for (seed, (generation, coding, bytes)) in kinds.into_iter().enumerate() {
            let content = content(seed as u64, bytes);
            let file = (0..9).find_map(|_| files.of(generation, coding, &content)).expect("it is asked for often");
            assert!(sent(&file) == content, "{generation} {coding:?} {bytes}");
        }
    }
    assert_eq!(MADE.get(), kinds.len());
}

#[test]
fn what_is_small_or_too_large_for_the_room_gets_none() {
    let files = files(256);
    for bytes in [0, 1, FILE_BYTES_MIN - 1, LARGEST + 1] {
        let content = vec![b'x'; bytes];
        assert!((0..9).all(|_| files.of(1, None, &content).is_none()), "{bytes}");
    }
    let largest = vec![b'x'; LARGEST];
    assert!((0..9).any(|_| files.of(1, None, &largest).is_some()));
}

/// Asks for so many contents of so many bytes, each until it has its file; those that are still open at the end.
fn open_after(files: &Files, contents: u64, bytes: usize) -> usize {
    let content = content(1, bytes);
    let all: Vec<Weak<MemoryFile>> = (0..contents)
        .map(|generation| {
            let file = (0..9).find_map(|_| files.of(generation, None, &content));
            Arc::downgrade(&file.expect("it is asked for often"))
        })
        .collect();
    all.iter().filter(|file| file.strong_count() > 0).count()
}

#[test]
fn the_bounds_of_bytes_and_of_number_hold_whatever_is_asked_for() {
    for (memory_mib, count_max, bytes, open_max) in [
        (256, u64::MAX, FILE_BYTES_MIN, 341),
        // Of more memory no more.
        (100_000, u64::MAX, FILE_BYTES_MIN, 341),
        // Memory is given in whole pages: 25 of them.
        (256, u64::MAX, FILE_BYTES_MIN + 1, 327),
        // An eighth.
        (64, u64::MAX, FILE_BYTES_MIN, 85),
        // A process that may open a thousand.
        (256, 128, FILE_BYTES_MIN, 128),
    ] {
        let files = Files::made_by(counted, memory_mib * MIB, count_max);
        let open = open_after(&files, 1_000, bytes);
        assert!(open <= open_max && open > open_max / 2, "{memory_mib} {count_max} {bytes}: {open}");
        assert_eq!(files.cache.len(), open, "what is let go of is closed");
        assert!(files.cache.weight() <= (memory_mib * MIB / 8).min(32 * MIB));
    }
}

#[test]
fn where_there_is_no_room_or_no_file_to_be_had_there_are_none() {
    let content = content(1, FILE_BYTES_MIN);
    let refuses = |_: &[u8]| Err(io::ErrorKind::Unsupported.into());
    for files in [
        Files::made_by(counted, 0, u64::MAX),
        Files::made_by(counted, 3 * MIB, u64::MAX),
        Files::made_by(counted, 256 * MIB, 0),
        Files::made_by(counted, 256 * MIB, 7),
        Files::made_by(refuses, 256 * MIB, u64::MAX),
    ] {
        assert!((0..9).all(|_| files.of(1, None, &content).is_none()));
        assert_eq!((MADE.get(), files.cache.len()), (0, 0));
    }
}

/// Asks for so many contents of so many bytes, in no order, a hundred times each on average; how many files that made.
fn made_for(files: &Files, contents: u64, bytes: usize) -> usize {
    let (content, before, mut state) = (content(1, bytes), MADE.get(), 1_u64);
    for _ in 0..contents * 100 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        files.of((state >> 33) % contents, None, &content);
    }
    MADE.get() - before
}

#[test]
fn a_crowd_that_there_is_no_room_for_makes_hardly_any_files_only_to_let_them_go() {
    for (bytes, places) in [(FILE_BYTES_MIN, 341), (LARGEST / 4, 32)] {
        let crowd = made_for(&files(256), places * 3, bytes);
        assert!(crowd < 100, "{crowd} for {} asked for", places * 300);
        let files = files(256);
        let all = made_for(&files, places / 2, bytes);
        assert!(files.cache.len() as u64 > places / 2 - 4, "{} of {}", files.cache.len(), places / 2);
        assert!(all as u64 <= places / 2, "{all} for {}", places / 2);
    }
}

#[test]
fn clearing_lets_go_of_all_but_what_is_being_sent() {
    let (files, content) = (files(256), content(1, FILE_BYTES_MIN));
    let file = (0..9).find_map(|_| files.of(1, None, &content)).expect("it is asked for often");
    let other = (0..9).find_map(|_| files.of(2, None, &content)).map(|file| Arc::downgrade(&file));
    files.clear();
    assert_eq!(other.expect("it is asked for often").strong_count(), 0);
    assert_eq!(sent(&file), content);
    assert!(files.of(1, None, &content).is_none_or(|made| !Arc::ptr_eq(&made, &file)));
}

#[test]
fn a_system_that_has_them_says_so() {
    assert!(MemoryFile::are_there() && MemoryFile::count_max() > 0);
    let content = content(1, FILE_BYTES_MIN);
    let files = Files::new(256 * MIB);
    assert!((0..9).any(|_| files.of(1, None, &content).is_some()));
}
