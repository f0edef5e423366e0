//! The table: CPU time of each server for a request, by kind of request, in rounds that take turns.

use super::lineup::{self, Row, Sample};
use super::load::{Load, Pages};
use super::options::Options;
use super::origin::Origin;
use super::running::Running;
use super::table::{self, Cell, Line};
use super::{CONNECTIONS, answers::Reading, answers::Wanted};
use crate::measure::{Noise, micros_each, percentile};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Misses that each server stores at most, so that no memory tier fills and none lets anything go.
const STORED_MAX: u64 = 120_000;
/// Part of a round that goes before what is counted.
const RUN_UP: f64 = 0.1;
const WARMING_MAX: Duration = Duration::from_mins(2);

/// What the origin sees of a column's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origins {
    None,
    All,
}

/// One kind of request.
pub(super) struct Column {
    pub(super) name: &'static str,
    kind: &'static str,
    body_bytes: usize,
    /// How many pages there are; without it each is new.
    pages: Option<u64>,
    seen: Origins,
}

/// vitrine sends contents of so many bytes without copying. The loop that copies nothing stands beside these alone: shorter ones it sends
/// at a higher cost than the loop that copies.
const SENT_AS_FILE: usize = 96 * 1024;

/// The three hits come first: the bare servers serve the column of their number.
pub(super) const COLUMNS: [Column; 5] = [
    Column { name: "hit, 1 KiB, one key", kind: "c", body_bytes: 1024, pages: Some(1), seen: Origins::None },
    Column {
        name: "hit, 16 KiB, 10,000 keys",
        kind: "c",
        body_bytes: 16_384,
        pages: Some(10_000),
        seen: Origins::None,
    },
    Column { name: "hit, 100 KiB", kind: "c", body_bytes: 102_400, pages: Some(1), seen: Origins::None },
    Column { name: "miss, 4 KiB, stored", kind: "c", body_bytes: 4096, pages: None, seen: Origins::All },
    Column { name: "pass, 4 KiB", kind: "pass", body_bytes: 4096, pages: None, seen: Origins::All },
];
pub(super) const HITS: usize = 3;
/// The column of many pages.
pub(super) const MANY: usize = 1;
const MANY_IN_SHORT: u64 = 200;

impl Column {
    pub(super) fn pages(&self, row: &Row, short: bool) -> Pages {
        let mut pages = Pages::new(self.kind, self.body_bytes, self.count(short));
        pages.own_bodies = !row.sends_samples();
        pages
    }

    /// How many pages there are in this run.
    fn count(&self, short: bool) -> Option<u64> {
        self.pages.map(|pages| if short { pages.min(MANY_IN_SHORT) } else { pages })
    }

    /// Has each page fetched, and once more where a cache takes a page into memory only when it is asked for again.
    pub(super) fn warm(&self, address: SocketAddr, row: &Row, short: bool) -> io::Result<()> {
        let Some(pages) = self.pages else { return Ok(()) };
        let mut load = Load::open(address, 8)?;
        load.run(&mut self.pages(row, short), WARMING_MAX, pages.saturating_mul(2)).map(drop)
    }

    /// Whether a row has something to show here.
    fn has(&self, row: &Row) -> bool {
        match row.kind {
            lineup::Kind::BareHyper | lineup::Kind::BareEpoll => self.seen == Origins::None,
            lineup::Kind::BareSendfile => self.seen == Origins::None && self.body_bytes >= SENT_AS_FILE,
            lineup::Kind::HyperProxy => self.seen == Origins::All,
            _ => true,
        }
    }
}

/// A row with its server.
pub(super) struct Standing<'a> {
    pub(super) row: &'a Row,
    pub(super) server: Running,
}

