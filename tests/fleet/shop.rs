//! The shop: pages that bear the version they were made from, answered slowly at times, so that fetches and purges cross.

use crate::parts::dice::Dice;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// One of so many answers comes late.
const LATE_OF: u64 = 8;
/// By so many milliseconds, at most.
const LATE_MS: u64 = 12;

/// The shop's data.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    versions: Vec<AtomicU64>,
}

impl Shop {
    /// Opens a shop with so many pages, each in its first version.
    pub(crate) fn open(pages: usize) -> Arc<Shop> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let versions = (0..pages).map(|_| AtomicU64::new(1)).collect();
        let shop = Arc::new(Shop { address: listener.local_addr().unwrap(), versions });
        let own = shop.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shop = own.clone();
                thread::spawn(move || shop.serve(stream));
            }
        });
        shop
    }

    pub(crate) fn pages(&self) -> usize {
        self.versions.len()
    }

    /// Edits a page, commits, and tells its new version.
    pub(crate) fn edit(&self, page: u32) -> u64 {
        self.versions[page as usize].fetch_add(1, Ordering::SeqCst) + 1
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut dice = Dice::new(u64::from(stream.peer_addr().ok()?.port()));
        stream.set_nodelay(true).ok()?;
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        let mut out = stream;
        loop {
            let target = lines.next()?.ok()?;
            let page: usize = target.split(' ').nth(1)?.rsplit('/').next()?.parse().ok()?;
            let mut condition = None;
            loop {
                let line = lines.next()?.ok()?;
                if line.is_empty() {
                    break;
                }
                let (name, value) = line.split_once(':')?;
                if name.eq_ignore_ascii_case("if-none-match") {
                    condition = Some(value.trim().to_string());
                }
            }
            // Read before the delay: what is sent is what the page was when it was asked for.
            let version = self.versions.get(page)?.load(Ordering::SeqCst);
            if dice.below(LATE_OF) == 0 {
                thread::sleep(Duration::from_millis(dice.below(LATE_MS)));
            }
            out.write_all(answer(page, version, condition.as_deref()).as_bytes()).ok()?;
        }
    }
}

fn answer(page: usize, version: u64, condition: Option<&str>) -> String {
    let tag = format!("\"{page}-{version}\"");
    if condition == Some(tag.as_str()) {
        return format!("HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n");
    }
    let body = format!("{version} {:300}", "");
    format!("HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
