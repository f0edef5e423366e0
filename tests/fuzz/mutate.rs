//! Mutations of a corpus without coverage, for a bounded run: the same ones each time.

use crate::dice::Dice;
use std::path::{Path, PathBuf};

/// Bytes of a mutation, at most.
const BYTES_MAX: usize = 1_000;

/// The checked-in inputs of a target.
pub(crate) struct Corpus {
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Corpus {
    /// All of them, in the order of their names.
    pub(crate) fn of(target: &str) -> Corpus {
        let folder = root().join("corpus").join(target);
        let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        assert!(files.len() >= 3, "{target} has too small a corpus");
        Corpus { files }
    }

    /// Puts one there.
    pub(crate) fn write(target: &str, name: &str, bytes: &[u8]) {
        std::fs::write(root().join("corpus").join(target).join(name), bytes).unwrap();
    }

    /// The targets that have one.
    pub(crate) fn folders() -> Vec<String> {
        let folders = std::fs::read_dir(root().join("corpus")).unwrap();
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// An endless row of mutations.
pub(crate) struct Mutations {
    corpus: Corpus,
    words: Vec<Vec<u8>>,
    dice: Dice,
}

impl Mutations {
    pub(crate) fn of(corpus: Corpus) -> Mutations {
        let text = std::fs::read_to_string(root().join("words.dict")).unwrap();
        // libFuzzer's form: a word in quotes on each line.
        let words = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
        let words = words.map(|word| word.replace("\\\"", "\"").replace("\\\\", "\\").into_bytes()).collect();
        Mutations { corpus, words, dice: Dice::new(9) }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut bytes = self.dice.pick(&self.corpus.files).1.clone();
        for _ in 0..=self.dice.below(4) {
            self.change(&mut bytes);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = self.range(bytes.len());
        match self.dice.below(8) {
            0 => drop(bytes.drain(from..to)),
            1 => {
                let copy = bytes[from..to].to_vec();
                self.put(bytes, &copy);
            }
            2 => {
                let other = self.dice.pick(&self.corpus.files).1.clone();
                let (from, to) = self.range(other.len());
                self.put(bytes, &other[from..to]);
            }
            3 | 4 => {
                let word = self.dice.pick(&self.words).clone();
                self.put(bytes, &word);
            }
            5 => {
                let byte = u8::try_from(self.dice.below(256)).unwrap();
                self.put(bytes, &[byte]);
            }
            6 => {
                let number = [0, 1, 59, 60, 61, 1 << 31, (1 << 31) + 1, u64::MAX][self.index(7)];
                self.put(bytes, number.to_string().as_bytes());
            }
            _ if from < to => bytes[from] ^= 1 << self.dice.below(8),
            _ => {}
        }
    }

    fn put(&mut self, bytes: &mut Vec<u8>, what: &[u8]) {
        let at = self.index(bytes.len());
        bytes.splice(at..at, what.iter().copied());
    }

    /// A short range, mostly.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.index(length);
        let room = length - from;
        let short = room.min(12);
        let most = if self.dice.below(4) == 0 { room } else { short };
        (from, from + self.index(most))
    }

    /// From nothing up to `end`.
    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(end as u64 + 1)).unwrap()
    }
}
