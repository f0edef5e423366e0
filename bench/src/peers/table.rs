//! Prints what was measured: ratios first, then the table, then what stands behind it.

use super::columns::COLUMNS;
use super::lineup::Row;
use crate::measure::median;
use std::time::Duration;

/// A share of its core below which something else holds a server back: the load, or the origin.
const SERVER_BUSY: f64 = 0.9;

/// One round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Microseconds for a request.
    pub(super) cpu: f64,
    /// Requests.
    pub(super) a_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// Share of its core that the server used.
    pub(super) server: f64,
}

/// All rounds of a row, by column.
pub(super) struct Line {
    row: Row,
    pub(super) cells: Vec<Vec<Cell>>,
}

impl Line {
    pub(super) fn new(row: Row, columns: usize) -> Line {
        Line { row, cells: vec![Vec::new(); columns] }
    }

    fn middle(&self, column: usize, of: impl Fn(&Cell) -> f64) -> Option<f64> {
        let cells = &self.cells[column];
        (!cells.is_empty()).then(|| median(cells.iter().map(of).collect()))
    }

    fn cpu(&self, column: usize) -> Option<f64> {
        self.middle(column, |cell| cell.cpu)
    }

    /// The median of the rounds' ratios: a round of each follows on the other, so that a slow minute of the machine meets both.
    fn beside(&self, other: &Line, column: usize) -> Option<f64> {
        let pairs = self.cells[column].iter().zip(&other.cells[column]);
        let ratios: Vec<f64> = pairs.map(|(own, other)| own.cpu / other.cpu).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }
}

/// Prints all of it, in markdown.
pub(super) fn print(lines: &[Line], columns: &[usize]) {
    println!("\nCPU time beside the best peer's, and beside the floor's:\n");
    head(columns);
    for line in lines.iter().filter(|line| line.row.is_vitrine()) {
        let best = |column: &usize| {
            let best = best_peer(lines, *column)?;
            Some(format!("{:.2} ({})", line.beside(best, *column)?, best.row.name))
        };
        body(&format!("{} / best peer", line.row.name), columns.iter().map(best));
        for floor in lines.iter().filter(|line| line.row.is_floor()) {
            let ratio = |column: &usize| Some(format!("{:.2}", line.beside(floor, *column)?));
            body(&format!("{} / {}", line.row.name, floor.row.name), columns.iter().map(ratio));
        }
    }
    println!("\nCPU microseconds per request:\n");
    head(columns);
    for line in lines {
        let cpu = |column: &usize| line.cpu(*column).map(|cpu| format!("{cpu:.1}"));
        body(&line.row.name, columns.iter().map(cpu));
    }
    println!("\nRequests a second; p50 and p99 in milliseconds; use of the server's core:\n");
    head(columns);
    for line in lines {
        body(&line.row.name, columns.iter().map(|column| behind(line, *column)));
    }
    println!("\n`*`: the server waited for the load or the origin, and could have done more requests a second.");
}

fn best_peer(lines: &[Line], column: usize) -> Option<&Line> {
    let peers = lines.iter().filter(|line| line.row.is_peer());
    let by_cost = peers.filter_map(|line| Some((line.cpu(column)?, line)));
    by_cost.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, line)| line)
}

fn head(columns: &[usize]) {
    body("", columns.iter().map(|column| Some(COLUMNS[*column].name.to_owned())));
    println!("|---|{}", "---|".repeat(columns.len()));
}

fn body(name: &str, cells: impl Iterator<Item = Option<String>>) {
    let cells: Vec<String> = cells.map(Option::unwrap_or_default).collect();
    println!("| {name} | {} |", cells.join(" | "));
}

fn behind(line: &Line, column: usize) -> Option<String> {
    let server = line.middle(column, |cell| cell.server)?;
    let ms = |of: fn(&Cell) -> Duration| line.middle(column, |cell| of(cell).as_secs_f64() * 1e3).unwrap_or_default();
    let star = if server < SERVER_BUSY { "*" } else { "" };
    Some(format!(
        "{:.0}{star}; {:.2}, {:.2}; {:.0} %",
        line.middle(column, |cell| cell.a_second)?,
        ms(|cell| cell.p50),
        ms(|cell| cell.p99),
        server * 100.0
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::lineup::Kind;

    fn line(name: &str, kind: Kind, costs: &[f64]) -> Line {
        let mut line = Line::new(Row { name: name.into(), kind }, 1);
        let (p50, p99) = (Duration::from_millis(1), Duration::from_millis(2));
        line.cells[0] = costs.iter().map(|cpu| Cell { cpu: *cpu, a_second: 1e3, p50, p99, server: 0.5 }).collect();
        line
    }

    #[test]
    fn ratios_are_of_rounds_and_the_best_peer_has_no_floor_among_it() {
        let vitrine = line("vitrine", Kind::Vitrine(String::new()), &[10.0, 20.0, 12.0]);
        let lines = [
            line("Squid", Kind::Squid, &[30.0, 40.0, 30.0]),
            line("HAProxy", Kind::Haproxy, &[10.0, 40.0, 8.0]),
            line("bare epoll loop", Kind::BareEpoll, &[1.0, 1.0, 1.0]),
            line("Varnish", Kind::Varnish, &[]),
        ];
        let best = best_peer(&lines, 0).unwrap();
        assert_eq!(best.row.name, "HAProxy");
        assert_eq!(vitrine.beside(best, 0), Some(1.0));
        assert_eq!(vitrine.beside(&lines[3], 0), None);
    }

    #[test]
    fn a_server_that_waits_is_marked() {
        assert_eq!(behind(&line("x", Kind::Squid, &[9.0]), 0).unwrap(), "1000*; 1.00, 2.00; 50 %");
    }
}
