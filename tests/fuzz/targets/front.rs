//! The front reads a request as hyper does, or leaves it to hyper; and what it answers itself, hyper would have answered.

use super::hyper_server::served;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Collected, Empty};
use std::cell::RefCell;
use vitrine::accept::{Framing, Head, Limits, NoChunks, Reading, check, end_of_chunks, with_reading};
use vitrine::headers::Fields;
use vitrine::key::{Scheme, Target};

/// Small enough that an input can go beyond each of them.
fn limits() -> Limits {
    Limits { head_bytes_max: 400, field_bytes_max: 80, fields_max: 8, target_bytes_max: 60, ..Limits::default() }
}

/// Bytes of a body that is made up for a head, at most.
const BODY_BYTES_MAX: u64 = 64 * 1024;

/// What follows a message: found as the next request by whoever has read the one before to its end, and no further.
const NEXT: &[u8] = b"GET /the-next-one HTTP/1.1\r\nhost: a\r\n\r\n";

/// A request as it came to hyper's service.
struct Seen {
    head: Parts,
    /// None where it broke off, or has not ended.
    body: Option<Bytes>,
}

/// The requests that hyper reads from these bytes, after which nothing more comes.
fn requests(bytes: &[u8], limits: &Limits) -> Vec<Seen> {
    read_by_hyper(bytes, limits).0
}

/// The same, and whether it ends the connection after them.
fn read_by_hyper(bytes: &[u8], limits: &Limits) -> (Vec<Seen>, bool) {
    let seen = RefCell::new(Vec::new());
    let (_, has_ended) = served(bytes, limits, |request| async {
        let (head, body) = request.into_parts();
        let at = seen.borrow().len();
        seen.borrow_mut().push(Seen { head, body: None });
        seen.borrow_mut()[at].body = body.collect().await.ok().map(Collected::to_bytes);
        // No success: after that of a CONNECT there would be a tunnel.
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    });
    (seen.into_inner(), has_ended)
}

/// Any bytes, as the first that come on a connection.
pub(super) fn head(bytes: &[u8]) {
    let limits = limits();
    with_reading(bytes, &limits, |reading| match reading {
        Reading::Partial => assert!(requests(bytes, &limits).is_empty(), "hyper sees a whole head"),
        Reading::Whole { head, bytes: length, framing, closes } => {
            no_less_does(&bytes[..length], &limits);
            assert!(ends_each_line_with_both(&bytes[..length]), "S13");
            whole(&bytes[..length], head, framing, closes, &limits);
        }
        Reading::Refused(_, length) => {
            no_less_does(&bytes[..length], &limits);
            assert!(is_listed(&bytes[..length]), "it refuses what hyper takes, and no list says so");
        }
        // All that comes is hyper's from here on, which has no deadline for heads: it has to refuse this.
        Reading::Other => {
            let (seen, has_ended) = read_by_hyper(bytes, &limits);
            assert!(seen.is_empty() && has_ended, "hyper takes it, or waits");
        }
    });
}

/// A head is not whole before its last byte.
fn no_less_does(head: &[u8], limits: &Limits) {
    let is_partial = |bytes| with_reading(bytes, limits, |reading| matches!(reading, Reading::Partial));
    let ends = (0..head.len()).step_by(7).chain([head.len() - 1]);
    assert!(ends.filter(|end| *end <= limits.head_bytes_max).all(|end| is_partial(&head[..end])));
}

/// A head that the front takes as whole, with a body as it understands it and another request behind.
fn whole(bytes: &[u8], head: &Head<'_>, framing: Option<Framing>, closes: Option<bool>, limits: &Limits) {
    let body = match framing {
        None | Some(Framing::None) => Vec::new(),
        Some(Framing::Chunked) => b"3\r\nabc\r\n0\r\n\r\n".to_vec(),
        Some(Framing::Length(length)) if length <= BODY_BYTES_MAX => {
            vec![b'x'; usize::try_from(length).unwrap()]
        }
        Some(Framing::Length(_)) => return,
    };
    let seen = requests(&[bytes, &body, NEXT].concat(), limits);
    let Some(first) = seen.first() else {
        assert_eq!(closes, None, "hyper refuses what the front would answer");
        return;
    };
    same_head(head, first);
    if closes.is_some() {
        may_be_answered(head, first, limits);
    }
    if framing.is_none() {
        // The connection is hyper's from here on, which has no deadline for heads: it has to end with this answer.
        let refusal = check(&first.head, limits).expect_err("it would be answered, and then?");
        assert_ne!(refusal.status, StatusCode::METHOD_NOT_ALLOWED, "the connection would go on");
        return;
    }
    let content = if framing == Some(Framing::Chunked) { b"abc" } else { &body[..] };
    assert_eq!(first.body.as_deref(), Some(content), "another body");
    match &seen[1..] {
        [] => assert!(closes != Some(false) && says_close(head), "the next request is not seen"),
        [next] => assert!(next.head.uri == "/the-next-one" && closes != Some(true), "hyper reads {:?}", next.head),
        more => panic!("{} requests where one was sent", more.len()),
    }
}

