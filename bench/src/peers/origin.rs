//! The origin. A target says what it is answered with: `/c/4096/…` is a page of 4,096 bytes that may be kept for a day,
//! `/pass/4096/…` one that is somebody's own. Bodies begin with their target, so that a wrong page shows.

use super::wire::{self, Answers, Idle};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// An origin in a thread of this process; it runs as long as the process does.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl Origin {
    /// Answers come after this delay.
    pub(super) fn start(delay: Duration) -> io::Result<Origin> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let origin = Origin { address: listener.local_addr()?, asked: Arc::default() };
        let pages = Pages { asked: origin.asked.clone(), date: (Instant::now(), date()), answer: Vec::new() };
        std::thread::Builder::new()
            .name("origin".into())
            .spawn(move || wire::serve(listener, delay, Idle::Spins, pages))?;
        Ok(origin)
    }

    /// Requests that came so far.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

struct Pages {
    asked: Arc<AtomicU64>,
    /// The field's value and when it was made.
    date: (Instant, String),
    answer: Vec<u8>,
}

impl Answers for Pages {
    fn answer(&mut self, head: &[u8]) -> &[u8] {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.date.0.elapsed() > Duration::from_secs(1) {
            self.date = (Instant::now(), date());
        }
        write_answer(&mut self.answer, head, &self.date.1);
        &self.answer
    }
}

fn write_answer(answer: &mut Vec<u8>, head: &[u8], date: &str) {
    answer.clear();
    let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let text = String::from_utf8_lossy(target);
    let mut parts = text.split('/').skip(1);
    let control = if parts.next() == Some("c") { "max-age=86400" } else { "private, no-store" };
    let Some(bytes) = parts.next().and_then(|part| part.parse::<usize>().ok()) else {
        answer.extend_from_slice(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        return;
    };
    answer.extend_from_slice(
        format!(
            "HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {bytes}\r\n\
             cache-control: {control}\r\n\r\n"
        )
        .as_bytes(),
    );
    let whole = answer.len() + bytes;
    answer.extend_from_slice(&target[..target.len().min(bytes)]);
    answer.resize(whole, b'x');
}

fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(target: &str) -> String {
        let mut answer = Vec::new();
        write_answer(&mut answer, format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes(), "now");
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn a_target_says_what_it_is_answered_with() {
        let kept = answer("/c/20/7");
        assert!(kept.contains("\r\ncache-control: max-age=86400\r\n"), "{kept}");
        assert!(kept.ends_with("\r\n\r\n/c/20/7xxxxxxxxxxxxx"), "{kept}");
        assert!(answer("/pass/4/7").contains("\r\ncache-control: private, no-store\r\n"));
        assert!(answer("/pass/4/7").ends_with("\r\n\r\n/pas"));
        assert!(answer("/c/many").starts_with("HTTP/1.1 404 "));
    }
}
