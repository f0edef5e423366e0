//! How far a round has come: a bar on a terminal, lines anywhere else, and a report at the end.

use super::super::Failure;
use super::super::show::plain;
use super::page::Warmed;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};

/// Without a terminal a line comes after this many pages.
const PAGES_A_LINE: usize = 100;
/// Failures that are named one by one; a dead proxy fails them all.
const FAILURES_NAMED_MAX: usize = 20;

/// The counts of a round.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    pages: usize,
    hits: usize,
    misses: usize,
    bypassed: usize,
    failed: usize,
}

impl Progress {
    pub(super) fn begin(pages: usize) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(pages as u64));
        if let Some(bar) = &bar
            && let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} pages, {eta} left")
        {
            bar.set_style(style);
        }
        Progress { bar, pages, hits: 0, misses: 0, bypassed: 0, failed: 0 }
    }

    pub(super) fn warmed(&mut self, warmed: Warmed) {
        match warmed {
            Warmed::Hit => self.hits += 1,
            Warmed::Miss => self.misses += 1,
            Warmed::Bypass => self.bypassed += 1,
        }
        self.step();
    }

    pub(super) fn failed(&mut self, what: &str) {
        self.failed += 1;
        if self.failed <= FAILURES_NAMED_MAX {
            self.say(&plain(what));
        }
        self.step();
    }

    /// The report, and an error where a page failed.
    pub(super) fn end(&mut self, json: bool) -> Result<(), Failure> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        writeln!(std::io::stdout(), "{}", self.report(json))?;
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::Failed(format!("{failed} of {} pages could not be warmed", self.done()))),
        }
    }

    fn report(&self, json: bool) -> String {
        let Progress { hits, misses, bypassed, failed, .. } = self;
        if json {
            let pages = self.done();
            let report = serde_json::json!({
                "pages": pages, "hit": hits, "miss": misses, "bypass": bypassed, "failed": failed,
            });
            return report.to_string();
        }
        format!("{} pages: {hits} hit, {misses} miss, {bypassed} never cached, {failed} failed", self.done())
    }

    fn done(&self) -> usize {
        self.hits + self.misses + self.bypassed + self.failed
    }

    fn step(&mut self) {
        match &self.bar {
            Some(bar) => bar.set_position(self.done() as u64),
            None if self.done().is_multiple_of(PAGES_A_LINE) => {
                self.say(&format!("{} of {} pages", self.done(), self.pages));
            }
            None => {}
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_counts_each_page_once() {
        let mut progress = Progress::begin(4);
        for warmed in [Warmed::Hit, Warmed::Miss, Warmed::Bypass] {
            progress.warmed(warmed);
        }
        progress.failed("/x: 404 Not Found");
        assert_eq!(progress.report(false), "4 pages: 1 hit, 1 miss, 1 never cached, 1 failed");
        assert_eq!(progress.report(true), r#"{"bypass":1,"failed":1,"hit":1,"miss":1,"pages":4}"#);
        assert!(matches!(progress.end(true), Err(Failure::Failed(_))));
    }
}
