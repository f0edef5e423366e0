//! Output for people: columns, sizes, times. Nothing that a stranger has sent may steer the terminal.

use std::fmt::Write;

/// Rows under heads, each column as wide as its widest cell; columns whose head begins with `>` are set to the right.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let head_row: Vec<String> = heads.iter().map(|head| head.trim_start_matches('>').to_string()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head_row]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut out = String::new();
    for row in std::iter::once(&head_row).chain(&rows) {
        let mut line = String::new();
        for ((cell, head), width) in row.iter().zip(heads).zip(&widths) {
            // Writing into a String cannot fail.
            let _ =
                if head.starts_with('>') { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Text without what is not shown as itself: control characters and marks that turn the direction of writing.
pub(super) fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// A size as people read it.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = None;
    let mut tenths = u128::from(bytes) * 10;
    for larger in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1_024;
        unit = Some(larger);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(unit) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

/// A ratio in percent; a dash where there is none.
pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".into(), |ratio| format!("{:.1} %", ratio * 100.0))
}

/// Seconds as people read them.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["home".into(), "7".into()], vec!["lamp\u{1b}[2J".into(), "1234".into()]];
        assert_eq!(table(&["route", ">hits"], &rows), "route     hits\nhome         7\nlamp\u{fffd}[2J  1234\n");
    }

    #[test]
    fn sizes_and_spans_are_readable() {
        assert_eq!([0, 1023, 1024, 1536, 512 << 20].map(size), ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "512.0 MiB"]);
        assert_eq!([5, 65, 7_300, 200_000].map(span), ["5 s", "1 min", "2 h 1 min", "2 d 7 h"]);
        assert_eq!(size(u64::MAX), "16383.9 PiB");
    }
}
