//! Reads one answer after the other from a connection and holds it against what was asked for: status 200, the length that was
//! expected, a body that begins with the target and is there to its last byte.

use std::io;

/// Longer heads than any proxy here sends.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// What an answer has to be.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) body_bytes: usize,
    /// What the body begins with; empty where the server sends the same to everybody.
    pub(super) begins: &'a [u8],
}

/// How far the answer of one connection has come.
#[derive(Default)]
pub(super) struct Reading {
    /// The part of the head that has come.
    head: Vec<u8>,
    /// Bytes of the body so far, once the head is whole.
    body: Option<usize>,
}

impl Reading {
    /// Takes what was read; whether the answer is whole now. What is wrong with it is an error, and so is what comes behind it.
    pub(super) fn take(&mut self, mut bytes: &[u8], wanted: Wanted) -> io::Result<bool> {
        let seen = if let Some(seen) = self.body {
            seen
        } else if self.head.is_empty() {
            let Some(length) = read_head(bytes, wanted)? else {
                self.head.extend_from_slice(bytes);
                return Ok(false);
            };
            bytes = &bytes[length..];
            0
        } else {
            let had = self.head.len();
            self.head.extend_from_slice(bytes);
            let Some(length) = read_head(&self.head, wanted)? else { return Ok(false) };
            self.head.clear();
            // The blank line was not there before these bytes came, so it ends in them.
            bytes = &bytes[length.saturating_sub(had)..];
            0
        };
        if let Some(begins) = wanted.begins.get(seen..) {
            let both = begins.len().min(bytes.len());
            if begins[..both] != bytes[..both] {
                return Err(wrong("the body is not that of the page", bytes));
            }
        }
        let seen = seen + bytes.len();
        if seen > wanted.body_bytes {
            return Err(io::Error::other("more came than the answer"));
        }
        self.body = (seen < wanted.body_bytes).then_some(seen);
        Ok(self.body.is_none())
    }
}

/// Holds a head against what is wanted; its length, or nothing where it is not whole.
fn read_head(bytes: &[u8], wanted: Wanted) -> io::Result<Option<usize>> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let Some(status) = lines.next().filter(|line| line.ends_with(b"\n")) else { return Ok(None) };
    if !(status.starts_with(b"HTTP/1.1 200 ") || status.starts_with(b"HTTP/1.0 200 ")) {
        return Err(wrong("not a 200", bytes));
    }
    let (mut length, mut end) = (None, status.len());
    for line in lines {
        if !line.ends_with(b"\n") {
            break;
        }
        end += line.len();
        if line == b"\r\n" {
            return match length {
                Some(length) if length == wanted.body_bytes => Ok(Some(end)),
                _ => Err(wrong("not the length that was expected", bytes)),
            };
        }
        if let Some((name, value)) = line.split_at_checked(15)
            && name.eq_ignore_ascii_case(b"content-length:")
        {
            length = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse::<usize>().ok());
        }
    }
    if bytes.len() > HEAD_BYTES_MAX { Err(wrong("a head without end", bytes)) } else { Ok(None) }
}

fn wrong(what: &str, bytes: &[u8]) -> io::Error {
    io::Error::other(format!("{what}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(400)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Wanted = Wanted { body_bytes: 10, begins: b"/c/10/" };
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 10\r\n\r\n/c/10/xxxx";

    fn one(bytes: &[u8]) -> io::Result<bool> {
        Reading::default().take(bytes, PAGE)
    }

    #[test]
    fn an_answer_is_whole_wherever_it_is_cut() {
        for cut in 1..ANSWER.len() {
            let mut reading = Reading::default();
            for _ in 0..2 {
                assert!(!reading.take(&ANSWER[..cut], PAGE).unwrap(), "{cut}");
                assert!(reading.take(&ANSWER[cut..], PAGE).unwrap(), "{cut}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(one(ANSWER).unwrap());
        let text = String::from_utf8(ANSWER.to_vec()).unwrap();
        for (right, bad) in [
            ("200 OK", "404 No"),
            ("Length: 10", "Length: 11"),
            ("Content-Length: 10", "Transfer-Encoding: chunked"),
            ("/c/10/xxxx", "/c/11/xxxx"),
            ("xxxx", "xxxxx"),
        ] {
            assert!(one(text.replace(right, bad).as_bytes()).is_err(), "{bad}");
        }
        assert!(one(&[b"HTTP/1.1 200 OK\r\n".to_vec(), vec![b'x'; HEAD_BYTES_MAX]].concat()).is_err());
    }
}