/// Starts all of them, after a vitrine that the bare servers learn from what to send.
pub(super) fn start<'a>(rows: &'a [Row], origin: &Origin, short: bool) -> io::Result<Vec<Standing<'a>>> {
    let model = lineup::start(&lineup::Kind::Vitrine(String::new()), origin)?;
    let of_column = |column: &Column| {
        Ok(Sample { answer: sample(model.address(0), column)?, copies: column.count(short).unwrap_or(1) })
    };
    let samples = COLUMNS[..HITS].iter().map(of_column).collect::<io::Result<Vec<_>>>()?;
    drop(model);
    let launch = |row: &'a Row| {
        let server = lineup::launch(&row.kind, origin, &samples).map_err(|error| of(row, &error))?;
        Ok(Standing { row, server })
    };
    let mut standing: Vec<Standing> = rows.iter().map(launch).collect::<io::Result<_>>()?;
    for Standing { row, server } in &mut standing {
        server.wait().map_err(|error| of(row, &error))?;
    }
    Ok(standing)
}

/// The bytes of a hit: the second answer.
fn sample(address: SocketAddr, column: &Column) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    let target = format!("/{}/{}/0", column.kind, column.body_bytes);
    let wanted = Wanted { body_bytes: column.body_bytes, begins: target.as_bytes() };
    let mut answer = Vec::new();
    for _ in 0..2 {
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n").as_bytes())?;
        answer.clear();
        let (mut reading, mut buffer, mut is_whole) = (Reading::default(), vec![0; 65_536], false);
        while !is_whole {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&buffer[..count]);
            is_whole = reading.take(&buffer[..count], wanted)?;
        }
    }
    Ok(answer)
}

/// An error with the name of whose it is.
pub(super) fn of(row: &Row, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", row.name))
}

/// Measures and prints the table.
pub(super) fn run(standing: &[Standing], origin: &Origin, options: &Options) -> io::Result<()> {
    let rows: Vec<&Row> = standing.iter().map(|standing| standing.row).collect();
    let mut lines: Vec<Line> = rows.iter().map(|row| Line::new((*row).clone(), COLUMNS.len())).collect();
    let mut asked: Vec<usize> = Vec::new();
    for (number, column) in COLUMNS.iter().enumerate().filter(|(number, _)| options.wants_column(number + 1)) {
        asked.push(number);
        let here: Vec<usize> = (0..rows.len()).filter(|at| column.has(rows[*at])).collect();
        let mut pages: Vec<Pages> = rows.iter().map(|row| column.pages(row, options.short)).collect();
        for at in &here {
            let address = standing[*at].server.address(number);
            column.warm(address, rows[*at], options.short).map_err(|error| of(rows[*at], &error))?;
        }
        println!("{}: {} rounds of {:?} for each of {} servers", column.name, options.rounds, options.time, here.len());
        let noise = Noise::begin();
        for _ in 0..options.rounds {
            for at in &here {
                let cell = round(&standing[*at].server, number, &mut pages[*at], origin, options)
                    .map_err(|error| of(rows[*at], &error))?;
                lines[*at].cells[number].push(cell);
            }
        }
        noise.tell();
    }
    table::print(&lines, &asked);
    Ok(())
}

/// One round of one server: some requests that are not counted, then those that are.
fn round(server: &Running, number: usize, pages: &mut Pages, origin: &Origin, options: &Options) -> io::Result<Cell> {
    let time = options.time;
    let column = &COLUMNS[number];
    let most = if column.pages.is_none() && column.kind == "c" { STORED_MAX / options.rounds as u64 } else { u64::MAX };
    let mut load = Load::open(server.address(number), CONNECTIONS)?;
    let asked = origin.asked();
    let run_up = load.run(pages, time.mul_f64(RUN_UP), most / 10)?;
    let before = server.cpu()?;
    let came = load.run(pages, time, most)?;
    let spent = server.cpu()?.saturating_sub(before);
    let seen = origin.asked() - asked;
    let all = run_up.requests + came.requests;
    let right = match column.seen {
        Origins::None => 0,
        Origins::All => all,
    };
    if seen != right {
        return Err(io::Error::other(format!("{}: the origin saw {seen} of {all} requests", column.name)));
    }
    Ok(Cell {
        cpu: micros_each(spent, came.requests),
        a_second: came.a_second(),
        p50: percentile(&came.latencies, 0.5),
        p99: percentile(&came.latencies, 0.99),
        server: spent.as_secs_f64() / came.took.as_secs_f64(),
    })
}
