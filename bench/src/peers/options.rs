//! What `vitrine-bench peers` is asked for.

use std::io;
use std::time::Duration;

const USAGE: &str = "usage: vitrine-bench peers [--short] [--rounds N] [--seconds S] [--vitrine-lines YAML]... \
    [--rows NAME,...] [--columns NUMBER,...] [--parts columns,tail,memory,herd]\n\
    --short: every row and part for a moment, to show that all answer rightly; its times mean nothing\n\
    --vitrine-lines: further lines of proxy.yaml; each use gets a row of its own\n\
    --rows: only rows whose names begin with one of these, in small letters";

/// The parts, in their order.
const PARTS: [&str; 4] = ["columns", "tail", "memory", "herd"];

/// How much is measured, and of whom.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) short: bool,
    pub(super) rounds: usize,
    pub(super) time: Duration,
    pub(super) lines: Vec<String>,
    rows: Vec<String>,
    columns: Vec<usize>,
    parts: Vec<String>,
}

impl Options {
    pub(super) fn read(arguments: &[String]) -> io::Result<Options> {
        let mut read = Options {
            short: arguments.iter().any(|argument| argument == "--short"),
            rounds: 6,
            time: Duration::from_secs(2),
            lines: Vec::new(),
            rows: Vec::new(),
            columns: Vec::new(),
            parts: Vec::new(),
        };
        if read.short {
            (read.rounds, read.time) = (1, Duration::from_millis(100));
        }
        let usage = || io::Error::other(USAGE);
        let mut words = arguments.iter().filter(|argument| *argument != "--short");
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(usage)?;
            let list = || value.split(',').map(str::to_owned);
            match word.as_str() {
                "--rounds" => read.rounds = value.parse().ok().filter(|rounds| *rounds > 0).ok_or_else(usage)?,
                "--seconds" => {
                    let seconds = value.parse().ok().filter(|seconds| (0.05..=600.0).contains(seconds));
                    read.time = Duration::from_secs_f64(seconds.ok_or_else(usage)?);
                }
                "--vitrine-lines" => read.lines.push(value.clone()),
                "--rows" => read.rows.extend(list()),
                "--columns" => {
                    let columns: Option<Vec<usize>> = list().map(|word| word.parse().ok()).collect();
                    read.columns.extend(columns.ok_or_else(usage)?);
                }
                "--parts" if list().all(|part| PARTS.contains(&part.as_str())) => read.parts.extend(list()),
                _ => return Err(usage()),
            }
        }
        Ok(read)
    }

    pub(super) fn wants_row(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.rows.is_empty() || self.rows.iter().any(|row| name.starts_with(row.as_str()))
    }

    /// Columns count from 1.
    pub(super) fn wants_column(&self, number: usize) -> bool {
        self.columns.is_empty() || self.columns.contains(&number)
    }

    pub(super) fn wants_part(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> io::Result<Options> {
        Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read() {
        let all = read("").unwrap();
        assert_eq!((all.short, all.rounds, all.time), (false, 6, Duration::from_secs(2)));
        assert!(all.wants_row("Squid") && all.wants_part("herd") && all.wants_column(5));
        let some = read("--rounds 2 --short --rows vit,squid --parts tail --columns 1,3 --vitrine-lines a").unwrap();
        assert_eq!((some.short, some.rounds, &some.lines[..]), (true, 2, &["a".to_owned()][..]));
        assert!(some.wants_row("vitrine, a") && some.wants_row("Squid") && !some.wants_row("Varnish"));
        assert!(some.wants_part("tail") && !some.wants_part("herd"));
        assert!(some.wants_column(3) && !some.wants_column(2));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--rounds", "--rounds 0", "--seconds x", "--seconds 0", "--parts tails", "--columns a", "fast x"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
