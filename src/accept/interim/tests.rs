//! Interim responses between the messages of a stream that is written by hand, and of a real hyper server.

use super::super::deadline::WriteDeadline;
use super::*;
use crate::body::{Body, BodyError};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::yield_now;

fn hint(text: &str) -> Interim {
    let fields = HeaderMap::from_iter([(header::LINK, HeaderValue::from_str(text).unwrap())]);
    Interim { status: StatusCode::EARLY_HINTS, fields }
}

fn head_of(text: &str) -> String {
    format!("HTTP/1.1 103 Early Hints\r\nlink: {text}\r\n\r\n")
}

async fn read(stream: &mut DuplexStream, bytes: usize) -> String {
    let mut read = vec![0; bytes];
    stream.read_exact(&mut read).await.unwrap();
    String::from_utf8(read).unwrap()
}

#[test]
fn heads_are_written_as_http_has_them() {
    for (status, expected) in [(102, "102 Processing"), (103, "103 Early Hints"), (142, "142 ")] {
        let mut written = BytesMut::new();
        let mut interim = hint("<a>");
        interim.status = StatusCode::from_u16(status).unwrap();
        interim.fields.append(header::LINK, HeaderValue::from_static("<b>"));
        encode(&interim, &mut written);
        assert_eq!(written, format!("HTTP/1.1 {expected}\r\nlink: <a>\r\nlink: <b>\r\n\r\n"));
    }
}