fn same_head(head: &Head<'_>, seen: &Seen) {
    let own = &seen.head;
    assert_eq!((&head.method, head.is_http_11), (&own.method, own.version == Version::HTTP_11));
    assert_eq!(head.to_map().as_ref(), &own.headers);
    let lines = |map: &HeaderMap| map.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>();
    assert_eq!(lines(&head.to_map()), lines(&own.headers), "in another order");
    for name in own.headers.keys() {
        assert!(head.has(name) && head.lines(name).eq(own.headers.lines(name)), "{name} is read otherwise");
    }
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        assert_eq!(head.has(&name), own.headers.contains_key(&name), "{name}");
    }
    if head.target.starts_with('/') {
        // hyper drops a fragment.
        let (target, _) = head.target.split_once('#').unwrap_or((head.target, ""));
        assert_eq!(own.uri.path_and_query().map(http::uri::PathAndQuery::as_str), Some(target));
    }
}

/// What the front answers is what the long way would act on, and asks for the same.
fn may_be_answered(head: &Head<'_>, seen: &Seen, limits: &Limits) {
    assert_eq!(check(&seen.head, limits), Ok(()), "the front would answer it");
    let request = Request::from_parts(seen.head.clone(), ());
    let (own, other) = (Target::of_origin_form(head.target, head, Scheme::Http), Target::of(&request, Scheme::Http));
    assert_eq!(own.ok(), other.ok(), "it would have another key");
}

/// Whether hyper may end the connection after a request.
fn says_close(head: &Head<'_>) -> bool {
    let has_close = |line: &[u8]| line.to_ascii_lowercase().windows(5).any(|word| word == b"close");
    !head.is_http_11 || head.lines(&CONNECTION).any(has_close)
}

/// Whether a head is of the rows that hyper takes and the front refuses (S1, S3, S9, S13).
fn is_listed(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let count = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    let (lengths, codings) = (count("content-length:"), count("transfer-encoding:"));
    !ends_each_line_with_both(head) || lengths > 1 || (lengths > 0 && codings > 0)
}

fn ends_each_line_with_both(head: &[u8]) -> bool {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    lines.all(|line| line.ends_with(b"\r\n"))
}

/// Any bytes, as a chunked body and what follows it.
pub(super) fn chunks(bytes: &[u8]) {
    let limits = limits();
    let end = end_of_chunks([bytes]);
    // The first byte says in how large parts they come.
    let part = bytes.first().map_or(1, |byte| usize::from(*byte % 13) + 1);
    assert_eq!(end_of_chunks(bytes.chunks(part)), end, "in parts it is another body");
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    match end {
        // What it refuses ends the connection, whatever hyper makes of what came before.
        Err(NoChunks) => {}
        Ok(None) => {
            let seen = requests(&[head, bytes].concat(), &limits);
            assert!(seen.len() == 1 && seen[0].body.is_none(), "hyper sees its end");
        }
        Ok(Some(end)) => {
            let seen = requests(&[head, &bytes[..end], NEXT].concat(), &limits);
            let (content, behind) = strictly(&bytes[..end]).unwrap();
            let has_trailers = behind.ends_with(b"\r\n\r\n");
            assert!(has_trailers || behind == b"\r\n", "it ends earlier");
            let Some(told) = &seen[0].body else {
                assert!(seen.len() == 1 && has_trailers, "hyper refuses it");
                return;
            };
            assert_eq!(told.to_vec(), content, "another content");
            let next: Vec<_> = seen[1..].iter().map(|seen| seen.head.uri.to_string()).collect();
            assert_eq!(next, ["/the-next-one"], "it ends elsewhere");
        }
    }
}

/// The content of a chunked body (RFC 9112 7.1), and what stands behind its last chunk: hyper reads that as fields, and has bounds for
/// them.
fn strictly(body: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut rest, mut content) = (body, Vec::new());
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(rest[..end].split(|byte| *byte == b';').next()?).ok()?;
        let size = usize::from_str_radix(line, 16).ok()?;
        if size == 0 {
            return Some((content, &rest[end + 2..]));
        }
        content.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}