#[tokio::test]
async fn nothing_is_begun_but_at_a_flush_and_what_was_begun_is_whole_before_anything_else() {
    for vectored in [false, true] {
        let interims = Arc::new(Interims::default());
        let (near, mut far) = duplex(5);
        let mut stream = Interleaved::new(near, interims.clone());
        stream.write_all(b"abc").await.unwrap();
        let outlet = interims.begin();
        outlet.put(hint("<a>"));
        // Part of what another message has still to write.
        stream.write_all(b"de").await.unwrap();
        assert_eq!(read(&mut far, 5).await, "abcde");
        let writing = tokio::spawn(async move {
            // Five bytes are written, and the flush is given up; what follows has to wait.
            let flushed = poll_fn(|cx| Poll::Ready(Pin::new(&mut stream).poll_flush(cx))).await;
            assert!(flushed.is_pending());
            interims.end();
            let slices = [io::IoSlice::new(b"fi"), io::IoSlice::new(b"nal")];
            let written = if vectored { stream.write_vectored(&slices).await.unwrap() } else { 0 };
            stream.write_all(&b"final"[written..]).await.unwrap();
            outlet.put(hint("<late>"));
            stream.flush().await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let mut rest = String::new();
        far.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, format!("{}final", head_of("<a>")));
        writing.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn r10_a_client_that_does_not_read_them_is_dropped() {
    let interims = Arc::new(Interims::default());
    let (near, _far) = duplex(4);
    let mut stream = Interleaved::new(WriteDeadline::new(near, Duration::from_secs(5)), interims.clone());
    interims.begin().put(hint("<a>"));
    assert_eq!(stream.flush().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// What the play of the property does in answer to one request.
#[derive(Clone, Debug)]
struct Part {
    /// Rounds that pass before each interim response.
    interims: Vec<usize>,
    rounds: usize,
    /// The sizes of the body's parts, and the rounds before each.
    body: Vec<(usize, usize)>,
    has_length: bool,
    /// Whether the request has a body, and the client waits to be told to go on.
    expects: bool,
}

fn part() -> impl Strategy<Value = Part> {
    let body = prop::collection::vec((1_usize..40, 0_usize..3), 0..4);
    (prop::collection::vec(0_usize..4, 0..4), 0_usize..4, body, any::<bool>(), any::<bool>())
        .prop_map(|(interims, rounds, body, has_length, expects)| Part { interims, rounds, body, has_length, expects })
}

async fn rounds(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// A body that comes in parts; with a length, or in chunks.
struct Slow {
    parts: tokio::sync::mpsc::Receiver<Bytes>,
    length: Option<u64>,
}

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.parts.poll_recv(cx).map(|part| part.map(|part| Ok(Frame::data(part))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.length.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}

/// Answers the request of that number, from other tasks, and goes on putting interim responses when they are late.
async fn perform(number: usize, part: Part, interims: Arc<Interims>, request: Request<Incoming>) -> Response<Body> {
    let outlet = interims.begin();
    let (say, said) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        for (count, wait) in part.interims.iter().enumerate() {
            rounds(*wait).await;
            outlet.put(hint(&format!("<{number}.{count}>")));
        }
        rounds(part.rounds).await;
        let _ = say.send(());
        for _ in 0..20 {
            // One may still come before the answer has reached the connection.
            yield_now().await;
            outlet.put(hint("<late>"));
        }
    });
    if part.expects {
        request.into_body().collect().await.unwrap();
    }
    said.await.unwrap();
    let (give, parts) = tokio::sync::mpsc::channel(1);
    let length = part.has_length.then(|| part.body.iter().map(|(size, _)| *size as u64).sum());
    tokio::spawn(async move {
        for (size, wait) in part.body {
            rounds(wait).await;
            let _ = give.send(Bytes::from(vec![b'x'; size])).await;
        }
    });
    Response::new(Body::streamed(Slow { parts, length }))
}

/// Takes a head off the front of what was read.
fn head<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}")) + 4;
    let (head, rest) = text.split_at(end);
    *text = rest;
    head
}

/// Takes a body off the front.
fn body(text: &mut &str, head: &str, bytes: usize) {
    if head.contains("transfer-encoding: chunked") {
        let mut left = bytes;
        loop {
            let (size, rest) = text.split_once("\r\n").unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            assert!(rest[..size].bytes().all(|byte| byte == b'x') && &rest[size..size + 2] == "\r\n");
            *text = &rest[size + 2..];
            left -= size;
            if size == 0 {
                return assert_eq!(left, 0);
            }
        }
    }
    assert!(text[..bytes].bytes().all(|byte| byte == b'x'), "{text:?}");
    *text = &text[bytes..];
}

/// What a client read is each request's interim heads, whole and in order, and then its own answer, and nothing else.
fn check(mut text: &str, parts: &[Part]) {
    for (number, part) in parts.iter().enumerate() {
        let mut count = 0;
        let last = loop {
            match head(&mut text) {
                "HTTP/1.1 100 Continue\r\n\r\n" => assert!(part.expects),
                // Put after all its own, before the answer was at hand.
                own if own == head_of("<late>") => assert_eq!(count, part.interims.len()),
                own if own.starts_with("HTTP/1.1 103") => {
                    assert_eq!(own, head_of(&format!("<{number}.{count}>")));
                    count += 1;
                }
                last => break last,
            }
        };
        assert!(last.starts_with("HTTP/1.1 200 OK\r\n"), "{last:?}");
        assert_eq!(count, part.interims.len(), "all come before {last:?}");
        body(&mut text, last, part.body.iter().map(|(size, _)| size).sum());
    }
    assert_eq!(text, "");
}

async fn play(parts: Vec<Part>, room: usize, splits: Vec<usize>, vectored: bool) -> String {
    let (near, far) = duplex(room);
    let interims = Arc::new(Interims::default());
    let stream = Interleaved::new(WriteDeadline::new(near, Duration::from_mins(1)), interims.clone());
    let (script, number) = (parts.clone(), AtomicUsize::new(0));
    let serve = service_fn(move |request: Request<Incoming>| {
        let own = number.fetch_add(1, Ordering::Relaxed);
        let (part, interims) = (script[own].clone(), interims.clone());
        async move {
            let answering = Box::pin(perform(own, part, interims.clone(), request));
            Ok::<_, Infallible>(behind_interims(&interims, answering).await)
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    let served = builder.half_close(true).writev(vectored).serve_connection(TokioIo::new(stream), serve);
    let serving = tokio::spawn(served.with_upgrades());
    let (mut reader, mut writer) = tokio::io::split(far);
    // Everything is sent in one go, whatever is answered: pipelined.
    tokio::spawn(async move {
        for part in parts {
            let request = if part.expects {
                "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody"
            } else {
                "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
            };
            writer.write_all(request.as_bytes()).await.unwrap();
        }
        writer.shutdown().await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut read = Vec::new();
    for split in splits.iter().cycle() {
        let mut chunk = vec![0; *split];
        match reader.read(&mut chunk).await.unwrap() {
            0 => break,
            count => read.extend_from_slice(&chunk[..count]),
        }
        rounds(split % 3).await;
    }
    serving.await.unwrap().unwrap();
    String::from_utf8(read).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_client_of_a_real_server_sees_whole_messages_in_order_whatever_the_splits(
        parts in prop::collection::vec(part(), 1..5),
        room in prop_oneof![1_usize..8, 8_usize..200, Just(65536)],
        splits in prop::collection::vec(1_usize..60, 1..8),
        vectored in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let within = Duration::from_secs(20);
        let read = runtime.block_on(async {
            tokio::time::timeout(within, play(parts.clone(), room, splits, vectored)).await.expect("the play ends")
        });
        check(&read, &parts);
    }
}
